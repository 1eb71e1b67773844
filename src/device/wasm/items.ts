/** Command lists laid out flat: one item per record, what each points to, and which slots loops move. */
import { InternalError } from "../../core/errors.js";
import { argBytes, type Phase } from "../../render/contract.js";
import {
  type Branch,
  type Command,
  isCommand,
  type Loop,
  type Ref,
  type Step,
} from "../contract.js";
import { LoadedKernel } from "./loaded.js";
import { fixBytes, loopBlock, loopEntry, turn } from "./records.js";

/** How many rounds a loop with a test is taken to have, where costs are estimated. */
const likelyRounds = 16;

/** A pointer: what to, and in which of an item's words. */
export interface Pointer {
  readonly ref: Ref;
  readonly item: Item;
  /** Bytes into the item's block. */
  readonly at: number;
}

/** One phase of a command. */
export interface Piece {
  readonly kind: "piece";
  readonly command: Command;
  readonly number: number;
  readonly phase: Phase;
  /** How often it is run. */
  readonly rounds: number;
}

/** The first record of a loop, whose block all its records share. */
export interface Begin {
  readonly kind: "begin";
  readonly loop: Loop;
  readonly entries: readonly Entry[];
}

/** A record that leads elsewhere: `block` is where it finds its own. */
export interface Turn {
  readonly kind: "turn";
  readonly code: number;
  readonly block: Begin | null;
  readonly branch: Branch | null;
  /** The number of the record that it leads to. */
  target: number;
}

export type Item = Piece | Begin | Turn;

/** A slot of a loop. */
export interface Entry {
  readonly slot: number;
  readonly first: Ref;
  readonly second: Ref | null;
  readonly step: number;
  /** Position of the entry that it takes over from. */
  readonly partner: number;
  readonly pointers: Pointer[];
}

const entriesOf = ({ count, slices, carries }: Loop): Entry[] => {
  const entries = slices.map(
    ({ slot, first, stride }): Entry => ({
      slot,
      first,
      second: null,
      step: stride,
      partner: -1,
      pointers: [],
    }),
  );
  const outs = entries.length + carries.length;
  for (const [i, { into, initial, bytes }] of carries.entries())
    entries.push({
      slot: into,
      first: initial,
      second: null,
      step: bytes,
      partner: outs + i,
      pointers: [],
    });
  for (const { out, result, spare } of carries) {
    const odd = count !== null && count % 2 === 1;
    const [first, second] = odd ? [result, spare] : [spare, result];
    entries.push({ slot: out, first, second, step: 0, partner: -1, pointers: [] });
  }
  return entries;
};

export const kernelOf = (command: Command): LoadedKernel => {
  if (command.loaded instanceof LoadedKernel) return command.loaded;
  throw new InternalError("[prepare] expected kernels loaded by this device");
};

/** The items of some steps, in the order of their records. */
export const itemsOf = (steps: readonly Step[]): readonly Item[] => {
  const items: Item[] = [];
  const turnTo = (
    code: number,
    target: number,
    block: Begin | null,
    branch: Branch | null,
  ): Turn => {
    const made: Turn = { kind: "turn", code, block, branch, target };
    items.push(made);
    return made;
  };
  const add = (list: readonly Step[], rounds: number): void => {
    for (const step of list) {
      if (isCommand(step)) addCommand(step, rounds);
      else if (step.kind === "loop") addLoop(step, rounds);
      else addBranch(step, rounds);
    }
  };
  const addCommand = (command: Command, rounds: number): void => {
    const { rendered } = kernelOf(command);
    for (const [number, phase] of [rendered, ...(rendered.later ?? [])].entries())
      items.push({ kind: "piece", command, number, phase, rounds });
  };
  const addLoop = (loop: Loop, rounds: number): void => {
    const begin: Begin = { kind: "begin", loop, entries: entriesOf(loop) };
    items.push(begin);
    const start = items.length;
    const inside = rounds * (loop.count ?? likelyRounds);
    let test: Turn | null = null;
    if (loop.test !== null) {
      add(loop.test.steps, inside);
      test = turnTo(turn.test, -1, begin, null);
    }
    add(loop.body, inside);
    turnTo(test === null ? turn.next : turn.again, start, begin, null);
    if (test !== null) test.target = items.length;
  };
  const addBranch = (branch: Branch, rounds: number): void => {
    const choice = turnTo(turn.branch, -1, null, branch);
    add(branch.sides[0], rounds);
    const jump = turnTo(turn.jump, -1, null, null);
    choice.target = items.length;
    add(branch.sides[1], rounds);
    jump.target = items.length;
  };
  add(steps, 1);
  return items;
};

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Bytes of the block of an item, without what its entries list. */
const ownBytes = (item: Item): number => {
  switch (item.kind) {
    case "piece":
      return argBytes.total(item.command.buffers.length, item.command.params.length);
    case "begin":
      return loopBlock.entries + loopEntry.bytes * item.entries.length;
    default:
      return item.branch === null ? 0 : loopBlock.entries;
  }
};

/** Where the pointers of the entries of a loop begin, in its block. */
export const fixesAt = (item: Begin): number => ownBytes(item);

export const blockBytes = (item: Item): number => {
  const fixes = item.kind === "begin" ? item.entries.reduce((n, e) => n + e.pointers.length, 0) : 0;
  return roundUp(ownBytes(item) + fixBytes * fixes, 16);
};

/** All pointers of an item. */
const pointersOf = (item: Item): Pointer[] => {
  const found: Pointer[] = [];
  const point = (ref: Ref | null | undefined, at: number): void => {
    if (ref != null) found.push({ ref, item, at });
  };
  if (item.kind === "piece") {
    const { buffers, work } = item.command;
    for (const [b, ref] of buffers.entries()) point(ref, argBytes.buffers + 4 * b);
    point(work, argBytes.shared);
  } else if (item.kind === "begin") {
    point(item.loop.test?.flag, loopBlock.flag);
    for (const [i, { first, second }] of item.entries.entries()) {
      const at = loopBlock.entries + loopEntry.bytes * i;
      point(first, at + loopEntry.first);
      point(second, at + loopEntry.second);
    }
  } else point(item.branch?.flag, loopBlock.flag);
  return found;
};

/** The pointers to the first `slots` slots; those to the slots of loops go to their entries. */
export const sortPointers = (items: readonly Item[], slots: number): readonly Pointer[] => {
  const entries = new Map<number, Entry>();
  for (const item of items)
    if (item.kind === "begin") for (const e of item.entries) entries.set(e.slot, e);
  const given: Pointer[] = [];
  for (const item of items) {
    for (const p of pointersOf(item)) {
      const { slot } = p.ref;
      const entry = entries.get(slot);
      if (entry !== undefined) entry.pointers.push(p);
      else if (slot >= 0 && slot < slots) given.push(p);
      else throw new InternalError(`[prepare] expected slots below ${slots}, got ${slot}`);
    }
  }
  return given;
};

/** Loops and branches in a plan: the plans of the graphs inside, and how their memory follows from that outside. */
import { InternalError } from "../core/errors.js";
import type { LoopCarry, LoopSlice, Ref, Step } from "../device/contract.js";
import type { Control } from "../graph/control.js";
import { type Aval, type Node, sizeOf } from "../graph/node.js";
import type { Call, FreshSlot } from "./layout.js";
import type { Place } from "./memory.js";

/** The plan of a graph inside: leaves have the first slots, roots the next, then comes the arena. */
export interface BodyPlan {
  /** The slot of each root; -1 where there is nothing to store. */
  readonly slots: readonly number[];
  readonly arenaSlot: number;
  /** Bytes of the arena. */
  readonly arena: number;
  steps(refOf: (place: Place) => Ref, fresh: FreshSlot): Step[];
}

type PlanBody = (leaves: readonly Node[], roots: readonly Node[]) => BodyPlan;

/** The call that runs a loop or branch. Its buffers are the operands and then the results named here. */
export interface ControlCall extends Pick<Call, "address"> {
  /** Which results it computes, ascending. */
  readonly results: readonly number[];
  readonly workBytes: number;
}

type Of<K extends Control["control"]> = Extract<Control, { readonly control: K }>;

const bytesOf = (x: Aval): number => sizeOf(x.shape) * x.dtype.size;

const pick = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  if (x === undefined) throw new InternalError(`[plan] no element ${i} among ${list.length}`);
  return x;
};

/** Hands out parts of the working memory. */
class Work {
  bytes = 0;

  take(bytes: number): number {
    const at = this.bytes;
    this.bytes += Math.ceil(bytes / 64) * 64;
    return at;
  }
}

const behind = (ref: Ref | null, offset: number): Ref => ({
  slot: ref?.slot ?? 0,
  offset: (ref?.offset ?? 0) + offset,
});

const own = (slot: number): Ref => ({ slot, offset: 0 });

/** The steps of a body whose slots are known by number; `arena` is where its temporaries are. */
const stepsOf = (
  body: BodyPlan,
  refs: ReadonlyMap<number, Ref>,
  arena: Ref,
  fresh: FreshSlot,
): Step[] => {
  const refOf = ({ slot, offset }: Place): Ref =>
    behind(slot === body.arenaSlot ? arena : (refs.get(slot) ?? own(0)), offset);
  return body.steps(refOf, fresh);
};

/** Ties carries to slots of the loop's own; without bytes there is nothing to hand on. */
const carry = (
  refs: Map<number, Ref>,
  into: number,
  out: number,
  fresh: FreshSlot,
  given: Pick<LoopCarry, "initial" | "result" | "spare" | "bytes">,
): LoopCarry | null => {
  if (out < 0) {
    refs.set(into, given.initial);
    return null;
  }
  const made = { ...given, into: fresh(), out: fresh() };
  refs.set(into, own(made.into));
  refs.set(out, own(made.out));
  return made;
};

const scan = (
  { body, constants, carries, length, reverse }: Of<"scan">,
  wanted: readonly boolean[],
  planBody: PlanBody,
): ControlCall => {
  const results = wanted.map((_, i) => i).filter((i) => i < carries || wanted[i] === true);
  const roots = results.map((i) => pick(body.roots, i));
  const plan = planBody(body.leaves, roots);
  const work = new Work();
  work.take(plan.arena);
  const spares = roots.slice(0, carries).map((r) => (length > 1 ? work.take(bytesOf(r)) : -1));
  const start = reverse ? length - 1 : 0;
  return {
    results,
    workBytes: work.bytes,
    address(buffers, memory, fresh) {
      const refs = new Map<number, Ref>();
      const slices: LoopSlice[] = [];
      const slice = (at: number, of: Ref, bytes: number): void => {
        const slot = fresh();
        refs.set(at, own(slot));
        const stride = reverse ? -bytes : bytes;
        slices.push({ slot, first: behind(of, start * bytes), stride });
      };
      const outs = buffers.slice(body.leaves.length);
      const handed: (LoopCarry | null)[] = [];
      for (const [i, leaf] of body.leaves.entries()) {
        const buffer = pick(buffers, i);
        const k = i - constants;
        if (k < 0) refs.set(i, buffer);
        else if (k >= carries) slice(i, buffer, bytesOf(leaf));
        else {
          const result = pick(outs, k);
          const at = pick(spares, k);
          const spare = at < 0 ? result : behind(memory, at);
          const bytes = bytesOf(leaf);
          const made = { initial: buffer, result, spare, bytes };
          handed.push(carry(refs, i, pick(plan.slots, k), fresh, made));
        }
      }
      for (const [r, root] of roots.entries()) {
        const slot = pick(plan.slots, r);
        if (r >= carries && slot >= 0) slice(slot, pick(outs, r), bytesOf(root));
      }
      return {
        kind: "loop",
        count: length,
        test: null,
        body: stepsOf(plan, refs, behind(memory, 0), fresh),
        slices,
        carries: handed.filter((c) => c !== null),
      };
    },
  };
};

const whileLoop = ({ test, body, carries }: Of<"while">, planBody: PlanBody): ControlCall => {
  const testing = planBody(test.leaves, test.roots);
  const plan = planBody(body.leaves, body.roots);
  const work = new Work();
  // What the test keeps for itself is not needed while the body runs.
  work.take(Math.max(testing.arena, plan.arena));
  const flagAt = work.take(1);
  const spares = body.roots.map((r) => work.take(bytesOf(r)));
  const constants = body.leaves.length - carries;
  return {
    results: body.roots.map((_, i) => i),
    workBytes: work.bytes,
    address(buffers, memory, fresh) {
      const flag = behind(memory, flagAt);
      const seen = new Map<number, Ref>();
      const refs = new Map<number, Ref>();
      for (let i = 0; i < constants; i++) {
        seen.set(i, pick(buffers, i));
        refs.set(i, pick(buffers, i));
      }
      const handed = body.roots.map((root, k) => {
        const at = constants + k;
        const initial = pick(buffers, at);
        const result = pick(buffers, at + carries);
        const spare = behind(memory, pick(spares, k));
        const made = { initial, result, spare, bytes: bytesOf(root) };
        const handing = carry(refs, at, pick(plan.slots, k), fresh, made);
        seen.set(at, refs.get(at) ?? initial);
        return handing;
      });
      seen.set(pick(testing.slots, 0), flag);
      return {
        kind: "loop",
        count: null,
        test: { steps: stepsOf(testing, seen, behind(memory, 0), fresh), flag },
        body: stepsOf(plan, refs, behind(memory, 0), fresh),
        slices: [],
        carries: handed.filter((c) => c !== null),
      };
    },
  };
};

const cond = (
  { sides }: Of<"cond">,
  wanted: readonly boolean[],
  planBody: PlanBody,
): ControlCall => {
  const results = wanted.map((_, i) => i).filter((i) => wanted[i] === true);
  const plans = sides.map(({ leaves, roots }) =>
    planBody(
      leaves,
      results.map((i) => pick(roots, i)),
    ),
  );
  return {
    results,
    workBytes: Math.max(...plans.map((p) => p.arena)),
    address(buffers, memory, fresh) {
      const outs = buffers.slice(buffers.length - results.length);
      const steps = plans.map((plan) => {
        const refs = new Map<number, Ref>();
        for (const [i, buffer] of buffers.slice(1).entries()) refs.set(i, buffer);
        for (const [r, slot] of plan.slots.entries()) if (slot >= 0) refs.set(slot, pick(outs, r));
        return stepsOf(plan, refs, behind(memory, 0), fresh);
      });
      return { kind: "branch", flag: pick(buffers, 0), sides: [pick(steps, 0), pick(steps, 1)] };
    },
  };
};

/** How to run `control`, of whose results those `wanted` are of use. */
export const planControl = (
  control: Control,
  wanted: readonly boolean[],
  planBody: PlanBody,
): ControlCall => {
  switch (control.control) {
    case "scan":
      return scan(control, wanted, planBody);
    case "while":
      return whileLoop(control, planBody);
    case "cond":
      return cond(control, wanted, planBody);
  }
};

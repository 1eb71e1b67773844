/** Renders kernels without a contraction: maps, rows of reductions, and terminal reductions, as tiles of a grid. */
import { type Kernel, slabRows, type ValId } from "../../kernel/ir.js";
import { argBytes, type Features, type Rendered } from "../contract.js";
import { type Accumulators, accumulators } from "./accumulate.js";
import { Code } from "./block.js";
import { type Func, type Import, Module } from "./encoder.js";
import { type Frame, openFrame, rootFrame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import { type Body, blockSteps, Loops, type RowPart } from "./loops.js";
import { type Nest, reduceAt, rootsOf, type Schedule, scheduleOf } from "./nests.js";
import { Ops } from "./ops.js";
import { phaseLoops } from "./phases.js";
import { costOfTile, has, isOuter, type Plan, planOf, tilesOf } from "./plan.js";
import { Scratch } from "./scratch.js";
import { joinSlabs, leave, Partials, rowAxes, type Split, splitOf } from "./split.js";
import { Stores } from "./stores.js";
import { Values } from "./values.js";
import { coneOf, costOf } from "./weights.js";

/** What the tiles of a phase do with long rows. */
interface Part {
  readonly split: Split;
  readonly partials: Partials;
  /** They join what was collected. */
  readonly joins: boolean;
}

/** Writes the function of one tile. */
class KernelWriter {
  readonly #plan: Plan;
  readonly #kernel: Kernel;
  readonly #schedule: Schedule;
  readonly #code: Code;
  readonly #values: Values;
  readonly #args: Ref;
  readonly #tile: Ref;
  readonly #loops: Loops;
  readonly #stores: Stores;
  readonly #scratch: Scratch;
  /** Null where rows are whole. */
  readonly #part: Part | null;
  /** The slab of a tile that collects. */
  readonly #slabIndex: Ref;

  constructor(plan: Plan, schedule: Schedule, code: Code, values: Values, part: Part | null) {
    this.#plan = plan;
    this.#kernel = plan.kernel;
    this.#schedule = schedule;
    this.#code = code;
    this.#values = values;
    this.#args = code.param(0);
    const slabs = part === null || part.joins ? 1 : part.split.slabs;
    this.#part = part;
    this.#tile = slabs === 1 ? code.param(1) : code.op("i32.div_u", code.param(1), code.i32(slabs));
    this.#slabIndex =
      slabs === 1 ? code.i32(0) : code.op("i32.rem_u", code.param(1), code.i32(slabs));
    this.#loops = new Loops(values);
    this.#stores = new Stores(values, this.#args, this.#tile);
    this.#scratch = new Scratch(values, code.param(2), schedule.stashes);
  }

  write(): void {
    if (this.#plan.slab) this.#slab();
    else this.#grid();
  }

  // Grid

  #sizeOf(axis: number): Ref {
    if (isOuter(this.#kernel, axis)) {
      return this.#code.load("i32.load", this.#args, argBytes.outer);
    }
    return this.#code.i32(this.#kernel.axes[axis]?.size ?? 1);
  }

  /** The ranges of the tile's axes, from the tile's number: axis 0 is outermost. */
  #grid(): void {
    const code = this.#code;
    const { grid, chunks } = this.#plan;
    const bounds = new Map<number, readonly [lo: Ref, hi: Ref]>();
    let rest = this.#tile;
    for (const axis of [...grid].sort((a, b) => b - a)) {
      const chunk = chunks[axis] ?? 1;
      const size = this.#kernel.axes[axis]?.size ?? 1;
      const outer = isOuter(this.#kernel, axis);
      const count = outer ? 0 : Math.ceil(size / chunk);
      if (!outer && count === 1) {
        bounds.set(axis, [code.i32(0), code.i32(size)]);
        continue;
      }
      const at = outer ? rest : code.op("i32.rem_u", rest, code.i32(Math.max(1, count)));
      if (!outer) rest = code.op("i32.div_u", rest, code.i32(Math.max(1, count)));
      const lo = code.op("i32.mul", at, code.i32(chunk));
      const end = code.op("i32.add", lo, code.i32(chunk));
      bounds.set(axis, [
        lo,
        !outer && size % chunk === 0 ? end : this.#loops.least(end, this.#sizeOf(axis)),
      ]);
    }
    const root = rootFrame();
    const ids = this.#everything();
    const open = (frames: readonly Frame[], k: number): void => {
      for (const f of frames) this.#loops.prepare(f, ids, 0);
      const axis = grid[k];
      if (axis === undefined) {
        this.#point(frames);
        return;
      }
      const [lo, hi] = bounds.get(axis) ?? [code.i32(0), code.i32(1)];
      const next: Body = (inner) => open(inner, k + 1);
      if (axis === this.#plan.vector) {
        const chunk = this.#plan.chunks[axis] ?? 1;
        const exact =
          !isOuter(this.#kernel, axis) && (this.#kernel.axes[axis]?.size ?? 1) % chunk === 0
            ? chunk
            : null;
        this.#loops.vectors(frames, axis, lo, hi, this.#plan.unroll, -1, next, exact);
      } else if (axis === this.#plan.across) this.#loops.across(frames, axis, lo, hi, next);
      else {
        code.loop(lo, hi, 1, (i) =>
          next(frames.map((f) => openFrame(f, axis, { ref: i, plus: 0 }))),
        );
      }
    };
    open([root], 0);
  }

  /** Values needed anywhere. */
  #everything(): ValId[] {
    const roots = this.#schedule.nests.flatMap((n) => rootsOf(this.#kernel, n));
    return coneOf(this.#kernel, roots);
  }

  // Slabs

  #slab(): void {
    const code = this.#code;
    const grid = [...this.#plan.grid].sort((a, b) => a - b);
    const lo = code.op("i32.mul", this.#tile, code.i32(slabRows));
    const points = grid.map((a) => this.#sizeOf(a)).reduce((a, b) => code.op("i32.mul", a, b));
    const hi = this.#loops.least(code.op("i32.add", lo, code.i32(slabRows)), points);
    for (const nest of this.#schedule.nests) {
      for (const t of nest.terminals) {
        const row = {
          axes: rowAxes(this.#plan, t.store.over),
          unroll: 1,
          stage: 0,
          blocked: [],
          ids: [],
        };
        this.#loops.rows([rootFrame()], row, (frames) => {
          for (const frame of frames) this.#stores.clear(frame, t);
        });
      }
    }
    const ids = this.#everything();
    const root = rootFrame();
    this.#loops.prepare(root, ids, 0);
    const at = (p: Ref, c: number): Frame => {
      let frame = root;
      const [only, more] = grid;
      if (only !== undefined && more === undefined) {
        frame = openFrame(frame, only, { ref: p, plus: c }, { slot: c });
      } else {
        let rest = this.#loops.plus(p, c);
        for (const [k, axis] of [...grid.entries()].reverse()) {
          const size = this.#sizeOf(axis);
          const ref = k === 0 ? rest : code.op("i32.rem_u", rest, size);
          if (k > 0) rest = code.op("i32.div_u", rest, size);
          frame = openFrame(frame, axis, { ref, plus: 0 }, { slot: c });
        }
      }
      this.#loops.prepare(frame, ids, 0);
      return frame;
    };
    const plain = this.#schedule.nests.every((n) => n.reductions.length === 0);
    const together = plain ? 4 : 1;
    const full = code.op("i32.add", lo, this.#loops.multiple(code.op("i32.sub", hi, lo), together));
    code.loop(lo, full, together, (p) => {
      this.#point(Array.from({ length: together }, (_, c) => at(p, c)));
    });
    if (together > 1) code.loop(full, hi, 1, (p) => this.#point([at(p, 0)]));
  }

  // Points and rows

  #point(frames: readonly Frame[]): void {
    for (const nest of this.#schedule.nests) {
      if (nest.rows !== 0 && this.#part?.joins === true) this.#join(frames, nest, this.#part);
      else if (nest.rows !== 0) this.#nest(frames, nest);
      else if (this.#part?.joins !== false) this.#once(frames, nest);
    }
  }

  #join(frames: readonly Frame[], nest: Nest, { split, partials }: Part): void {
    const accs = nest.reductions.map((id) =>
      accumulators(this.#values, frames, id, reduceAt(this.#kernel, id), 1, true, true),
    );
    const each = accs.map((a) => a.each);
    joinSlabs(this.#values, this.#args, partials, split, frames, each);
    for (const a of accs) a.finish();
  }

  /** The rows of this tile's slab. */
  #rowPart(): RowPart | null {
    if (this.#part === null) return null;
    const code = this.#code;
    const { axes, axis, chunk } = this.#part.split;
    const size = this.#kernel.axes[axis]?.size ?? 1;
    const before = new Map<number, Ref>();
    let rest = this.#slabIndex;
    const take = (count: number): Ref => {
      const by = code.i32(count);
      const at = code.op("i32.rem_u", rest, by);
      rest = code.op("i32.div_u", rest, by);
      return at;
    };
    const lo = code.op("i32.mul", take(Math.ceil(size / chunk)), code.i32(chunk));
    for (const a of axes.slice(0, axes.indexOf(axis)).reverse())
      before.set(a, take(this.#kernel.axes[a]?.size ?? 1));
    const end = code.op("i32.add", lo, code.i32(chunk));
    const hi = size % chunk === 0 ? end : this.#loops.least(end, code.i32(size));
    return { axis, lo, hi, chunk, before };
  }

  #once(frames: readonly Frame[], nest: Nest): void {
    const ids = coneOf(this.#kernel, rootsOf(this.#kernel, nest));
    for (const f of frames) this.#loops.prepare(f, ids, nest.stage);
    this.#stores.all(frames, nest.stores);
    for (const t of nest.terminals) this.#stores.terminal(frames, t);
  }

  #nest(frames: readonly Frame[], nest: Nest): void {
    const { plan } = this.#values;
    const axes = rowAxes(plan, nest.rows);
    const inner = has(nest.rows, plan.vector) && plan.lanes > 1;
    const roots = rootsOf(this.#kernel, nest);
    const kept = (id: ValId): boolean =>
      (plan.stages[id] ?? 0) < nest.stage && this.#values.stashed.has(id);
    const ids = coneOf(this.#kernel, roots, kept);
    const size = inner ? (this.#kernel.axes[plan.vector]?.size ?? 1) : 0;
    const computed = ids.filter((id) => !kept(id));
    const cost = costOf(this.#kernel, plan.domains, computed, nest.rows) * frames.length;
    const streams = computed.filter((id) => this.#kernel.vals[id]?.op === "load").length;
    const writes = nest.stores.length + nest.stashes.length + 2 * nest.terminals.length;
    const light = cost <= 40 && streams + writes <= 2;
    // Joined vectors need two side by side; where sums are taken, that would change their order.
    const joins = this.#values.code.wide && nest.reductions.length + nest.terminals.length === 0;
    let unroll = !inner ? 1 : light ? 4 : cost <= 120 || joins ? 2 : 1;
    while (unroll > 1 && size < unroll * plan.lanes) unroll /= 2;

    const part = this.#rowPart();
    const steps = axes.reduce((n, a) => {
      const all = this.#kernel.axes[a]?.size ?? 1;
      const points = part?.before.has(a) ? 1 : part?.axis === a ? part.chunk : all;
      return n * (a === plan.vector && inner ? Math.ceil(points / (plan.lanes * unroll)) : points);
    }, 1);
    const long = steps > 2 * blockSteps;
    for (const f of frames) this.#loops.prepare(f, ids, nest.stage);
    const accs = nest.reductions.map((id) =>
      accumulators(
        this.#values,
        frames,
        id,
        reduceAt(this.#kernel, id),
        unroll,
        long || part !== null,
      ),
    );
    const sums = nest.reductions.some((id) => reduceAt(this.#kernel, id).how === "sum");
    const blocked = long && sums ? accs : [];
    const loops = { axes, unroll, stage: nest.stage, blocked, ids, part };
    this.#loops.rows(frames, loops, (inside) => {
      for (const f of inside) this.#loops.prepare(f, ids, nest.stage);
      this.#body(inside, nest, accs);
    });
    if (this.#part === null) {
      for (const a of accs) a.finish();
      return;
    }
    const each = accs.map((a) => a.each);
    leave(this.#values, this.#args, this.#part.partials, this.#slabIndex, frames, each);
  }

  #body(frames: readonly Frame[], nest: Nest, accs: readonly Accumulators[]): void {
    const { code } = this.#values;
    const together = code.wide && frames.length > 1;
    if (together) {
      // Neighbours' values before their stores, so that vectors can be joined.
      const kept = frames.flatMap((f) => nest.stashes.map((id) => this.#values.at(f, id).ref));
      for (const ref of kept) code.pin(ref);
      for (const id of nest.stashes) for (const f of frames) this.#scratch.keep(f, id);
    }
    for (const frame of frames) {
      if (!together) for (const id of nest.stashes) this.#scratch.keep(frame, id);
      for (const a of accs) a.update(frame);
    }
    this.#stores.all(frames, nest.stores);
    for (const t of nest.terminals) this.#stores.terminal(frames, t);
  }
}

/** Most values an accumulator collects. */
const mostParts = 2;

/** Renders a kernel without contract axes. */
export function renderKernel(kernel: Kernel, features: Features): Rendered {
  const whole = planOf(kernel, features.wide);
  const schedule = scheduleOf(whole);
  const cut = splitOf(whole, schedule);
  const plan = cut?.plan ?? whole;
  const module = new Module(features);
  const host = (fn: string, arity: number): Import =>
    module.import(
      "m",
      fn,
      Array.from({ length: arity }, () => "f64" as const),
      ["f64"],
    );
  const write = (part: Part | null): Func => {
    const tile = module.func(["i32", "i32", "i32"]);
    const code = new Code(tile, features);
    const scalar = new Ops(code, 1, plan.width, features, host);
    const vector =
      plan.lanes === 1 ? scalar : new Ops(code, plan.lanes, plan.width, features, host);
    const values = new Values(code, plan, scalar, vector, code.param(0));
    new KernelWriter(plan, schedule, code, values, part).write();
    code.finish();
    return tile;
  };
  const { scratchBytes } = schedule;
  const tiles = (outer: number): number => tilesOf(plan, outer);
  if (cut === null) {
    module.export("k", phaseLoops(module, [write(null)]));
    return { code: module, scratchBytes, tiles, tileCost: plan.tileCost };
  }
  const { split } = cut;
  const { slabs } = split;
  const partials = new Partials(plan, split);
  const reductions = schedule.nests.reduce((n, { reductions: r }) => n + r.length, 0);
  const phases = [false, true].map((joins) => write({ split, partials, joins }));
  module.export("k", phaseLoops(module, phases));
  return {
    code: module,
    scratchBytes,
    tiles: (outer) => tiles(outer) * slabs,
    tileCost: costOfTile(plan) / slabs,
    later: [{ tiles, tileCost: 2 * slabs }],
    sharedBytes: (outer) => partials.bytes(outer, mostParts * reductions),
  };
}

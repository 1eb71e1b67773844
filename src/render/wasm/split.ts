/** Long rows in slabs: tiles of a first phase collect one each, a second phase joins what they collected. */
import { InternalError } from "../../core/errors.js";
import { axesOf } from "../../kernel/domains.js";
import type { Ix } from "../../kernel/ir.js";
import { argBytes } from "../contract.js";
import type { Code } from "./block.js";
import type { Accumulator } from "./fold.js";
import type { Frame, Place } from "./frame.js";
import type { Ref } from "./lane-code.js";
import { blockSteps } from "./loops.js";
import type { Schedule } from "./nests.js";
import { has, isOuter, type Plan } from "./plan.js";
import type { Values } from "./values.js";

/** How the rows of a kernel are cut. */
export interface Split {
  /** Row axes in the order of their loops; those before `axis` are cut into single indices. */
  readonly axes: readonly number[];
  readonly axis: number;
  /** Points of `axis` in a slab. */
  readonly chunk: number;
  /** Slabs of a row. */
  readonly slabs: number;
}

/** Nanoseconds a slab should take, and from how many on a row is cut. */
const slabTime = 6700;
const splitFrom = 16_000;
/** Joining is one thread's work for every row. */
const mostSlabs = 512;
/** Down columns: most columns of a tile, rows that are few, and elements of a tile. */
const mostColumns = 1024;
const fewRows = 64;
const tileElements = 65_536;
/** Bytes between two lanes' results. */
const laneBytes = 8;

/** Row axes of a mask, outermost loop first: the vector axis is the last. */
export const rowAxes = ({ kernel, vector }: Plan, mask: number): number[] => {
  const isRow = (a: number): boolean => has(mask, a) && kernel.axes[a]?.role === "row";
  const rows = kernel.axes.map((_, a) => a).filter((a) => isRow(a) && a !== vector);
  if (isRow(vector)) rows.push(vector);
  return rows;
};

/** Whether every loop over rows only reduces, all of them in one nest. */
const isPlain = (plan: Plan, { nests, stashes }: Schedule): boolean => {
  const [only, ...more] = nests.filter((n) => n.rows !== 0);
  if (plan.slab || stashes.length > 0 || only === undefined || more.length > 0) return false;
  return (
    only.rows === axesOf(plan.kernel.axes, "row") &&
    only.stores.length === 0 &&
    only.reductions.length > 0
  );
};

/** Cuts rows into slabs of at most `most` points; null where one slab is enough. */
const cut = (plan: Plan, most: number): Split | null => {
  const { kernel } = plan;
  const axes = rowAxes(plan, axesOf(kernel.axes, "row"));
  const sizes = axes.map((a) => kernel.axes[a]?.size ?? 1);
  let [level, inner] = [sizes.length - 1, 1];
  while (level > 0 && inner * (sizes[level] ?? 1) <= most) inner *= sizes[level--] ?? 1;
  const axis = axes[level] ?? 0;
  const size = sizes[level] ?? 1;
  const unit = axis === plan.vector ? 4 * blockSteps * plan.lanes : 1;
  const chunk = Math.min(size, Math.max(unit, Math.floor(most / inner / unit) * unit));
  const slabs = sizes.slice(0, level).reduce((n, s) => n * s, Math.ceil(size / chunk));
  return slabs > 1 ? { axes, axis, chunk, slabs } : null;
};

/** How to cut rows that one tile would take too long for, and the plan to follow then; null where they stay whole. */
export const splitOf = (
  plan: Plan,
  schedule: Schedule,
): { readonly split: Split; readonly plan: Plan } | null => {
  const { kernel, vector, lanes } = plan;
  if (!isPlain(plan, schedule)) return null;
  const volume = kernel.axes.reduce((n, a) => (a.role === "row" ? n * a.size : n), 1);
  if (volume === 0) return null;
  const least = volume / mostSlabs;
  if (lanes > 1 && plan.across < 0 && kernel.axes[vector]?.role === "grid") {
    // Down columns of memory a tile should not touch more pages than can be kept track of: few rows of many columns.
    const size = isOuter(kernel, vector) ? mostColumns : (kernel.axes[vector]?.size ?? 1);
    const columns = Math.min(size, mostColumns);
    const step = lanes * plan.unroll;
    const chunks = [...plan.chunks];
    chunks[vector] = Math.max(chunks[vector] ?? 1, Math.ceil(columns / step) * step);
    const rows = Math.max(fewRows, Math.floor(tileElements / columns));
    const split = volume >= 2 * rows ? cut(plan, Math.max(rows, least)) : null;
    return split === null ? null : { split, plan: { ...plan, chunks } };
  }
  if (plan.tileCost < splitFrom) return null;
  const split = cut(plan, Math.max(volume / (plan.tileCost / slabTime), least));
  return split === null ? null : { split, plan };
};

/** Where slabs leave their results: one region per slab and value, with a place for every grid point. */
export class Partials {
  readonly #plan: Plan;
  readonly #split: Split;
  readonly #others: number;
  readonly #padded: number;
  /** Bytes from a region's start to the place of a grid point. */
  readonly #ix: Ix;

  constructor(plan: Plan, split: Split) {
    const { kernel, vector, lanes } = plan;
    this.#plan = plan;
    this.#split = split;
    const grid = kernel.axes.map((_, a) => a).filter((a) => kernel.axes[a]?.role === "grid");
    const inGrid = lanes > 1 && grid.includes(vector);
    const size = (a: number): number => kernel.axes[a]?.size ?? 1;
    // Vectors start at multiples of the lanes. What runs over the outer axis comes last, its size being unknown.
    const others = grid.filter((a) => !(inGrid && a === vector));
    const known = others.filter((a) => !isOuter(kernel, a));
    this.#others = known.reduce((n, a) => n * size(a), 1);
    const outerVector = inGrid && isOuter(kernel, vector);
    this.#padded = inGrid && !outerVector ? Math.ceil(size(vector) / lanes) * lanes : 1;
    const terms: [number, number][] = [];
    let stride = laneBytes * (outerVector ? lanes : this.#padded);
    for (const a of [...others].reverse()) {
      terms.push([a, stride]);
      stride *= isOuter(kernel, a) ? 1 : size(a);
    }
    if (inGrid) terms.push([vector, outerVector ? laneBytes * this.#others : laneBytes]);
    this.#ix = { k: "affine", off: 0, terms };
  }

  /** Bytes of one region, apart from the outer axis. */
  get #unit(): number {
    return laneBytes * this.#others * this.#padded;
  }

  get #hasOuter(): boolean {
    return this.#plan.kernel.axes[0]?.role === "grid";
  }

  /** Bytes of `values` results of all slabs. */
  bytes(outer: number, values: number): number {
    const points = this.#hasOuter ? Math.ceil(outer / 4) * 4 : 1;
    return this.#unit * points * this.#split.slabs * values + 64;
  }

  /** Where the first results of a slab begin. */
  region(code: Code, args: Ref, slab: Ref): Ref {
    return code.op(
      "i32.add",
      code.load("i32.load", args, argBytes.shared),
      this.#times(code, args, slab),
    );
  }

  /** Bytes of `count` regions. */
  #times(code: Code, args: Ref, count: Ref): Ref {
    const bytes = code.op("i32.mul", count, code.i32(this.#unit));
    if (!this.#hasOuter) return bytes;
    const outer = code.load("i32.load", args, argBytes.outer);
    const padded = code.op("i32.and", code.op("i32.add", outer, code.i32(3)), code.i32(-4));
    return code.op("i32.mul", bytes, padded);
  }

  /** Where value `n` of a slab is at a frame, given where the slab's first region begins. */
  place(values: Values, args: Ref, frame: Frame, region: Ref, n: number): Place {
    const { code } = values;
    const skipped = this.#times(code, args, code.i32(n * this.#split.slabs));
    return values.addresses.placeFrom(frame, code.op("i32.add", region, skipped), 1, this.#ix);
  }
}

/** Stores what the accumulators of frames collected. */
export const leave = (
  values: Values,
  args: Ref,
  partials: Partials,
  slab: Ref,
  frames: readonly Frame[],
  accs: readonly (readonly Accumulator[])[],
): void => {
  const { code } = values;
  const region = partials.region(code, args, slab);
  frames.forEach((frame, i) => {
    let n = 0;
    for (const each of accs) {
      for (const ref of each[i]?.collected() ?? []) {
        const { address, offset } = partials.place(values, args, frame, region, n++);
        code.store(`${code.typeOf(ref)}.store`, address, ref, offset);
      }
    }
  });
};

/** Joins what all slabs left. */
export const joinSlabs = (
  values: Values,
  args: Ref,
  partials: Partials,
  split: Split,
  frames: readonly Frame[],
  accs: readonly (readonly Accumulator[])[],
): void => {
  const { code } = values;
  code.loop(code.i32(0), code.i32(split.slabs), 1, (slab) => {
    const region = partials.region(code, args, slab);
    frames.forEach((frame, i) => {
      let n = 0;
      for (const each of accs) {
        const acc = each[i];
        if (acc === undefined) throw new InternalError("[render] a frame without accumulator");
        const parts = acc.kinds.map((kind) => {
          const { address, offset } = partials.place(values, args, frame, region, n++);
          return code.load(`${kind}.load`, address, offset, true);
        });
        acc.join(parts);
      }
    });
  });
};

/** Where code is being written for: the current point of the axes, what is known there, and addresses at it. */
import type { Ix, Kernel, Mask, ValId } from "../../kernel/ir.js";
import type { Code } from "./block.js";
import type { Ref } from "./lane-code.js";
import { has, type Plan, strideOf } from "./plan.js";

/** ref + plus, the constant kept apart so that neighbours share the rest. */
export interface Index {
  readonly ref: Ref;
  readonly plus: number;
}

/** A value of the IR as code: one scalar, or one element per lane. */
export interface Lane {
  readonly ref: Ref;
  readonly vector: boolean;
}

/** The last points of a vector axis, which may be fewer than the lanes. */
export interface Tail {
  /** Points left from lane 0 on, at least 1. */
  readonly remaining: Ref;
  /** The last valid index of the vector axis. */
  readonly last: Ref;
  /** Lanes that are points, as a lane mask. */
  readonly mask: Ref;
}

/** A point (of the vector axis: `lanes` consecutive points) of the axes opened so far. */
export interface Frame {
  readonly parent: Frame | null;
  readonly index: readonly (Index | undefined)[];
  readonly open: Mask;
  readonly memo: Map<ValId, Lane>;
  readonly tail: Tail | null;
  /** Frames next to each other along the plan's `across` axis, as many as lanes, this one included. */
  readonly group: Frame[] | null;
  /** Vectors next to each other that are written side by side, this one included. */
  readonly beside: readonly Frame[] | null;
  /** The stage of the innermost loop over rows. */
  readonly stage: number;
  /** Tells frames apart that are written side by side. */
  readonly slot: number;
  /** Tells the points of the grid apart that are done side by side. */
  readonly point: number;
}

export const rootFrame = (): Frame => ({
  parent: null,
  index: [],
  open: 0,
  memo: new Map(),
  tail: null,
  group: null,
  beside: null,
  stage: -1,
  slot: 0,
  point: 0,
});

export function openFrame(
  parent: Frame,
  axis: number,
  at: Index,
  more: {
    readonly tail?: Tail | null;
    readonly group?: Frame[] | null;
    readonly beside?: readonly Frame[] | null;
    readonly stage?: number;
    readonly slot?: number;
    readonly point?: number;
  } = {},
): Frame {
  const index = [...parent.index];
  index[axis] = at;
  return {
    parent,
    index,
    open: parent.open | (1 << axis),
    memo: new Map(),
    tail: more.tail ?? parent.tail,
    group: more.group ?? parent.group,
    beside: more.beside ?? null,
    stage: more.stage ?? parent.stage,
    slot: more.slot ?? parent.slot,
    point: more.point ?? parent.point,
  };
}

export interface Place {
  readonly address: Ref;
  readonly offset: number;
}

interface Flat {
  off: number;
  readonly terms: Map<number, number>;
  /** Parts that are not affine, with their strides. */
  readonly rest: { readonly ix: Ix; readonly stride: number }[];
}

function flatten(ix: Ix, flat: Flat = { off: 0, terms: new Map(), rest: [] }): Flat {
  switch (ix.k) {
    case "affine":
      flat.off += ix.off;
      for (const [a, s] of ix.terms) flat.terms.set(a, (flat.terms.get(a) ?? 0) + s);
      break;
    case "sum":
      for (const part of ix.of) flatten(part, flat);
      break;
    default:
      flat.rest.push({ ix: { ...ix, stride: 1 }, stride: ix.stride });
  }
  return flat;
}

/** Index expressions as i32 code. Values they read come through `scalar`. */
export class Addresses {
  readonly #code: Code;
  readonly #plan: Plan;
  readonly #bases: readonly Ref[];
  readonly #scalar: (frame: Frame, id: ValId, lane: number) => Ref;

  constructor(
    code: Code,
    plan: Plan,
    bases: readonly Ref[],
    scalar: (frame: Frame, id: ValId, lane: number) => Ref,
  ) {
    this.#code = code;
    this.#plan = plan;
    this.#bases = bases;
    this.#scalar = scalar;
  }

  times(ref: Ref, by: number): Ref {
    const { code } = this;
    if (by === 1) return ref;
    const shift = Math.log2(by);
    if (Number.isInteger(shift)) return code.op("i32.shl", ref, code.i32(shift));
    return code.op("i32.mul", ref, code.i32(by));
  }

  get code(): Code {
    return this.#code;
  }

  plus(ref: Ref, by: number): Ref {
    return by === 0 ? ref : this.#code.op("i32.add", ref, this.#code.i32(by));
  }

  /** Index of an axis in one lane; lanes beyond the end repeat the last point. */
  #at(frame: Frame, axis: number, lane: number): Index {
    const at = frame.index[axis];
    if (at === undefined) throw new RangeError(`[render] axis ${axis} is not open`);
    if (axis !== this.#plan.vector || lane === 0) return at;
    if (frame.tail === null) return { ref: at.ref, plus: at.plus + lane };
    const { code } = this;
    const i = this.plus(at.ref, at.plus + lane);
    const { last } = frame.tail;
    return { ref: code.select(code.op("i32.lt_s", i, last), i, last), plus: 0 };
  }

  /** start + ix·scale, as a sum in the order of the loops, so that its outer parts are computed outside. */
  #sum(
    frame: Frame,
    start: Ref | null,
    ix: Ix,
    scale: number,
    lane: number,
  ): { sum: Ref | null; plus: number } {
    const { code } = this;
    const flat = flatten(ix);
    let sum = start;
    const add = (part: Ref): void => {
      sum = sum === null ? part : code.op("i32.add", sum, part);
    };
    if (flat.off !== 0) add(code.i32(flat.off * scale));
    let plus = 0;
    for (const axis of this.#order(frame)) {
      const stride = (flat.terms.get(axis) ?? 0) * scale;
      if (stride === 0) continue;
      const at = this.#at(frame, axis, lane);
      plus += at.plus * stride;
      const known = code.constantOf(at.ref);
      if (known !== null) plus += known * stride;
      else add(this.times(at.ref, stride));
    }
    for (const part of flat.rest) {
      add(this.times(this.#special(frame, part.ix, lane), part.stride * scale));
    }
    return { sum, plus };
  }

  /** Axes, outer loops first. */
  #order(frame: Frame): number[] {
    const { grid, vector, kernel } = this.#plan;
    const rows = kernel.axes.map((_, a) => a).filter((a) => !grid.includes(a) && a !== vector);
    const order = [...grid.filter((a) => a !== vector), ...rows];
    if (vector < 0) return order;
    return has(frame.open, vector) && grid.includes(vector)
      ? [...grid.filter((a) => a !== vector), vector, ...rows]
      : [...order, vector];
  }

  #special(frame: Frame, ix: Ix, lane: number): Ref {
    const { code } = this;
    if (ix.k === "value") return this.#scalar(frame, ix.of, lane);
    if (ix.k !== "div" && ix.k !== "mod") return this.index(frame, ix, lane);
    const of = this.index(frame, ix.of, lane);
    const shift = Math.log2(ix.by);
    if (Number.isInteger(shift)) {
      return ix.k === "div"
        ? code.op("i32.shr_u", of, code.i32(shift))
        : code.op("i32.and", of, code.i32(ix.by - 1));
    }
    return code.op(ix.k === "div" ? "i32.div_u" : "i32.rem_u", of, code.i32(ix.by));
  }

  /** The value of an index expression, in elements. */
  index(frame: Frame, ix: Ix, lane = 0): Ref {
    const { sum, plus } = this.#sum(frame, null, ix, 1, lane);
    return sum === null ? this.#code.i32(plus) : this.plus(sum, plus);
  }

  /** `exact`: the address may lie outside memory when nothing is read there, so no part may go to the offset. */
  place(frame: Frame, buf: number, bytes: number, ix: Ix, lane = 0, exact = false): Place {
    const base = this.#bases[buf];
    if (base === undefined) throw new RangeError(`[render] no buffer ${buf}`);
    return this.#place(frame, base, bytes, ix, lane, exact);
  }

  /** The same from any base address. */
  placeFrom(frame: Frame, base: Ref, bytes: number, ix: Ix, lane = 0): Place {
    return this.#place(frame, base, bytes, ix, lane, false);
  }

  #place(frame: Frame, base: Ref, bytes: number, ix: Ix, lane: number, exact: boolean): Place {
    const { sum, plus } = this.#sum(frame, base, ix, bytes, lane);
    const address = sum ?? base;
    if (plus >= 0 && !exact) return { address, offset: plus };
    return { address: this.plus(address, plus), offset: 0 };
  }

  /**
   * How far the expression moves from one lane to the next, or null if it is not the same everywhere. Vectors start
   * at multiples of the lanes, so quotients by a multiple of the lanes stay the same in a vector.
   */
  lanesStride(ix: Ix): number | null {
    const { vector, lanes, domains } = this.#plan;
    const direct = strideOf(ix, vector, domains);
    if (direct !== null) return direct;
    if (ix.k === "sum") {
      let stride = 0;
      for (const part of ix.of) {
        const s = this.lanesStride(part);
        if (s === null) return null;
        stride += s;
      }
      return stride;
    }
    if ((ix.k === "div" || ix.k === "mod") && ix.by % lanes === 0 && ix.of.k === "affine") {
      const aligned =
        ix.of.off % lanes === 0 &&
        ix.of.terms.every(([a, s]) => (a === vector ? s === 1 : s % lanes === 0));
      if (aligned) return ix.k === "div" ? 0 : ix.stride;
    }
    return null;
  }

  kernel(): Kernel {
    return this.#plan.kernel;
  }
}

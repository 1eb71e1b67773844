/** The loops of a kernel: vectors with their tails, groups of neighbours, blocked loops over rows. */
import type { Kernel, ValId } from "../../kernel/ir.js";
import type { Code } from "./block.js";
import { type Frame, openFrame, type Tail } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Plan } from "./plan.js";
import type { Values } from "./values.js";

/** Writes what is inside a loop, for the frames done side by side in it. */
export type Body = (frames: readonly Frame[]) => void;

/** Sums longer than this per accumulator are cut into blocks of this many additions. */
export const blockSteps = 32;

/** A nest of loops over row axes. */
export interface RowLoops {
  /** Outermost first; the vector axis, if it is among them, last. */
  readonly axes: readonly number[];
  /** Vectors side by side along the vector axis. */
  readonly unroll: number;
  readonly stage: number;
  /** Accumulators to flush after every block of rows. */
  readonly blocked: readonly { flush(): void }[];
  /** The part of the rows to be done: the range of one axis, at single indices of those before it. */
  readonly part?: RowPart | null;
  /** Values that are computed inside. */
  readonly ids: readonly ValId[];
}

export interface RowPart {
  readonly axis: number;
  readonly lo: Ref;
  readonly hi: Ref;
  /** Points of the axis in most parts. */
  readonly chunk: number;
  readonly before: ReadonlyMap<number, Ref>;
}

const lanesConstant = (data: Int32Array | BigInt64Array, code: Code): Ref =>
  code.v128(new Uint8Array(data.buffer.slice(0)));

export class Loops {
  readonly #code: Code;
  readonly #values: Values;
  readonly #plan: Plan;
  readonly #kernel: Kernel;
  readonly #lanes: number;

  constructor(values: Values) {
    this.#code = values.code;
    this.#values = values;
    this.#plan = values.plan;
    this.#kernel = values.plan.kernel;
    this.#lanes = values.plan.lanes;
  }

  least(a: Ref, b: Ref): Ref {
    return this.#code.select(this.#code.op("i32.lt_s", a, b), a, b);
  }

  plus(ref: Ref, by: number): Ref {
    const known = this.#code.constantOf(ref);
    if (known !== null) return this.#code.i32(known + by);
    return by === 0 ? ref : this.#code.op("i32.add", ref, this.#code.i32(by));
  }

  /** The greatest multiple of `step` up to n ≥ 0. */
  multiple(n: Ref, step: number): Ref {
    const code = this.#code;
    if (step === 1) return n;
    if (Number.isInteger(Math.log2(step))) return code.op("i32.and", n, code.i32(-step));
    return code.op("i32.sub", n, code.op("i32.rem_u", n, code.i32(step)));
  }

  /** Writes what can be known at this frame here, so that inner loops find it; results of reductions come later. */
  prepare(frame: Frame, ids: readonly ValId[], stage: number): void {
    for (const id of ids) {
      const op = this.#kernel.vals[id]?.op;
      if (op === "const" || op === "reduce" || (this.#plan.stages[id] ?? 0) > stage) continue;
      if (((this.#plan.domains[id] ?? 0) & ~frame.open) === 0) this.#values.at(frame, id);
    }
  }

  /**
   * Vectors along an axis from lo to hi: `unroll` at a time, then one at a time, the last perhaps not full. `length`
   * is hi − lo where that is known though they are not.
   */
  vectors(
    frames: readonly Frame[],
    axis: number,
    lo: Ref,
    hi: Ref,
    unroll: number,
    stage: number,
    body: Body,
    length: number | null = null,
  ): void {
    const code = this.#code;
    const lanes = this.#lanes;
    const step = lanes * unroll;
    const [first, last] = [code.constantOf(lo), code.constantOf(hi)];
    const known = first !== null && last !== null ? last - first : length;
    const open = (i: Ref, copies: number, tail: Tail | null): Frame[] => {
      const out: Frame[] = [];
      const beside = frames.map((): Frame[] => []);
      for (let c = 0; c < copies; c++) {
        const groups = new Map<Frame[], Frame[]>();
        const group = (of: Frame[]): Frame[] => {
          const known = groups.get(of);
          if (known !== undefined) return known;
          const fresh: Frame[] = [];
          groups.set(of, fresh);
          return fresh;
        };
        for (const [k, f] of frames.entries()) {
          const child = openFrame(
            f,
            axis,
            { ref: i, plus: c * lanes },
            {
              tail,
              stage,
              slot: f.slot * unroll + c,
              ...(stage < 0 ? { point: c } : {}),
              group: f.group === null ? null : group(f.group),
              beside: beside[k] ?? null,
            },
          );
          beside[k]?.push(child);
          if (f.group !== null) group(f.group).push(child);
          out.push(child);
        }
      }
      return out;
    };
    const full =
      known !== null
        ? this.plus(lo, Math.floor(known / step) * step)
        : code.op("i32.add", lo, this.multiple(code.op("i32.sub", hi, lo), step));
    if (known === null || known >= step) {
      code.loop(lo, full, step, (i) => body(open(i, unroll, null)));
    }
    if (known !== null && known % step === 0) return;
    code.loop(full, hi, lanes, (i) => {
      const ragged = known === null || known % lanes !== 0;
      body(open(i, 1, ragged && lanes > 1 ? this.#tail(i, hi) : null));
    });
  }

  #tail(i: Ref, hi: Ref): Tail {
    const code = this.#code;
    const remaining = code.op("i32.sub", hi, i);
    const { vector } = this.#values;
    const mask =
      vector.width === 4
        ? code.op(
            "i32x4.gt_s",
            vector.splat("i32", remaining),
            lanesConstant(new Int32Array([0, 1, 2, 3]), code),
          )
        : code.op(
            "i64x2.gt_s",
            vector.splat("i64", code.op("i64.extend_i32_s", remaining)),
            lanesConstant(new BigInt64Array([0n, 1n]), code),
          );
    return { remaining, last: this.plus(hi, -1), mask };
  }

  /**
   * As many neighbours along an axis as there are lanes at a time, for transposed loads, several such groups side by
   * side; then single ones.
   */
  across(frames: readonly Frame[], axis: number, lo: Ref, hi: Ref, body: Body): void {
    const code = this.#code;
    const lanes = this.#lanes;
    const grouped = (from: Ref, groups: number): Ref => {
      const step = lanes * groups;
      const to = code.op("i32.add", from, this.multiple(code.op("i32.sub", hi, from), step));
      code.loop(from, to, step, (i) => {
        const all: Frame[] = [];
        for (const f of frames) {
          for (let g = 0; g < step; g += lanes) {
            const group: Frame[] = [];
            for (let c = g; c < g + lanes; c++) {
              group.push(openFrame(f, axis, { ref: i, plus: c }, { group, slot: c, point: c }));
            }
            all.push(...group);
          }
        }
        body(all);
      });
      return to;
    };
    const { groups } = this.#plan;
    const most = groups > 1 ? grouped(lo, groups) : lo;
    const full = grouped(most, 1);
    code.loop(full, hi, 1, (i) => {
      body(frames.map((f) => openFrame(f, axis, { ref: i, plus: 0 })));
    });
  }

  /** Loops over row axes; `blocked` accumulators are flushed after every block of rows. */
  rows(frames: readonly Frame[], nest: RowLoops, body: Body): void {
    const { axes, unroll, stage, blocked, ids, part = null } = nest;
    const code = this.#code;
    const flush = (): void => {
      for (const a of blocked) a.flush();
    };
    // From the inside out: the first axis whose loop makes enough steps is where blocks end.
    let steps = 1;
    let level = -1;
    if (blocked.length > 0) {
      for (let k = axes.length - 1; k >= 0 && level < 0; k--) {
        const axis = axes[k] ?? 0;
        const size = axis === part?.axis ? part.chunk : (this.#kernel.axes[axis]?.size ?? 1);
        steps *= axis === this.#plan.vector ? Math.ceil(size / (this.#lanes * unroll)) : size;
        if (steps >= blockSteps) level = k;
      }
    }
    const open = (outer: readonly Frame[], k: number): void => {
      const axis = axes[k];
      if (axis === undefined) {
        body(outer);
        return;
      }
      const next: Body = (inner) => {
        if (k + 1 < axes.length) for (const f of inner) this.prepare(f, ids, stage);
        open(inner, k + 1);
      };
      const size = this.#kernel.axes[axis]?.size ?? 1;
      const vectors = axis === this.#plan.vector;
      const step = vectors ? this.#lanes * unroll : 1;
      const range = (lo: Ref, hi: Ref, length: number | null): void => {
        if (vectors) this.vectors(outer, axis, lo, hi, unroll, stage, next, length);
        else {
          code.loop(lo, hi, 1, (i) =>
            next(outer.map((f) => openFrame(f, axis, { ref: i, plus: 0 }, { stage }))),
          );
        }
      };
      const block = blockSteps * step;
      const fixed = part?.before.get(axis);
      if (fixed !== undefined) {
        next(outer.map((f) => openFrame(f, axis, { ref: fixed, plus: 0 }, { stage })));
        return;
      }
      if (part !== null && axis === part.axis) {
        const even = size % part.chunk === 0;
        if (k !== level) {
          range(part.lo, part.hi, even ? part.chunk : null);
          return;
        }
        const length = code.op("i32.sub", part.hi, part.lo);
        const whole = code.op("i32.add", part.lo, this.multiple(length, block));
        code.loop(part.lo, whole, block, (b) => {
          range(b, this.plus(b, block), block);
          flush();
        });
        // Where parts are of one length, they leave no rest.
        if (even && part.chunk % block === 0) return;
        range(whole, part.hi, null);
        flush();
        return;
      }
      if (k !== level || size <= block) {
        range(code.i32(0), code.i32(size), size);
        if (k === level) flush();
        return;
      }
      const whole = Math.floor(size / block) * block;
      code.loop(code.i32(0), code.i32(whole), block, (b) => {
        range(b, this.plus(b, block), block);
        flush();
      });
      if (whole < size) {
        range(code.i32(whole), code.i32(size), size - whole);
        flush();
      }
    };
    open(frames, 0);
  }
}

/** Scatter: the base is copied, then each tuple's block of updates is combined into its place, in order. */

import { type DType, float32, uint8, uint16, uint32, uint64 } from "../../../core/dtype.js";
import type { Routine, ScatterMode } from "../../../core/routine.js";
import type { ScalarOp } from "../../../core/scalar.js";
import { computeTypeOf } from "../../../core/scalar.js";

import { argBytes } from "../../contract.js";
import type { Ref } from "../lane-code.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import { combinePairs, loadPair, storePair } from "./complex.js";
import type { Frame, Work, WorkPhase } from "./frame.js";

type Scatter = Extract<Routine, { routine: "scatter" }>;

const combiner = { add: "add", prod: "mul", max: "max", min: "min" } as const satisfies Record<
  Exclude<ScatterMode, "replace">,
  ScalarOp
>;

/** The same scatter on elements that mean the same bits: replacing moves words, complex sums are real sums. */
const simplified = (r: Scatter): Scatter => {
  if (r.mode === "replace") {
    const words: Readonly<Record<number, DType>> = { 1: uint8, 2: uint16, 4: uint32, 8: uint64 };
    return { ...r, dtype: words[r.dtype.size] ?? r.dtype };
  }
  if (r.mode !== "add" || r.dtype.kind !== "complex") return r;
  return { ...r, dtype: float32, shape: [...r.shape, 2], slice: [...r.slice, 2] };
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

interface Layout {
  readonly strides: readonly number[];
  /** Leading dimensions of the block that have to be looped over. */
  readonly outer: readonly number[];
  /** Elements after those that lie side by side in the output as well. */
  readonly run: number;
}

const layoutOf = ({ shape, slice }: Scatter): Layout => {
  const strides = shape.map((_, d) => sizeOf(shape.slice(d + 1)));
  let first = shape.length;
  while (first > 0) {
    first--;
    if (slice[first] !== shape[first]) break;
  }
  // Dimensions of size one before that add nothing.
  while (first > 0 && slice[first - 1] === 1) first--;
  return { strides, outer: slice.slice(0, first), run: sizeOf(slice.slice(first)) };
};

/** Lanes of a vector of this dtype, 1 where only single elements are combined. */
const lanesFor = (dtype: DType): 1 | 2 | 4 => {
  if (dtype.kind === "complex" || dtype.kind === "bool") return 1;
  return dtype.size === 8 ? 2 : 4;
};

/** Combines `run` consecutive elements at `source` into those at `target`. */
const writeRun = (f: Frame, r: Scatter, run: number, source: Ref, target: Ref): void => {
  const { code } = f;
  const { dtype, mode } = r;
  const { size } = dtype;
  const t = computeTypeOf(dtype);
  if (dtype.kind === "complex" && mode !== "replace") {
    const how = mode === "add" ? "sum" : mode;
    code.loop(code.i32(0), code.i32(run), 1, (i) => {
      const to = f.at(target, i, size);
      const value = loadPair(f, f.at(source, i, size));
      storePair(f, to, combinePairs(f, how, loadPair(f, to), value));
    });
    return;
  }
  const lanes = lanesFor(dtype);
  const vectors = lanes === 2 ? f.two : f.four;
  const whole = lanes === 1 ? 0 : run - (run % lanes);
  code.loop(code.i32(0), code.i32(whole), lanes, (i) => {
    const from = f.at(source, i, size);
    const to = f.at(target, i, size);
    const value = loadVector(vectors, dtype, from, 0, true);
    const there = mode === "replace" ? null : loadVector(vectors, dtype, to, 0, true);
    const result =
      mode === "replace" || there === null
        ? value
        : vectors.apply(combiner[mode], t, t, [there, value]);
    storeVector(vectors, dtype, result).all(to, 0);
  });
  code.loop(code.i32(whole), code.i32(run), 1, (i) => {
    const to = f.at(target, i, size);
    combine(f, r, loadScalar(f.one, dtype, f.at(source, i, size), 0, true), to);
  });
};

/** Combines a value into the element at `target`. */
const combine = (f: Frame, r: Scatter, value: Ref, target: Ref): void => {
  const { dtype, mode } = r;
  const t = computeTypeOf(dtype);
  const there = mode === "replace" ? null : loadScalar(f.one, dtype, target, 0, true);
  const result =
    mode === "replace" || there === null
      ? value
      : f.one.apply(combiner[mode], t, t, [there, value]);
  storeScalar(f.one, dtype, target, result);
};

const writeBlock = (f: Frame, r: Scatter, layout: Layout, source: Ref, target: Ref): void => {
  const { outer, run, strides } = layout;
  const dimension = (d: number, from: Ref, to: Ref): void => {
    const size = outer[d];
    if (size === undefined) {
      writeRun(f, r, run, from, to);
      return;
    }
    const block = sizeOf(outer.slice(d + 1)) * run * r.dtype.size;
    const step = (strides[d] ?? 0) * r.dtype.size;
    f.code.loop(f.constant(0), f.constant(size), 1, (i) =>
      dimension(d + 1, f.at(from, i, block), f.at(to, i, step)),
    );
  };
  dimension(0, source, target);
};

/** Updates of single elements along one axis: several at a time, whose indices are looked at together. */
const writeElements = (f: Frame, r: Scatter, { strides }: Layout): void => {
  const { code } = f;
  const { size } = r.dtype;
  const [axis = 0] = r.axes;
  const extent = f.constant(r.shape[axis] ?? 0);
  const step = (strides[axis] ?? 0) * size;
  const [updates, indices, out] = [f.buffer(1), f.buffer(2), f.buffer(3)];
  const wrapped = (raw: Ref): Ref =>
    f.add(raw, code.op("i32.and", code.op("i32.shr_s", raw, f.constant(31)), extent));
  const read = (n: Ref, i: number): Ref => code.load("i32.load", f.at(indices, n, 4), 4 * i, true);
  const update = (n: Ref, i: number, index: Ref): void => {
    const source = f.at(updates, n, size);
    const value = loadScalar(f.one, r.dtype, source, i * size, true);
    combine(f, r, value, f.at(out, index, step));
  };
  const inside = (index: Ref): Ref => code.op("i32.lt_u", index, extent);
  const single = (n: Ref, i: number): void => {
    const index = wrapped(read(n, i));
    code.if(
      inside(index),
      () => update(n, i, index),
      () => f.fault(r.code),
    );
  };
  const group = 4;
  const whole = r.count - (r.count % group);
  const all = code.op("i32x4.splat", extent);
  // The fewer instructions, the more updates wait for memory at the same time.
  code.loop(f.constant(0), f.constant(whole), group, (n) => {
    const many = code.load("v128.load", f.at(indices, n, 4), 0, true);
    code.pin(many);
    const each = (act: (i: number) => void): void => {
      for (let i = 0; i < group; i++) act(i);
    };
    code.if(
      code.op("i32x4.all_true", code.op("i32x4.lt_u", many, all)),
      () => each((i) => update(n, i, code.lane("i32x4.extract_lane", [i], many))),
      () => each((i) => single(n, i)),
    );
  });
  code.loop(f.constant(whole), f.constant(r.count), 1, (n) => single(n, 0));
};

/** Bytes of the base that one tile copies, and of one block it writes; work from which on that is shared. */
const copyBytes = 262_144;
const pieceBytes = 64;
const mostPieces = 8;
const sharedFrom = 32_768;

/** memory.copy from buffer 0 to buffer `out`: a part per tile. */
const copyBase = (f: Frame, out: number, bytes: number): void => {
  const from = f.func.local("i32");
  const address = (i: number): void => {
    f.func
      .get(0)
      .op("i32.load", argBytes.buffers + 4 * i)
      .get(from)
      .op("i32.add");
  };
  f.func.get(1).i32(copyBytes).op("i32.mul").set(from);
  address(out);
  address(0);
  f.func.i32(bytes).get(from).op("i32.sub").i32(copyBytes);
  f.func.i32(bytes).get(from).op("i32.sub").i32(copyBytes).op("i32.lt_u").select("i32").copy();
};

/** Into how many parts of equal length contiguous blocks are cut: each is one tile's, in the order of the updates. */
const piecesOf = (r: Scatter, { outer, run }: Layout): number => {
  if (sizeOf(outer) !== 1 || r.count * run < sharedFrom || r.dtype.kind === "complex") return 1;
  let pieces = 1;
  const even = (n: number): boolean => (run * r.dtype.size) % (n * pieceBytes) === 0;
  while (pieces < mostPieces && even(2 * pieces)) pieces *= 2;
  return pieces;
};

export const scatterWork = (routine: Scatter): Work => {
  const r = simplified(routine);
  const whole = layoutOf(r);
  const pieces = piecesOf(r, whole);
  const layout = { ...whole, run: whole.run / pieces };
  const bytes = sizeOf(r.shape) * r.dtype.size;
  const block = sizeOf(r.slice);
  const out = 2 + r.axes.length;
  const copy: WorkPhase = {
    tiles: Math.ceil(bytes / copyBytes),
    tileCost: Math.min(bytes, copyBytes) * 0.1,
    write: (f) => copyBase(f, out, bytes),
  };
  const update: WorkPhase = {
    tiles: block === 0 ? 0 : pieces,
    tileCost: r.count * (5 + (0.5 * block) / pieces),
    write(f) {
      const { code } = f;
      if (block === 1 && r.axes.length === 1 && r.dtype.kind !== "complex") {
        writeElements(f, r, layout);
        return;
      }
      const skipped = f.times(f.tile, layout.run * r.dtype.size);
      code.loop(code.i32(0), code.i32(r.count), 1, (n) => {
        let inside = code.i32(1);
        let target = f.add(f.buffer(out), skipped);
        r.axes.forEach((axis, j) => {
          const extent = r.shape[axis] ?? 0;
          const raw = code.load("i32.load", f.at(f.buffer(2 + j), n, 4), 0, true);
          const wrapped = f.add(raw, code.i32(extent));
          const index = code.select(code.op("i32.lt_s", raw, code.i32(0)), wrapped, raw);
          const last = extent - (r.slice[axis] ?? 0);
          const fits = last < 0 ? code.i32(0) : code.op("i32.le_u", index, code.i32(last));
          inside = j === 0 ? fits : code.op("i32.and", inside, fits);
          target = f.at(target, index, (layout.strides[axis] ?? 0) * r.dtype.size);
        });
        const source = f.add(f.at(f.buffer(1), n, block * r.dtype.size), skipped);
        code.if(
          inside,
          () => writeBlock(f, r, layout, source, target),
          () => f.fault(r.code),
        );
      });
    },
  };
  return { scratchBytes: 0, phases: [copy, update] };
};

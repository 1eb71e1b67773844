/** What the hand-written routines mean, in plain loops over bytes: the reference that every renderer is compared with. */
import type { DType } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Routine, ScatterMode } from "../core/routine.js";
import { interpretAttention } from "./attention-reference.js";
import { type Cells, cellsOf } from "./cells.js";
import { hostRunner, hostTiles } from "./host-routines.js";
import { interpretQuantized } from "./quantized-reference.js";

type Fold = Exclude<ScatterMode, "replace" | "add"> | "sum";

const folded = <V>(cells: Cells<V>, how: Fold): ((a: V, b: V) => V) => {
  switch (how) {
    case "sum":
      return cells.add;
    case "prod":
      return cells.mul;
    case "max":
      return cells.max;
    case "min":
      return cells.min;
  }
};

const identity = <V>(cells: Cells<V>, how: Fold): V => {
  switch (how) {
    case "sum":
      return cells.zero;
    case "prod":
      return cells.one;
    case "max":
      return cells.lowest;
    case "min":
      return cells.highest;
  }
};

const stridesOf = (shape: readonly number[]): number[] => {
  const strides: number[] = [];
  let step = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(step);
    step *= size;
  }
  return strides;
};

/** Offsets into a row-major array with `strides` of every element of a block of `sizes` at its origin. */
const blockOffsets = (sizes: readonly number[], strides: readonly number[]): number[] =>
  sizes.reduce<number[]>(
    (offsets, size, d) =>
      offsets.flatMap((o) => Array.from({ length: size }, (_, i) => o + i * (strides[d] ?? 0))),
    [0],
  );

const scatter = <V>(
  r: Extract<Routine, { routine: "scatter" }>,
  updates: Cells<V>,
  indices: readonly DataView[],
  out: Cells<V>,
): number => {
  const strides = stridesOf(r.shape);
  const offsets = blockOffsets(r.slice, strides);
  const { mode } = r;
  const combine = mode === "replace" ? null : folded(out, mode === "add" ? "sum" : mode);
  let fault = 0;
  for (let n = 0; n < r.count; n++) {
    let start = 0;
    let inside = true;
    r.axes.forEach((axis, j) => {
      const size = r.shape[axis] ?? 0;
      const raw = indices[j]?.getInt32(4 * n, true) ?? 0;
      const at = raw < 0 ? raw + size : raw;
      if (at < 0 || at + (r.slice[axis] ?? 0) > size) inside = false;
      start += at * (strides[axis] ?? 0);
    });
    if (!inside) {
      fault ||= r.code;
      continue;
    }
    offsets.forEach((offset, i) => {
      const value = updates.get(n * offsets.length + i);
      const to = start + offset;
      out.set(to, combine === null ? value : combine(out.get(to), value));
    });
  }
  return fault;
};

const scan = <V>(r: Extract<Routine, { routine: "scan" }>, x: Cells<V>, out: Cells<V>): void => {
  const combine = folded(x, r.how);
  for (let o = 0; o < r.outer; o++) {
    for (let i = 0; i < r.inner; i++) {
      let carry = identity(x, r.how);
      for (let step = 0; step < r.length; step++) {
        const l = r.reverse ? r.length - 1 - step : step;
        const at = (o * r.length + l) * r.inner + i;
        // Read before writing: the output may lie over the input.
        const value = x.get(at);
        if (r.exclusive) out.set(at, carry);
        carry = step === 0 && !r.exclusive ? value : combine(carry, value);
        if (!r.exclusive) out.set(at, carry);
      }
    }
  }
};

const sort = <V>(
  r: Extract<Routine, { routine: "sort" }>,
  x: Cells<V>,
  values: Cells<V> | null,
  indices: DataView | null,
): void => {
  const positive = (v: V): number => (indices === null && Object.is(v, -0) ? 0 : 1);
  for (let o = 0; o < r.outer; o++) {
    for (let i = 0; i < r.inner; i++) {
      const at = (l: number): number => (o * r.length + l) * r.inner + i;
      const order = Array.from({ length: r.length }, (_, l) => ({ l, value: x.get(at(l)) }));
      order.sort(
        (a, b) => x.compare(a.value, b.value) || positive(a.value) - positive(b.value) || a.l - b.l,
      );
      order.forEach(({ l, value }, rank) => {
        values?.set(at(rank), value);
        indices?.setUint32(4 * at(rank), l, true);
      });
    }
  }
};

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A consumer generic in the element's value type, so that each dtype's cells stay statically typed. */
const onCells = (
  dtype: DType,
  buffers: readonly Uint8Array[],
  use: <V>(cells: readonly Cells<V>[]) => number,
): number => {
  const { kind } = dtype;
  if (kind === "complex") return use(buffers.map((b) => cellsOf.complex(viewOf(b))));
  if (dtype.size === 8 && kind !== "float") {
    return use(buffers.map((b) => cellsOf.wide(kind === "int", viewOf(b))));
  }
  return use(buffers.map((b) => cellsOf.plain(dtype, viewOf(b))));
};

const pick = <T>(list: readonly T[], i: number): T => {
  const item = list[i];
  if (item === undefined)
    throw new InternalError(`[routine] expected a buffer ${i}: pass inputs, then outputs`);
  return item;
};

/**
 * Runs a routine on its buffers (inputs, then outputs, as `Routine` lists them; little-endian storage).
 * Returns the fault raised, or 0.
 */
export const interpretRoutine = (r: Routine, buffers: readonly Uint8Array[]): number => {
  switch (r.routine) {
    case "scatter": {
      const out = pick(buffers, 2 + r.axes.length);
      // A buffer may go on behind its array: only the array is copied.
      const bytes = r.shape.reduce((n, d) => n * d, r.dtype.size);
      out.set(pick(buffers, 0).subarray(0, bytes));
      const indices = buffers.slice(2, 2 + r.axes.length).map(viewOf);
      return onCells(r.dtype, [pick(buffers, 1), out], (cells) =>
        scatter(r, pick(cells, 0), indices, pick(cells, 1)),
      );
    }
    case "scan":
      return onCells(r.dtype, buffers.slice(0, 2), (cells) => {
        scan(r, pick(cells, 0), pick(cells, 1));
        return 0;
      });
    case "sort":
      return onCells(r.dtype, buffers.slice(0, 2), (cells) => {
        const values = r.only === "indices" ? null : pick(cells, 1);
        const place = r.only === "indices" ? 1 : 2;
        sort(r, pick(cells, 0), values, r.only === "values" ? null : viewOf(pick(buffers, place)));
        return 0;
      });
    case "matrix":
    case "fourier":
      return hostRunner(r)(buffers, 0, hostTiles(r));
    case "attention":
    case "attentionGradient":
      interpretAttention(r, buffers);
      return 0;
    case "quantizedProduct":
      interpretQuantized(r, buffers);
      return 0;
  }
};

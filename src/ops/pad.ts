/** Padding: constant, edge, reflect and symmetric. */

import { bool } from "../core/dtype.js";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { flipNode } from "./join.js";
import { castTo, constant, nodeOf, type Operand, requireScalar, spread, wrap } from "./operand.js";

export type PadMode = "constant" | "edge" | "reflect" | "symmetric";

/** One width for all sides, one pair for all axes, or a pair per axis. */
export type PadWidth =
  | number
  | readonly [number, number]
  | readonly (readonly [number, number] | readonly [number])[];

export interface PadOptions {
  readonly mode?: PadMode;
  /** The value of mode "constant", cast to the array's dtype. */
  readonly constantValues?: Operand;
}

const readWidths = (width: PadWidth, ndim: number): [number, number][] => {
  const bad = (): ArgumentError =>
    new ArgumentError(
      `[pad] expected a width, a pair or a pair for each of ${ndim} axes, got ${describe(width)}`,
    );
  const all = (lo: number, hi: number): [number, number][] =>
    Array.from({ length: ndim }, () => [lo, hi]);
  const listed: unknown = width;
  if (typeof width !== "number" && !Array.isArray(listed)) throw bad();
  let out: [number, number][];
  if (typeof width === "number") out = all(width, width);
  else {
    const pairs = width.map((w): [number, number] => {
      if (typeof w === "number") return [w, w];
      return [w[0], w[1] ?? w[0]];
    });
    const [first, second] = width;
    if (typeof first === "number") out = all(first, typeof second === "number" ? second : first);
    else if (pairs.length === 1 && pairs[0] !== undefined) out = all(...pairs[0]);
    else if (pairs.length === ndim) out = pairs;
    else throw bad();
  }
  for (const [lo, hi] of out) {
    if (!Number.isInteger(lo) || !Number.isInteger(hi)) throw bad();
    if (lo < 0 || hi < 0)
      throw new ShapeError(
        `[pad] expected widths from 0, got ${lo} and ${hi}: slice to make it smaller`,
      );
  }
  return out;
};

/** Node-level zero padding, `low` and `high` per axis. */
export const zeroPad = (n: Node, low: readonly number[], high: readonly number[]): Node =>
  p.pad(n, low, high);

const constantPad = (n: Node, widths: readonly [number, number][], value: Operand): Node => {
  const low = widths.map(([lo]) => lo);
  const high = widths.map(([, hi]) => hi);
  const padded = zeroPad(n, low, high);
  if (value === 0) return padded;
  const inside = zeroPad(constant(true, bool, n.shape), low, high);
  const fill =
    value instanceof NDArray
      ? spread(castTo(value.node, n.dtype), padded.shape)
      : constant(value, n.dtype, padded.shape);
  return p.select(inside, padded, fill);
};

const edgePad = (n: Node, d: number, lo: number, hi: number): Node => {
  const length = n.shape[d] ?? 0;
  const side = (from: number, count: number): Node =>
    spread(
      p.sliceAxis(n, d, from, from + 1),
      n.shape.map((x, k) => (k === d ? count : x)),
    );
  const parts = [n];
  if (lo > 0) parts.unshift(side(0, lo));
  if (hi > 0) parts.push(side(length - 1, hi));
  return parts.length === 1 ? n : p.concatenate(parts, d);
};

/** Mirrored copies, the first and last ones cut, back and forth as often as the width asks for. */
const mirrorPad = (n: Node, d: number, lo: number, hi: number, repeatEdge: boolean): Node => {
  const length = n.shape[d] ?? 0;
  const turned = flipNode(n, [d]);
  // One period: without the element it shares with its neighbour on the inner side.
  const step = repeatEdge ? length : length - 1;
  const outer = (tile: Node): Node => (repeatEdge ? tile : p.sliceAxis(tile, d, 0, step));
  const inner = (tile: Node): Node => (repeatEdge ? tile : p.sliceAxis(tile, d, 1, length));
  const parts: Node[] = [n];
  for (let left = lo, turn = true; left > 0; left -= step, turn = !turn) {
    const tile = outer(turn ? turned : n);
    parts.unshift(left >= step ? tile : p.sliceAxis(tile, d, step - left, step));
  }
  for (let left = hi, turn = true; left > 0; left -= step, turn = !turn) {
    const tile = inner(turn ? turned : n);
    parts.push(left >= step ? tile : p.sliceAxis(tile, d, 0, left));
  }
  return parts.length === 1 ? n : p.concatenate(parts, d);
};

/**
 * With elements added on both sides of each axis: a constant, the edge value, or the array mirrored with ("symmetric") or
 * without ("reflect") repeating its edge.
 *
 * @throws ShapeError for negative widths, ArgumentError for an unknown mode
 * @example mx.pad(mx.array([1, 2]), 1).tolist() // [0, 1, 2, 0]
 * @see mlx.core.pad
 */
export function pad(
  a: Operand,
  padWidth: PadWidth,
  mode?: PadMode | PadOptions,
  options?: PadOptions,
): NDArray {
  const n = nodeOf("pad", a);
  const o = readPositional<PadOptions>("pad", "mode", mode, options, ["mode", "constantValues"]);
  const widths = readWidths(padWidth, n.shape.length);
  const how = o.mode ?? "constant";
  if (how === "constant") {
    const value = o.constantValues ?? 0;
    if (!(value instanceof NDArray)) requireScalar("pad", value);
    return wrap(constantPad(n, widths, value));
  }
  if (how !== "edge" && how !== "reflect" && how !== "symmetric") {
    throw new ArgumentError(
      `[pad] expected mode "constant", "edge", "reflect" or "symmetric", got ${describe(how)}`,
    );
  }
  let out = n;
  widths.forEach(([lo, hi], d) => {
    if (lo === 0 && hi === 0) return;
    const length = n.shape[d] ?? 0;
    if (length === 0)
      throw new ShapeError(`[pad] expected axis ${d} to have an element to copy, got none`);
    if (how === "edge" || (how === "reflect" && length === 1)) out = edgePad(out, d, lo, hi);
    else out = mirrorPad(out, d, lo, hi, how === "symmetric");
  });
  return wrap(out);
}

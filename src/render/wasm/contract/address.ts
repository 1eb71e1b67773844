/** Coordinates and addresses from linear positions, as instructions. */

import type { ComputeType } from "../../../core/scalar.js";
import type { Ix, ValId } from "../../../kernel/ir.js";
import { argBytes } from "../../contract.js";
import type { Code } from "../block.js";
import type { Func } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { type Group, type Product, strideOf } from "./product.js";

type Affine = Extract<Ix, { k: "affine" }>;

/** The coordinates of a row-major position in a group. */
export const coordsOf = (
  code: Code,
  p: Product,
  group: Group,
  position: Ref,
): readonly (readonly [axis: number, at: Ref])[] => {
  const out: [number, Ref][] = [];
  let rest = position;
  for (const [i, axis] of [...group.axes.entries()].reverse()) {
    const size = p.kernel.axes[axis]?.size ?? 1;
    if (i === 0) out.push([axis, rest]);
    else {
      out.push([axis, code.op("i32.rem_u", rest, code.i32(size))]);
      rest = code.op("i32.div_u", rest, code.i32(size));
    }
  }
  return out;
};

/** Elements of the contraction's own type that lie in memory: their strides from row to row and along a row. */
export interface Plain {
  readonly buf: number;
  readonly bytes: number;
  readonly ix: Affine;
  /** For operands the stride along m or n; for the result that along m. */
  readonly across: number;
  /** For operands the stride along k; for the result that along n. */
  readonly along: number;
}

const groupStride = (ix: Affine, group: Group): number | null => {
  const [axis, more] = group.axes;
  if (more !== undefined) return null;
  return axis === undefined ? 0 : strideOf(ix, axis);
};

const plainAt = (
  p: Product,
  type: ComputeType,
  { buf, ix }: { readonly buf: number; readonly ix: Ix },
  rows: Group,
  row: Group,
): Plain | null => {
  const storage = p.kernel.bufs[buf]?.storage;
  const fits = type === "f32" ? /^(float32|complex64)$/ : /^float64$/;
  if (ix.k !== "affine" || storage === undefined || !fits.test(storage.name)) return null;
  const across = groupStride(ix, rows);
  const along = groupStride(ix, row);
  if (across === null || along === null || across < 0 || along < 0) return null;
  return { buf, bytes: type === "f32" ? 4 : 8, ix, across, along };
};

/** The operand as a strided block of memory, or null where it must be computed or gathered. */
export const plainOf = (p: Product, id: ValId, group: Group): Plain | null => {
  const v = p.kernel.vals[id];
  if (v?.op !== "load" || v.guards.length > 0) return null;
  return plainAt(p, v.dtype, v, group, p.k);
};

/** Where the product itself is stored as a strided block of memory, and nothing else is; null otherwise. */
export const plainResult = (p: Product): Plain | null => {
  const [store, more] = p.kernel.stores;
  if (store === undefined || more !== undefined || store.value !== p.id) return null;
  return plainAt(p, p.type, store, p.m, p.n);
};

/**
 * Pushes the address of the element of a plain operand at batch position `batch`, the other coordinates being 0.
 * `args` and `batch` are locals.
 */
export const pushBase = (f: Func, p: Product, plain: Plain, args: number, batch: number): void => {
  const { bytes } = plain;
  f.get(args).op("i32.load", argBytes.buffers + 4 * plain.buf);
  if (plain.ix.off !== 0) f.i32(plain.ix.off * bytes).op("i32.add");
  let below = 1;
  for (const [i, axis] of [...p.batch.axes.entries()].reverse()) {
    const stride = strideOf(plain.ix, axis);
    const size = p.kernel.axes[axis]?.size ?? 1;
    if (stride !== 0) {
      f.get(batch);
      if (below > 1) f.i32(below).op("i32.div_u");
      if (i > 0) f.i32(size).op("i32.rem_u");
      f.i32(stride * bytes)
        .op("i32.mul")
        .op("i32.add");
    }
    below *= size;
  }
};

/** Hand-written kernels that tests of the interpreter, the spec and devices share. */

import type { DType } from "../../src/core/dtype.js";
import { float32, int32 } from "../../src/core/dtype.js";
import type { Combine, ComputeType, ScalarOp } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";

import type { Axis, Buf, Guard, Ix, Kernel, Mask, Store, Val, ValId } from "../../src/kernel/ir.js";

/** off + Σ stride · axis, from pairs. */
export const affine = (off: number, ...terms: readonly (readonly [number, number])[]): Ix => ({
  k: "affine",
  off,
  terms,
});

export const grid = (size: number): Axis => ({ size, role: "grid" });
export const row = (size: number): Axis => ({ size, role: "row" });
export const contracted = (size: number): Axis => ({ size, role: "contract" });

/** Collects the parts of a kernel. */
export class KernelBuilder {
  private readonly bufs: Buf[] = [];
  private readonly vals: Val[] = [];
  private readonly stores: Store[] = [];
  private readonly params: ComputeType[] = [];
  private readonly axes: readonly Axis[];

  constructor(...axes: readonly Axis[]) {
    this.axes = axes;
  }

  val(v: Val): ValId {
    this.vals.push(v);
    return this.vals.length - 1;
  }

  buf(storage: DType, access: Buf["access"]): number {
    this.bufs.push({ storage, access });
    return this.bufs.length - 1;
  }

  load(ix: Ix, storage: DType = float32, guards: readonly Guard[] = [], fill = 0): ValId {
    return this.loadFrom(this.buf(storage, "read"), ix, guards, fill);
  }

  loadFrom(buf: number, ix: Ix, guards: readonly Guard[] = [], fill = 0): ValId {
    const dtype = computeTypeOf(this.bufs[buf]?.storage ?? float32);
    return this.val({ op: "load", dtype, buf, ix, guards, fill });
  }

  param(dtype: ComputeType): ValId {
    this.params.push(dtype);
    return this.val({ op: "param", dtype, index: this.params.length - 1 });
  }

  constant(dtype: ComputeType, value: number | bigint): ValId {
    return this.val({ op: "const", dtype, value });
  }

  scalar(fn: ScalarOp, dtype: ComputeType, ...ins: readonly ValId[]): ValId {
    return this.val({ op: "scalar", fn, dtype, in: ins });
  }

  reduce(how: Combine, dtype: ComputeType, of: ValId, over: Mask, at: ValId | null = null): ValId {
    return this.val({ op: "reduce", how, dtype, in: of, over, at });
  }

  store(
    value: ValId,
    over: Mask,
    ix: Ix,
    storage: DType = float32,
    access: Buf["access"] = "write",
  ): this {
    this.stores.push({ buf: this.buf(storage, access), ix, value, over });
    return this;
  }

  build(): Kernel {
    return {
      axes: this.axes,
      bufs: this.bufs,
      params: this.params,
      vals: this.vals,
      stores: this.stores,
    };
  }
}

/** out[i] = x[i] · scale + y[i]. */
export const scaledAdd = (n: number): Kernel => {
  const k = new KernelBuilder(grid(n));
  const at = affine(0, [0, 1]);
  const scaled = k.scalar("mul", "f32", k.load(at), k.param("f32"));
  return k.store(k.scalar("add", "f32", scaled, k.load(at)), 1, at).build();
};

/** Softmax of the rows of [m, n]. */
export const softmaxRows = (m: number, n: number): Kernel => {
  const k = new KernelBuilder(grid(m), row(n));
  const at = affine(0, [0, n], [1, 1]);
  const x = k.load(at);
  const shifted = k.scalar("sub", "f32", x, k.reduce("max", "f32", x, 2));
  const e = k.scalar("exp", "f32", shifted);
  return k.store(k.scalar("div", "f32", e, k.reduce("sum", "f32", e, 2)), 3, at).build();
};

/** Sums of the columns of [m, n], one row per slab of rows. */
export const columnSums = (m: number, n: number): Kernel => {
  const k = new KernelBuilder(grid(m), row(n));
  const x = k.load(affine(0, [0, n], [1, 1]));
  return k.store(k.reduce("sum", "f32", x, 1), 2, affine(0, [1, 1]), float32, "partial").build();
};

/** [m, k] times [k, n]. */
export const product = (m: number, n: number, depth: number): Kernel => {
  const k = new KernelBuilder(grid(m), grid(n), contracted(depth));
  const a = k.load(affine(0, [0, depth], [2, 1]));
  const b = k.load(affine(0, [2, n], [1, 1]));
  const c = k.val({ op: "contract", dtype: "f32", a, b, over: 4 });
  return k.store(c, 3, affine(0, [0, n], [1, 1])).build();
};

/** out[i, j] = x[index[i], j] for an x of [rows, n]. */
export const takeRows = (m: number, n: number, rows: number, code: number): Kernel => {
  const k = new KernelBuilder(grid(m), grid(n));
  const x = k.buf(float32, "read");
  const raw = k.load(affine(0, [0, 1]), int32);
  const safe = k.val({ op: "index", dtype: "i32", in: raw, size: rows, code });
  const at: Ix = { k: "sum", of: [{ k: "value", of: safe, stride: n }, affine(0, [1, 1])] };
  return k.store(k.loadFrom(x, at), 3, affine(0, [0, n], [1, 1])).build();
};

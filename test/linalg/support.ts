/** Matrices for the tests of linear algebra, and what they are compared with. */
import assert from "node:assert/strict";
import * as mx from "../../src/index.js";

type NDArray = mx.NDArray;

export const dtypes: readonly mx.DType[] = [mx.float32, mx.float64, mx.complex64];

/** Rounding of a dtype. */
export const unit = (d: mx.DType): number => (d === mx.float64 ? 2 ** -52 : 2 ** -23);

/** Numbers in [-1, 1) that depend on the seed only. */
export const noise = (seed: number): (() => number) => {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
};

export const random = (dtype: mx.DType, shape: readonly number[], seed: number): NDArray => {
  const next = noise(seed);
  const size = shape.reduce((n, d) => n * d, 1);
  const draw = (): NDArray =>
    mx
      .array(Float64Array.from({ length: size }, next))
      .reshape(shape)
      .astype(dtype);
  return dtype === mx.complex64 ? draw().add(draw().multiply({ re: 0, im: 1 })) : draw();
};

export const adjoint = (a: NDArray): NDArray => mx.conjugate(mx.swapaxes(a, -1, -2));

/** A Hermitian matrix with eigenvalues from 1 on. */
export const definite = (dtype: mx.DType, shape: readonly number[], seed: number): NDArray => {
  const a = random(dtype, shape, seed);
  return mx.add(
    mx.matmul(a, adjoint(a)),
    mx.eye(shape.at(-1) ?? 0, { dtype: mx.float32 }).astype(dtype),
  );
};

/** The largest modulus of an element; NaN where there is one. */
export const largest = (a: NDArray): number => {
  const data = mx.abs(a).astype(mx.float64).dataSync();
  let most = 0;
  for (const x of data) {
    const v = Number(x);
    if (!(v <= most)) most = v;
  }
  return most;
};

/** Equal up to some roundings of the dtype, measured by the size of what is wanted. */
export const near = (got: NDArray, want: NDArray, what: string, factor = 30): void => {
  assert.deepEqual(got.shape, want.shape, `${what}: shape`);
  const off = largest(mx.subtract(got, want));
  const n = Math.max(1, ...got.shape.slice(-2));
  const bound = factor * n * unit(got.dtype) * (1 + largest(want));
  assert.ok(off <= bound, `${what}: off by ${off}, expected ${bound}`);
};

export const unitary = (q: NDArray, what: string): void => {
  const n = q.shape.at(-1) ?? 0;
  near(
    mx.matmul(adjoint(q), q),
    mx.broadcastTo(mx.eye(n).astype(q.dtype), [...q.shape.slice(0, -2), n, n]),
    what,
  );
};

/** Vectors as diagonal matrices of a shape. */
export const diagonal = (v: NDArray, rows: number, columns: number, dtype: mx.DType): NDArray => {
  const n = v.shape.at(-1) ?? 0;
  const square = mx.multiply(
    mx.eye(n, { dtype: mx.float32 }).astype(dtype),
    mx.expandDims(v, -2).astype(dtype),
  );
  const lead: [number, number][] = v.shape.slice(0, -1).map(() => [0, 0]);
  return mx.pad(square, [...lead, [0, rows - n], [0, columns - n]]);
};

/** What must hold of any program: one value on every way to it, one derivative by every rule, lanes as the loop has them. */
import assert from "node:assert/strict";
import * as mx from "../../src/index.js";
import { fusedEngine } from "./engines.js";
import {
  type Disturb,
  dtypeOf,
  inputsOf,
  type Kind,
  numbers,
  type Program,
  run,
} from "./random-programs.js";

const reference = fusedEngine().engine;

interface Value {
  readonly shape: string;
  readonly dtype: string;
  readonly data: readonly (number | bigint)[];
}

const valueOf = (x: mx.NDArray): Value => {
  const flat = x.dataSync();
  const data = Array.from({ length: flat.length }, (_, i) => flat[i] ?? Number.NaN);
  return { shape: `[${x.shape.join()}]`, dtype: x.dtype.name, data };
};

const largestOf = (v: Value): number =>
  v.data.reduce<number>(
    (m, x) => (Number.isFinite(Number(x)) ? Math.max(m, Math.abs(Number(x))) : m),
    0,
  );

/** Requires equal shapes and dtypes, and values within `bound` (0: equal). */
const requireSame = (what: string, got: Value, want: Value, bound: number): void => {
  assert.equal(got.dtype, want.dtype, `${what}: dtype`);
  assert.equal(got.shape, want.shape, `${what}: shape`);
  for (const [i, w] of want.data.entries()) {
    const g = got.data[i] ?? Number.NaN;
    if (Object.is(g, w) || g === w) continue;
    const off = Math.abs(Number(g) - Number(w));
    assert.ok(
      off <= bound,
      `${what}: element ${i} is ${g} instead of ${w}, off by ${off}, allowed ${bound}`,
    );
  }
};

/** Relative rounding of one operation. */
const rounding: Readonly<Record<string, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 2 ** -23,
  float64: 2 ** -52,
};

/** Turns every intermediate by a relative error of random sign, as rounding does. */
const disturbance = (eps: number, seed: number): Disturb => {
  return (x, step) => {
    const next = numbers(seed * 31 + step);
    const signs = Float64Array.from({ length: x.size }, () => (next() < 0.5 ? 1 - eps : 1 + eps));
    return mx.multiply(x, mx.array(signs).reshape(x.shape));
  };
};

/** How far rounding in `dtype` can move the results, measured in float64 by what errors of that size do. */
const boundOf = (program: Program, dtype: mx.DType, exactly: Value): number => {
  const eps = rounding[dtype.name] ?? 0;
  let widest = 0;
  for (const seed of [1, 2, 3]) {
    const moved = valueOf(
      run(program, "smooth", inputsOf(program, "smooth", mx.float64), disturbance(eps, seed)),
    );
    for (const [i, x] of moved.data.entries()) {
      const off = Math.abs(Number(x) - Number(exactly.data[i]));
      if (off > widest) widest = off;
    }
  }
  // Below the normal numbers rounding is absolute.
  const coarse = dtype === mx.float16 ? 2 ** -18 : 1e-30;
  return 16 * widest + 8 * eps * largestOf(exactly) + coarse;
};

const asFunction =
  (program: Program, kind: Kind) =>
  (...xs: mx.NDArray[]): mx.NDArray =>
    run(program, kind, xs);

/** Eager, compiled, fused differently and on the reference device. */
export const checkValues = (program: Program, kind: Kind): void => {
  const dtype = dtypeOf(program, kind);
  const fresh = (): mx.NDArray[] => inputsOf(program, kind, dtype);
  const whole = valueOf(run(program, kind, fresh()));
  const stepwise = valueOf(
    run(program, kind, fresh(), (x) => {
      mx.eval(x);
      return x;
    }),
  );
  const compiled = valueOf(mx.compile(asFunction(program, kind))(...fresh()));
  const onReference = run(program, kind, fresh());
  reference.evaluate([onReference.node]);
  const ways = { stepwise, compiled, reference: valueOf(onReference) };
  if (kind === "exact") {
    for (const [way, value] of Object.entries(ways)) requireSame(way, value, whole, 0);
    return;
  }
  const exactly = valueOf(run(program, kind, inputsOf(program, kind, mx.float64)));
  const bound = boundOf(program, dtype, exactly);
  const like: Value = { ...exactly, dtype: whole.dtype };
  requireSame("eager against float64", whole, like, bound);
  for (const [way, value] of Object.entries(ways)) requireSame(way, value, whole, 2 * bound);
};

/** The mapped program against one run per lane. */
export const checkVmap = (program: Program, kind: Kind): void => {
  const dtype = dtypeOf(program, kind);
  const count = program.shapes.length;
  const lanes = [0, 1].map((lane) =>
    inputsOf({ ...program, seed: program.seed + 7919 * lane }, kind, dtype),
  );
  const first = lanes[0] ?? [];
  const chosen = (program.seed % (2 ** count - 1)) + 1;
  const axes = first.map((x, i) =>
    (chosen >> i) % 2 === 1 ? (program.seed >> i) % (x.ndim + 1) : null,
  );
  const stacked = first.map((x, i) => {
    const axis = axes[i] ?? null;
    return axis === null
      ? x
      : mx.stack(
          lanes.map((lane) => lane[i] ?? x),
          { axis },
        );
  });
  const fn = asFunction(program, kind);
  const mapped = mx.vmap(fn, axes.length === 1 ? (axes[0] ?? 0) : axes)(...stacked);
  const looped = mx.stack(
    lanes.map((lane) => fn(...first.map((x, i) => (axes[i] === null ? x : (lane[i] ?? x))))),
  );
  let bound = 0;
  if (kind === "smooth") {
    for (const lane of [0, 1]) {
      const shifted = { ...program, seed: program.seed + 7919 * lane };
      const exactly = valueOf(run(shifted, kind, inputsOf(shifted, kind, mx.float64)));
      bound = Math.max(bound, 2 * boundOf(shifted, dtype, exactly));
    }
    // Lanes may mix inputs of both runs.
    bound *= 4;
  }
  requireSame("vmap", valueOf(mapped), valueOf(looped), bound);
};

const dot = (x: mx.NDArray, y: mx.NDArray): mx.NDArray => mx.sum(mx.multiply(x, y));

const drawn = (x: mx.NDArray, seed: number): mx.NDArray => {
  const next = numbers(seed);
  return mx.array(Float64Array.from({ length: x.size }, () => next() * 2 - 1)).reshape(x.shape);
};

/** False where the program has a kink too near for central differences to tell. */
export const checkGradients = (program: Program): boolean => {
  const fn = asFunction(program, "smooth");
  const xs = inputsOf(program, "smooth", mx.float64);
  const out = fn(...xs);
  const weights = drawn(out, program.seed + 1);
  const tangents = xs.map((x, i) => drawn(x, program.seed + 2 + i));
  const loss = (...args: mx.NDArray[]): mx.NDArray => dot(fn(...args), weights);
  // Means of nothing have no slope to speak of.
  if (!Number.isFinite(Number(loss(...xs).item()))) return true;
  const [, gradients] = mx.vjp((...args: mx.NDArray[]) => fn(...args), xs, [weights]);
  const [, pushed] = mx.jvp((...args: mx.NDArray[]) => fn(...args), xs, tangents);
  const slope = Number(
    gradients
      .reduce((sum, g, i) => mx.add(sum, dot(g, tangents[i] ?? g)), mx.zeros([], mx.float64))
      .item(),
  );
  const forward = Number(dot(mx.stack(pushed).get(0), weights).item());
  const scale = Math.max(1, Math.abs(slope), largestOf(valueOf(out)) * Math.max(1, out.size));
  const moved = (h: number): number =>
    Number(loss(...xs.map((x, i) => mx.add(x, mx.multiply(tangents[i] ?? x, h)))).item());
  const here = Number(loss(...xs).item());
  const h = 1e-5;
  const [right, left] = [(moved(h) - here) / h, (here - moved(-h)) / h];
  // At a kink forward and reverse mode choose sides of their own, as in MLX.
  if (Math.abs(right - left) > 1e-3 * scale) return false;
  assert.ok(Math.abs(slope - forward) <= 1e-9 * scale, `jvp gives ${forward}, vjp ${slope}`);

  const numbersOf = xs.map((_, i) => i);
  const ways = {
    "gradient of compiled": mx.grad(mx.compile(loss), numbersOf)(...xs),
    "compiled gradient": mx.compile(mx.grad(loss, numbersOf))(...xs),
  };
  for (const [way, found] of Object.entries(ways)) {
    // Of a single argument the gradient comes without a list.
    const list: readonly mx.NDArray[] = found instanceof mx.NDArray ? [found] : found;
    for (const [i, g] of gradients.entries()) {
      const want = valueOf(g);
      const got = list[i];
      assert.ok(got !== undefined, `${way}: no gradient ${i}`);
      requireSame(`${way} ${i}`, valueOf(got), want, 1e-9 * Math.max(1, largestOf(want)));
    }
  }

  assert.ok(
    Math.abs(slope - (right + left) / 2) <= 2e-4 * scale,
    `central differences give ${(right + left) / 2}, the gradient ${slope}`,
  );
  return true;
};

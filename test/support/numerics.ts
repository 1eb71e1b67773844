/** Accuracy measurements: functions run as rendered kernels over samples of their whole range. */
import { type DType, float32, float64 } from "../../src/core/dtype.js";
import type { Kernel } from "../../src/kernel/ir.js";
import type { Features } from "../../src/render/contract.js";
import { expand, type MathOp } from "../../src/render/wasm/math/index.js";
import { deviation, formats } from "./exact.js";
import { LaneEmulator } from "./lane-emulator.js";
import { RenderedProgram } from "./rendered.js";

export type FloatType = "f32" | "f64";

/** Functions with an interval of each operand that deserves dense samples. */
export const measured: Readonly<
  Partial<Record<MathOp, readonly (readonly [low: number, high: number])[]>>
> = {
  exp: [[-104, 89]],
  expm1: [[-18, 89]],
  log: [[0, 4]],
  log1p: [[-1, 4]],
  log2: [[0, 4]],
  log10: [[0, 20]],
  sin: [[-100, 100]],
  cos: [[-100, 100]],
  tan: [[-100, 100]],
  asin: [[-1, 1]],
  acos: [[-1, 1]],
  atan: [[-4, 4]],
  sinh: [[-90, 90]],
  cosh: [[-90, 90]],
  tanh: [[-10, 10]],
  asinh: [[-4, 4]],
  acosh: [[1, 6]],
  atanh: [[-1, 1]],
  erf: [[-4, 4]],
  erfinv: [[-1, 1]],
  sigmoid: [[-100, 20]],
  rsqrt: [[0, 8]],
  pow: [
    [0, 8],
    [-40, 40],
  ],
  atan2: [
    [-4, 4],
    [-4, 4],
  ],
  rem: [
    [-100, 100],
    [-4, 4],
  ],
};

const specials: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  10,
  100,
  -100,
  Infinity,
  -Infinity,
  Number.NaN,
];

/** Edges of the format: subnormal, smallest normal, largest, and the neighbours of one. */
const edges: { readonly [T in FloatType]: readonly number[] } = {
  f32: [2 ** -149, 2 ** -127, 2 ** -126, formats.f32.largest, 1 + 2 ** -23, 1 - 2 ** -24],
  f64: [2 ** -1074, 2 ** -1023, 2 ** -1022, Number.MAX_VALUE, 1 + 2 ** -52, 1 - 2 ** -53],
};

/** A reproducible stream of numbers in [0, 1) with 53 random bits. */
const randoms = (): (() => number) => {
  let state = 0x9e3779b97f4a7c15n;
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 11n) / 2 ** 53;
  };
};

export interface Samples {
  readonly a: readonly number[];
  /** Second operands; ones for functions of one. */
  readonly b: readonly number[];
}

/** Specials, about `perBinade` numbers of each sign from every binade, and `dense` from the interval of interest. */
export const samplesOf = (
  fn: MathOp,
  type: FloatType,
  perBinade: number,
  dense: number,
): Samples => {
  const random = randoms();
  const round = type === "f32" ? Math.fround : (x: number): number => x;
  const special = [...specials, ...edges[type], ...edges[type].map((x) => -x)];
  const [first = [0, 1], second] = measured[fn] ?? [];
  const a: number[] = [];
  const b: number[] = [];
  const add = (x: number, y: number): void => {
    a.push(round(x));
    b.push(round(y));
  };
  const others = second === undefined ? [1] : special;
  for (const x of special) for (const y of others) add(x, y);
  const [lowest, highest] = type === "f32" ? [-149, 127] : [-1074, 1023];
  const within = ([low, high]: readonly [number, number]): number => low + random() * (high - low);
  for (let left = 0, e = lowest; e <= highest; e++) {
    for (left += perBinade; left >= 1; left--) {
      const x = (1 + random()) * 2 ** e;
      const other = (): number => (second === undefined ? 1 : within(second));
      add(x, other());
      add(-x, other());
      // Results of pow between overflow and underflow, whatever the base.
      if (fn === "pow")
        add(x, (within([-1, 1]) * highest) / Math.max(Math.abs(Math.log2(x)), 2 ** -20));
      if (fn === "atan2") add(x, x * within([-2, 2]));
    }
  }
  for (let i = 0; i < dense; i++) {
    add(within(first), second === undefined ? 1 : within(second));
    if (fn === "pow")
      add(1 + within([-1, 1]) * 2 ** -(random() * 20), within([-1, 1]) * highest * 20);
  }
  return { a, b };
};

const binary: ReadonlySet<MathOp> = new Set(["pow", "atan2", "rem"]);

/** out[i] = fn(a[i]) or fn(a[i], b[i]) over `count` elements. */
const mapKernel = (fn: MathOp, type: FloatType, count: number): Kernel => {
  const storage: DType = type === "f32" ? float32 : float64;
  const ix = { k: "affine", off: 0, terms: [[0, 1]] } as const;
  const operands = binary.has(fn) ? [0, 1] : [0];
  return {
    axes: [{ size: count, role: "grid" }],
    bufs: [
      ...operands.map(() => ({ storage, access: "read" }) as const),
      { storage, access: "write" },
    ],
    params: [],
    vals: [
      ...operands.map(
        (buf) => ({ dtype: type, op: "load", buf, ix, guards: [], fill: 0 }) as const,
      ),
      { dtype: type, op: "scalar", fn, in: operands },
    ],
    stores: [{ buf: operands.length, ix, value: operands.length, over: 1 }],
  };
};

/** Computes a function's values at samples. */
export type Way = (fn: MathOp, type: FloatType, samples: Samples) => ArrayLike<number>;

/** As a rendered kernel does. */
export const rendered =
  (features: Features): Way =>
  (fn, type, samples) => {
    const count = samples.a.length;
    const bytesOf = (xs: readonly number[]): Uint8Array =>
      new Uint8Array((type === "f32" ? Float32Array.from(xs) : Float64Array.from(xs)).buffer);
    const program = new RenderedProgram(mapKernel(fn, type, count), features);
    const inputs = [samples.a, samples.b].slice(0, binary.has(fn) ? 2 : 1).map(bytesOf);
    const { outputs } = program.run(inputs, [count * (type === "f32" ? 4 : 8)], count);
    const { buffer } = Uint8Array.from(outputs[0] ?? []);
    return type === "f32" ? new Float32Array(buffer) : new Float64Array(buffer);
  };

/** As straight-line code on one emulated lane, whatever the engine has. */
export const emulated =
  (fused: boolean): Way =>
  (fn, type, samples) => {
    const lane = new LaneEmulator(type, fused);
    const count = binary.has(fn) ? 2 : 1;
    return samples.a.map((a, i) =>
      lane.run((c, args) => expand(c, fn, args), ...[a, samples.b[i] ?? 1].slice(0, count)),
    );
  };

export interface Accuracy {
  readonly samples: number;
  /** The most numbers of the format that any value is away from the correctly rounded one. */
  readonly steps: number;
  /** Largest and mean distance from the exact value, in units of the last place. */
  readonly max: number;
  readonly mean: number;
  /** Where the largest deviation was. */
  readonly at: readonly number[];
  readonly got: number;
  readonly expected: number;
}

const bits = new DataView(new ArrayBuffer(8));

/** Position among the numbers of the format, zero at 0. */
const ordinal = (x: number, type: FloatType): bigint => {
  if (type === "f32") bits.setFloat32(0, x);
  else bits.setFloat64(0, x);
  const raw = type === "f32" ? BigInt(bits.getInt32(0)) : bits.getBigInt64(0);
  return raw < 0n ? -BigInt.asUintN(type === "f32" ? 31 : 63, raw) : raw;
};

const stepsBetween = (a: number, b: number, type: FloatType): number => {
  const d = Number(ordinal(a, type) - ordinal(b, type));
  return Number.isNaN(a) && Number.isNaN(b) ? 0 : Math.abs(d);
};

/** Runs the function over the samples and measures every value. */
export const accuracyOf = (fn: MathOp, type: FloatType, samples: Samples, way: Way): Accuracy => {
  const values = way(fn, type, samples);
  let worst = { max: -1, at: samples.a.slice(0, 1), got: Number.NaN, expected: Number.NaN };
  let sum = 0;
  let counted = 0;
  let steps = 0;
  samples.a.forEach((a, i) => {
    const b = samples.b[i] ?? 1;
    const got = values[i] ?? Number.NaN;
    const { rounded, ulps } = deviation(fn, formats[type], a, b, got);
    steps = Math.max(steps, Number.isFinite(ulps) ? stepsBetween(got, rounded, type) : ulps);
    if (Number.isFinite(rounded)) {
      sum += ulps;
      counted++;
    }
    if (ulps > worst.max) {
      worst = { max: ulps, at: binary.has(fn) ? [a, b] : [a], got, expected: rounded };
    }
  });
  return { samples: samples.a.length, steps, mean: sum / Math.max(1, counted), ...worst };
};

/** What is measured: sizes, arithmetic, how well results must agree, and what we promise. */
import type { Params } from "./library.js";

export interface Workload {
  readonly name: string;
  readonly group: string;
  readonly kind: string;
  readonly params: Params;
  /** Floating-point operations of one call, where a rate says something. */
  readonly flops?: number;
  /** Bytes that must be read and written at least, where that bounds the time. */
  readonly bytes?: number;
  /** Allowed difference between libraries, relative to the greatest magnitude in the result. */
  readonly tolerance: number;
  /** What we promise, for the report. */
  readonly goal?: string;
}

const matmul = (
  [m, k, n]: readonly [number, number, number],
  more: { batch?: number; dtype?: string; goal?: string } = {},
): Workload => {
  const { batch, dtype, goal } = more;
  const sizes = batch === undefined ? `${m}×${k}×${n}` : `${batch}×${m}×${k}×${n}`;
  return {
    name: `matmul ${sizes}${dtype === undefined ? "" : ` ${dtype}`}`,
    group: "matrix products",
    kind: "matmul",
    params: {
      m,
      k,
      n,
      ...(batch === undefined ? {} : { batch }),
      ...(dtype === undefined ? {} : { dtype }),
    },
    flops: 2 * (batch ?? 1) * m * k * n,
    tolerance: dtype === undefined ? 1e-4 : 2e-2,
    ...(goal === undefined ? {} : { goal }),
  };
};

const named: Readonly<Record<number, string>> = {
  16384: "16 Ki",
  1048576: "1 Mi",
  4194304: "4 Mi",
};
const count = (n: number): string => named[n] ?? `${named[n - 1]} + 1`;

const elementwise = (
  kind: string,
  operands: number,
  goals: Readonly<Record<number, string>> = {},
): Workload[] =>
  [16384, 1048576, 4194304, 4194305].map((n) => ({
    name: `${kind} ${count(n)}`,
    group: "element-wise and sums",
    kind,
    params: { n },
    bytes: 4 * n * operands,
    // Sums of numbers around zero lose what their parts cancel.
    tolerance: kind === "sum" ? 1e-2 : 1e-5,
    ...(goals[n] === undefined ? {} : { goal: goals[n] }),
  }));

const row = { rows: 4096, columns: 1024 };
const rowwise = (name: string, kind: string, passes: number, goal?: string): Workload => ({
  name: `${name} 4096×1024`,
  group: "rows",
  kind,
  params: row,
  bytes: 4 * row.rows * row.columns * passes,
  tolerance: 1e-4,
  ...(goal === undefined ? {} : { goal }),
});

const heads = { heads: 8, length: 1024, width: 64 };
const pair = 2 * heads.heads * heads.length * heads.length * heads.width;

const mi = (name: string, kind: string, goal?: string, n = 1048576): Workload => ({
  name: `${name} ${n === 1048576 ? "1 Mi" : "2²⁰"}`,
  group: "routines",
  kind,
  params: { n },
  tolerance: kind === "cumsum" ? 1e-3 : 1e-4,
  ...(goal === undefined ? {} : { goal }),
});

const mlp = (batch: number, mode: string, goal?: string): Workload => ({
  name: `MLP 784-256-256-10 step, batch ${batch}, ${mode}`,
  group: "models",
  kind: "mlpStep",
  params: { batch, mode },
  flops: 6 * batch * (784 * 256 + 256 * 256 + 256 * 10),
  tolerance: 1e-3,
  ...(goal === undefined ? {} : { goal }),
});

const gpt = { vocabulary: 95, context: 64, width: 64, heads: 4, layers: 4 };

export const workloads: readonly Workload[] = [
  matmul([64, 64, 64], { goal: "≥ 5× jax-js" }),
  matmul([255, 255, 255]),
  matmul([256, 256, 256]),
  matmul([1023, 1023, 1023], { goal: "≥ 0.9 of our rate at 1024³" }),
  matmul([1024, 1024, 1024], {
    goal: "≥ 2.5× the fastest JavaScript peer; with BLAS ≥ 0.95× NumPy",
  }),
  matmul([2048, 2048, 2048]),
  matmul([512, 512, 510]),
  matmul([128, 784, 10]),
  matmul([1, 4096, 4096]),
  matmul([4096, 4096, 1]),
  matmul([128, 128, 128], { batch: 64 }),
  matmul([512, 512, 512], { dtype: "bfloat16", goal: "≥ 10× MLX" }),
  matmul([512, 512, 512], { dtype: "float16" }),
  ...elementwise("gelu", 2, { 4194304: "≥ 12× jax-js and TensorFlow.js, ≥ 2× NumPy" }),
  ...elementwise("exp", 2, { 4194304: "≥ 6× jax-js and TensorFlow.js, ≥ 0.8× NumPy" }),
  ...elementwise("add", 3),
  ...elementwise("sum", 1, { 4194304: "≥ NumPy" }),
  rowwise("softmax", "softmax", 2, "≥ 1.3× TensorFlow.js, ≥ 12× jax-js"),
  rowwise("softmax backward", "softmaxBackward", 3),
  rowwise("layer norm", "layerNorm", 2),
  rowwise("layer norm backward", "layerNormBackward", 3, "≥ 5× MLX"),
  rowwise("RMS norm", "rmsNorm", 2),
  rowwise("RMS norm backward", "rmsNormBackward", 3),
  {
    name: "transpose + add 2048²",
    group: "rows",
    kind: "transposeAdd",
    params: { n: 2048 },
    bytes: 3 * 4 * 2048 * 2048,
    tolerance: 1e-6,
  },
  {
    name: "attention 8×1024×64",
    group: "attention and convolution",
    kind: "attention",
    params: heads,
    flops: 2 * pair,
    tolerance: 1e-4,
    goal: "≥ 6× MLX",
  },
  {
    name: "attention backward 8×1024×64",
    group: "attention and convolution",
    kind: "attentionBackward",
    params: heads,
    flops: 7 * pair,
    tolerance: 1e-3,
  },
  {
    name: "conv2d 8×56×56×64, 64 filters of 3×3",
    group: "attention and convolution",
    kind: "conv2d",
    params: { batch: 8, side: 56, channels: 64, filters: 64, kernel: 3 },
    flops: 2 * 8 * 56 * 56 * 64 * 64 * 9,
    tolerance: 1e-4,
  },
  mi("cumsum", "cumsum"),
  mi("sort", "sort"),
  mi("argsort", "argsort"),
  mi("gather", "gather"),
  mi("scatter-add", "scatterAdd"),
  mi("fft", "fft", undefined, 1 << 20),
  {
    name: "vjp of x·sin(x), 16 floats, evaluated",
    group: "overhead",
    kind: "vjpSmall",
    params: { n: 16 },
    tolerance: 1e-5,
    goal: "≤ 12 µs; ≥ 4× TensorFlow.js, ≥ 20× jax-js",
  },
  ...["eager", "compiled"].map((mode) => ({
    name: `1,000 tiny ops, ${mode}`,
    group: "overhead",
    kind: "chain",
    params: { ops: 1000, mode },
    tolerance: 1e-3,
    ...(mode === "eager" ? { goal: "≤ 3 µs per op" } : {}),
  })),
  mlp(128, "compiled", "≥ 5× jax-js; with BLAS ahead of MLX"),
  mlp(128, "eager"),
  mlp(127, "compiled"),
  ...["compiled", "eager"].map((mode) => ({
    name: `character GPT step, ${mode}`,
    group: "models",
    kind: "gptStep",
    params: { ...gpt, batch: 16, mode },
    tolerance: 1e-3,
  })),
  {
    name: "GPT, 64 tokens one by one with a cache",
    group: "models",
    kind: "gptGenerate",
    params: { ...gpt, tokens: 64 },
    tolerance: 0,
  },
];

/** Workloads in cotangent, as its users would write them: nothing is disposed of. */
import * as mx from "cotangent";
import { integers, numbers, sample } from "../data.js";
import { type Factory, type Job, type Library, local, type Params, size } from "../library.js";
import { models } from "./ours-models.js";

/** Whether V8 joins vectors for ours, in this process. */
export const wideVectors = (): mx.DeviceInfo["wideVectors"] => mx.deviceInfo().wideVectors;

type Result = mx.NDArray | readonly mx.NDArray[];

/** A job that computes and evaluates what `compute` describes. */
export const evaluated = (compute: () => Result): Job => ({
  run() {
    mx.eval(compute());
  },
  result() {
    const results = compute();
    const list = results instanceof mx.NDArray ? [results] : results;
    return list.flatMap((x) => sample(x.astype(mx.float32).dataSync()));
  },
});

const input = (
  shape: readonly number[],
  seed: number,
  dtype: mx.DType = mx.float32,
): mx.NDArray => {
  const count = shape.reduce((a, b) => a * b, 1);
  const x = mx
    .array(numbers(count, seed))
    .reshape([...shape])
    .astype(dtype);
  mx.eval(x);
  return x;
};

const dtypeOf = (params: Params): mx.DType => {
  const dtypes = { float32: mx.float32, bfloat16: mx.bfloat16, float16: mx.float16 };
  const name = params["dtype"];
  return name === "bfloat16" || name === "float16" ? dtypes[name] : dtypes.float32;
};

const gelu = (x: mx.NDArray): mx.NDArray => {
  const inner = x.multiply(x).multiply(x).multiply(0.044715).add(x).multiply(0.7978845608028654);
  return x.multiply(0.5).multiply(mx.tanh(inner).add(1));
};

/** Forward, or all derivatives for a cotangent of its own. */
const differentiable =
  (f: (...xs: mx.NDArray[]) => mx.NDArray, primals: mx.NDArray[], shape: readonly number[]) =>
  (backward: boolean): Job => {
    if (!backward) return evaluated(() => f(...primals));
    const cotangent = input(shape, 9);
    return evaluated(() => mx.vjp(f, primals, [cotangent])[1]);
  };

const rowwise =
  (f: (x: mx.NDArray, w: mx.NDArray, b: mx.NDArray) => mx.NDArray, operands: number) =>
  (backward: boolean): Factory =>
  (p) => {
    const [rows, columns] = [size(p, "rows"), size(p, "columns")];
    const all = [input([rows, columns], 1), input([columns], 2), input([columns], 3)];
    const use = (...xs: mx.NDArray[]): mx.NDArray => {
      const [x, w, b] = [...xs, ...all.slice(xs.length)];
      if (x === undefined || w === undefined || b === undefined) throw new RangeError("operands");
      return f(x, w, b);
    };
    return differentiable(use, all.slice(0, operands), [rows, columns])(backward);
  };

const attention =
  (backward: boolean): Factory =>
  (p) => {
    const shape = [1, size(p, "heads"), size(p, "length"), size(p, "width")];
    const scale = size(p, "width") ** -0.5;
    const attend = (q: mx.NDArray, k: mx.NDArray, v: mx.NDArray): mx.NDArray =>
      mx.fast.scaledDotProductAttention(q, k, v, { scale });
    const use = (...xs: mx.NDArray[]): mx.NDArray => {
      const [q, k, v] = xs;
      if (q === undefined || k === undefined || v === undefined) throw new RangeError("operands");
      return attend(q, k, v);
    };
    return differentiable(
      use,
      [1, 2, 3].map((seed) => input(shape, seed)),
      shape,
    )(backward);
  };

const unary =
  (f: (x: mx.NDArray) => mx.NDArray): Factory =>
  (p) => {
    const x = input([size(p, "n")], 1);
    return evaluated(() => f(x));
  };

const kinds: Readonly<Record<string, Factory>> = {
  matmul: (p) => {
    const [m, k, n] = [size(p, "m"), size(p, "k"), size(p, "n")];
    const batch = p["batch"] === undefined ? [] : [size(p, "batch")];
    const a = input([...batch, m, k], 1, dtypeOf(p));
    const b = input([...batch, k, n], 2, dtypeOf(p));
    return evaluated(() => mx.matmul(a, b));
  },
  gelu: unary((x) => gelu(x.multiply(4))),
  exp: unary(mx.exp),
  sum: unary((x) => mx.sum(x)),
  add: (p) => {
    const [x, y] = [input([size(p, "n")], 1), input([size(p, "n")], 2)];
    return evaluated(() => mx.add(x, y));
  },
  softmax: rowwise((x) => mx.softmax(x, -1), 1)(false),
  softmaxBackward: rowwise((x) => mx.softmax(x, -1), 1)(true),
  layerNorm: rowwise((x, w, b) => mx.fast.layerNorm(x, w, b, 1e-5), 3)(false),
  layerNormBackward: rowwise((x, w, b) => mx.fast.layerNorm(x, w, b, 1e-5), 3)(true),
  rmsNorm: rowwise((x, w) => mx.fast.rmsNorm(x, w, 1e-5), 2)(false),
  rmsNormBackward: rowwise((x, w) => mx.fast.rmsNorm(x, w, 1e-5), 2)(true),
  transposeAdd: (p) => {
    const n = size(p, "n");
    const [x, y] = [input([n, n], 1), input([n, n], 2)];
    return evaluated(() => x.transpose().add(y));
  },
  attention: attention(false),
  attentionBackward: attention(true),
  conv2d: (p) => {
    const [side, channels, kernel] = [size(p, "side"), size(p, "channels"), size(p, "kernel")];
    const x = input([size(p, "batch"), side, side, channels], 1);
    const w = input([size(p, "filters"), kernel, kernel, channels], 2);
    return evaluated(() => mx.conv2d(x, w, { padding: (kernel - 1) / 2 }));
  },
  cumsum: unary((x) => mx.cumsum(x)),
  sort: unary((x) => mx.sort(x)),
  argsort: unary((x) => mx.argsort(x)),
  gather: (p) => {
    const n = size(p, "n");
    const [x, at] = [input([n], 1), mx.array(integers(n, n, 2))];
    mx.eval(at);
    return evaluated(() => mx.take(x, at, 0));
  },
  fft: (p) => {
    const x = input([size(p, "n")], 1);
    return {
      run() {
        mx.eval(mx.fft.fft(x));
      },
      result() {
        const y = mx.fft.fft(x);
        return [mx.real(y), mx.imag(y)].flatMap((part) => sample(part.dataSync()));
      },
    };
  },
  scatterAdd: (p) => {
    const n = size(p, "n");
    const [updates, at] = [input([n], 1), mx.array(integers(n, n, 2))];
    const zeros = mx.zeros([n]);
    mx.eval(at, zeros);
    return evaluated(() => zeros.at(at).add(updates));
  },
  vjpSmall: (p) => {
    const [x, one] = [input([size(p, "n")], 1), mx.ones([size(p, "n")])];
    mx.eval(one);
    const f = (v: mx.NDArray): mx.NDArray => v.multiply(mx.sin(v));
    return evaluated(() => {
      const [outputs, gradients] = mx.vjp(f, [x], [one]);
      return [...outputs, ...gradients];
    });
  },
  chain: (p) => {
    const x = input([16], 1);
    const f = (v: mx.NDArray): mx.NDArray => {
      let y = v;
      for (let i = 0; i < size(p, "ops"); i += 2) y = mx.sin(y).add(v);
      return y;
    };
    const g = p["mode"] === "compiled" ? mx.compile(f) : f;
    return evaluated(() => g(x));
  },
  ...models,
};

/** cotangent in this process, on so many threads. */
export const ours = (name: string, threads: number, how: string): Library => {
  mx.setThreads(threads);
  return local(name, "this checkout", how, kinds);
};

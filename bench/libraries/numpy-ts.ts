/** Workloads in numpy-ts, whose arrays compute at once; results are disposed of. */
import * as np from "numpy-ts";
import { integers, numbers, sample } from "../data.js";
import { type Factory, type Job, type Library, local, size } from "../library.js";

type Any = np.NDArray;

// Not `instanceof`: some functions give instances of an inner class.
const isArray = (x: unknown): x is Any => typeof x === "object" && x !== null && "dispose" in x;

const arrayOf = (x: unknown): Any => {
  if (isArray(x)) return x;
  throw new TypeError("expected an array");
};

/** `compute` gives its result last in a list of everything it allocated. */
const job = (compute: () => readonly unknown[]): Job => ({
  run() {
    for (const x of compute()) if (isArray(x)) x.dispose();
  },
  result() {
    const last = compute().at(-1);
    return isArray(last) ? sample(Array.from(np.ravel(last).data, Number)) : [Number(last)];
  },
});

const input = (shape: number[], seed: number): Any =>
  np
    .array(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    )
    .reshape(...shape);

const unary =
  (f: (x: Any) => unknown): Factory =>
  (p) => {
    const x = input([size(p, "n")], 1);
    return job(() => [f(x)]);
  };

/** Row statistics and what is made of them, with every intermediate in the list. */
const softmax = (x: Any): unknown[] => {
  const top = np.max(x, -1, true);
  const shifted = np.subtract(x, arrayOf(top));
  const e = np.exp(shifted);
  const total = np.sum(e, -1, true);
  return [top, shifted, e, total, np.divide(e, arrayOf(total))];
};

const layerNorm = (x: Any, w: Any, b: Any): unknown[] => {
  const mean = np.mean(x, -1, true);
  const centred = np.subtract(x, arrayOf(mean));
  const squares = np.square(centred);
  const variance = np.mean(squares, -1, true);
  const shifted = np.add(arrayOf(variance), 1e-5);
  const deviation = np.sqrt(shifted);
  const unit = np.divide(centred, deviation);
  const scaled = np.multiply(unit, w);
  return [mean, centred, squares, variance, shifted, deviation, unit, scaled, np.add(scaled, b)];
};

const rowwise =
  (f: (x: Any, w: Any, b: Any) => readonly unknown[]): Factory =>
  (p) => {
    const [rows, columns] = [size(p, "rows"), size(p, "columns")];
    const [x, w, b] = [input([rows, columns], 1), input([columns], 2), input([columns], 3)];
    return job(() => f(x, w, b));
  };

const kinds: Readonly<Record<string, Factory>> = {
  matmul: (p) => {
    if (p["dtype"] !== undefined) return null;
    const [m, k, n] = [size(p, "m"), size(p, "k"), size(p, "n")];
    const batch = p["batch"] === undefined ? [] : [size(p, "batch")];
    const [a, b] = [input([...batch, m, k], 1), input([...batch, k, n], 2)];
    return job(() => [np.matmul(a, b)]);
  },
  gelu: (p) => {
    const x = np.multiply(input([size(p, "n")], 1), 4);
    return job(() => {
      const square = np.multiply(x, x);
      const cube = np.multiply(square, x);
      const scaled = np.multiply(cube, 0.044715);
      const sum = np.add(scaled, x);
      const inner = np.multiply(sum, 0.7978845608028654);
      const t = np.tanh(inner);
      const one = np.add(t, 1);
      const half = np.multiply(x, 0.5);
      return [square, cube, scaled, sum, inner, t, one, half, np.multiply(half, one)];
    });
  },
  exp: unary((x) => np.exp(x)),
  sum: unary((x) => np.sum(x)),
  add: (p) => {
    const [x, y] = [input([size(p, "n")], 1), input([size(p, "n")], 2)];
    return job(() => [np.add(x, y)]);
  },
  softmax: rowwise((x) => softmax(x)),
  layerNorm: rowwise(layerNorm),
  transposeAdd: (p) => {
    const n = size(p, "n");
    const [x, y] = [input([n, n], 1), input([n, n], 2)];
    return job(() => [np.add(np.transpose(x), y)]);
  },
  cumsum: unary((x) => np.cumsum(x)),
  sort: unary((x) => np.sort(x)),
  argsort: unary((x) => np.argsort(x)),
  gather: (p) => {
    const n = size(p, "n");
    const [x, at] = [input([n], 1), np.array(integers(n, n, 2))];
    return job(() => [np.take(x, at, 0)]);
  },
  fft: (p) => {
    const x = input([size(p, "n")], 1);
    return {
      run: job(() => [np.fft.fft(x)]).run,
      result: () => {
        const y = np.fft.fft(x);
        return [np.real(y), np.imag(y)].flatMap((part) => sample(arrayOf(part).data));
      },
    };
  },
};

/** numpy-ts in this process. */
export const numpyTs = (): Library => {
  np.configureWasm({ maxMemory: 2 ** 31 });
  return local("numpy-ts", "1.7.0", "one thread", kinds);
};

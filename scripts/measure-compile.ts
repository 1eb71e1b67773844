/** Times eager and compiled evaluation: a chain of tiny kernels, one tiny kernel, a training step; for bench/NOTES.md. */
import * as mx from "../src/index.js";
import * as optim from "../src/optimizers/index.js";

const rounds = 9;

/** Prints the least and the median time per call, in microseconds. */
const time = (what: string, n: number, f: () => unknown): void => {
  for (let i = 0; i < n; i++) f();
  const times: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const start = performance.now();
    for (let i = 0; i < n; i++) f();
    times.push(((performance.now() - start) * 1e3) / n);
  }
  times.sort((a, b) => a - b);
  const [least = 0] = times;
  const median = times[rounds >> 1] ?? 0;
  console.log(`${what.padEnd(44)} ${least.toFixed(1)} / ${median.toFixed(1)} µs`);
};

const vector = (n: number): mx.NDArray => mx.ones([n]).eval();

/** A scan and an element-wise operation do not fuse, so these are kernels of their own. */
const chain = (x: mx.NDArray): mx.NDArray => {
  let y = x;
  for (let i = 0; i < 500; i++) y = y.cumsum().multiply(0.5);
  return y;
};

const x = vector(16);
time("1,000 dependent kernels, eager", 20, () => chain(x).eval());
const compiledChain = mx.compile(chain);
time("1,000 dependent kernels, compiled", 200, () => compiledChain(x).eval());

const tiny = (a: mx.NDArray, b: mx.NDArray): mx.NDArray => mx.sin(a).add(b);
const compiledTiny = mx.compile(tiny);
const y = vector(16);
time("one operation on 16 floats, eager", 2000, () => mx.sin(x).eval());
time("sin(a) + b of 16 floats, eager", 2000, () => tiny(x, y).eval());
time("sin(a) + b of 16 floats, compiled", 2000, () => compiledTiny(x, y).eval());
time("the compiled call alone, not evaluated", 2000, () => compiledTiny(x, y));

const sizes = [784, 256, 256, 10] as const;

interface Layer {
  w: mx.NDArray;
  b: mx.NDArray;
}

const layers = (): Layer[] =>
  sizes.slice(1).map((out, i) => {
    const shape = [sizes[i] ?? 1, out];
    const key = mx.random.key(i);
    return { w: mx.random.normal(shape, { key }).multiply(0.05), b: mx.zeros([out]) };
  });

const loss = (p: Layer[], images: mx.NDArray, labels: mx.NDArray): mx.NDArray => {
  const z = p.reduce((h, { w, b }, i) => {
    const next = h.matmul(w).add(b);
    return i < p.length - 1 ? mx.maximum(next, 0) : next;
  }, images);
  const own = mx.takeAlongAxis(z, labels.expandDims(-1), -1).squeeze(-1);
  return mx.logsumexp(z, -1).subtract(own).mean();
};

for (const batch of [8, 64]) {
  const images = mx.random.normal([batch, sizes[0]]).eval();
  const labels = mx.arange(batch).remainder(10).astype(mx.int32).eval();
  for (const compiled of [false, true]) {
    const model = layers();
    const opt = new optim.SGD(0.01);
    const plain = (): mx.NDArray => {
      const [value, gradients] = mx.valueAndGrad(loss)(model, images, labels);
      opt.update(model, gradients);
      return value;
    };
    const state = [model, opt];
    const step = compiled ? mx.compile(plain, { inputs: state, outputs: state }) : plain;
    const how = compiled ? "compiled" : "eager";
    time(`SGD step of the MLP, batch ${batch}, ${how}`, 60, () => mx.eval(step(), model));
  }
}

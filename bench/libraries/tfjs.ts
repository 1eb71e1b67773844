/** Workloads in TensorFlow.js on its Wasm backend with SIMD; results are disposed of. */
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { integers, numbers, sample } from "../data.js";
import { type Factory, type Job, type Library, local, size } from "../library.js";

const job = (compute: () => tf.Tensor | tf.Tensor[]): Job => ({
  run() {
    const out = tf.tidy(compute);
    tf.dispose(out);
  },
  result() {
    const out = tf.tidy(compute);
    const values = [out].flat().flatMap((x) => sample(x.dataSync()));
    tf.dispose(out);
    return values;
  },
});

const input = (shape: number[], seed: number): tf.Tensor =>
  tf.tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

const unary =
  (f: (x: tf.Tensor) => tf.Tensor): Factory =>
  (p) => {
    const x = input([size(p, "n")], 1);
    return { ...job(() => f(x)), close: () => x.dispose() };
  };

const gelu = (x: tf.Tensor): tf.Tensor => {
  const inner = tf.mul(tf.add(tf.mul(tf.mul(tf.mul(x, x), x), 0.044715), x), 0.7978845608028654);
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
};

const layerNorm = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor): tf.Tensor => {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), w), b);
};

const rmsNorm = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
  tf.mul(tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))), w);

const rowwise =
  (f: (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) => tf.Tensor): Factory =>
  (p) => {
    const [rows, columns] = [size(p, "rows"), size(p, "columns")];
    const [x, w, b] = [input([rows, columns], 1), input([columns], 2), input([columns], 3)];
    return job(() => f(x, w, b));
  };

const softmaxBackward: Factory = (p) => {
  const shape = [size(p, "rows"), size(p, "columns")];
  const [x, c] = [input(shape, 1), input(shape, 9)];
  const gradient = tf.grad((v: tf.Tensor) => tf.softmax(v));
  return job(() => gradient(x, c));
};

const kinds: Readonly<Record<string, Factory>> = {
  matmul: (p) => {
    if (p["dtype"] !== undefined) return null;
    const [m, k, n] = [size(p, "m"), size(p, "k"), size(p, "n")];
    const batch = p["batch"] === undefined ? [] : [size(p, "batch")];
    const [a, b] = [input([...batch, m, k], 1), input([...batch, k, n], 2)];
    return job(() => tf.matMul(a, b));
  },
  gelu: unary((x) => gelu(tf.mul(x, 4))),
  exp: unary((x) => tf.exp(x)),
  sum: unary((x) => tf.sum(x)),
  add: (p) => {
    const [x, y] = [input([size(p, "n")], 1), input([size(p, "n")], 2)];
    return job(() => tf.add(x, y));
  },
  softmax: rowwise((x) => tf.softmax(x)),
  softmaxBackward,
  layerNorm: rowwise(layerNorm),
  rmsNorm: rowwise((x, w) => rmsNorm(x, w)),
  transposeAdd: (p) => {
    const n = size(p, "n");
    const [x, y] = [input([n, n], 1), input([n, n], 2)];
    return job(() => tf.add(tf.transpose(x), y));
  },
  attention: (p) => {
    const [heads, length, width] = [size(p, "heads"), size(p, "length"), size(p, "width")];
    const [q, k, v] = [1, 2, 3].map((seed) => input([heads, length, width], seed));
    if (q === undefined || k === undefined || v === undefined) return null;
    return job(() => {
      const scores = tf.mul(tf.matMul(q, k, false, true), width ** -0.5);
      return tf.matMul(tf.softmax(scores), v);
    });
  },
  conv2d: (p) => {
    const [side, channels, kernel] = [size(p, "side"), size(p, "channels"), size(p, "kernel")];
    const x = numbers(size(p, "batch") * side * side * channels, 1);
    const images = tf.tensor4d(x, [size(p, "batch"), side, side, channels]);
    const flat = input([size(p, "filters"), kernel, kernel, channels], 2);
    const shape: [number, number, number, number] = [kernel, kernel, channels, size(p, "filters")];
    const filters = tf.tensor4d(tf.transpose(flat, [1, 2, 3, 0]).dataSync(), shape);
    return job(() => tf.conv2d(images, filters, 1, "same"));
  },
  cumsum: unary((x) => tf.cumsum(x)),
  gather: (p) => {
    const n = size(p, "n");
    const [x, at] = [input([n], 1), tf.tensor1d(integers(n, n, 2), "int32")];
    return job(() => tf.gather(x, at));
  },
  scatterAdd: (p) => {
    const n = size(p, "n");
    const [x, at] = [input([n], 1), tf.tensor2d(integers(n, n, 2), [n, 1], "int32")];
    return job(() => tf.scatterND(at, x, [n]));
  },
  vjpSmall: (p) => {
    const x = input([size(p, "n")], 1);
    const one = tf.ones([size(p, "n")]);
    const f = tf.valueAndGrad((v: tf.Tensor) => tf.mul(v, tf.sin(v)));
    return job(() => {
      const { value, grad } = f(x, one);
      return [value, grad];
    });
  },
  chain: (p) => {
    if (p["mode"] === "compiled") return null;
    const x = input([16], 1);
    return job(() => {
      let y = x;
      for (let i = 0; i < size(p, "ops"); i += 2) y = tf.add(tf.sin(y), x);
      return y;
    });
  },
  mlpStep: (p) => (p["mode"] === "compiled" ? mlpStep(size(p, "batch")) : null),
};

const mlpStep = (batch: number): Job => {
  const widths = [784, 256, 256, 10];
  const x = tf.tensor2d(numbers(batch * 784, 20), [batch, 784]);
  const hot = tf.oneHot(tf.tensor1d(integers(batch, 10, 21), "int32"), 10).toFloat();
  const make = (): (() => number) => {
    const layers = widths.slice(1).map((out, i) => {
      const rows = widths[i] ?? 1;
      return {
        w: tf.variable(tf.mul(input([rows, out], i + 1), rows ** -0.5)),
        b: tf.variable(tf.zeros([out])),
      };
    });
    const optimizer = tf.train.sgd(0.1);
    return () => {
      const loss = optimizer.minimize(
        () => {
          let h: tf.Tensor = x;
          for (const [i, { w, b }] of layers.entries()) {
            h = tf.add(tf.matMul(h, w), b);
            if (i < layers.length - 1) h = tf.relu(h);
          }
          return tf.losses.softmaxCrossEntropy(hot, h).asScalar();
        },
        true,
        layers.flatMap(({ w, b }) => [w, b]),
      );
      const value = loss?.dataSync()[0] ?? Number.NaN;
      loss?.dispose();
      return value;
    };
  };
  const own = make();
  return {
    run() {
      own();
    },
    result() {
      const fresh = make();
      return [fresh(), fresh(), fresh()];
    },
  };
};

/** TensorFlow.js in this process. */
export const tfjs = async (): Promise<Library> => {
  await tf.setBackend("wasm");
  await tf.ready();
  return local("TensorFlow.js", "4.22.0", "Wasm backend, one thread", kinds);
};

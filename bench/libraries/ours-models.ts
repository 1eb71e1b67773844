/** Training steps and generation in cotangent: the models are plain trees, the parameters those of every library. */
import * as mx from "cotangent";
import * as optim from "cotangent/optimizers";
import { integers, numbers } from "../data.js";
import { type Factory, type Job, type Params, size } from "../library.js";

const parameter = (shape: readonly number[], seed: number, scale: number): mx.NDArray =>
  mx
    .array(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    )
    .reshape([...shape])
    .multiply(scale);

/** A job that takes training steps; its result are the losses of the first three, taken on parameters of its own. */
const training = (make: () => { step: () => mx.NDArray; state: () => unknown[] }): Job => {
  const own = make();
  return {
    run() {
      mx.eval(own.step(), ...own.state());
    },
    result() {
      const fresh = make();
      return [0, 1, 2].map(() => {
        const loss = fresh.step();
        mx.eval(loss, ...fresh.state());
        return Number(loss.item());
      });
    },
  };
};

interface Layer {
  w: mx.NDArray;
  b: mx.NDArray;
}

const mlpLoss = (layers: Layer[], x: mx.NDArray, labels: mx.NDArray): mx.NDArray => {
  const z = layers.reduce((h, { w, b }, i) => {
    const next = h.matmul(w).add(b);
    return i < layers.length - 1 ? mx.maximum(next, 0) : next;
  }, x);
  const own = mx.takeAlongAxis(z, labels.expandDims(-1), -1).squeeze(-1);
  return mx.logsumexp(z, -1).subtract(own).mean();
};

const mlpStep: Factory = (p) => {
  const batch = size(p, "batch");
  const widths = [784, 256, 256, 10];
  const x = parameter([batch, 784], 20, 1);
  const labels = mx.array(integers(batch, 10, 21));
  mx.eval(x, labels);
  return training(() => {
    const layers = widths.slice(1).map((out, i) => ({
      w: parameter([widths[i] ?? 1, out], i + 1, (widths[i] ?? 1) ** -0.5),
      b: mx.zeros([out]),
    }));
    const optimizer = new optim.SGD(0.1);
    const plain = (): mx.NDArray => {
      const [loss, gradients] = mx.valueAndGrad(mlpLoss)(layers, x, labels);
      optimizer.update(layers, gradients);
      return loss;
    };
    const state = [layers, optimizer];
    const compiled = p["mode"] === "compiled";
    const step = compiled ? mx.compile(plain, { inputs: state, outputs: state }) : plain;
    return { step, state: () => layers.flatMap(({ w, b }) => [w, b]) };
  });
};

interface Block {
  norm1: mx.NDArray;
  qkv: mx.NDArray;
  out: mx.NDArray;
  norm2: mx.NDArray;
  up: mx.NDArray;
  down: mx.NDArray;
}

interface Gpt {
  embedding: mx.NDArray;
  positions: mx.NDArray;
  blocks: Block[];
  norm: mx.NDArray;
}

const gpt = (p: Params): Gpt => {
  const [width, vocabulary] = [size(p, "width"), size(p, "vocabulary")];
  const scale = width ** -0.5;
  return {
    embedding: parameter([vocabulary, width], 100, 0.05),
    positions: parameter([size(p, "context"), width], 101, 0.05),
    blocks: Array.from({ length: size(p, "layers") }, (_, i) => ({
      norm1: mx.ones([width]),
      qkv: parameter([width, 3 * width], 200 + 4 * i, scale),
      out: parameter([width, width], 201 + 4 * i, scale / 3),
      norm2: mx.ones([width]),
      up: parameter([width, 4 * width], 202 + 4 * i, scale),
      down: parameter([4 * width, width], 203 + 4 * i, scale / 6),
    })),
    norm: mx.ones([width]),
  };
};

const gelu = (x: mx.NDArray): mx.NDArray => {
  const inner = x.multiply(mx.square(x).multiply(0.044715).add(1)).multiply(Math.sqrt(2 / Math.PI));
  return x.multiply(0.5).multiply(mx.tanh(inner).add(1));
};

/** Keys and values of earlier positions, one pair per block. */
type Cache = [mx.NDArray, mx.NDArray][];

const features = (m: Gpt, heads: number, tokens: mx.NDArray, cache?: Cache): mx.NDArray => {
  const [batch = 0, time = 0] = tokens.shape;
  const past = cache?.[0]?.[0].shape[2] ?? 0;
  let x = mx.take(m.embedding, tokens, 0).add(m.positions.get(mx.slice(past, past + time)));
  const width = x.shape[2] ?? 0;
  const each = width / heads;
  for (const [i, block] of m.blocks.entries()) {
    const h = mx.fast.rmsNorm(x, block.norm1, 1e-5);
    const [q, k0, v0] = mx
      .split(mx.matmul(h, block.qkv), 3, -1)
      .map((part) => part.reshape([batch, time, heads, each]).transpose([0, 2, 1, 3]));
    if (q === undefined || k0 === undefined || v0 === undefined)
      throw new RangeError("three parts");
    const before = cache?.[i];
    const k = before === undefined ? k0 : mx.concatenate([before[0], k0], 2);
    const v = before === undefined ? v0 : mx.concatenate([before[1], v0], 2);
    if (cache !== undefined) cache[i] = [k, v];
    const mask = time > 1 ? { mask: "causal" as const } : {};
    const mixed = mx.fast.scaledDotProductAttention(q, k, v, { scale: each ** -0.5, ...mask });
    x = x.add(mx.matmul(mixed.transpose([0, 2, 1, 3]).reshape([batch, time, width]), block.out));
    const up = mx.matmul(mx.fast.rmsNorm(x, block.norm2, 1e-5), block.up);
    x = x.add(mx.matmul(gelu(up), block.down));
  }
  return mx.fast.rmsNorm(x, m.norm, 1e-5);
};

const gptStep: Factory = (p) => {
  const [batch, context] = [size(p, "batch"), size(p, "context")];
  const [vocabulary, heads] = [size(p, "vocabulary"), size(p, "heads")];
  const tokens = mx.array(integers(batch * context, vocabulary, 50)).reshape([batch, context]);
  const targets = mx.array(integers(batch * context, vocabulary, 51)).reshape([batch, context, 1]);
  mx.eval(tokens, targets);
  const loss = (m: Gpt): mx.NDArray => {
    const scores = mx.matmul(features(m, heads, tokens), m.embedding.transpose());
    const own = mx.takeAlongAxis(scores, targets, -1).squeeze(-1);
    return mx.logsumexp(scores, -1).subtract(own).mean();
  };
  return training(() => {
    const model = gpt(p);
    const optimizer = new optim.AdamW(1e-3, { biasCorrection: true });
    const plain = (): mx.NDArray => {
      const [value, gradients] = mx.valueAndGrad(loss)(model);
      optimizer.update(model, gradients);
      return value;
    };
    const state = [model, optimizer];
    const compiled = p["mode"] === "compiled";
    const step = compiled ? mx.compile(plain, { inputs: state, outputs: state }) : plain;
    return { step, state: () => mx.treeFlatten(model).map(([, leaf]) => leaf) };
  });
};

/** Greedy decoding of so many tokens after one, with cached keys and values. */
const gptGenerate: Factory = (p) => {
  const heads = size(p, "heads");
  const model = gpt(p);
  mx.eval(...mx.treeFlatten(model).map(([, leaf]) => leaf));
  const generate = (): number[] => {
    const cache: Cache = [];
    const out: number[] = [];
    let token = mx.array([[1]], mx.int32);
    for (let i = 0; i < size(p, "tokens"); i++) {
      const scores = mx.matmul(features(model, heads, token, cache), model.embedding.transpose());
      token = mx.argmax(scores, -1).astype(mx.int32);
      out.push(Number(token.item()));
    }
    return out;
  };
  return {
    run() {
      generate();
    },
    result: generate,
  };
};

export const models: Readonly<Record<string, Factory>> = { mlpStep, gptStep, gptGenerate };

/** The graphs that the partitioner's kernel counts are stated for, built with public operations, and how they are cut. */
import { type DType, float32 } from "../../src/core/dtype.js";
import { HostStorage } from "../../src/core/storage.js";
import { NDArray } from "../../src/graph/array.js";
import { Node, type Shape, sizeOf } from "../../src/graph/node.js";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import { buildGraph } from "../../src/schedule/graph.js";
import { type Lowered, lowerGroup } from "../../src/schedule/lower.js";
import { partition } from "../../src/schedule/partition.js";
import { collect } from "../../src/schedule/pending.js";

/** An evaluated array whose bytes nobody will read: graphs are planned here, not run. */
export const input = (shape: Shape, dtype: DType = float32): NDArray => {
  const n = new Node(null, [], undefined, shape, dtype, 0);
  n.data = new HostStorage(new Uint8Array(8));
  return new NDArray(n);
};

export interface Cut {
  readonly primitives: number;
  readonly kernels: readonly Lowered[];
  readonly routines: number;
  /** Distinct tensors that each kernel reads, and all it writes. */
  readonly bytes: number;
}

/** What the graph below some arrays is cut into. */
export const cut = (roots: readonly NDArray[]): Cut => {
  const pending = collect([...new Set(roots.map((r) => r.node))].filter((n) => n.data === null));
  const kernels: Lowered[] = [];
  let bytes = 0;
  let routines = 0;
  for (const g of partition(buildGraph(pending))) {
    if (!("stored" in g)) {
      routines++;
      for (const t of [...g.ins.map((e) => e.tensor), ...g.outs]) bytes += t.bytes;
      continue;
    }
    const low = lowerGroup(g);
    if (low === null) continue;
    kernels.push(low);
    for (const t of low.tensors) bytes += sizeOf(t.shape) * t.dtype.size;
  }
  return { primitives: pending.order.length, kernels, routines, bytes };
};

/** tanh-GELU from its parts. */
export const gelu = (x: NDArray): NDArray =>
  x
    .multiply(0.5)
    .multiply(
      mx.tanh(x.add(x.multiply(x).multiply(x).multiply(0.044715)).multiply(0.7978845608)).add(1),
    );

export const softmax = (x: NDArray): NDArray => {
  const e = mx.exp(x.subtract(mx.stopGradient(x.max(-1, { keepdims: true }))));
  return e.divide(e.sum(-1, { keepdims: true }));
};

export const layerNorm = (x: NDArray, w: NDArray, b: NDArray): NDArray => {
  const centred = x.subtract(x.mean(-1, { keepdims: true }));
  const variance = centred.multiply(centred).mean(-1, { keepdims: true });
  return centred
    .multiply(mx.rsqrt(variance.add(1e-5)))
    .multiply(w)
    .add(b);
};

/** A function of arrays with the gradients of its operands, given one of the result. */
export const withGradient = (fn: (...xs: NDArray[]) => NDArray, ...xs: NDArray[]): NDArray[] => {
  const y = fn(...xs.map((x) => input(x.shape)));
  const [[out], grads] = mx.vjp((...ps: NDArray[]) => fn(...ps), xs, [input(y.shape)]);
  return [...(out === undefined ? [] : [out]), ...grads];
};

type Layers = { w: NDArray; b: NDArray }[];

const layers = (sizes: readonly number[]): Layers =>
  sizes.slice(1).map((n, i) => ({ w: input([sizes[i] ?? 1, n]), b: input([n]) }));

const classifierLoss = (ps: Layers, x: NDArray, y: NDArray): NDArray => {
  let h = x;
  ps.forEach(({ w, b }, i) => {
    h = mx.matmul(h, w).add(b);
    if (i + 1 < ps.length) h = mx.maximum(h, 0);
  });
  return nn.losses.crossEntropy(h, y, { reduction: "mean" });
};

/** A training step of an MLP 784-512-512-10 on 256 items. */
export const mlpStep = (optimizer: optim.Optimizer): NDArray[] => {
  const ps = layers([784, 512, 512, 10]);
  const x = input([256, 784]);
  const y = input([256], mx.int32);
  const state: NDArray[] = [];
  if (optimizer instanceof optim.Adam) {
    optimizer.init(ps);
    const visit = (t: unknown): void => {
      if (t instanceof NDArray) {
        if (t.ndim > 0) t.node = input(t.shape).node;
      } else if (typeof t === "object" && t !== null) Object.values(t).forEach(visit);
    };
    visit(optimizer.state);
  }
  const [loss, grads] = mx.valueAndGrad((p: Layers) => classifierLoss(p, x, y))(ps);
  const next = optimizer.applyGradients(grads, ps);
  const collectState = (t: unknown): void => {
    if (t instanceof NDArray) state.push(t);
    else if (typeof t === "object" && t !== null) Object.values(t).forEach(collectState);
  };
  // Without momentum SGD's state is zeros that nothing reads.
  if (optimizer instanceof optim.Adam) collectState(optimizer.state);
  return [loss, ...next.flatMap(({ w, b }) => [w, b]), ...state];
};

const [batch, length, width, headCount] = [4, 256, 512, 8];

/** Attention over all heads, from its parts, causal. */
export const attention = (q: NDArray, k: NDArray, v: NDArray): NDArray => {
  const [n = 1, d = 1] = [q.shape.at(-2), q.shape.at(-1)];
  const s = mx.matmul(q, k.swapaxes(-1, -2)).multiply(d ** -0.5);
  const seen = mx.greaterEqual(mx.arange(n).reshape([n, 1]), mx.arange(n).reshape([1, n]));
  return mx.matmul(mx.softmax(mx.where(seen, s, -1e9), -1), v);
};

const heads = (x: NDArray): NDArray =>
  x.reshape([batch, length, headCount, width / headCount]).transpose([0, 2, 1, 3]);

interface Maker {
  parameter(shape: Shape): NDArray;
}

const linear = (m: Maker, x: NDArray, out: number): NDArray =>
  mx.matmul(x, m.parameter([out, x.shape.at(-1) ?? 1]).transpose()).add(m.parameter([out]));

const block = (m: Maker, x: NDArray): NDArray => {
  const norm = (t: NDArray): NDArray => layerNorm(t, m.parameter([width]), m.parameter([width]));
  const n = norm(x);
  const [q = x, k = x, v = x] = mx.split(linear(m, n, 3 * width), 3, -1);
  const o = attention(heads(q), heads(k), heads(v));
  const y = x.add(linear(m, o.transpose([0, 2, 1, 3]).reshape([batch, length, width]), width));
  return y.add(linear(m, gelu(linear(m, norm(y), 4 * width)), width));
};

/** Transformer blocks of width 512 with 8 heads on 4 × 256 tokens: the result and the gradients of x and all parameters. */
export const blocks = (count: number): NDArray[] => {
  const parameters: NDArray[] = [];
  const stack = (m: Maker, x: NDArray): NDArray => {
    let y = x;
    for (let i = 0; i < count; i++) y = block(m, y);
    return y;
  };
  const x = input([batch, length, width]);
  const note: Maker = {
    parameter(shape) {
      const p = input(shape);
      parameters.push(p);
      return p;
    },
  };
  stack(note, x);
  const [outputs, gradients] = mx.vjp(
    (...ps: NDArray[]) => {
      let next = 0;
      return stack({ parameter: () => ps[next++] ?? x }, ps.at(-1) ?? x);
    },
    [...parameters, x],
    [input(x.shape)],
  );
  return [...outputs, ...gradients];
};

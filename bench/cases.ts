/** The cases: the same computation in cotangent, jax-js and TensorFlow.js, each written as its users would. */
import { type Array as JaxArray, vjp as jaxVjp, jit, nn, numpy as np } from "@jax-js/jax";
import * as tf from "@tensorflow/tfjs";
import * as mx from "cotangent";
import type { Contender } from "./measure.js";

export interface Case {
  readonly name: string;
  /** What we promise, for the report. */
  readonly target: string;
  /** Floating-point operations of one call, for GFLOP/s; 0 where that says nothing. */
  readonly flops: number;
  readonly make: () => {
    readonly ours: Contender;
    readonly jax: Contender;
    readonly tf: Contender | null;
  };
}

const numbers = (n: number, seed = 1): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(n);
  let state = seed >>> 0;
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = state / 2147483648 - 1;
  }
  return out;
};

const ready = async (x: JaxArray): Promise<void> => {
  await x.blockUntilReady();
  x.dispose();
};

const matmul = (m: number, k: number, n: number): Case => ({
  name: `matmul ${m}×${k}×${n}`,
  target: m === 1024 ? "≥ 1.3× the faster peer" : m === 1023 ? "≥ 85 % of our 1024³" : "no cliff",
  flops: 2 * m * k * n,
  make: () => {
    const [x, y] = [numbers(m * k), numbers(k * n, 2)];
    const [a, b] = [mx.array(x).reshape([m, k]), mx.array(y).reshape([k, n])];
    mx.eval(a, b);
    const [ja, jb] = [np.array(x).reshape([m, k]), np.array(y).reshape([k, n])];
    const [ta, tb] = [tf.tensor2d(x, [m, k]), tf.tensor2d(y, [k, n])];
    const jm = jit((p: JaxArray, q: JaxArray) => np.matmul(p, q));
    return {
      ours: () => {
        mx.eval(mx.matmul(a, b));
      },
      jax: () => ready(jm(ja.ref, jb.ref)),
      tf: () => tf.matMul(ta, tb).dispose(),
    };
  },
});

const elements = 4 * 1024 * 1024;

const gelu: Case = {
  name: "tanh-GELU, 4 Mi floats",
  target: "≥ 6× both",
  flops: 0,
  make: () => {
    const x = numbers(elements).map((v) => v * 4);
    const a = mx.array(x);
    mx.eval(a);
    const ja = np.array(x);
    const ta = tf.tensor1d(x);
    const k = 0.7978845608028654;
    const jf = jit((v: JaxArray) => {
      const inner = v.ref.mul(v.ref).mul(v.ref).mul(0.044715).add(v.ref).mul(k);
      return v.mul(0.5).mul(np.tanh(inner).add(1));
    });
    return {
      ours: () => {
        const inner = a.multiply(a).multiply(a).multiply(0.044715).add(a).multiply(k);
        mx.eval(a.multiply(0.5).multiply(mx.tanh(inner).add(1)));
      },
      jax: () => ready(jf(ja.ref)),
      tf: () => {
        tf.tidy(() => {
          const cube = tf.mul(tf.mul(ta, ta), ta);
          const inner = tf.mul(tf.add(tf.mul(cube, 0.044715), ta), k);
          return tf.mul(tf.mul(ta, 0.5), tf.add(tf.tanh(inner), 1));
        }).dispose();
      },
    };
  },
};

const [rows, columns] = [4096, 1024];

const softmax: Case = {
  name: "softmax 4096×1024",
  target: "≥ 6× jax-js, ≥ 1× TensorFlow.js",
  flops: 0,
  make: () => {
    const x = numbers(rows * columns);
    const a = mx.array(x).reshape([rows, columns]);
    mx.eval(a);
    const ja = np.array(x).reshape([rows, columns]);
    const ta = tf.tensor2d(x, [rows, columns]);
    const jf = jit((v: JaxArray) => nn.softmax(v, -1));
    return {
      ours: () => {
        mx.eval(mx.softmax(a, -1));
      },
      jax: () => ready(jf(ja.ref)),
      tf: () => tf.softmax(ta).dispose(),
    };
  },
};

const layerNormBackward: Case = {
  name: "layer norm backward 4096×1024 (dx, dw, db)",
  target: "≥ 4× jax-js",
  flops: 0,
  make: () => {
    const [x, g, w] = [numbers(rows * columns), numbers(rows * columns, 2), numbers(columns, 3)];
    const a = mx.array(x).reshape([rows, columns]);
    const c = mx.array(g).reshape([rows, columns]);
    const [mw, mb] = [mx.array(w), mx.zeros([columns])];
    mx.eval(a, c, mw, mb);
    const ours = (p: mx.NDArray, q: mx.NDArray, r: mx.NDArray): mx.NDArray =>
      mx.fast.layerNorm(p, q, r, 1e-5);
    const ja = np.array(x).reshape([rows, columns]);
    const jc = np.array(g).reshape([rows, columns]);
    const [jw, jb] = [np.array(w), np.zeros([columns])];
    const norm = (p: JaxArray, q: JaxArray, r: JaxArray): JaxArray => {
      const centred = p.ref.sub(np.mean(p, -1, { keepdims: true }));
      const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
      return centred
        .div(np.sqrt(variance.add(1e-5)))
        .mul(q)
        .add(r);
    };
    const backward = jit((p: JaxArray, q: JaxArray, r: JaxArray, ct: JaxArray) => {
      const [y, pull] = jaxVjp(norm, [p, q, r]);
      y.dispose();
      const grads = pull(ct);
      pull.dispose();
      return grads;
    });
    return {
      ours: () => {
        mx.eval(mx.vjp(ours, [a, mw, mb], [c])[1]);
      },
      jax: async () => {
        for (const d of backward(ja.ref, jw.ref, jb.ref, jc.ref)) await ready(d);
      },
      tf: null,
    };
  },
};

const transposeAdd: Case = {
  name: "transpose + add 2048²",
  target: "≥ 8× jax-js",
  flops: 0,
  make: () => {
    const n = 2048;
    const [x, y] = [numbers(n * n), numbers(n * n, 2)];
    const [a, b] = [mx.array(x).reshape([n, n]), mx.array(y).reshape([n, n])];
    mx.eval(a, b);
    const [ja, jb] = [np.array(x).reshape([n, n]), np.array(y).reshape([n, n])];
    const [ta, tb] = [tf.tensor2d(x, [n, n]), tf.tensor2d(y, [n, n])];
    const jf = jit((p: JaxArray, q: JaxArray) => np.transpose(p).add(q));
    return {
      ours: () => {
        mx.eval(a.transpose().add(b));
      },
      jax: () => ready(jf(ja.ref, jb.ref)),
      tf: () => {
        tf.tidy(() => tf.add(tf.transpose(ta), tb)).dispose();
      },
    };
  },
};

const smallVjp: Case = {
  name: "vjp of x·sin(x), 16 floats, with evaluation",
  target: "≤ 15 µs, ≥ 2.5× both",
  flops: 0,
  make: () => {
    const x = numbers(16);
    const a = mx.array(x);
    const one = mx.ones([16]);
    mx.eval(a, one);
    const f = (v: mx.NDArray): mx.NDArray => v.multiply(mx.sin(v));
    const [ja, jone] = [np.array(x), np.ones([16])];
    const jf = (v: JaxArray): JaxArray => v.ref.mul(np.sin(v));
    const ta = tf.tensor1d(x);
    const tone = tf.ones([16]);
    const tg = tf.grad((v: tf.Tensor) => tf.mul(v, tf.sin(v)));
    return {
      ours: () => {
        const [outputs, grads] = mx.vjp(f, [a], [one]);
        mx.eval(outputs, grads);
      },
      jax: () => {
        const [y, pull] = jaxVjp(jf, [ja.ref]);
        const [d] = pull(jone.ref);
        pull.dispose();
        y.dataSync();
        d.dataSync();
      },
      tf: () => {
        const d = tg(ta, tone);
        d.dataSync();
        d.dispose();
      },
    };
  },
};

export const cases: readonly Case[] = [
  matmul(1024, 1024, 1024),
  matmul(1023, 1023, 1023),
  matmul(512, 512, 510),
  matmul(128, 784, 10),
  matmul(64, 64, 64),
  gelu,
  softmax,
  layerNormBackward,
  transposeAdd,
  smallVjp,
];

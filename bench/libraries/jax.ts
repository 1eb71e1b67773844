/** Workloads in jax-js, on its Wasm backend, compiled with its `jit`; results are disposed of. */
import { init, type Array as JaxArray, jit, lax, nn, numpy as np, vjp } from "@jax-js/jax";
import { integers, numbers, sample } from "../data.js";
import { type Factory, type Job, type Library, local, size } from "../library.js";

type Result = JaxArray | readonly JaxArray[];

const listOf = (result: Result): readonly JaxArray[] =>
  Array.isArray(result) ? result : [result as JaxArray];

const job = (compute: () => Result): Job => ({
  async run() {
    for (const x of listOf(compute())) {
      await x.blockUntilReady();
      x.dispose();
    }
  },
  async result() {
    const out: number[] = [];
    for (const x of listOf(compute())) out.push(...sample(await x.data()));
    return out;
  },
});

const input = (shape: number[], seed: number): JaxArray =>
  np
    .array(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    )
    .reshape(shape);

const unary =
  (f: (x: JaxArray) => JaxArray): Factory =>
  (p) => {
    const x = input([size(p, "n")], 1);
    const compiled = jit(f);
    return job(() => compiled(x.ref));
  };

/** The vector-Jacobian products of `f` for a cotangent, as one compiled function. */
const backward = (
  f: (...xs: JaxArray[]) => JaxArray,
  primals: JaxArray[],
  shape: number[],
): Job => {
  const cotangent = input(shape, 9);
  const compiled = jit((c: JaxArray, ...xs: JaxArray[]) => {
    const [y, pull] = vjp(f, xs);
    y.dispose();
    const gradients = pull(c);
    pull.dispose();
    return gradients;
  });
  return job(() => compiled(cotangent.ref, ...primals.map((x) => x.ref)));
};

const rowwise =
  (f: (...xs: JaxArray[]) => JaxArray, operands: number, reverse: boolean): Factory =>
  (p) => {
    const [rows, columns] = [size(p, "rows"), size(p, "columns")];
    const all = [input([rows, columns], 1), input([columns], 2), input([columns], 3)];
    const primals = all.slice(0, operands);
    if (reverse) return backward(f, primals, [rows, columns]);
    const compiled = jit(f);
    return job(() => compiled(...primals.map((x) => x.ref)));
  };

const three = (xs: JaxArray[]): [JaxArray, JaxArray, JaxArray] => {
  const [a, b, c] = xs;
  if (a === undefined || b === undefined || c === undefined) throw new RangeError("three operands");
  return [a, b, c];
};

const layerNorm = (...xs: JaxArray[]): JaxArray => {
  const [x, w, b] = three(xs);
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(w)
    .add(b);
};

const rmsNorm = (...xs: JaxArray[]): JaxArray => {
  const [x, w] = xs;
  if (x === undefined || w === undefined) throw new RangeError("two operands");
  const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.div(np.sqrt(mean.add(1e-5))).mul(w);
};

const softmax = (...xs: JaxArray[]): JaxArray => {
  const [x] = xs;
  if (x === undefined) throw new RangeError("one operand");
  return nn.softmax(x, -1);
};

const attention =
  (reverse: boolean): Factory =>
  (p) => {
    const [heads, length, width] = [size(p, "heads"), size(p, "length"), size(p, "width")];
    const shape = [heads, length, width];
    const f = (...xs: JaxArray[]): JaxArray => {
      const [q, k, v] = three(xs);
      const scores = np.matmul(q, np.transpose(k, [0, 2, 1])).mul(width ** -0.5);
      return np.matmul(nn.softmax(scores, -1), v);
    };
    const primals = [1, 2, 3].map((seed) => input(shape, seed));
    if (reverse) return backward(f, primals, shape);
    const compiled = jit(f);
    return job(() => compiled(...primals.map((x) => x.ref)));
  };

const kinds: Readonly<Record<string, Factory>> = {
  matmul: (p) => {
    if (p["dtype"] !== undefined) return null;
    const [m, k, n] = [size(p, "m"), size(p, "k"), size(p, "n")];
    const batch = p["batch"] === undefined ? [] : [size(p, "batch")];
    const [a, b] = [input([...batch, m, k], 1), input([...batch, k, n], 2)];
    const compiled = jit((x: JaxArray, y: JaxArray) => np.matmul(x, y));
    return job(() => compiled(a.ref, b.ref));
  },
  gelu: unary((x0) => {
    const x = x0.mul(4);
    const inner = x.ref.mul(x.ref).mul(x.ref).mul(0.044715).add(x.ref).mul(0.7978845608028654);
    return x.mul(0.5).mul(np.tanh(inner).add(1));
  }),
  exp: unary((x) => np.exp(x)),
  sum: unary((x) => np.sum(x)),
  add: (p) => {
    const [x, y] = [input([size(p, "n")], 1), input([size(p, "n")], 2)];
    const compiled = jit((a: JaxArray, b: JaxArray) => a.add(b));
    return job(() => compiled(x.ref, y.ref));
  },
  softmax: rowwise(softmax, 1, false),
  softmaxBackward: rowwise(softmax, 1, true),
  layerNorm: rowwise(layerNorm, 3, false),
  layerNormBackward: rowwise(layerNorm, 3, true),
  rmsNorm: rowwise(rmsNorm, 2, false),
  rmsNormBackward: rowwise(rmsNorm, 2, true),
  transposeAdd: (p) => {
    const n = size(p, "n");
    const [x, y] = [input([n, n], 1), input([n, n], 2)];
    const compiled = jit((a: JaxArray, b: JaxArray) => np.transpose(a).add(b));
    return job(() => compiled(x.ref, y.ref));
  },
  attention: attention(false),
  attentionBackward: attention(true),
  conv2d: (p) => {
    const [side, channels, kernel] = [size(p, "side"), size(p, "channels"), size(p, "kernel")];
    // Its convolution wants channels first, as its users keep them.
    const x = np.transpose(input([size(p, "batch"), side, side, channels], 1), [0, 3, 1, 2]);
    const w = np.transpose(input([size(p, "filters"), kernel, kernel, channels], 2), [0, 3, 1, 2]);
    const compiled = jit((a: JaxArray, b: JaxArray) => lax.conv(a, b, [1, 1], "SAME"));
    const last = jit((a: JaxArray, b: JaxArray) =>
      np.transpose(lax.conv(a, b, [1, 1], "SAME"), [0, 2, 3, 1]),
    );
    return {
      run: job(() => compiled(x.ref, w.ref)).run,
      result: job(() => last(x.ref, w.ref)).result,
    };
  },
  cumsum: unary((x) => np.cumsum(x)),
  sort: unary((x) => np.sort(x)),
  argsort: unary((x) => np.argsort(x)),
  gather: (p) => {
    const n = size(p, "n");
    const [x, at] = [input([n], 1), np.array(integers(n, n, 2))];
    const compiled = jit((a: JaxArray, i: JaxArray) => np.take(a, i, 0));
    return job(() => compiled(x.ref, at.ref));
  },
  fft: (p) => {
    const n = size(p, "n");
    const x = input([n], 1);
    return job(() => {
      const { real, imag } = np.fft.fft({ real: x.ref, imag: np.zeros([n]) });
      return [real, imag];
    });
  },
  vjpSmall: (p) => {
    const [x, one] = [input([size(p, "n")], 1), np.ones([size(p, "n")])];
    const f = (...xs: JaxArray[]): JaxArray => {
      const [v] = xs;
      if (v === undefined) throw new RangeError("one operand");
      return v.ref.mul(np.sin(v));
    };
    return job(() => {
      const [y, pull] = vjp(f, [x.ref]);
      const gradients = pull(one.ref);
      pull.dispose();
      return [y, ...gradients];
    });
  },
  chain: (p) => {
    const x = input([16], 1);
    const f = (v: JaxArray): JaxArray => {
      let y = v.ref;
      for (let i = 0; i < size(p, "ops"); i += 2) y = np.sin(y).add(v.ref);
      v.dispose();
      return y;
    };
    const g = p["mode"] === "compiled" ? jit(f) : f;
    return job(() => g(x.ref));
  },
  mlpStep: (p) => mlpStep(size(p, "batch")),
};

/** One compiled function from parameters to loss and new parameters, as its documentation advises. */
const mlpStep = (batch: number): Job => {
  const widths = [784, 256, 256, 10];
  const x = input([batch, 784], 20);
  const hot = nn.oneHot(np.array(integers(batch, 10, 21)), 10);
  const forward = (...ps: JaxArray[]): JaxArray => {
    let h = x.ref;
    for (let i = 0; i < ps.length; i += 2) {
      const [w, b] = [ps[i], ps[i + 1]];
      if (w === undefined || b === undefined) throw new RangeError("weights and biases");
      h = np.matmul(h, w).add(b);
      if (i + 2 < ps.length) h = nn.relu(h);
    }
    return nn
      .logSoftmax(h, -1)
      .mul(hot.ref)
      .sum()
      .mul(-1 / batch);
  };
  const step = jit((...ps: JaxArray[]) => {
    const [loss, pull] = vjp(
      forward,
      ps.map((x) => x.ref),
    );
    const gradients = pull(np.ones([]));
    pull.dispose();
    return [loss, ...ps.map((q, i) => q.sub((gradients[i] ?? np.zeros([])).mul(0.1)))];
  });
  const fresh = (): JaxArray[] =>
    widths.slice(1).flatMap((out, i) => {
      const rows = widths[i] ?? 1;
      return [input([rows, out], i + 1).mul(rows ** -0.5), np.zeros([out])];
    });
  let parameters = fresh();
  const take = async (): Promise<number> => {
    const [loss, ...next] = step(...parameters);
    parameters = next;
    for (const q of next) await q.blockUntilReady();
    return Number((await loss?.data())?.[0]);
  };
  return {
    async run() {
      await take();
    },
    async result() {
      const losses = [await take(), await take(), await take()];
      parameters = fresh();
      return losses;
    },
  };
};

/** jax-js in this process. */
export const jax = async (): Promise<Library> => {
  await init("wasm");
  return local("jax-js", "0.1.25", "one thread, jit", kinds);
};

/** What pages and Node both compute, so that their results can be compared. */
import type * as Mx from "../../src/index.js";
import type * as Nn from "../../src/nn/index.js";
import type * as Optim from "../../src/optimizers/index.js";

export interface Packages {
  readonly mx: typeof Mx;
  readonly nn: typeof Nn;
  readonly optim: typeof Optim;
}

export interface Results {
  /** Samples of matrix products: on one thread, on two at once, on two while timers fired. */
  readonly products: readonly (readonly number[])[];
  readonly losses: readonly number[];
}

const numbers = (a: Mx.NDArray): Iterable<number> => Float32Array.from(a.dataSync(), Number);

const size = 700;

const product = async ({ mx }: Packages): Promise<Results["products"]> => {
  const [a, b] = [1, 2].map((seed) => mx.random.normal([size, size], { key: mx.random.key(seed) }));
  if (a === undefined || b === undefined) return [];
  mx.eval(a, b);
  const sample = (c: Mx.NDArray): number[] => [...numbers(c.get("::97, ::89"))];
  const products: number[][] = [];
  for (const threads of [1, 2]) {
    mx.setThreads(threads);
    for (let i = 0; i < 8; i++) {
      const c = a.matmul(b);
      mx.eval(c);
      products[threads - 1] = sample(c);
      // Workers of a page start when its thread is free.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const c = a.matmul(b);
  await mx.asyncEval(c);
  return [...products, sample(c)];
};

interface Params {
  readonly [name: string]: Mx.NDArray;
  readonly w1: Mx.NDArray;
  readonly b1: Mx.NDArray;
  readonly w2: Mx.NDArray;
}

const train = async ({ mx, nn, optim }: Packages): Promise<Results["losses"]> => {
  const key = mx.random.key(5);
  const inputs = mx.random.normal([64, 8], { key });
  const targets = mx.sin(inputs).sum(1, { keepdims: true });
  let params: Params = {
    w1: mx.random.normal([8, 32], { scale: 0.3, key: mx.random.key(6) }),
    b1: mx.zeros([32]),
    w2: mx.random.normal([32, 1], { scale: 0.2, key: mx.random.key(7) }),
  };
  const adam = new optim.Adam(1e-2);
  const step = mx.valueAndGrad((p: Params) => {
    const hidden = nn.gelu(inputs.matmul(p.w1).add(p.b1));
    return nn.losses.mseLoss(hidden.matmul(p.w2), targets, { reduction: "mean" });
  });
  const losses: number[] = [];
  for (let i = 0; i < 300; i++) {
    const [loss, grads] = step(params);
    params = adam.applyGradients(grads, params);
    mx.eval(params, adam.state);
    losses.push(Number(loss.item()));
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return losses;
};

export const work = async (packages: Packages): Promise<Results> => ({
  products: await product(packages),
  losses: await train(packages),
});

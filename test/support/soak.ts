/** Long and rough use: training for thousands of steps, memory that runs out anywhere, threads that are killed. */
import assert from "node:assert/strict";
import { DeviceError } from "../../src/core/errors.js";
import { WasmDevice, type WasmDeviceOptions } from "../../src/device/wasm/device.js";
import { installEvaluator } from "../../src/graph/evaluator.js";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";
import { render } from "../../src/render/wasm/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { Engine } from "../../src/schedule/engine.js";
import { partition } from "../../src/schedule/partition.js";

const evaluateBy = (engine: () => Engine): void =>
  installEvaluator({
    evaluate: (nodes) => engine().evaluate(nodes),
    evaluateAsync: (nodes) => engine().evaluateAsync(nodes),
    collect: () => engine().collect(),
  });

/** Runs `body` with an engine of its own under everything that is evaluated. */
export const withDevice = async <R>(
  options: Partial<WasmDeviceOptions>,
  body: (device: WasmDevice) => Promise<R>,
): Promise<R> => {
  const device = new WasmDevice({ render, ...options });
  const engine = new Engine(device, partition);
  evaluateBy(() => engine);
  try {
    return await body(device);
  } finally {
    evaluateBy(defaultEngine);
    device.setThreads(1);
  }
};

interface Params {
  readonly [name: string]: mx.NDArray;
  readonly w1: mx.NDArray;
  readonly b1: mx.NDArray;
  readonly w2: mx.NDArray;
}

/** A small model with its optimizer; `step` is one step on data of its own, everything evaluated. */
class Training {
  readonly #adam = new optim.Adam(3e-3);
  readonly #gradients: (p: Params, x: mx.NDArray, y: mx.NDArray) => [mx.NDArray, Params];
  params: Params;

  constructor(width: number) {
    const normal = (seed: number, shape: readonly number[]): mx.NDArray =>
      mx.random.normal([...shape], { scale: 0.2, key: mx.random.key(seed) });
    this.params = { w1: normal(1, [8, width]), b1: mx.zeros([width]), w2: normal(2, [width, 1]) };
    this.#gradients = mx.valueAndGrad((p: Params, x: mx.NDArray, y: mx.NDArray) =>
      mx.tanh(x.matmul(p.w1).add(p.b1)).matmul(p.w2).subtract(y).square().mean(),
    );
  }

  step(seed: number, rows: number): mx.NDArray {
    const x = mx.random.normal([rows, 8], { key: mx.random.key(seed) });
    const y = mx.sin(x).sum(1, { keepdims: true });
    const [loss, grads] = this.#gradients(this.params, x, y);
    this.params = this.#adam.applyGradients(grads, this.params);
    mx.eval(loss, this.params, this.#adam.state);
    return loss;
  }

  /** All parameters, as bits. */
  bits(): string {
    return Object.values(this.params)
      .map((a) => Buffer.from(Float32Array.from(a.dataSync(), Number).buffer).toString("base64"))
      .join();
  }
}

export interface TrainingReport {
  readonly first: number;
  readonly last: number;
  /** Bytes live after a collection, and resident ones of the process: after a tenth of the steps, and at the end. */
  readonly live: readonly [number, number];
  readonly resident: readonly [number, number];
}

/** Trains without ever giving memory back by hand. */
export const train = (steps: number): Promise<TrainingReport> =>
  withDevice({}, async (device) => {
    const training = new Training(32);
    const losses: number[] = [];
    const early = Math.floor(steps / 10);
    const measure = (): [number, number] => {
      device.collect();
      return [device.memory().activeBytes, process.memoryUsage().rss];
    };
    let before: [number, number] = [0, 0];
    for (let i = 0; i < steps; i++) {
      losses.push(Number(training.step(i, 32).item()));
      if (i === early) before = measure();
    }
    const after = measure();
    return {
      first: losses[0] ?? 0,
      last: losses.slice(-20).reduce((a, b) => a + b, 0) / 20,
      live: [before[0], after[0]],
      resident: [before[1], after[1]],
    };
  });

/** Results of different kinds: products, rows, sorts, several results, compiled calls; the same ones for the same number. */
const compiled = mx.compile((x: mx.NDArray) => [mx.softmax(x.matmul(x), -1), mx.sin(x).cumsum(0)]);
const results = (n: number): mx.NDArray[] => {
  const size = 8 + (n % 5) * 24;
  const x = mx.random.normal([size, size], { key: mx.random.key(n) });
  switch (n % 4) {
    case 0:
      return [mx.softmax(x.matmul(x), -1), x.mean(0)];
    case 1:
      return [mx.sort(mx.sin(x), -1), mx.argmax(x, 0)];
    case 2:
      return compiled(x);
    default: {
      const [[y], [dx]] = mx.vjp(
        (t: mx.NDArray) => mx.tanh(t.matmul(t)),
        [x],
        [mx.ones([size, size])],
      );
      return [y, dx, mx.concatenate([x, mx.exp(x)], { axis: 1 })];
    }
  }
};

const bitsOf = (arrays: readonly mx.NDArray[]): string =>
  arrays
    .map((a) => Buffer.from(Float64Array.from(a.dataSync(), Number).buffer).toString("base64"))
    .join();

/** Evaluates with one allocation failing, now or later, and again without; gives how many failed. */
export const starve = (rounds: number): Promise<number> => {
  let countdown = -1;
  let asked = 0;
  const refuse = (): boolean => {
    asked++;
    return countdown >= 0 && countdown-- === 0;
  };
  return withDevice({ refuse, threads: 2, alwaysShare: true }, async (device) => {
    let failures = 0;
    // Plans, kernels and threads stay: what is live is compared once all of them are there.
    let live = 0;
    for (let i = 0; i < rounds; i++) {
      const n = i % 20;
      const right = results(n);
      asked = 0;
      mx.eval(right);
      const allocations = asked;
      const arrays = results(n);
      countdown = i % Math.max(allocations, 1);
      try {
        if (i % 2 === 0) mx.eval(arrays);
        else await mx.asyncEval(arrays);
      } catch (error) {
        failures++;
        assert.ok(error instanceof DeviceError, String(error));
        assert.match(
          error.message,
          /^\[allocate\] expected room for .*, got .* live of a limit of /,
        );
      }
      countdown = -1;
      // Evaluated again, it works, and the result is right.
      mx.eval(arrays);
      assert.equal(bitsOf(arrays), bitsOf(right), `round ${i}`);
      mx.dispose([arrays, right]);
      if (i === Math.floor(rounds / 2)) {
        device.collect();
        live = device.memory().activeBytes;
      }
    }
    device.collect();
    const left = device.memory().activeBytes - live;
    assert.ok(left <= 0, `${left} bytes are left of ${rounds / 2} failed evaluations`);
    return failures;
  });
};

/** Kills a thread in the middle of evaluations; gives how many failed, each with a DeviceError. All others are right. */
export const kill = (rounds: number): Promise<number> =>
  withDevice({ threads: 2, alwaysShare: true }, async (device) => {
    const size = 600;
    const x = mx.random.normal([size, size], { key: mx.random.key(1), scale: 0.05 });
    const chain = (): mx.NDArray => {
      let y = x;
      for (let i = 0; i < 6; i++) y = mx.tanh(x.matmul(y));
      return y;
    };
    device.setThreads(1);
    const right = bitsOf([chain()]);
    let failures = 0;
    for (let i = 0; i < rounds; i++) {
      // After three losses a device stays on one thread until it is told again.
      if (i % 4 === 0) device.setThreads(1 + (i % 8 === 0 ? 1 : 2));
      for (let t = 0; t < 3; t++) {
        mx.eval(mx.sin(x).matmul(x));
        await mx.asyncEval(mx.cos(x).matmul(x));
      }
      const y = chain();
      const timer = setTimeout(() => device.killThread(i % 2), 1 + (i % 5) * 4);
      try {
        await mx.asyncEval(y);
      } catch (error) {
        failures++;
        assert.ok(error instanceof DeviceError, String(error));
        assert.match(error.message, /worker thread/);
      }
      clearTimeout(timer);
      assert.equal(bitsOf([y]), right, `round ${i}`);
    }
    return failures;
  });

/** The parameters after training, as bits, by the number of threads; each number twice. */
export const repeat = async (steps: number, threads: readonly number[]): Promise<string[]> => {
  const all: string[] = [];
  for (const count of [...threads, ...threads]) {
    all.push(
      await withDevice({ threads: count, alwaysShare: count > 1 }, async () => {
        const training = new Training(96);
        for (let i = 0; i < steps; i++) training.step(i, 256);
        return training.bits();
      }),
    );
  }
  return all;
};

/** Loops and branches in command lists: the same on every device, on several threads, asynchronously, again and again. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ReferenceDevice } from "../../src/device/reference/device.js";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { installEvaluator } from "../../src/graph/evaluator.js";
import * as mx from "../../src/index.js";
import { render } from "../../src/render/wasm/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { Engine } from "../../src/schedule/engine.js";
import { partition } from "../../src/schedule/partition.js";
import { soloPartition } from "../../src/schedule/solo.js";
import { close, valuesOf } from "../transforms/support.js";

type NDArray = mx.NDArray;

const sharing = new WasmDevice({ render, threads: 2, alwaysShare: true });
const alone = new Engine(new WasmDevice({ render, threads: 1 }), partition);
const threaded = new Engine(sharing, partition);
after(() => {
  sharing.setThreads(1);
  installEvaluator(defaultEngine());
});

/** Arrays made anew for the engine that evaluates them. */
const input = (shape: readonly number[], seed: number): NDArray =>
  mx.random.normal([...shape], { key: mx.random.key(seed) });

/** Loops with several kernels to a round: products, sorts, sums, branches, loops in loops, a test. */
const programs: Readonly<Record<string, (size: number) => NDArray[]>> = {
  products: (n) => {
    const w = input([n, n], 1).multiply(1 / n);
    const [h, ys] = mx.scan(
      (c, x: NDArray) => {
        const y = mx.tanh(c.matmul(w).add(x));
        return [y, [y.sum(-1), mx.sort(x, -1)]];
      },
      mx.zeros([n, n]),
      input([5, n, n], 2),
      { reverse: true },
    );
    return [h, ...ys];
  },
  gradients: (n) => {
    const xs = input([6, 3, n], 3);
    const loss = (w: NDArray, b: NDArray): NDArray =>
      mx
        .scan(
          (c, x: NDArray) => {
            const y = mx.sin(c.matmul(w)).add(x.multiply(b));
            return [y, y.square().sum()];
          },
          mx.zeros([3, n]),
          xs,
        )[1]
        .sum();
    return mx.grad(loss, [0, 1])(input([n, n], 4).multiply(1 / n), input([n], 5));
  },
  nested: (n) => {
    const [c, ys] = mx.scan(
      (a, rows: NDArray) => {
        const [b, sums] = mx.scan(
          (s, x: NDArray) => {
            const y = mx.cond(
              x.sum().greater(0),
              (u, v) => u.multiply(0.5).add(mx.cumsum(v)),
              (u, v) => mx.softmax(u).subtract(v),
              s,
              x,
            );
            return [y, y.sum()];
          },
          a,
          rows,
          { reverse: true },
        );
        return [b.add(a), sums];
      },
      mx.zeros([n]),
      input([4, 3, n], 6),
    );
    return [c, ys];
  },
  "with a test": (n) => {
    const step = input([n], 7).abs().add(0.1);
    return mx.whileLoop<[NDArray, NDArray, NDArray]>(
      ([x]) => x.sum().less(40 * n),
      ([x, y, i]) => [y.add(step), mx.cumsum(x).multiply(0.01).add(x), i.add(1)],
      [mx.zeros([n]), mx.ones([n]), mx.array(0, mx.int32)],
    );
  },
};

const run = (engine: Engine, make: () => NDArray[]): number[][] => {
  installEvaluator(engine);
  const out = make();
  mx.eval(out);
  return out.map(valuesOf);
};

const submit = async (engine: Engine, make: () => NDArray[]): Promise<number[][]> => {
  installEvaluator(engine);
  const out = make();
  await mx.asyncEval(out);
  return out.map(valuesOf);
};

for (const [name, program] of Object.entries(programs)) {
  describe(name, () => {
    test("as the reference device says, fused and one kernel per operation", () => {
      const got = run(alone, () => program(5));
      for (const how of [partition, soloPartition]) {
        const want = run(new Engine(new ReferenceDevice(), how), () => program(5));
        for (const [i, w] of want.entries()) close(mx.array(got[i] ?? []), w, 1e-4);
      }
    });
    test("the same bits on two threads, and walked asynchronously", async () => {
      const want = run(alone, () => program(96));
      for (let k = 0; k < 3; k++)
        assert.deepEqual(
          run(threaded, () => program(96)),
          want,
        );
      assert.deepEqual(await submit(alone, () => program(96)), want);
      for (let k = 0; k < 3; k++) assert.deepEqual(await submit(threaded, () => program(96)), want);
      assert.deepEqual(
        run(threaded, () => program(96)),
        want,
      );
    });
  });
}

test("asynchronous loops were walked by another thread too, and a kernel once loaded is one step of a loop", () => {
  assert.ok(sharing.asynchronousCounts().led > 0);
  installEvaluator(defaultEngine());
  const [last] = mx.scan((c: NDArray) => [c.multiply(2), null], mx.ones([4]), null, { length: 40 });
  const report = mx.debug.explain(() => last)();
  assert.equal(report.kernels.filter((k) => k.operations.includes("mul")).length, 1);
  assert.deepEqual(
    valuesOf(last),
    [1, 1, 1, 1].map(() => 2 ** 40),
  );
});

test("what no one asks for is not computed", () => {
  installEvaluator(defaultEngine());
  const [last] = mx.scan((c, x: NDArray) => [c.add(x), mx.sort(x)], mx.zeros([3]), mx.ones([2, 3]));
  const names = mx.debug
    .explain(() => last)()
    .kernels.flatMap((k) => k.operations);
  assert.ok(!names.includes("sort"), names.join());
});

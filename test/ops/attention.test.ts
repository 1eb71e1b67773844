/** Attention in blocks is the composition in double precision, with all derivatives, and keeps no scores. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

const normal = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal({ shape, key: mx.random.key(seed) });

const attention = mx.fast.scaledDotProductAttention;

/** Relative to the largest number, with float64 as what is right. */
const close = (a: mx.NDArray, b: mx.NDArray, tolerance: number, what: string): void => {
  assert.deepEqual(a.shape, b.shape);
  const wide = b.astype(mx.float64);
  const gap = mx.max(mx.abs(a.astype(mx.float64).subtract(wide))).item();
  const size = mx.max(mx.abs(wide)).item();
  assert.ok(typeof gap === "number" && typeof size === "number");
  assert.ok(gap <= tolerance * Math.max(size, 1e-3), `${what} differs by ${gap} of ${size}`);
};

type Fn = (...xs: mx.NDArray[]) => mx.NDArray;

interface Case {
  readonly name: string;
  readonly arrays: readonly mx.NDArray[];
  readonly f: Fn;
}

const at = (xs: readonly mx.NDArray[], i: number): mx.NDArray => {
  const x = xs[i];
  assert.ok(x);
  return x;
};

const q = normal([2, 4, 130, 20], 1);
const k = normal([2, 2, 270, 20], 2);
const v = normal([2, 2, 270, 12], 3);
const scale = 0.2;

const plain =
  (mask: mx.NDArray | "causal" | null): Fn =>
  (...xs) =>
    attention(at(xs, 0), at(xs, 1), at(xs, 2), { scale, mask });

/** Every fifth key hidden, and all keys of every seventh query. */
const hidden = mx
  .expandDims(mx.arange(130), 1)
  .multiply(mx.array(10))
  .remainder(70)
  .greater(0)
  .logicalAnd(mx.arange(270).remainder(5).greater(0));

const cases: readonly Case[] = [
  { name: "plain", arrays: [q, k, v], f: plain(null) },
  { name: "causal", arrays: [q, k, v], f: plain("causal") },
  {
    name: "causal with fewer keys than queries",
    arrays: [q, k.get("...", mx.slice(80), mx.slice()), v.get("...", mx.slice(80), mx.slice())],
    f: plain("causal"),
  },
  { name: "hidden", arrays: [q, k, v], f: plain(hidden) },
  {
    name: "added mask and sinks",
    arrays: [q, k, v, normal([2, 1, 1, 270], 4), normal([4], 5)],
    f: (...xs) => {
      const [mask, sinks] = [at(xs, 3), at(xs, 4)];
      return attention(at(xs, 0), at(xs, 1), at(xs, 2), { scale, mask, sinks });
    },
  },
];

const widened = (xs: readonly mx.NDArray[]): mx.NDArray[] => xs.map((x) => x.astype(mx.float64));

for (const { name, arrays, f } of cases) {
  test(`${name}: values and gradients`, () => {
    const g = normal(f(...arrays).shape, 6);
    close(f(...arrays), f(...widened(arrays)), 2e-6, "value");
    const [, got] = mx.vjp(f, [...arrays], [g]);
    const [, want] = mx.vjp(f, widened(arrays), [g.astype(mx.float64)]);
    got.forEach((x, i) => {
      close(x, at(want, i), 4e-6, `gradient ${i}`);
    });
  });
}

test("halves round their results once", () => {
  for (const [dtype, tolerance] of [
    [mx.float16, 2 ** -10],
    [mx.bfloat16, 2 ** -7],
  ] as const) {
    const halves = [q, k, v].map((x) => x.astype(dtype));
    const f = plain("causal");
    const g = normal([2, 4, 130, 12], 6).astype(dtype);
    close(f(...halves), f(...widened(halves)), tolerance, "value");
    const [, got] = mx.vjp(f, halves, [g]);
    const [, want] = mx.vjp(f, widened(halves), [g.astype(mx.float64)]);
    got.forEach((x, i) => {
      assert.equal(x.dtype, dtype);
      close(x, at(want, i), 4 * tolerance, `gradient ${i}`);
    });
  }
});

test("tangents, second derivatives and mapping", () => {
  const f = plain("causal");
  const xs = [normal([1, 2, 100, 6], 1), normal([1, 1, 110, 6], 2), normal([1, 1, 110, 5], 3)];
  const ts = xs.map((x, i) => normal(x.shape, 10 + i));
  const both = (h: (...all: mx.NDArray[]) => mx.NDArray[], all: mx.NDArray[], t: number): void => {
    const want = h(...widened(all));
    h(...all).forEach((x, i) => {
      close(x, at(want, i), t, `result ${i}`);
    });
  };
  both((...all) => mx.jvp(f, all.slice(0, 3), all.slice(3))[1], [...xs, ...ts], 4e-6);
  const g = normal([1, 2, 100, 5], 6);
  const pulled = (...all: mx.NDArray[]): mx.NDArray[] =>
    mx.vjp(f, all.slice(0, 3), [g.astype(at(all, 0).dtype)])[1];
  both((...all) => mx.jvp(pulled, all.slice(0, 3), all.slice(3))[1], [...xs, ...ts], 1e-5);
  both((...all) => mx.vjp(pulled, all.slice(0, 3), all.slice(3))[1], [...xs, ...ts], 1e-5);
  const lanes = xs.map((x, i) => mx.stack([x, at(ts, i)]));
  const mapped = mx.vmap(f)(at(lanes, 0), at(lanes, 1), at(lanes, 2));
  close(mapped.get(0), f(...xs), 1e-6, "first lane");
  close(mapped.get(1), f(...ts), 1e-6, "second lane");
});

test("small shapes in one kernel are those of the composition", () => {
  const xs = [normal([2, 2, 3, 5], 1), normal([2, 1, 4, 5], 2), normal([2, 1, 4, 2], 3)];
  const f =
    (forceFused: boolean): Fn =>
    (...all) =>
      attention(at(all, 0), at(all, 1), at(all, 2), { scale, mask: "causal", forceFused });
  const g = normal([2, 2, 3, 2], 4);
  mx.eval(xs);
  const [[fused], gradients] = mx.vjp(f(true), xs, [g]);
  const [[composed], others] = mx.vjp(f(false), xs, [g]);
  assert.ok(fused && composed);
  close(fused, composed, 1e-6, "value");
  gradients.forEach((x, i) => {
    close(x, at(others, i), 2e-6, `gradient ${i}`);
  });
  assert.equal(mx.debug.kernels(f(true)(...xs)).length, 1);
});

test("compiled without shapes, it takes any batch by one trace", () => {
  let traces = 0;
  const gradients = mx.compile(
    (a: mx.NDArray, b: mx.NDArray) => {
      traces++;
      return mx.grad((x: mx.NDArray) => mx.sum(plain("causal")(x, b, b).square()))(a);
    },
    { shapeless: true },
  );
  for (const batch of [2, 3, 1]) {
    const xs = [normal([batch, 2, 100, 6], 1), normal([batch, 1, 110, 6], 2)];
    const own = mx.grad((x: mx.NDArray) =>
      mx.sum(plain("causal")(x, at(xs, 1), at(xs, 1)).square()),
    );
    close(gradients(at(xs, 0), at(xs, 1)), own(at(xs, 0)), 1e-6, `batch of ${batch}`);
  }
  assert.equal(traces, 1);
});

test("results do not depend on the number of threads", () => {
  const run = (): unknown[] => {
    const xs = [normal([1, 3, 300, 16], 1), normal([1, 3, 300, 16], 2), normal([1, 3, 300, 16], 3)];
    const f = plain("causal");
    const [[y], gs] = mx.vjp(f, xs, [normal([1, 3, 300, 16], 4)]);
    return [y, ...gs].map((x) => x?.tolist());
  };
  mx.setThreads(1);
  const one = run();
  mx.setThreads(3);
  assert.deepEqual(run(), one);
});

test("forward and backward of 8 × 2048 × 64 need a small part of the scores", () => {
  const shape = [1, 8, 2048, 64];
  const xs = [normal(shape, 1), normal(shape, 2), normal(shape, 3)];
  mx.eval(xs);
  const gradients = mx.grad(
    (a: mx.NDArray, b: mx.NDArray, c: mx.NDArray) =>
      mx.sum(attention(a, b, c, { scale: 0.125, mask: "causal" })),
    [0, 1, 2],
  );
  const { device } = defaultEngine();
  const before = device.memory().activeBytes;
  mx.eval(gradients(at(xs, 0), at(xs, 1), at(xs, 2)));
  const scores = 8 * 2048 * 2048 * 4;
  const used = mx.getPeakMemory() - before;
  assert.ok(used < scores / 4, `${used} bytes beside ${scores} of scores`);
});

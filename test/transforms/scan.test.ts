/** Loops over slices: what they compute, their derivatives against the unrolled loop, nesting, length, memory, errors. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WasmDevice } from "../../src/device/wasm/device.js";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { close, valuesOf } from "./support.js";

type NDArray = mx.NDArray;

interface Cell {
  readonly w: NDArray;
  readonly u: NDArray;
  readonly b: NDArray;
}

mx.random.seed(7);
const hidden = 4;
const cell: Cell = {
  w: mx.random.normal([hidden, hidden]).multiply(0.5),
  u: mx.random.normal([3, hidden]),
  b: mx.random.normal([hidden]),
};
const inputs = mx.random.normal([6, 2, 3]);
const start = mx.zeros([2, hidden]);
mx.eval(cell, inputs, start);

const step = ({ w, u, b }: Cell, h: NDArray, x: NDArray): NDArray =>
  mx.tanh(h.matmul(w).add(x.matmul(u)).add(b));

const scanned = (p: Cell, h0: NDArray, xs: NDArray, reverse = false): [NDArray, NDArray] =>
  mx.scan(
    (h, x) => {
      const y = step(p, h, x);
      return [y, y];
    },
    h0,
    xs,
    { reverse },
  );

const unrolled = (p: Cell, h0: NDArray, xs: NDArray, reverse = false): [NDArray, NDArray] => {
  const length = xs.shape[0] ?? 0;
  const ys: NDArray[] = [];
  let h = h0;
  for (let k = 0; k < length; k++) {
    const i = reverse ? length - 1 - k : k;
    h = step(p, h, xs.get(i)).eval();
    ys[i] = h;
  }
  return [h, mx.stack(ys)];
};

const lossOf =
  (run: typeof scanned) =>
  (p: Cell, h0: NDArray, xs: NDArray): NDArray => {
    const [h, ys] = run(p, h0, xs);
    return h
      .square()
      .sum()
      .add(ys.multiply(xs.sum(-1, { keepdims: true })).sum());
  };

const sameBits = (a: NDArray, b: NDArray): void => assert.deepEqual(valuesOf(a), valuesOf(b));

describe("values", () => {
  test("are those of the loop, to the last bit", () => {
    for (const reverse of [false, true]) {
      const [h, ys] = scanned(cell, start, inputs, reverse);
      const [wantH, wantYs] = unrolled(cell, start, inputs, reverse);
      sameBits(h, wantH);
      sameBits(ys, wantYs);
    }
  });
  test("of trees, with a count and without stacks", () => {
    const [carry, ys] = mx.scan(
      ({ a, list: [b] }: { a: NDArray; list: [NDArray] }) => [
        { a: b, list: [a.add(b)] as [NDArray] },
        { sum: a.add(b), none: null },
      ],
      { a: mx.array(0), list: [mx.array(1)] as [NDArray] },
      null,
      { length: 10 },
    );
    assert.equal(carry.a.item(), 55);
    assert.equal(carry.list[0].item(), 89);
    assert.deepEqual(valuesOf(ys.sum), [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]);
    assert.equal(ys.none, null);
  });
  test("of no rounds are the first carry and stacks without slices", () => {
    const [c, ys] = mx.scan((c, x) => [c.add(x.sum()), x], mx.array(3), mx.zeros([0, 2]));
    assert.equal(c.item(), 3);
    assert.deepEqual(ys.shape, [0, 2]);
    const [d] = mx.scan((c: NDArray) => [c.add(1), null], mx.array(3), null, { length: 0 });
    assert.equal(d.item(), 3);
  });
  test("of carries that stay, change places, or are results as they come", () => {
    const [c, ys] = mx.scan(
      ([a, b, k]: [NDArray, NDArray, NDArray], x: NDArray) => [
        [b, a, k] as [NDArray, NDArray, NDArray],
        [a, x, k, k.add(1), mx.array(5)],
      ],
      [mx.array(1), mx.array(2), mx.array(7)] as [NDArray, NDArray, NDArray],
      mx.array([10, 20, 30]),
    );
    assert.deepEqual(
      c.map((y) => y.item()),
      [2, 1, 7],
    );
    assert.deepEqual(ys.map(valuesOf), [
      [1, 2, 1],
      [10, 20, 30],
      [7, 7, 7],
      [8, 8, 8],
      [5, 5, 5],
    ]);
  });
  test("of slices that are not aligned, written backwards", () => {
    const xs = mx.arange(35).reshape([7, 5]).astype(mx.uint8);
    const [, ys] = mx.scan((c, x) => [c, x.add(1)], mx.array(0), xs, { reverse: true });
    sameBits(ys, xs.add(1));
  });
  test("of map, with routines and products inside", () => {
    const xs = mx.random.normal([5, 4, 4]);
    close(
      mx.map((x: NDArray) => mx.sort(x.matmul(x), -1), xs),
      valuesOf(mx.sort(xs.matmul(xs), -1)),
    );
  });
  test("of random numbers with a key for each round", () => {
    const keys = mx.random.split(mx.random.key(3), 4);
    const [, ys] = mx.scan(
      (c, key) => [c, mx.random.uniform({ shape: [2], key })],
      mx.array(0),
      keys,
    );
    const want = [0, 1, 2, 3].map((i) => mx.random.uniform({ shape: [2], key: keys.get(i) }));
    sameBits(ys, mx.stack(want));
  });
  test("stay, whatever the length of the loop", () => {
    const [c, ys] = mx.scan((c: NDArray) => [c.add(1), c], mx.array(0, mx.int32), null, {
      length: 100_000,
    });
    assert.equal(c.item(), 100_000);
    assert.equal(ys.get(99_998).item(), 99_998);
  });
});

describe("derivatives", () => {
  const want = mx.grad(lossOf(unrolled), [0, 1, 2])(cell, start, inputs);
  const check = (got: typeof want, tolerance = 1e-5): void => {
    for (const key of ["w", "u", "b"] as const)
      close(got[0][key], valuesOf(want[0][key]), tolerance);
    close(got[1], valuesOf(want[1]), tolerance);
    close(got[2], valuesOf(want[2]), tolerance);
  };
  const loss = lossOf(scanned);
  test("by everything that a loop takes, arrays used from outside too", () => {
    check(mx.grad(loss, [0, 1, 2])(cell, start, inputs));
  });
  test("of the compiled loop, the compiled gradient, both", () => {
    check(mx.grad(mx.compile(loss), [0, 1, 2])(cell, start, inputs));
    const compiled = mx.compile(mx.grad(loss, [0, 1, 2]));
    check(compiled(cell, start, inputs));
    check(compiled(cell, start, inputs));
  });
  test("with a value that is looked at in between", () => {
    const looked = (p: Cell, h0: NDArray, xs: NDArray): NDArray => {
      const [h, ys] = scanned(p, h0, xs);
      mx.eval(h, ys);
      return h
        .square()
        .sum()
        .add(ys.multiply(xs.sum(-1, { keepdims: true })).sum());
    };
    check(mx.grad(looked, [0, 1, 2])(cell, start, inputs));
  });
  test("of a checkpointed body", () => {
    const body = mx.checkpoint((p: Cell, h: NDArray, x: NDArray) => step(p, h, x));
    const run = (p: Cell, h0: NDArray, xs: NDArray): [NDArray, NDArray] =>
      mx.scan(
        (h, x) => {
          const y = body(p, h, x);
          return [y, y];
        },
        h0,
        xs,
      );
    check(mx.grad(lossOf(run), [0, 1, 2])(cell, start, inputs));
    check(mx.compile(mx.grad(lossOf(run), [0, 1, 2]))(cell, start, inputs));
  });
  test("of a body with a rule of its own", () => {
    const twice = mx.customFunction((x: NDArray) => x.multiply(2));
    twice.vjp((_, ct) => ct.multiply(5));
    const f = (x: NDArray): NDArray =>
      mx.scan((c: NDArray) => [twice(c), null], x, null, { length: 3 })[0];
    assert.equal(f(mx.array(1)).item(), 8);
    assert.equal(mx.grad(f)(mx.array(1)).item(), 125);
  });
  test("forwards agree with backwards", () => {
    const f = (h0: NDArray, xs: NDArray): NDArray => loss(cell, h0, xs);
    const ts = [mx.random.normal([2, hidden]), mx.random.normal([6, 2, 3])] as const;
    const [, [tangent]] = mx.jvp(f, [start, inputs], ts);
    const [gh, gx] = mx.grad(f, [0, 1])(start, inputs);
    const dot = gh.multiply(ts[0]).sum().add(gx.multiply(ts[1]).sum());
    close(tangent, valuesOf(dot), 1e-4);
  });
  test("of second order, each way", () => {
    const x0 = mx.array([0.3, -0.4], mx.float64);
    const f = (x: NDArray): NDArray =>
      mx
        .scan((c: NDArray) => [mx.sin(c.multiply(x)).add(x), c.square()], x, null, { length: 5 })[1]
        .sum();
    const plain = (x: NDArray): NDArray => {
      let [c, sum] = [x, mx.zeros([2], mx.float64)];
      for (let i = 0; i < 5; i++) [c, sum] = [mx.sin(c.multiply(x)).add(x), sum.add(c.square())];
      return sum.sum();
    };
    const v = mx.array([1, -2], mx.float64);
    const hvps = (g: typeof f): NDArray[] => [
      mx.jvp(mx.grad(g), [x0], [v])[1][0],
      mx.vjp(mx.grad(g), [x0], [v])[1][0],
      mx.grad((x: NDArray) => mx.jvp(g, [x], [v])[1][0])(x0),
    ];
    const wanted = hvps(plain);
    for (const [i, got] of hvps(f).entries())
      close(got, valuesOf(wanted[i] ?? mx.zeros([2])), 1e-10);
    close(
      mx.compile(mx.grad((x: NDArray) => mx.grad(f)(x).sum()))(x0),
      valuesOf(mx.grad((x: NDArray) => mx.grad(plain)(x).sum())(x0)),
      1e-10,
    );
  });
});

describe("nesting", () => {
  const table = mx.random.normal([4, 3, 2]);
  const decay = mx.array([0.5, -0.25]);
  const rows = (d: NDArray, xs: NDArray): NDArray =>
    mx.scan(
      (c, row: NDArray) => {
        const [last, inner] = mx.scan(
          (s, x: NDArray) => {
            const y = mx.sin(s.multiply(d)).add(x);
            return [y, y.square()];
          },
          c,
          row,
        );
        return [last, inner.sum(0).add(c)];
      },
      mx.zeros([2]),
      xs,
    )[1];
  const plain = (d: NDArray, xs: NDArray): NDArray => {
    let c = mx.zeros([2]);
    const out: NDArray[] = [];
    for (let i = 0; i < 4; i++) {
      let [s, sum] = [c, mx.zeros([2])];
      for (let j = 0; j < 3; j++) {
        s = mx.sin(s.multiply(d)).add(xs.get(i, j));
        sum = sum.add(s.square());
      }
      out.push(sum.add(c));
      c = s;
    }
    return mx.stack(out);
  };
  test("a loop in a loop, its gradient, both compiled", () => {
    close(rows(decay, table), valuesOf(plain(decay, table)));
    const of = (f: typeof rows) => (d: NDArray, xs: NDArray) => f(d, xs).square().sum();
    const want = mx.grad(of(plain), [0, 1])(decay, table);
    for (const grad of [mx.grad(of(rows), [0, 1]), mx.compile(mx.grad(of(rows), [0, 1]))])
      for (const [i, g] of grad(decay, table).entries())
        close(g, valuesOf(want[i] ?? g.add(1)), 1e-4);
  });
  test("mapped over what varies, what stays and what is used from outside", () => {
    const many = mx.random.normal([5, 4, 3, 2]);
    const lanes = [0, 1, 2, 3, 4];
    close(
      mx.vmap((xs: NDArray) => rows(decay, xs))(many),
      lanes.flatMap((i) => valuesOf(plain(decay, many.get(i)))),
    );
    const ds = mx.random.normal([5, 2]);
    close(
      mx.vmap((d: NDArray) => rows(d, table))(ds),
      lanes.flatMap((i) => valuesOf(plain(ds.get(i), table))),
    );
  });
  test("gradient of a mapped loop, mapped gradient of a loop, loop of a mapped function", () => {
    const many = mx.random.normal([3, 4, 3, 2]);
    const f = (xs: NDArray): NDArray => rows(decay, xs).square().sum();
    const want = [0, 1, 2].flatMap((i) =>
      valuesOf(mx.grad((xs: NDArray) => plain(decay, xs).square().sum())(many.get(i))),
    );
    close(mx.grad((xs: NDArray) => mx.vmap(f)(xs).sum())(many), want, 1e-4);
    close(mx.vmap(mx.grad(f))(many), want, 1e-4);
    const inner = mx.vmap((s: NDArray, x: NDArray) => mx.sin(s).multiply(x));
    const g = (xs: NDArray): NDArray =>
      mx.scan((c, x: NDArray) => [inner(c, x), c], mx.ones([2]), xs)[0].sum();
    const h = (xs: NDArray): NDArray => {
      let c = mx.ones([2]);
      for (let i = 0; i < 4; i++) c = mx.sin(c).multiply(xs.get(i));
      return c.sum();
    };
    const xs = mx.random.normal([4, 2]);
    close(mx.grad(g)(xs), valuesOf(mx.grad(h)(xs)));
  });
});

describe("work", () => {
  test("one plan for any number of equal loops, traced anew each time", () => {
    const engine = defaultEngine();
    const run = (): NDArray[] => {
      const { w, u, b } = mx.grad((p: Cell) => lossOf(scanned)(p, start, inputs))(cell);
      mx.eval(w, u, b);
      return [w, u, b];
    };
    const first = run();
    const before = engine.planned;
    const second = run();
    assert.equal(engine.planned, before);
    for (const [i, x] of first.entries()) sameBits(x, second[i] ?? x.add(1));
  });
  test("other constants are other loops", () => {
    const f = (k: number): NDArray =>
      mx.scan((c: NDArray) => [c.multiply(k), null], mx.array(1), null, { length: 3 })[0];
    assert.equal(f(2).item(), 8);
    assert.equal(f(3).item(), 27);
    assert.equal(f(2).item(), 8);
  });
  test("a long gradient keeps little more than one stack", () => {
    const length = 10_000;
    const xs = mx.random.normal([length, 1, 3]);
    mx.eval(xs);
    const h0 = mx.zeros([1, hidden]);
    const grad = mx.grad((p: Cell) => scanned(p, h0, xs)[0].sum());
    mx.eval(grad(cell));
    const { device } = defaultEngine();
    device.collect();
    if (device instanceof WasmDevice) device.resetPeak();
    const before = device.memory();
    const { w } = grad(cell);
    w.eval();
    const grown = device.memory().peakBytes - before.activeBytes;
    // The states of all rounds are what the way back needs.
    const stack = length * hidden * 4;
    assert.ok(grown < 4 * stack, `${grown} bytes for stacks of ${stack}`);
    assert.ok(Number.isFinite(Number(w.sum().item())));
  });
  test("without holding up the event loop", async () => {
    const xs = mx.random.normal([2000, 64]);
    const f = (): NDArray =>
      mx.scan((c, x: NDArray) => [mx.tanh(c.add(x)), mx.cumsum(c)], mx.zeros([64]), xs)[1];
    const want = f();
    want.eval();
    const got = f();
    await mx.asyncEval(got);
    sameBits(got, want);
  });
  test("errors of kernels inside come out", () => {
    const table = mx.arange(4);
    const [, ys] = mx.scan(
      (c, i: NDArray) => [c, table.get(i)],
      mx.array(0),
      mx.array([1, 9], mx.int32),
    );
    assert.throws(() => ys.eval(), { name: "IndexError" });
  });
});

describe("what is refused", () => {
  const xs = mx.ones([3, 2]);
  const refuses = (run: () => unknown, name: string, message: RegExp): void => {
    assert.throws(run, (e: Error) => {
      assert.equal(e.name, name);
      assert.match(e.message, message);
      return true;
    });
  };
  test("a carry that changes its shape, dtype or structure, by name", () => {
    refuses(
      () =>
        mx.scan(
          (c, x) => [{ a: [c.a[0].add(x)] as [NDArray] }, null],
          { a: [mx.array(0)] as [NDArray] },
          xs,
        ),
      "TransformError",
      /^\[scan\] expected the carry\.a\[0\] to stay float32\[\], got float32\[2\]: /,
    );
    refuses(
      () => mx.scan((c, x) => [c.add(x.sum()), null], mx.array(0, mx.int32), xs),
      "TransformError",
      /expected the carry to stay int32\[\], got float32\[\]/,
    );
    refuses(
      () => mx.scan<unknown, NDArray, null>((c) => [[c], null], mx.array(0), xs),
      "TransformError",
      /expected the carry of the structure \*, got \[\*\]/,
    );
  });
  test("lengths that differ or are not there", () => {
    const keep = (c: NDArray): [NDArray, null] => [c, null];
    refuses(
      () => mx.scan(keep, mx.array(0), [xs, mx.ones([4])]),
      "TransformError",
      /length 3 .* got 4/,
    );
    refuses(
      () => mx.scan(keep, mx.array(0), xs, { length: 5 }),
      "TransformError",
      /length 5 .* got 3/,
    );
    refuses(() => mx.scan(keep, mx.array(0), mx.array(1)), "TransformError", /0-d array/);
    refuses(() => mx.scan(keep, mx.array(0), null), "ArgumentError", /a length, got neither/);
    refuses(
      () => mx.scan(keep, mx.array(0), null, { length: 1.5 }),
      "ArgumentError",
      /whole number/,
    );
  });
  test("functions that return something else, look at values or are asynchronous", () => {
    const bad = (f: unknown): (() => unknown) => {
      const fn = f as (c: NDArray, x: NDArray) => [NDArray, null];
      return () => mx.scan(fn, mx.array(0), xs);
    };
    refuses(
      bad((c: NDArray) => c),
      "TransformError",
      /return \[carry, y\]/,
    );
    refuses(
      bad((c: NDArray) => [c, 3]),
      "ArgumentError",
      /expected y to be an array/,
    );
    refuses(
      bad(async (c: NDArray) => [c, null]),
      "TransformError",
      /promise/,
    );
    refuses(
      bad((c: NDArray, x: NDArray) => [c.add(Number(x.sum().item())), null]),
      "TransformError",
      /placeholder/,
    );
  });
  test("carries and stacks that are not arrays, unknown options", () => {
    refuses(() => mx.scan((c: number) => [c, null], 3, xs), "ArgumentError", /expected init/);
    refuses(() => mx.scan((c, _) => [c, null], mx.array(0), [3]), "ArgumentError", /expected xs/);
    refuses(
      () => mx.scan((c, _) => [c, null], mx.array(0), xs, Object({ unroll: 2 })),
      "ArgumentError",
      /unknown option "unroll"/,
    );
  });
});

/** Kernels of the user's: right on the default and the reference device, safe, differentiable where they have a rule. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HostStorage } from "../../src/core/storage.js";
import { evaluator, installEvaluator } from "../../src/graph/evaluator.js";
import * as mx from "../../src/index.js";
import { fusedEngine } from "../support/engines.js";

type A = mx.NDArray;

const flat = (x: mx.NestedList): unknown[] => (Array.isArray(x) ? x.flatMap(flat) : [x]);

/** Runs on both devices, whose results differ by a rounding at most; gives the values. */
const both = (run: () => A[]): mx.NestedList[] => {
  const own = evaluator();
  const values = run().map((a) => a.tolist());
  const { engine } = fusedEngine();
  try {
    installEvaluator(engine);
    const others = run().flatMap((a) => flat(a.tolist()));
    for (const [i, v] of values.flatMap(flat).entries()) {
      const other = others[i];
      if (typeof v !== "number" || typeof other !== "number") assert.equal(v, other);
      else assert.ok(Math.abs(v - other) <= 1e-6 * (1 + Math.abs(v)), `${v} and ${other}`);
    }
  } finally {
    installEvaluator(own);
  }
  return values;
};

/** An array in host memory, so that every device can take it. */
const host = (a: A): A => {
  mx.eval(a);
  assert.ok(a.node.data);
  const bytes = Uint8Array.from(a.node.data.read());
  const b = mx.zeros(a.shape, a.dtype);
  mx.eval(b);
  b.node.data = new HostStorage(bytes);
  return b;
};

const affine = mx.fast.wasmKernel("affine", ["x", "w"], ["y"], (k) => {
  const [i, j] = [k.grid(0), k.grid(1)];
  k.store("y", [i, j], k.op("add", k.op("mul", k.load("x", [i, j]), k.load("w", [j])), 1));
});

test("elementwise, from views too", () => {
  const x = host(mx.random.normal([5, 7], { key: mx.random.key(1) }));
  const w = host(mx.random.normal([5], { key: mx.random.key(2) }));
  const [y] = both(() =>
    affine({ inputs: [x.T, w], outputShapes: [[7, 5]], outputDtypes: [mx.float32] }),
  );
  const want = mx.transpose(x).multiply(w).add(1);
  assert.ok(y && mx.allclose(mx.array(y), want, { rtol: 1e-5, atol: 1e-6 }).item());
});

test("reductions over loops, several outputs, values used after them", () => {
  const softmax = mx.fast.wasmKernel("rowSoftmax", ["x"], ["y", "top", "where"], (k) => {
    const i = k.grid(0);
    const j = k.loop(k.shape("x")[1] ?? 0);
    const x = k.load("x", [i, j]);
    const top = k.reduce("max", x, j);
    const e = k.op("exp", k.op("sub", x, top));
    k.store("y", [i, j], k.op("div", e, k.reduce("sum", e, j)));
    k.store("top", [i], top);
    k.store("where", [i], k.reduce("argmax", x, j));
  });
  const x = host(mx.random.normal([33, 50], { key: mx.random.key(3) }));
  const [y, top, where] = both(() =>
    softmax({
      inputs: [x],
      outputShapes: [[33, 50], [33], [33]],
      outputDtypes: [mx.float32, mx.float32, mx.uint32],
      grid: [33],
    }),
  );
  assert.ok(y && mx.allclose(mx.array(y), mx.softmax(x, -1), { rtol: 1e-5 }).item());
  assert.deepEqual(top, x.max(1).tolist());
  assert.deepEqual(where, x.argmax(1).tolist());
});

test("neighbours beyond the edge are filled", () => {
  const blur = mx.fast.wasmKernel("blur", ["x"], ["y"], (k) => {
    const i = k.grid(0);
    const at = (d: number) => k.load("x", [i.plus(d)], { fill: d === 1 ? 10 : 0 });
    k.store("y", [i], k.op("add", k.op("add", at(-1), at(0)), at(1)));
  });
  const x = host(mx.arange(6).astype(mx.float32));
  const [y] = both(() => blur({ inputs: [x], outputShapes: [[6]], outputDtypes: [mx.float32] }));
  assert.deepEqual(y, [1, 3, 6, 9, 12, 19]);
});

test("computed indices wrap once, and are errors beyond", () => {
  const pick = mx.fast.wasmKernel("pick", ["x", "i"], ["y"], (k) => {
    const n = k.grid(0);
    k.store("y", [n], k.load("x", [k.load("i", [n])]));
  });
  const x = host(mx.arange(5).astype(mx.float32));
  const call = (i: A): A[] =>
    pick({ inputs: [x, i], outputShapes: [[3]], outputDtypes: [mx.float32] });
  const [y] = both(() => call(host(mx.array([4, -1, 0], mx.int32))));
  assert.deepEqual(y, [4, 4, 0]);
  assert.throws(() => mx.eval(call(mx.array([5, 0, 0], mx.int32))), mx.IndexError);
});

test("no index into an empty array", () => {
  const first = mx.fast.wasmKernel("first", ["x", "i"], ["y"], (k) => {
    k.store("y", [k.grid(0)], k.load("x", [k.load("i", [k.grid(0)])]));
  });
  const call = (n: number): A[] =>
    first({
      inputs: [mx.zeros([0]), mx.zeros([n], mx.int32)],
      outputShapes: [[n]],
      outputDtypes: [mx.float32],
    });
  assert.deepEqual(call(0)[0]?.tolist(), []);
  assert.throws(() => call(2), mx.IndexError);
});

test("positions: quotients and remainders transpose blocks", () => {
  const blocks = mx.fast.wasmKernel("blocks", ["x"], ["y"], (k) => {
    const n = k.grid(0);
    k.store("y", [n.mod(4).times(3).plus(n.div(4))], k.load("x", [n]));
  });
  const x = host(mx.arange(12).astype(mx.int32));
  const [y] = both(() =>
    blocks({ inputs: [x], outputShapes: [[12]], outputDtypes: [mx.int32], grid: [12] }),
  );
  assert.deepEqual(y, x.reshape(3, 4).T.flatten().tolist());
});

test("all real dtypes, in and out", () => {
  const types = [
    mx.uint8,
    mx.uint16,
    mx.uint32,
    mx.uint64,
    mx.int8,
    mx.int16,
    mx.int32,
    mx.int64,
    mx.float16,
    mx.bfloat16,
    mx.float32,
    mx.float64,
  ];
  const twice = mx.fast.wasmKernel("twice", ["x"], ["y", "positive"], (k) => {
    const i = k.grid(0);
    const x = k.load("x", [i]);
    k.store("y", [i], k.op("add", x, x));
    k.store("positive", [i], k.op("gt", x, 0));
  });
  for (const d of types) {
    const x = host(mx.array([0, 1, 5, 100]).astype(d));
    const [y, positive] = both(() =>
      twice({ inputs: [x], outputShapes: [[4], [4]], outputDtypes: [d, mx.bool] }),
    );
    assert.deepEqual(y, x.add(x).tolist(), d.name);
    assert.deepEqual(positive, [false, true, true, true]);
  }
});

test("what is not written is what initValue says", () => {
  const odd = mx.fast.wasmKernel("odd", ["x"], ["y"], (k) => {
    const i = k.grid(0);
    k.store("y", [i.times(2).plus(1)], k.load("x", [i]));
  });
  const x = host(mx.array([1, 2, 3]));
  const call = { inputs: [x], outputShapes: [[7]], outputDtypes: [mx.float32], grid: [3] };
  const [y] = both(() => odd({ ...call, initValue: -1 }));
  assert.deepEqual(y, [-1, 1, -1, 2, -1, 3, -1]);
  assert.throws(() => odd(call), /odd: expected stores of all 7 elements of y, each once, got 3/);
});

test("several stores fill an output together", () => {
  const zip = mx.fast.wasmKernel("zip", ["a", "b"], ["y"], (k) => {
    const i = k.grid(0);
    k.store("y", [i.times(2)], k.load("a", [i]));
    k.store("y", [i.times(2).plus(1)], k.load("b", [i]));
  });
  const [y] = both(() =>
    zip({
      inputs: [host(mx.array([1, 2])), host(mx.array([3, 4]))],
      outputShapes: [[4]],
      outputDtypes: [mx.float32],
      grid: [2],
    }),
  );
  assert.deepEqual(y, [1, 3, 2, 4]);
});

test("templates, and kernels anew for other shapes", () => {
  let built = 0;
  const scale = mx.fast.wasmKernel("scale", ["x"], ["y"], (k) => {
    built++;
    const i = k.grid(0);
    const f = Number(k.template.f) * (k.template.negate === true ? -1 : 1);
    k.store("y", [i], k.op("mul", k.load("x", [i]), f));
  });
  const run = (n: number, template: mx.fast.KernelTemplate): mx.NestedList | undefined =>
    scale({
      inputs: [mx.ones([n])],
      outputShapes: [[n]],
      outputDtypes: [mx.float32],
      template,
    })[0]?.tolist();
  assert.deepEqual(run(2, { f: 3, negate: true }), [-3, -3]);
  assert.deepEqual(run(2, { f: 3, negate: false }), [3, 3]);
  assert.deepEqual(run(3, { f: 3, negate: false }), [3, 3, 3]);
  assert.deepEqual(run(2, { f: 3, negate: true }), [-3, -3]);
  assert.equal(built, 3);
});

test("no elements at all, and no axes", () => {
  const [y] = affine({
    inputs: [mx.zeros([0, 3]), mx.ones([3])],
    outputShapes: [[0, 3]],
    outputDtypes: [mx.float32],
  });
  assert.deepEqual(y?.tolist(), []);
  const total = mx.fast.wasmKernel("total", ["x"], ["s"], (k) => {
    const j = k.loop(k.shape("x")[0] ?? 0);
    k.store("s", [], k.reduce("sum", k.load("x", [j]), j));
  });
  const [s] = both(() =>
    total({
      inputs: [host(mx.arange(100).astype(mx.float32))],
      outputShapes: [[]],
      outputDtypes: [mx.float32],
    }),
  );
  assert.equal(s, 4950);
});

test("fused neighbours, compile, vmap, and gradients by a rule", () => {
  const cube = mx.fast.wasmKernel(
    "cube",
    ["x"],
    ["y"],
    (k) => {
      const i = k.grid(0);
      const x = k.load("x", [i]);
      k.store("y", [i], k.op("mul", x, k.op("mul", x, x)));
    },
    {
      vjp: ([x], [ct]) => (x && ct ? [x.square().multiply(3).multiply(ct)] : []),
    },
  );
  const f = (x: A): A =>
    cube({ inputs: [x.add(1)], outputShapes: [x.shape], outputDtypes: [mx.float32] })[0]
      ?.multiply(2)
      .sum() ?? x;
  const x = mx.array([1, 2, 3]);
  assert.equal(f(x).item(), 2 * (8 + 27 + 64));
  assert.equal(mx.compile(f)(x).item(), 198);
  assert.deepEqual(mx.grad(f)(x).tolist(), [24, 54, 96]);
  assert.deepEqual(mx.compile(mx.grad(f))(x).tolist(), [24, 54, 96]);
  assert.deepEqual(
    mx
      .vmap(f)(mx.stack([x, x.add(1)]))
      .tolist(),
    [198, 2 * (27 + 64 + 125)],
  );
  const bare = (a: A): A =>
    affine({ inputs: [a, mx.ones([2])], outputShapes: [[1, 2]], outputDtypes: [mx.float32] })[0] ??
    a;
  assert.throws(() => mx.grad((a: A) => bare(a).sum())(mx.ones([1, 2])), /a derivative of affine/);
});

test("large ones run on all threads", () => {
  const n = 1 << 20;
  const poly = mx.fast.wasmKernel("poly", ["x"], ["y"], (k) => {
    const i = k.grid(0);
    const x = k.load("x", [i]);
    k.store("y", [i], k.op("add", k.op("mul", x, x), k.op("sin", x)));
  });
  const x = mx.random.normal([n], { key: mx.random.key(5) });
  const [y] = poly({ inputs: [x], outputShapes: [[n]], outputDtypes: [mx.float32] });
  assert.ok(y && mx.allclose(y, x.square().add(mx.sin(x)), { rtol: 1e-5, atol: 1e-6 }).item());
});

test("illegal kernels are refused while they are built", () => {
  type Body = (k: mx.fast.KernelBuilder) => void;
  const run = (body: Body, more: object = {}) => {
    const kernel = mx.fast.wasmKernel("bad", ["x"], ["y"], body);
    return () =>
      kernel({
        inputs: [mx.ones([4])],
        outputShapes: [[4]],
        outputDtypes: [mx.float32],
        ...more,
      });
  };
  const i = (k: mx.fast.KernelBuilder) => k.grid(0);
  const x = (k: mx.fast.KernelBuilder) => k.load("x", [i(k)]);
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      "beyond the end",
      run((k) => k.store("y", [i(k)], k.load("x", [i(k).plus(1)]))),
      /below 4 into axis 0 of x, got 1 to 4/,
    ],
    [
      "before the start",
      run((k) => k.store("y", [i(k)], k.load("x", [i(k).plus(-1)]))),
      /got -1 to 2/,
    ],
    ["store beyond", run((k) => k.store("y", [i(k).plus(1)], x(k))), /below 4 into axis 0 of y/],
    ["one element for all", run((k) => k.store("y", [0], x(k))), /an element of y of its own/],
    [
      "overlapping digits",
      run((k) => k.store("y", [i(k).div(2)], x(k))),
      /an element of y of its own/,
    ],
    [
      "one element twice",
      run((k) => {
        k.store("y", [i(k)], x(k));
        k.store("y", [i(k)], 0);
      }),
      /apart from each other/,
    ],
    [
      "half of it",
      run((k) => k.store("y", [k.grid(0)], x(k)), { grid: [2] }),
      /all 4 elements of y, each once, got 2/,
    ],
    ["nothing", run(() => {}), /all 4 elements of y, each once, got 0/],
    ["a wrong type", run((k) => k.store("y", [i(k)], k.position(i(k)))), /f32 to store in y/],
    [
      "mixed types",
      run((k) => k.store("y", [i(k)], k.op("add", x(k), k.position(i(k))))),
      /f32 as operand 1 of add/,
    ],
    [
      "an instruction on floats",
      run((k) => k.store("y", [i(k)], k.op("and", x(k), x(k)))),
      /and on bool/,
    ],
    [
      "too few operands",
      run((k) => k.store("y", [i(k)], k.op("add", x(k)))),
      /2 operands of add, got 1/,
    ],
    [
      "no instruction",
      run((k) =>
        k.store(
          "y",
          [i(k)],
          // @ts-expect-error no such instruction
          k.op("frobnicate", x(k)),
        ),
      ),
      /an instruction/,
    ],
    ["an unknown input", run((k) => k.store("y", [i(k)], k.load("z", [i(k)]))), /an input among x/],
    [
      "an output as input",
      run((k) => k.store("y", [i(k)], k.load("y", [i(k)]))),
      /outputs cannot be read/,
    ],
    ["an unknown output", run((k) => k.store("x", [i(k)], x(k))), /an output among y/],
    [
      "too many indices",
      run((k) => k.store("y", [i(k)], k.load("x", [i(k), 0]))),
      /1 indices into x, got 2/,
    ],
    [
      "an axis of the grid too many",
      run((k) => k.store("y", [k.grid(1)], x(k))),
      /an axis of the grid below 1/,
    ],
    [
      "a reduction over the grid",
      run((k) => k.store("y", [i(k)], k.reduce("sum", x(k), i(k)))),
      /a legal kernel/,
    ],
    [
      "a reduction over nothing",
      run((k) => k.store("y", [i(k)], k.reduce("sum", x(k)))),
      /loops to reduce over/,
    ],
    [
      "a negative quotient",
      run((k) => k.store("y", [i(k).plus(-4).div(2)], x(k))),
      /a position from 0/,
    ],
    ["a broken position", run((k) => k.store("y", [i(k).plus(0.5)], x(k))), /a whole number/],
    [
      "a stored value as place",
      run((k) => k.store("y", [k.position(i(k))], x(k))),
      /positions to store y at/,
    ],
  ];
  for (const [name, call, message] of cases) {
    assert.throws(
      call,
      (e) => {
        assert.ok(
          e instanceof mx.ArgumentError || e instanceof mx.IndexError,
          `${name}: ${String(e)}`,
        );
        assert.match(e.message, message, name);
        assert.match(e.message, /^\[wasmKernel\]/, name);
        return true;
      },
      name,
    );
  }
});

test("wrong arguments", () => {
  const body = (): void => {};
  const bad: readonly (() => unknown)[] = [
    () => mx.fast.wasmKernel("", ["x"], ["y"], body),
    () => mx.fast.wasmKernel("k", ["x", "x"], ["y"], body),
    () => mx.fast.wasmKernel("k", ["x"], ["x"], body),
    () => mx.fast.wasmKernel("k", ["x"], [], body),
    // @ts-expect-error not a function
    () => mx.fast.wasmKernel("k", ["x"], ["y"], "return x"),
    // @ts-expect-error no such option
    () => mx.fast.wasmKernel("k", ["x"], ["y"], body, { jvp: body }),
    // @ts-expect-error inputs and outputs are missing
    () => affine({ grid: [1] }),
    () => affine({ inputs: [mx.ones([2])], outputShapes: [[1, 2]], outputDtypes: [mx.float32] }),
    () =>
      affine({
        inputs: [mx.ones([2]), mx.ones([2])],
        outputShapes: [],
        outputDtypes: [mx.float32],
      }),
    () =>
      affine({
        inputs: [mx.ones([1, 2]), mx.ones([2])],
        outputShapes: [[1, 2]],

        // @ts-expect-error a name is no dtype
        outputDtypes: ["float32"],
      }),
    // @ts-expect-error no such option
    () => affine({ inputs: [], outputShapes: [], outputDtypes: [], threadgroup: [1] }),
  ];
  for (const call of bad) assert.throws(call, mx.ArgumentError, String(call));
  assert.throws(
    () =>
      affine({
        inputs: [mx.ones([1, 2], mx.complex64), mx.ones([2])],
        outputShapes: [[1, 2]],
        outputDtypes: [mx.float32],
      }),
    mx.DTypeError,
  );
});

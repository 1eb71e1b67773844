/** What compiled graphs are spared: equal applications, constants, what nobody asks for, stores between what fuses. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";

/** Instructions of the kernels that one call takes, once it is traced. */
const instructions = (f: (x: mx.NDArray) => unknown, x: mx.NDArray): string[][] => {
  const g = mx.compile(f);
  mx.eval(g(x));
  return mx.debug
    .explain(g)(x)
    .kernels.map((k) => [...k.operations]);
};
const x = mx.random.normal([64, 32], { key: mx.random.key(3) });
const count = (kernels: readonly string[][], what: string): number =>
  kernels.flat().filter((o) => o === what).length;

describe("a compiled graph", () => {
  test("computes equal applications once", () => {
    const twice = instructions((v) => mx.sin(v).multiply(2).add(mx.sin(v).multiply(2)), x);
    assert.equal(count(twice, "sin"), 1);
    // A product and its twin are one kernel.
    const products = instructions(
      (v) => mx.matmul(v.transpose(), v).add(mx.matmul(v.transpose(), v)),
      x,
    );
    assert.equal(count(products, "contract"), 1);
  });

  test("computes what depends on no argument when it is traced", () => {
    const k = mx.arange(32).astype(mx.float32);
    const kernels = instructions((v) => v.add(mx.exp(mx.sin(k)).cumsum()), x);
    assert.equal(kernels.length, 1);
    assert.equal(count(kernels, "exp") + count(kernels, "sin"), 0);
  });

  test("folds constants", () => {
    const folded = instructions((v) => v.multiply(mx.array(2).multiply(3).add(1).sqrt()), x);
    assert.deepEqual(folded, [["mul"]]);
  });

  test("does not compute what nobody asks for", () => {
    const kernels = instructions((v) => {
      mx.exp(v).sum();
      return mx.cos(v);
    }, x);
    assert.deepEqual([kernels.length, count(kernels, "exp")], [1, 0]);
  });

  test("fuses forward, backward and optimizer", () => {
    const params = { w: mx.random.normal([32], { key: mx.random.key(4) }) };
    const opt = new optim.Adam(0.01);
    opt.init(params);
    const loss = (p: { w: mx.NDArray }): mx.NDArray => mx.tanh(p.w).multiply(mx.sin(p.w)).sum();
    const state = [params, opt];
    const step = mx.compile(
      () => {
        const [value, g] = mx.valueAndGrad(loss)(params);
        opt.update(params, g);
        return value;
      },
      { inputs: state, outputs: state },
    );
    mx.eval(step());
    mx.eval(step());
    const { kernels } = mx.debug.explain(step)();
    // The gradient, the averages and the update of w, w being read once; the loss; the two scalars of the optimizer.
    const together = kernels.filter((k) => k.operations.includes("sqrt"));
    assert.equal(together.length, 1);
    assert.ok(
      together[0]?.operations.includes("cos"),
      "the gradient is in the kernel of the update",
    );
    assert.ok(kernels.length <= 4, `${kernels.length} kernels`);
  });
});

describe("what belongs to the key", () => {
  const runsOf = (...calls: readonly (readonly unknown[])[]): number => {
    let runs = 0;
    const g = mx.compile((...args: readonly unknown[]) => {
      runs++;
      return args.length;
    });
    for (const args of calls) g(...args);
    return runs;
  };

  test("values: numbers, strings, booleans, null, undefined, bigints, dtypes", () => {
    assert.equal(runsOf([1], [1], [2], [1]), 2);
    assert.equal(runsOf(["a"], ["b"], ["a"]), 2);
    assert.equal(runsOf([true], [false], [1], [1n], [null], [undefined], []), 7);
    assert.equal(runsOf([0], [-0], [Number.NaN], [Number.NaN]), 3);
    assert.equal(runsOf([mx.float32], [mx.float16], [mx.float32]), 2);
  });

  test("structure: lists, keys and their nesting", () => {
    const a = mx.ones([2]);
    assert.equal(runsOf([[a, 1]], [[a, 1]], [a, 1], [[[a], 1]], [{ a, b: 1 }], [{ a, c: 1 }]), 5);
  });

  test("arrays: shape and dtype, and not values", () => {
    const ones = mx.ones([2]);
    assert.equal(runsOf([ones], [mx.zeros([2])], [mx.ones([3])], [mx.ones([2], mx.int32)]), 3);
  });
});

test("MLX_DISABLE_COMPILE in the environment disables it, whatever its value", () => {
  const library = fileURLToPath(new URL("../../src/index.js", import.meta.url));
  const code = `
    const mx = await import(${JSON.stringify(library)});
    let runs = 0;
    const g = mx.compile((x) => { runs++; return x.add(1); });
    g(mx.ones([1])); g(mx.ones([1]));
    const before = runs;
    mx.enableCompile();
    g(mx.ones([1])); g(mx.ones([1]));
    console.log(before, runs - before);
  `;
  const run = (env: NodeJS.ProcessEnv): string =>
    execFileSync(process.execPath, ["--input-type=module", "-e", code], { env, encoding: "utf8" });
  assert.equal(run({ ...process.env, MLX_DISABLE_COMPILE: "" }).trim(), "2 1");
  const { MLX_DISABLE_COMPILE: _, ...rest } = process.env;
  assert.equal(run(rest).trim(), "1 0");
});

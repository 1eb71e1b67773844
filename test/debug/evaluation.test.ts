/** What is said about an evaluation: its kernels, what fused, what was moved, and the same values as without looking. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

test("the kernels of an evaluation, once", () => {
  const x = mx.ones([4, 8]).eval();
  const y = mx.exp(x).add(1);
  const texts = mx.debug.kernels(y);
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? "", /exp %\d/);
  assert.deepEqual(mx.debug.kernels(y), []);
  assert.equal(defaultEngine().observer, null);
});

test("fusion and bytes", () => {
  const x = mx.random.normal([8, 16], { key: mx.random.key(1) });
  const report = mx.debug.explain((a: mx.NDArray) => mx.sin(a).multiply(2))(x);
  assert.deepEqual(report.result.tolist(), mx.sin(x).multiply(2).tolist());
  const [kernel, ...others] = report.kernels;
  assert.ok(kernel !== undefined && others.length === 0);
  assert.deepEqual(kernel.operations, ["sin", "mul"]);
  assert.deepEqual([kernel.bytesRead, kernel.bytesWritten], [512, 512]);
  assert.match(String(report), /^0: sin, mul over \[.*\]: 512 B read, 512 B written, /);
});

test("products and routines have reports too", () => {
  const w = mx.ones([16, 4]).eval();
  const report = mx.debug.explain((a: mx.NDArray) => mx.sort(a.matmul(w), -1))(mx.ones([8, 16]));
  const [product, sort] = report.kernels;
  assert.ok(product !== undefined);
  assert.ok(product.operations.includes("contract"));
  assert.ok(product.text.includes("contract"));
  assert.equal(product.bytesRead, 4 * (8 * 16 + 16 * 4));
  assert.deepEqual(sort?.operations, ["sort"]);
});

test("a timeline: spans in order that do not overlap, of compiled functions as well", () => {
  const f = mx.compile((a: mx.NDArray) => a.cumsum().multiply(2).cumsum());
  const { result, traceEvents } = mx.debug.trace(() => f(mx.array([1, 2, 3])));
  assert.deepEqual(result.tolist(), [2, 8, 20]);
  assert.equal(traceEvents.length, 3);
  let end = 0;
  for (const e of traceEvents) {
    assert.equal(e.ph, "X");
    assert.ok(e.ts >= end && e.dur >= 0);
    end = e.ts + e.dur;
  }
  assert.doesNotThrow(() => JSON.stringify(traceEvents));
});

test("an error while looking leaves the engine as it was", () => {
  const boom = (): never => {
    throw new RangeError("mine");
  };
  assert.throws(() => mx.debug.trace(boom), RangeError);
  assert.equal(defaultEngine().observer, null);
});

test("WebAssembly's text", () => {
  const x = mx.ones([4, 8]).eval();
  const [text, ...others] = mx.debug.kernels(mx.exp(x).add(1), { format: "wasm" });
  assert.equal(others.length, 0);
  assert.match(text ?? "", /^\(module\n/);
  assert.match(text ?? "", /\n {2}\(export "k" \(func \d+\)\)\n/);
  assert.match(text ?? "", /\n +f32x4\.\w+\n/);
  assert.throws(() => Reflect.apply(mx.debug.kernels, undefined, [x, { format: "wat" }]), {
    name: "ArgumentError",
    message: /format to be "ir" or "wasm"/,
  });
});

/** The decision of a kind between kernels with these operations, which there must be. */
const decided = (
  report: { readonly decisions: readonly mx.debug.Decision[] },
  kind: mx.debug.Decision["kind"],
  first: string,
  second: string,
): mx.debug.Decision => {
  const found = report.decisions.find(
    (d) =>
      d.kind === kind && d.first.includes(first) && (second === "" || d.second.includes(second)),
  );
  assert.ok(found !== undefined, `${kind} ${first} ${second}: ${String(report)}`);
  return found;
};

test("why kernels were merged and why not: each refusal names its rule", () => {
  const w = mx.ones([128, 32]).eval();
  const x = mx.random.normal([64, 128], { key: mx.random.key(1) }).eval();
  const layer = mx.debug.explain((a: mx.NDArray) => mx.softmax(mx.exp(a).matmul(w), -1))(x);
  assert.match(
    decided(layer, "apart", "exp", "matmul").why,
    /too dear to be computed anew each time an operand's panel is packed/,
  );
  const after = decided(layer, "apart", "matmul", "max");
  assert.match(after.why, /a reduction that its own row waits for/);
  assert.equal(after.bytes, 64 * 32 * 4);
  assert.match(String(layer), /\napart: exp from matmul, 32\.0 KiB through memory: too dear/);
  assert.match(decided(layer, "merged", "max", "").why, /memory traffic/);

  const sorted = mx.debug.explain((a: mx.NDArray) => mx.sort(mx.sin(a).add(1), -1))(x);
  assert.match(decided(sorted, "apart", "sin", "sort").why, /sort is a routine/);

  const chain = mx.debug.explain((a: mx.NDArray) => mx.sin(a).multiply(2).add(1))(x);
  assert.deepEqual(decided(chain, "merged", "sin", "").first, ["sin", "multiply", "add"]);
  assert.equal(chain.decisions.filter((d) => d.kind === "apart").length, 0);
});

test("decisions are known of plans made before, and of compiled functions", () => {
  const x = mx.ones([16, 8]).eval();
  const f = mx.compile((a: mx.NDArray) => mx.sort(mx.cos(a).add(3), 0));
  mx.eval(f(x));
  for (let i = 0; i < 2; i++) {
    assert.match(decided(mx.debug.explain(f)(x), "apart", "cos", "sort").why, /routine/);
  }
});

test("asynchronous evaluations are observed too", async () => {
  const lines: string[] = [];
  mx.debug.setLevel(2, { write: (line) => lines.push(line) });
  try {
    const y = mx.sin(mx.ones([8])).cumsum();
    assert.equal((await y.data()).length, 8);
  } finally {
    mx.debug.setLevel(0);
  }
  assert.match(lines[0] ?? "", /^\[cotangent\] evaluation 0, asynchronous: 2 kernels, /);
  assert.equal(lines.length, 3);
});

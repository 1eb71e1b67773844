/** Settings of the engine in one call, and V8's joined vectors: never unasked, tried first, the same bits, always with a reason. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, it } from "node:test";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { faultOfWide } from "../../src/device/wasm/wide-check.js";
import * as mx from "../../src/index.js";
import { isKernel, type Kernel } from "../../src/kernel/ir.js";
import type { Render } from "../../src/render/contract.js";
import { render } from "../../src/render/wasm/index.js";

/** Whether this Node's V8 has the flag at all. */
const has = Reflect.get(process.config.variables, "v8_enable_wasm_simd256_revec") === 1;
const without = has ? false : "this Node was built without --experimental-wasm-revectorize";

after(() => mx.configure({ v8Flags: false, blas: true }));

/** Runs a module with this environment; gives back what it prints. */
const run = (source: string, env: Record<string, string>): string => {
  const index = new URL("../../src/index.js", import.meta.url).href;
  const child = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", `import * as mx from ${JSON.stringify(index)};\n${source}`],
    { encoding: "utf8", env: { ...process.env, COTANGENT_V8_FLAGS: "", ...env } },
  );
  assert.equal(child.status, 0, child.stderr);
  assert.equal(child.stderr, "");
  return child.stdout.trim();
};

/** Renders the lesser of two for the greater where vectors are to be joined. */
const spoilt: Render = (program, features) => {
  if (features.wide !== true || !isKernel(program)) return render(program, features);
  const swap: Kernel = {
    ...program,
    vals: program.vals.map((v) =>
      v.op === "scalar" && v.fn === "max" ? { ...v, fn: "min" as const } : v,
    ),
  };
  return render(swap, features);
};

describe("configure", () => {
  it("refuses what it does not know, before it changes anything", () => {
    const { threads } = mx.deviceInfo();
    const refused = (options: object, message: RegExp): void => {
      assert.throws(() => mx.configure(options), { name: "ArgumentError", message });
    };
    refused(
      { threads: threads + 1, v8flags: true },
      /unknown option "v8flags": did you mean v8Flags/,
    );
    refused(
      { threads: 0 },
      /\[configure\] expected threads to be a whole number of at least 1, got number 0/,
    );
    refused({ threads: threads + 1, blas: 3 }, /expected blas to be true, false or the path/);
    refused(
      { threads: threads + 1, v8Flags: 1 },
      /expected v8Flags to be true or false, got number 1/,
    );
    assert.throws(() => Reflect.apply(mx.configure, null, [true]), { name: "ArgumentError" });
    assert.equal(mx.deviceInfo().threads, threads);
  });

  it("sets threads and the library", () => {
    const { threads } = mx.deviceInfo();
    mx.configure({ threads: 1, blas: false });
    assert.equal(mx.deviceInfo().threads, 1);
    assert.match(mx.deviceInfo().blas.reason ?? "", /switched off/);
    mx.configure({ threads, blas: true });
    mx.configure({});
    assert.equal(mx.deviceInfo().threads, threads);
  });

  it("leaves V8's flags alone unless asked", () => {
    const { used, reason } = mx.deviceInfo().wideVectors;
    assert.equal(used, false);
    assert.match(reason ?? "", /not asked for: mx\.configure\(\{ v8Flags: true \}\)/);
  });

  it("joins vectors or says why not, and takes it back", () => {
    const x = mx.random.normal([65, 70], { key: mx.random.key(1) });
    const before = mx.matmul(x, x.T).eval();
    mx.configure({ v8Flags: true });
    const { wideVectors, features } = mx.deviceInfo();
    assert.equal(wideVectors.used, wideVectors.reason === null);
    assert.equal(features.includes("wide vectors"), wideVectors.used);
    if (!has) assert.match(wideVectors.reason ?? "", /built without --experimental/);
    assert.ok(mx.arrayEqual(mx.matmul(x, x.T), before).item());
    mx.configure({ v8Flags: false });
    assert.match(mx.deviceInfo().wideVectors.reason ?? "", /not asked for/);
    assert.ok(mx.arrayEqual(mx.matmul(x, x.T), before).item());
  });

  it("says so where flags cannot be set", () => {
    const source = `Object.defineProperty(process, "getBuiltinModule", { value: undefined });
      mx.configure({ v8Flags: true });
      console.log(mx.deviceInfo().wideVectors.reason, mx.sum(mx.ones([40, 40]).matmul(mx.ones([40, 40]))).item());`;
    assert.equal(run(source, {}), "flags of V8 can be set in Node only 64000");
  });
});

describe("the trial of joined vectors", () => {
  it("finds wrong results", () => {
    const features = { relaxed: false, shared: false };
    let joined = 0;
    const fault = faultOfWide(spoilt, features, () => joined++);
    assert.match(fault ?? "", /^a float32 product with a maximum is wrong at word \d+$/);
    assert.equal(joined, 1);
  });

  it("finds that nothing is gained", () => {
    // Nobody sets the flag.
    const fault = faultOfWide(render, { relaxed: false, shared: false }, () => {});
    assert.match(fault ?? "", /^a product runs at (?:0|1)\.\d\d times the speed$/);
  });

  it("switches them off again in a device whose results would be wrong", { skip: without }, () => {
    const device = new WasmDevice({ render: spoilt, wide: true, threads: 1 });
    const { used, reason } = device.wideInfo();
    assert.equal(used, false);
    assert.match(reason ?? "", /switched off again: .*is wrong at word/);
    assert.notEqual(device.features.wide, true);
  });

  it("switches them off again when it cannot be done at all", { skip: without }, () => {
    const failing: Render = (program, features) => {
      if (features.wide === true) throw new RangeError("no such code");
      return render(program, features);
    };
    const { reason } = new WasmDevice({ render: failing, wide: true, threads: 1 }).wideInfo();
    assert.match(reason ?? "", /a trial failed: no such code/);
  });
});

/** Prints digests of results, each computed again and again so that V8 has compiled it well in the end. */
const digests = `
import { createHash } from "node:crypto";
const normal = (shape, seed, dtype = mx.float32) =>
  mx.random.normal(shape, { key: mx.random.key(seed) }).astype(dtype).eval();
const product = (m, n, k, dtype) => {
  const [a, b] = [normal([m, k], 1, dtype), normal([k, n], 2, dtype)];
  const [at, bt] = [normal([k, m], 3, dtype), normal([n, k], 4, dtype)];
  return () => [a.matmul(b), at.T.matmul(b), a.matmul(bt.T), mx.maximum(a.matmul(b).add(1), 0)];
};
const x = normal([67, 1021], 5);
const w = normal([1021], 6);
const gelu = (v) => v.multiply(0.5).multiply(mx.tanh(v.add(v.power(3).multiply(0.044715)).multiply(0.79788)).add(1));
const q = normal([1, 2, 130, 32], 7);
const cases = {
  "255": product(255, 255, 255), "257": product(257, 257, 257), thin: product(128, 10, 784),
  long: product(40, 33, 1500), few: product(7, 300, 90), double: product(61, 47, 130, mx.float64), half: product(50, 70, 90, mx.float16),
  batch: () => [normal([9, 33, 40], 8).matmul(normal([9, 40, 65], 9))],
  vector: () => [w.matmul(x.T), x.matmul(w)],
  elementwise: () => [mx.exp(x), mx.tanh(x), mx.sigmoid(x), mx.log(mx.abs(x)), gelu(x), mx.sin(x), x.add(x.multiply(3)), mx.erf(x)],
  rows: () => [mx.softmax(x, -1), mx.fast.layerNorm(x, w, w, 1e-5), mx.fast.rmsNorm(x, w, 1e-5), mx.logsumexp(x, -1), mx.max(x, 1)],
  columns: () => [mx.sum(x, 0), mx.mean(x), mx.variance ? mx.variance(x, 0) : mx.sum(x), mx.cumsum(x, 1)],
  backward: () => [mx.grad((v) => mx.sum(gelu(mx.softmax(v, -1))))(x)],
  attention: () => [mx.fast.scaledDotProductAttention(q, q, q, { scale: 0.2 })],
  convolution: () => [mx.conv2d(normal([2, 17, 19, 5], 10), normal([9, 3, 3, 5], 11), { padding: 1 })],
};
const digest = (compute) => {
  const hash = createHash("sha256");
  for (const y of compute()) {
    const values = y.dataSync();
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex").slice(0, 16);
};
for (const [name, compute] of Object.entries(cases)) {
  const seen = new Set();
  for (const start = performance.now(); performance.now() - start < 150; ) seen.add(digest(compute));
  console.log(name, [...seen].join(" "));
}
console.log(mx.deviceInfo().wideVectors.used);
`;

describe("under joined vectors", () => {
  it("products, rows and maps have the same bits", () => {
    const env = { COTANGENT_BLAS: "off" };
    const plain = run(digests, env).split("\n");
    const joined = run(digests, { ...env, COTANGENT_V8_FLAGS: "1" }).split("\n");
    assert.equal(plain.pop(), "false");
    const used = joined.pop();
    assert.deepEqual(joined, plain);
    assert.ok(
      plain.every((line) => line.split(" ").length === 2),
      plain.join("\n"),
    );
    if (!has) assert.equal(used, "false");
  });
});

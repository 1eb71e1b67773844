/** Matrix products by a library of the system: right in every layout, on any threads, switched, and never required. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, it } from "node:test";
import * as mx from "../../src/index.js";

const found = mx.deviceInfo().blas;
const missing = found.used ? false : `no library for matrix products: ${found.reason ?? ""}`;
after(() => mx.setBlas(true));

/** The same products without a library and with one; those in `halves` are rounded to float16. */
const both = (compute: () => readonly mx.NDArray[], halves: readonly number[] = []): void => {
  mx.setBlas(false);
  const own = compute().map((x) => mx.array(x));
  mx.eval(...own);
  mx.setBlas(true);
  for (const [i, x] of compute().entries()) {
    const reference = own[i];
    assert.ok(reference !== undefined);
    assert.deepEqual([x.shape, x.dtype], [reference.shape, reference.dtype]);
    const scale = mx.max(mx.abs(reference)).item();
    const error = mx.max(mx.abs(mx.subtract(x, reference))).item();
    const bound = halves.includes(i) ? 1e-3 : 1e-5;
    assert.ok(Number(error) <= bound * Number(scale), `${i}: off by ${error} of ${scale}`);
  }
};

/** Runs a module with this environment; gives back what it prints. */
const run = (source: string, env: Record<string, string>): string => {
  const index = new URL("../../src/index.js", import.meta.url).href;
  const child = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", `import * as mx from ${JSON.stringify(index)};\n${source}`],
    { encoding: "utf8", env: { ...process.env, ...env } },
  );
  assert.equal(child.status, 0, child.stderr);
  return child.stdout.trim();
};

describe("a library for matrix products", () => {
  it("computes what we compute", { skip: missing }, () => {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) =>
      mx.random.normal([96, 96], { key: mx.random.key(i) }),
    );
    assert.ok(a && b && c && d);
    both(
      () => [
        mx.matmul(a, b),
        mx.matmul(a.T, b),
        mx.matmul(a, b.T),
        mx.matmul(a.T, b.T).T,
        mx.tanh(mx.add(mx.matmul(mx.multiply(a, 2), b), c)),
        mx.matmul(a.astype(mx.float16), b.astype(mx.float16)).astype(mx.float32),
        mx.matmul(a.astype(mx.bfloat16), b),
        mx.matmul(mx.stack([a, b, c]), mx.stack([b, c, d])),
        mx.matmul(mx.stack([a, b, c]), d),
      ],
      [5],
    );
  });

  it("reads quantized matrices that are decoded block by block", { skip: missing }, () => {
    for (const format of [{ bits: 4 }, { bits: 3, groupSize: 32 }, { mode: "nvfp4" }] as const) {
      const w = mx.random.normal([3, 256, 384], { key: mx.random.key(1) });
      const [words, scales, biases = null] = mx.quantize(w, format);
      assert.ok(words !== undefined && scales !== undefined);
      for (const transpose of [true, false]) {
        const o = { ...format, transpose };
        const depth = transpose ? 384 : 256;
        const x = mx.random.normal([3, 40, depth], { key: mx.random.key(2) });
        const long = mx.random.normal([600, depth], { key: mx.random.key(3) });
        const rhsIndices = mx.array([2, 0, 2], mx.int32);
        const picked = { ...o, rhsIndices };
        const [own, ownScales] = [words.get(1), scales.get(1)];
        const one = { ...o, biases: biases === null ? null : biases.get(1) };
        both(
          () => [
            mx.quantizedMatmul(x, words, scales, biases, o),
            mx.gatherQmm(x, words, scales, biases, picked),
            mx.quantizedMatmul(long, own, ownScales, one),
            mx.quantizedMatmul(long.astype(mx.bfloat16), own, ownScales, one).astype(mx.float32),
            mx
              .quantizedMatmul(x.astype(mx.float16), words, scales.astype(scales.dtype), biases, o)
              .astype(mx.float32),
          ],
          [3, 4],
        );
      }
    }
  });

  it("adds up columns of what follows a product, slab by slab", { skip: missing }, () => {
    const [x, w, v] = [
      [1300, 160],
      [160, 176],
      [176, 144],
    ].map((shape, i) => mx.random.normal(shape, { key: mx.random.key(i) }));
    assert.ok(x && w && v);
    const loss = (b: mx.NDArray, c: mx.NDArray): mx.NDArray => {
      const h = mx.tanh(mx.add(mx.matmul(x, w), b));
      return mx.mean(mx.square(mx.add(mx.matmul(h, v), c)));
    };
    const gradients = mx.grad(loss, { argnums: [0, 1] });
    both(() => gradients(mx.zeros([176]), mx.ones([144])));
    const { kernels } = mx.debug.explain((y: mx.NDArray) => {
      const h = mx.matmul(y, w);
      return [h, mx.sum(mx.square(h), 0)];
    })(x);
    const product = kernels.find((k) => k.operations.includes("contract"));
    assert.match(String(product?.wasm), /"blas" "f32"/);
    assert.ok(product?.operations.includes("reduce sum"));
  });

  it("computes in double precision", { skip: missing }, () => {
    const x = mx.divide(mx.arange(0, 4096, 1, { dtype: mx.float64 }), 64).reshape([64, 64]);
    both(() => [mx.matmul(x, x.T), mx.matmul(x, x)]);
  });

  it("gives the same on any number of threads, evaluated at once or not", {
    skip: missing,
  }, async () => {
    const a = mx.random.normal([512, 300], { key: mx.random.key(2) });
    const b = mx.random.normal([300, 700], { key: mx.random.key(3) });
    const results: mx.NDArray[] = [];
    for (const threads of [1, 2, 3]) {
      mx.setThreads(threads);
      // Threads start once there was work for them.
      for (let i = 0; i < 20; i++) mx.eval(mx.matmul(a, mx.add(b, i)));
      results.push(mx.matmul(a, b));
      mx.eval(...results);
      const later = mx.matmul(a, b);
      await mx.asyncEval(later);
      results.push(later);
    }
    for (const r of results) assert.ok(mx.arrayEqual(r, results[0] ?? a).item());
  });

  it("lets the event loop turn while it works", { skip: missing }, async () => {
    const a = mx.ones([2048, 2048]);
    mx.eval(a);
    let turns = 0;
    const turn = (): void => {
      turns++;
      pending = setImmediate(turn);
    };
    let pending = setImmediate(turn);
    const product = mx.matmul(a, a);
    await mx.asyncEval(product);
    clearImmediate(pending);
    // Of its 32 tiles two threads do about half each; a turn lasts for one or two of them.
    assert.ok(turns >= 6, `${turns} turns`);
    assert.equal(mx.max(product).item(), 2048);
  });

  it("is switched by setBlas", { skip: missing }, () => {
    mx.setBlas(false);
    assert.match(mx.deviceInfo().blas.reason ?? "", /switched off/);
    mx.setBlas(found.library ?? true);
    assert.deepEqual(mx.deviceInfo().blas, found);
  });

  it("falls back, with the reason, from a library that is not there or is another one", () => {
    const product = (): unknown => mx.max(mx.matmul(mx.ones([40, 40]), mx.ones([40, 40]))).item();
    for (const path of [
      "/nowhere/libblas.so",
      process.platform === "linux" ? "libm.so.6" : "none",
    ]) {
      mx.setBlas(path);
      const { used, reason } = mx.deviceInfo().blas;
      assert.equal(used, false);
      assert.ok(reason !== null && reason.length > 10, `${reason}`);
      assert.equal(product(), 40);
    }
  });

  it("is switched by the environment", () => {
    const source =
      "console.log(mx.deviceInfo().blas.used, mx.max(mx.matmul(mx.ones([40, 40]), mx.ones([40, 40]))).item())";
    assert.equal(run(source, { COTANGENT_BLAS: "off" }), "false 40");
    assert.equal(run(source, { COTANGENT_BLAS: "/nowhere/libblas.so" }), "false 40");
    assert.equal(run(source, { COTANGENT_BLAS: "on" }), `${found.used} 40`);
  });
});

/** Functions that MLX exported give here what they gave there; `fixtures/record.py` says how they were made. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { dtypes } from "../../src/core/dtype.js";
import { HostStorage } from "../../src/core/storage.js";
import { NDArray } from "../../src/graph/array.js";
import { Node } from "../../src/graph/node.js";
import * as mx from "../../src/index.js";

interface Recorded {
  readonly dtype: string;
  readonly shape: number[];
  readonly b64: string;
}

export interface Fixture {
  readonly name: string;
  readonly file: string;
  readonly metadata: string;
  readonly calls: readonly {
    readonly args: Recorded[];
    readonly kwargs: Record<string, Recorded>;
    readonly results: Recorded[];
  }[];
}

const fixtures = (): Fixture[] =>
  gunzipSync(readFileSync("test/export/fixtures/mlx.jsonl.gz"))
    .toString()
    .trim()
    .split("\n")
    .map((line): Fixture => JSON.parse(line));

const array = ({ dtype, shape, b64 }: Recorded): NDArray => {
  const d = dtypes.find((known) => known.name === dtype);
  assert.ok(d, dtype);
  const node = new Node(null, [], undefined, shape, d, 0);
  node.data = new HostStorage(Uint8Array.from(Buffer.from(b64, "base64")));
  return new NDArray(node);
};

/** Relative and absolute: a few roundings of the dtype. */
const tolerance = (dtype: string): readonly [number, number] => {
  if (dtype === "float16") return [2e-3, 1e-3];
  if (dtype === "bfloat16") return [1.6e-2, 1e-2];
  return [2e-5, 2e-6];
};

const compare = (got: NDArray | undefined, want: NDArray, what: string): void => {
  assert.ok(got, what);
  assert.deepEqual([got.dtype.name, got.shape], [want.dtype.name, want.shape], what);
  mx.eval(got);
  if (want.dtype.kind !== "float" && want.dtype.kind !== "complex") {
    assert.deepEqual(got.tolist(), want.tolist(), what);
    return;
  }
  const [rtol, atol] = tolerance(want.dtype.name);
  const wide = want.dtype === mx.complex64 ? mx.complex64 : mx.float64;
  const close = mx.allclose(got.astype(wide), want.astype(wide), { rtol, atol, equalNan: true });
  assert.ok(close.item(), `${what}: ${got} is not ${want}`);
};

for (const { name, file, metadata, calls } of fixtures()) {
  test(name, () => {
    const bytes = Uint8Array.from(Buffer.from(file, "base64"));
    const [f, text] = mx.importFunction(bytes, { returnMetadata: true });
    assert.equal(text, metadata);
    for (const [i, { args, kwargs, results }] of calls.entries()) {
      const named = Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [k, array(v)]));
      const got = f(...args.map(array), ...(Object.keys(named).length > 0 ? [named] : []));
      assert.equal(got.length, results.length, `call ${i}`);
      for (const [k, r] of results.entries()) compare(got[k], array(r), `call ${i}, result ${k}`);
    }
    assert.throws(() => f(mx.zeros([17, 19, 23])), mx.ArgumentError);
  });
}

test("functions from MLX can be differentiated and mapped", () => {
  const found = fixtures().find((x) => x.name === "products");
  const call = found?.calls[0];
  assert.ok(found && call);
  const f = mx.importFunction(Uint8Array.from(Buffer.from(found.file, "base64")));
  const [x, y, z] = call.args.map(array);
  assert.ok(x && y && z);
  const slope = mx.grad((a: mx.NDArray) => f(a, y, z)[0]?.sum() ?? a)(x);
  const want = mx.grad((a: mx.NDArray) => a.matmul(y).sum())(x);
  assert.ok(mx.allclose(slope, want, { rtol: 1e-5 }).item());
  const mapped = mx.vmap((a: mx.NDArray) => f(a, y, z)[0] ?? a)(mx.stack([x, x.add(1)]));
  assert.ok(mx.allclose(mapped.get(1), x.add(1).matmul(y), { rtol: 1e-5 }).item());
});

/** Damaged files of exported functions, ours and MLX's, are refused by name, offset and cause, or read; nothing else happens. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { CotangentError, FormatError, InternalError } from "../../src/core/errors.js";
import { readOwnFormat } from "../../src/export/read-file.js";
import { NDArray } from "../../src/graph/array.js";
import { sizeOf } from "../../src/graph/node.js";
import * as mx from "../../src/index.js";
import { memorySource } from "../../src/io/source.js";
import { mutationCount, readDamaged } from "../support/mutations.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-damaged-"));
after(() => rmSync(folder, { recursive: true }));

type A = mx.NDArray;

let made = 0;
const exported = (fun: (...xs: A[]) => A | A[], ...xs: A[]): Uint8Array => {
  const path = join(folder, `${++made}.fn`);
  mx.exportFunction(path, fun, ...xs);
  return Uint8Array.from(readFileSync(path));
};

const key = mx.random.key(0);
const own = [
  exported(
    (x, w) => [mx.softmax(x.matmul(w), -1), mx.mean(x, 0), x.get(0, mx.slice(1, null, 2))],
    mx.ones([3, 4]),
    mx.ones([4, 5]),
  ),
  exported(
    (x) => [
      mx.take(x, mx.array([2, 0], mx.int32), 0),
      x.at(mx.array([1], mx.int32)).add(1),
      mx.pad(x, 1),
      mx.sort(x),
    ],
    mx.ones([3, 4]),
  ),
  exported(
    (x, w) => [
      mx.conv1d(x, w, { padding: 1 }),
      mx.fft.rfft(x, { axis: 1 }).abs(),
      mx.cumsum(x, 1),
      x.argmax(2),
    ],
    mx.ones([2, 6, 3]),
    mx.ones([4, 3, 3]),
  ),
  exported(
    (x) => [mx.linalg.inv(x), mx.linalg.svd(x)[1], mx.random.normal([3], { key }), mx.var(x, 0)],
    mx.eye(3),
  ),
  exported(
    (q, k) => mx.fast.scaledDotProductAttention(q, k, k, { scale: 0.5, mask: "causal" }),
    mx.ones([1, 2, 100, 8]),
    mx.ones([1, 1, 100, 8]),
  ),
];

const headerOf = (bytes: Uint8Array): { header: unknown; rest: Uint8Array } => {
  const length = Number(new DataView(bytes.buffer).getBigUint64(8, true));
  const text = new TextDecoder().decode(bytes.subarray(16, 16 + length));
  return { header: JSON.parse(text), rest: bytes.subarray(16 + length) };
};

const withHeader = (json: string | Uint8Array, rest: Uint8Array): Uint8Array => {
  const body = typeof json === "string" ? new TextEncoder().encode(json) : json;
  const bytes = new Uint8Array(16 + body.length + rest.length);
  bytes.set(new TextEncoder().encode("cotangfn"));
  new DataView(bytes.buffer).setBigUint64(8, BigInt(body.length), true);
  bytes.set(body, 16);
  bytes.set(rest, 16 + body.length);
  return bytes;
};

/** Every place of a JSON value: how to put something else there. */
const places = (x: unknown): { value: unknown; put: (v: unknown) => void }[] => {
  if (typeof x !== "object" || x === null) return [];
  const object: object = x;
  return Object.entries(object).flatMap(([name, value]) => [
    { value, put: (v: unknown) => Reflect.set(object, name, v) },
    ...places(value),
  ]);
};

const others: readonly unknown[] = [
  0,
  1,
  2,
  3,
  -1,
  7,
  64,
  1e3,
  2 ** 31,
  2 ** 53,
  1e300,
  0.5,
  null,
  true,
  false,
  "",
  "NaN",
  "sum",
  "float16",
  "bool",
  "complex64",
  [],
  [0],
  [1, 0],
  [0, 1, 2],
  [-1],
  {},
  { integer: "9" },
  { re: 1, im: 2 },
];

const generator = (seed: number): ((n: number) => number) => {
  let state = (seed * 2654435761) >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
};

/** Calls what could be read, as long as it is small: kernels of files must be as safe as all others. */
const runs = (bytes: Uint8Array): void => {
  const { functions } = readOwnFormat(memorySource("the given bytes", bytes));
  for (const f of functions) {
    if (f.inputs.some(({ shape }) => sizeOf(shape) > 5000)) continue;
    const ins = f.inputs.map(({ shape, dtype }) => mx.ones(shape, dtype).node);
    const outs = f.apply(ins)?.map((n) => new NDArray(n)) ?? [];
    if (outs.some((a) => a.size > 20_000)) continue;
    try {
      mx.eval(outs);
    } catch (e) {
      assert.ok(e instanceof CotangentError && !(e instanceof InternalError), String(e));
    }
  }
};

test("byte by byte, in this library's format", () => {
  const refused = readDamaged(own, mutationCount, (bytes) => {
    mx.importFunction(bytes);
  });
  assert.ok(refused > mutationCount / 2 && refused < mutationCount, `${refused} refused`);
});

test("value by value, in this library's format, and what is read can be called", () => {
  const count = Math.min(mutationCount, 20_000);
  let refused = 0;
  // Bounds what a made-up shape may take.
  const limit = mx.setMemoryLimit(2 ** 28);
  try {
    for (let seed = 0; seed < count; seed++) {
      const below = generator(seed + 1);
      const { header, rest } = headerOf(own[seed % own.length] ?? new Uint8Array(0));
      for (let i = below(2); i >= 0; i--) {
        const all = places(header);
        const place = all[below(all.length)];
        const near = typeof place?.value === "number" && below(2) === 0;
        place?.put(
          near ? Number(place.value) + below(5) - 2 : structuredClone(others[below(others.length)]),
        );
      }
      try {
        runs(withHeader(JSON.stringify(header), rest));
      } catch (e) {
        assert.ok(e instanceof FormatError, `seed ${seed}: ${e instanceof Error ? e.stack : e}`);
        assert.match(e.message, /expected .*offset.* got /s, `seed ${seed}`);
        refused++;
      }
    }
  } finally {
    mx.setMemoryLimit(limit);
  }
  assert.ok(refused > count / 2 && refused < count, `${refused} refused`);
});

const mlx = (): Uint8Array[] =>
  gunzipSync(readFileSync("test/export/fixtures/mlx.jsonl.gz"))
    .toString()
    .trim()
    .split("\n")
    .map((line) => Uint8Array.from(Buffer.from(JSON.parse(line).file, "base64")))
    .filter((bytes) => bytes.length < 6000);

test("byte by byte, in MLX's format", () => {
  const refused = readDamaged(mlx(), mutationCount, (bytes) => {
    mx.importFunction(bytes);
  });
  assert.ok(refused > mutationCount / 3 && refused < mutationCount, `${refused} refused`);
});

test("named causes", () => {
  const [first = new Uint8Array(0)] = own;
  const { header, rest } = headerOf(first);
  const changed = (change: (h: Record<string, unknown>) => void): Uint8Array => {
    const copy: Record<string, unknown> = JSON.parse(JSON.stringify(header));
    change(copy);
    return withHeader(JSON.stringify(copy), rest);
  };
  const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(0), /end of the file|truncated/],
    ["only the magic bytes", first.slice(0, 8), /truncated/],
    ["no whole header", first.slice(0, 40), /truncated/],
    ["a header beyond the file", withHeader("{}", rest).slice(0, 17), /truncated/],
    ["no JSON", withHeader("{]", rest), /expected JSON/],
    ["other bytes than UTF-8", withHeader(Uint8Array.of(0x22, 0xff, 0x22), rest), /expected JSON/],
    ["deep JSON", withHeader(deep, rest), /expected (JSON|an object)/],
    ["another version", changed((h) => Reflect.set(h, "version", 2)), /version 1/],
    [
      "another primitive",
      changed((h) => {
        for (const p of places(h)) if (p.value === "matmul") p.put("matmull");
      }),
      /a known primitive in application \d+.*"matmull"/,
    ],
    [
      "a wrong shape",
      changed((h) => {
        for (const p of places(h)) if (JSON.stringify(p.value) === "[3,5]") p.put([3, 6]);
      }),
      /float32\[3, 5\] as result 0 of application 0, matmul/,
    ],
    [
      "an absurd shape",
      changed((h) => {
        for (const p of places(h))
          if (JSON.stringify(p.value) === "[3,4]") p.put([2 ** 50, 2 ** 50]);
      }),
      /a dtype and a shape of each input/,
    ],
    [
      "a value before it is there",
      changed((h) => {
        for (const p of places(h)) if (JSON.stringify(p.value) === "[0,1]") p.put([0, 99]);
      }),
      /numbers of values before it as operands of application 0/,
    ],
  ];
  for (const [name, bytes, cause] of cases) {
    const path = join(folder, "damaged.fn");
    writeFileSync(path, bytes);
    for (const open of [() => mx.importFunction(path), () => mx.importFunction(bytes)]) {
      assert.throws(open, (e) => {
        assert.ok(e instanceof FormatError, `${name}: ${String(e)}`);
        assert.match(e.message, cause, name);
        assert.match(e.message, /offset/, name);
        return true;
      });
    }
    assert.throws(
      () => mx.importFunction(path),
      (e) => e instanceof Error && e.message.includes(path),
      name,
    );
  }
});

test("a primitive of MLX that is not there is named", () => {
  const bytes = mlx().find((b) => new TextDecoder("latin1").decode(b).includes("Tanh"));
  assert.ok(bytes);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("Tanh");
  const other = Uint8Array.from(bytes);
  other.set(new TextEncoder().encode("Tanj"), at);
  assert.throws(() => mx.importFunction(other), /"Tanj" at offset \d+ of the given bytes/);
});

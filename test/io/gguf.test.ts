/** Gguf files: metadata of all kinds, plain and packed tensors, damaged files. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ArgumentError, DTypeError, FormatError } from "../../src/core/errors.js";
import * as mx from "../../src/index.js";
import { load, saveGguf } from "../../src/index.js";
import { dataPath } from "../conformance/format.js";
import { mutationCount, readDamaged } from "../support/mutations.js";
import { blockFixtures } from "./block-fixtures.js";
import { refused } from "./damaged.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-gguf-"));
after(() => rmSync(folder, { recursive: true }));

const plain = (x: unknown): unknown =>
  x instanceof mx.NDArray ? [x.dtype.name, x.shape, x.tolist()] : x;

test("tensors and metadata survive saving and loading", () => {
  const path = join(folder, "all");
  const types = [mx.float32, mx.float16, mx.int8, mx.int16, mx.int32];
  const arrays = Object.fromEntries(
    types.flatMap((d) =>
      [[], [3], [2, 3], [0, 2], [1, 2, 3, 1]].map((shape, i) => [
        `${d.name}.${i}`,
        mx.full(shape, 3).astype(d),
      ]),
    ),
  );
  const metadata: Record<string, mx.GgufValue> = {
    text: "é",
    list: ["a", "", "bb"],
    none: [],
    flag: mx.array(true),
    half: mx.array([1.5, -2]),
  };
  for (const d of [mx.uint8, mx.int8, mx.uint16, mx.int16, mx.uint32, mx.int64, mx.uint64]) {
    metadata[d.name] = mx.array([1, 2]).astype(d);
  }
  saveGguf(path, arrays, metadata);
  const [a, m] = load(`${path}.gguf`, { format: "gguf", returnMetadata: true });
  assert.deepEqual(Object.keys(a), Object.keys(arrays));
  for (const [k, v] of Object.entries(arrays)) assert.deepEqual(plain(a[k]), plain(v), k);
  assert.deepEqual(Object.keys(m), Object.keys(metadata));
  for (const [k, v] of Object.entries(metadata)) assert.deepEqual(plain(m[k]), plain(v), k);
  saveGguf(path, {});
  assert.deepEqual(load(`${path}.gguf`), {});
});

/** A version 3 file of one tensor, or of one value. */
const file = (
  type: number,
  dims: readonly number[],
  data: Uint8Array,
  value = Buffer.alloc(0),
): Buffer => {
  const head = Buffer.alloc(24);
  head.write("GGUF");
  head.writeUInt32LE(3, 4);
  head.writeUInt32LE(1, 8);
  head.writeUInt32LE(value.length > 0 ? 1 : 0, 16);
  const tensor = Buffer.alloc(8 + 8 + 4 + 8 * dims.length + 4 + 8);
  tensor.writeUInt32LE(8, 0);
  tensor.write("x.weight", 8);
  tensor.writeUInt32LE(dims.length, 16);
  for (const [i, d] of dims.entries()) tensor.writeBigUInt64LE(BigInt(d), 20 + 8 * i);
  tensor.writeUInt32LE(type, 20 + 8 * dims.length);
  const header = Buffer.concat([head, value, tensor]);
  return Buffer.concat([header, Buffer.alloc(-header.length & 31), data]);
};

test("blocks of four and eight bits stand for what MLX makes of them", () => {
  const block = Buffer.alloc(18);
  block.writeUInt16LE(0x3800, 0);
  for (let i = 0; i < 16; i++) block[2 + i] = i | ((15 - i) << 4);
  const a = load(file(2, [32, 1], block), "gguf");
  assert.deepEqual(Object.keys(a).sort(), ["x.biases", "x.scales", "x.weight"]);
  assert.deepEqual(plain(a["x.scales"]), ["float16", [1, 1], [[0.5]]]);
  assert.deepEqual(plain(a["x.biases"]), ["float16", [1, 1], [[-4]]]);
  assert.deepEqual(plain(a["x.weight"]), [
    "uint32",
    [1, 4],
    [[0x76543210, 0xfedcba98, 0x89abcdef, 0x01234567]],
  ]);
  assert.deepEqual(plain(load(file(30, [1], Uint8Array.of(0xc0, 0x3f)), "gguf")["x.weight"]), [
    "bfloat16",
    [1],
    [1.5],
  ]);
});

for (const { type, name, block, halves } of blockFixtures) {
  test(`${name} becomes the float16 that the format means`, () => {
    const raw = Buffer.from(block, "base64");
    const want = Buffer.from(halves, "base64");
    const elements = want.length / 2;
    const a = load(file(type, [elements, 2], Buffer.concat([raw, raw])), "gguf")["x.weight"];
    assert.ok(a !== undefined);
    assert.deepEqual([a.dtype, a.shape], [mx.float16, [2, elements]]);
    assert.deepEqual(Buffer.from(a.node.data?.read() ?? []), Buffer.concat([want, want]));
    const cut = file(type, [elements], raw.subarray(1));
    assert.throws(() => load(cut, "gguf"), FormatError);
    assert.throws(() => load(file(type, [elements / 2], raw), "gguf"), /multiples of/);
  });
}

test("a double becomes float32, lists of lists are refused", () => {
  const value = Buffer.alloc(9 + 4 + 8);
  value.writeUInt32LE(1, 0);
  value.write("d", 8);
  value.writeUInt32LE(12, 9);
  value.writeDoubleLE(0.5, 13);
  const bytes = file(24, [1], Uint8Array.of(7), value);
  const [, m] = load(bytes, { format: "gguf", returnMetadata: true });
  assert.deepEqual(plain(m.d), ["float32", [], 0.5]);
  value.writeUInt32LE(9, 9);
  value.writeUInt32LE(9, 13);
  assert.throws(() => load(file(24, [1], Uint8Array.of(7), value), "gguf"), FormatError);
});

test("damaged files: each cause is named", () => {
  const one = Uint8Array.of(1);
  const cases: [string, Buffer, RegExp][] = [
    ["empty", Buffer.alloc(0), /magic number/],
    ["magic", Buffer.alloc(40), /"GGUF"/],
    ["version", Buffer.from("GGUF\x09\0\0\0"), /version 2 or 3.*offset 4/],
    ["cut", file(24, [1], one).subarray(0, 40), /end of the file/],
    ["axes", file(24, [1, 1, 1, 1, 1, 1, 1, 1, 1], one), /at most 8 axes/],
    ["data cut", file(24, [2], one), /expected 2 bytes/],
    ["absurd", file(0, [2 ** 50, 2 ** 50], one), /truncated/],
    ["unknown", file(99, [1], one), /got number 99/],
    ["blocks", file(2, [16], one), /multiples of 32/],
  ];
  refused(folder, "gguf", cases);
});

test(`${mutationCount} damaged files are refused or read, nothing else`, () => {
  const files = [
    "meta-arrays",
    "meta-strings",
    "meta-scalars",
    "q4_0",
    "q4_1",
    "q8_0",
    "int16",
  ].map((name) => Uint8Array.from(readFileSync(dataPath(`io/${name}.gguf`))));
  for (const { type, block, halves } of blockFixtures) {
    const elements = Buffer.from(halves, "base64").length / 2;
    files.push(Uint8Array.from(file(type, [elements], Buffer.from(block, "base64"))));
  }
  const refused = readDamaged(files, mutationCount, (bytes) => {
    for (const a of Object.values(load(bytes, "gguf"))) {
      assert.ok(a.node.data?.byteLength === a.size * a.dtype.size);
    }
  });
  assert.ok(refused > mutationCount / 4 && refused < mutationCount, `${refused} refused`);
});

test("wrong arguments", () => {
  const path = join(folder, "wrong.gguf");
  const wrong = (kind: typeof ArgumentError | typeof DTypeError, ...args: unknown[]): void => {
    assert.throws(() => Reflect.apply(saveGguf, null, args), kind);
  };
  const w = mx.zeros([1]);
  wrong(ArgumentError, "", { w });
  wrong(ArgumentError, path, [w]);
  wrong(ArgumentError, path, { w: mx.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]) });
  wrong(ArgumentError, path, { w }, "text");
  wrong(ArgumentError, path, { w }, { a: 3 });
  wrong(ArgumentError, path, { w }, { a: mx.zeros([1, 1]) });
  wrong(ArgumentError, path, { w }, { a: mx.zeros([0]) });
  wrong(DTypeError, path, { w }, { a: w.astype(mx.float16) });
  wrong(DTypeError, path, { w: w.astype(mx.bfloat16) });
  assert.ok(!existsSync(path));
});

/** Npz files: stored and deflated members, archives of other writers, damaged ones and bombs. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { constants, deflateRawSync, crc32 as systemCrc } from "node:zlib";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, FormatError } from "../../src/core/errors.js";
import * as mx from "../../src/index.js";
import { load, savez, savezCompressed } from "../../src/index.js";
import { crc32 } from "../../src/io/crc32.js";
import { inflate } from "../../src/io/inflate.js";
import { memorySource } from "../../src/io/source.js";
import { readZip } from "../../src/io/zip.js";
import { writeZip } from "../../src/io/zip-writer.js";
import { dataPath } from "../conformance/format.js";
import { mutationCount, readDamaged } from "../support/mutations.js";
import { refused } from "./damaged.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-npz-"));
after(() => rmSync(folder, { recursive: true }));

/** Text-like bytes with repetitions near and far, and noise. */
const sample = (n: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(n);
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const back = state % 977;
    bytes[i] = state >>> 28 < 11 && i > back ? (bytes[i - back] ?? 0) : state >>> 16;
  }
  return bytes;
};

const never = (cause: string): Error => new Error(cause);

test("inflate undoes deflate at every level and strategy, whole and in part", () => {
  for (const n of [0, 1, 100, 70_000, 300_000]) {
    const plain = sample(n, n + 1);
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_RLE]) {
        const packed = deflateRawSync(plain, { level, strategy });
        const { bytes, complete } = inflate(packed, n, never);
        assert.ok(complete && Buffer.from(plain).equals(bytes), `${n}, ${level}, ${strategy}`);
        if (n > 1) {
          const part = inflate(packed, n >> 1, never);
          assert.ok(!part.complete && Buffer.from(plain.subarray(0, n >> 1)).equals(part.bytes));
          assert.throws(() => inflate(packed.subarray(0, packed.length >> 1), n, never), /early/);
        }
      }
    }
  }
});

test("the checksum is that of zip", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  const bytes = sample(1000, 3);
  if (typeof systemCrc === "function") assert.equal(crc32(bytes), systemCrc(bytes));
});

const values = (): Record<string, mx.NDArray> =>
  Object.fromEntries(
    dt.dtypes.map((d) => [`${d.name}/é`, mx.arange(2000).reshape(2, 1000).astype(d)]),
  );

test("every dtype, stored and deflated, by position and by name", () => {
  for (const write of [savez, savezCompressed]) {
    const path = join(folder, "all");
    write(path, mx.array([1, 2]), mx.array(3), values());
    const got = load(`${path}.npz`, "npz");
    assert.deepEqual(Object.keys(got), ["arr_0", "arr_1", ...Object.keys(values())]);
    assert.deepEqual(got.arr_0?.tolist(), [1, 2]);
    assert.equal(got.arr_1?.item(), 3);
    for (const [name, want] of Object.entries(values())) {
      assert.equal(got[name]?.dtype, want.dtype);
      assert.deepEqual(got[name]?.tolist(), want.tolist(), name);
    }
  }
  savez(join(folder, "none.npz"));
  assert.deepEqual(load(join(folder, "none.npz")), {});
});

test("from URL, Blob, stream and bytes", async () => {
  const path = join(folder, "sources.npz");
  savezCompressed(path, { a: mx.ones([300]) });
  const bytes = readFileSync(path);
  for (const { a } of [
    load(bytes, "npz"),
    await load(pathToFileURL(path), "npz"),
    await load(new Blob([bytes]), "npz"),
    await load(new Blob([bytes]).stream(), "npz"),
  ]) {
    assert.equal(a?.sum().item(), 300);
  }
  assert.throws(() => load(path, { returnMetadata: true }), /metadata/);
});

test("what does not fit at once is unpacked when needed, from bytes as from large files", () => {
  const big = mx.zeros([1 << 25], mx.int8);
  for (const write of [savez, savezCompressed]) {
    const path = join(folder, "big.npz");
    write(path, { a: big, b: big, c: mx.concatenate([big, mx.array([7]).astype(mx.int8)]) });
    const { a, c } = load(path, "npz");
    assert.deepEqual(a?.shape, [1 << 25]);
    assert.deepEqual(c?.shape, [(1 << 25) + 1]);
    assert.equal(c?.get(1 << 25).item(), 7);
  }
});

const npy = Uint8Array.from(readFileSync(dataPath("io/int32-4.npy")));
const raw = (bytes: Uint8Array) => deflateRawSync(bytes);

const archive = (
  names: readonly string[],
  content: Uint8Array,
  deflate: ((bytes: Uint8Array) => Uint8Array) | null,
): Buffer =>
  Buffer.concat([
    ...writeZip(
      names.map((name) => ({ name, bytes: () => content })),
      deflate,
    ),
  ]);

/** The same archive with a field of the directory's first entry changed. */
const altered = (bytes: Buffer, at: number, value: number, width: 2 | 4 = 4): Buffer => {
  const out = Buffer.from(bytes);
  const directory = out.readUInt32LE(out.length - 6);
  if (width === 2) out.writeUInt16LE(value, directory + at);
  else out.writeUInt32LE(value, directory + at);
  return out;
};

test("more members than a plain directory can count", () => {
  const names = Array.from({ length: 66_000 }, (_, i) => `${i}`);
  const bytes = archive(names, Uint8Array.of(5), null);
  const found = readZip(memorySource("many", bytes));
  assert.equal(found.size, names.length);
  assert.deepEqual([...(found.get("65999")?.read("load", 0, 1) ?? [])], [5]);
});

test("damaged archives and bombs: each cause is named", () => {
  const stored = archive(["x.npy"], npy, null);
  const packed = archive(["x.npy"], npy, raw);
  const two = archive(["x.npy", "y.npy"], npy, null);
  const end = two.length - 22;
  const entry = (end - two.readUInt32LE(two.length - 6)) / 2;
  const overlapping = altered(two, entry + 42, 0);
  const badName = Buffer.from(stored);
  badName[badName.readUInt32LE(badName.length - 6) + 46] = 0xff;
  const cases: [string, Buffer, RegExp][] = [
    ["empty", Buffer.alloc(0), /end of a zip directory/],
    ["cut", stored.subarray(0, stored.length - 1), /end of a zip directory/],
    ["method", altered(stored, 10, 12, 2), /stored or deflated.*method 12/],
    ["encrypted", altered(stored, 8, 1, 2), /not encrypted/],
    ["name", badName, /name in UTF-8/],
    ["sizes", altered(stored, 24, 5), /equal sizes/],
    ["bomb", altered(packed, 24, 0xfffffff0), /at most 1032 times/],
    ["too small", altered(packed, 24, 20), /more bytes instead of 20/],
    ["too large", altered(packed, 24, npy.length + 1), /bytes instead of/],
    ["checksum", altered(packed, 16, 1), /checksum 1 /],
    ["offset", altered(stored, 42, 0x7fffffff), /header of member "x\.npy"/],
    ["not a header", altered(stored, 42, 3), /header of member.*other bytes/],
    ["too long", altered(altered(stored, 20, 1 << 20), 24, 1 << 20), /before the directory/],
    ["zip64 without field", altered(stored, 24, 0xffffffff), /none in its extra field/],
    ["overlap", overlapping, /apart from each other/],
    ["twice", archive(["x.npy", "x.npy"], npy, null), /once.*"x\.npy" twice/],
    ["twice by name", archive(["x", "x.npy"], npy, null), /once.*"x" twice/],
    ["no npy", archive(["x.npy"], Buffer.from("hello, hello"), null), /not an npy file/],
  ];
  refused(folder, "npz", cases);
});

test(`${mutationCount} damaged files are refused or read, nothing else`, () => {
  const files = [
    ...["compressed", "numpy", "plain"].map((name) => readFileSync(dataPath(`io/${name}.npz`))),
    archive(["a.npy", "b.npy"], npy, raw),
  ].map((bytes) => Uint8Array.from(bytes));
  const refused = readDamaged(files, mutationCount, (bytes) => {
    for (const a of Object.values(load(bytes, "npz"))) {
      assert.ok(a.node.data === null || a.node.data.byteLength === a.size * a.dtype.size);
    }
  });
  assert.ok(refused > mutationCount / 3 && refused < mutationCount, `${refused} refused`);
});

test("damaged deflate data is refused or inflated, nothing else", () => {
  const files = [0, 1, 9].map((level) =>
    Uint8Array.from(deflateRawSync(sample(2000, level), { level })),
  );
  const refused = readDamaged(files, mutationCount, (bytes) => {
    const { bytes: out } = inflate(
      bytes,
      3000,
      (cause, at) => new FormatError(`expected deflated data, got ${cause} at ${at}`),
    );
    assert.ok(out.length <= 3000);
  });
  assert.ok(refused > mutationCount / 10 && refused < mutationCount, `${refused} refused`);
});

test("wrong arguments", () => {
  const path = join(folder, "wrong.npz");
  const wrong = (...args: unknown[]): void => {
    for (const write of [savez, savezCompressed]) {
      assert.throws(() => Reflect.apply(write, null, args), ArgumentError);
    }
  };
  wrong("", mx.zeros([1]));
  wrong(path, 3);
  wrong(path, { a: 3 });
  wrong(path, { a: mx.zeros([1]) }, mx.zeros([1]));
  wrong(path, mx.zeros([1]), { arr_0: mx.zeros([1]) });
  wrong(path, { ["n".repeat(70_000)]: mx.zeros([1]) });
  assert.ok(!existsSync(path));
  assert.throws(() => savez(join(folder, "no", "such", "x")), ArgumentError);
  assert.ok(readdirSync(folder).every((name) => !name.endsWith(".tmp")));
});

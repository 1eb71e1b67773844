/** Safetensors files: MLX's own, damaged ones, and saving that is all or nothing. */
import assert from "node:assert/strict";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, DTypeError, FormatError } from "../../src/core/errors.js";
import type { Scalar } from "../../src/core/guards.js";
import { Storage } from "../../src/core/storage.js";
import { encodeValues } from "../../src/core/values.js";
import { NDArray } from "../../src/graph/array.js";
import { hostNode } from "../../src/graph/host.js";
import * as mx from "../../src/index.js";
import { load } from "../../src/io/load.js";
import { saveSafetensors } from "../../src/io/safetensors.js";
import {
  asList,
  asNumber,
  asRecord,
  asString,
  dataPath,
  readCases,
} from "../conformance/format.js";
import { mutationCount, readDamaged } from "../support/mutations.js";
import { refused } from "./damaged.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-io-"));
after(() => rmSync(folder, { recursive: true }));

const make = (shape: number[], dtype: dt.DType, values: Scalar[]): NDArray =>
  new NDArray(hostNode(shape, dtype, encodeValues(dtype, values)));

const bytesOf = (a: NDArray | undefined): string => {
  assert.ok(a?.node.data);
  return Buffer.from(a.node.data.read()).toString("base64");
};

const same = (got: Record<string, NDArray>, want: unknown, id: string): void => {
  const record = asRecord(want);
  assert.deepEqual(Object.keys(got).sort(), Object.keys(record).sort(), id);
  for (const [name, raw] of Object.entries(record)) {
    const { dtype, shape, b64 } = asRecord(raw);
    const a = got[name];
    assert.equal(a?.dtype.name, dtype, id);
    assert.deepEqual(a?.shape, asList(shape).map(asNumber), id);
    assert.equal(bytesOf(a), asString(b64), id);
  }
};

const golden = (raw: unknown): Record<string, NDArray> =>
  Object.fromEntries(
    Object.entries(asRecord(raw)).map(([name, x]) => {
      const { dtype, shape, b64 } = asRecord(x);
      const d = dt.dtypes.find((t) => t.name === dtype);
      assert.ok(d);
      const bytes = new Uint8Array(Buffer.from(asString(b64), "base64"));
      return [name, new NDArray(hostNode(asList(shape).map(asNumber), d, bytes))];
    }),
  );

test("MLX's own files, and files MLX refuses", () => {
  let seen = 0;
  for (const { id, kind, fields } of readCases("io/io")) {
    if (kind !== "io_load" || !asString(fields.file).endsWith(".safetensors")) continue;
    seen++;
    const path = dataPath(`io/${asString(fields.file)}`);
    if (fields.expect_error !== undefined) {
      const kind = existsSync(path) ? FormatError : ArgumentError;
      assert.throws(
        () => load(path),
        (e) => e instanceof kind && e.message.includes(path),
        id,
      );
    } else if (fields.return_metadata === true) {
      const [arrays, metadata] = load(path, { returnMetadata: true });
      same(arrays, fields.expect, id);
      assert.deepEqual(metadata, fields.metadata, id);
    } else same(load(path, "safetensors"), fields.expect, id);
  }
  assert.ok(seen > 20);
});

test("what MLX saves can be saved and read back", () => {
  let seen = 0;
  for (const { id, kind, fields } of readCases("io/io")) {
    if (kind !== "io_save" || fields.writer !== "save_safetensors") continue;
    seen++;
    const arrays = golden(fields.arrays);
    const path = join(folder, "golden.safetensors");
    if (fields.expect_error !== undefined) {
      assert.throws(() => saveSafetensors(path, arrays), DTypeError, id);
      continue;
    }
    saveSafetensors(path, arrays);
    same(load(path, "safetensors"), fields.arrays, id);
  }
  assert.ok(seen > 10);
});

const arrays = {
  half: make([3], dt.float16, [1, 2, 3]),
  byte: make([5], dt.uint8, [1, 2, 3, 4, 5]),
  "wide.0": make([2, 1], dt.float32, [0.5, -1]),
  long: make([], dt.int64, [7]),
  none: make([0, 3], dt.complex64, []),
};

test("layout: little-endian length, padded JSON, wide types first, metadata when there is some", () => {
  const path = join(folder, "layout");
  saveSafetensors(path, arrays, { metadata: { format: "mlx" } });
  const bytes = readFileSync(`${path}.safetensors`);
  const length = Number(bytes.readBigUInt64LE(0));
  assert.equal(length % 8, 0);
  const header = asRecord(JSON.parse(bytes.subarray(8, 8 + length).toString()));
  assert.deepEqual(Object.keys(header), ["__metadata__", "long", "none", "wide.0", "half", "byte"]);
  assert.deepEqual(header.long, { dtype: "I64", shape: [], data_offsets: [0, 8] });
  assert.deepEqual(header["wide.0"], { dtype: "F32", shape: [2, 1], data_offsets: [8, 16] });
  assert.equal(bytes.length, 8 + length + 8 + 8 + 6 + 5);
  saveSafetensors(path, {}, { format: "np" });
  assert.deepEqual(load(`${path}.safetensors`, { returnMetadata: true }), [{}, { format: "np" }]);
});

test("from bytes, URL and Blob", async () => {
  const path = join(folder, "sources.safetensors");
  saveSafetensors(path, arrays);
  const bytes = readFileSync(path);
  const want = load(path, "safetensors");
  for (const got of [
    load(bytes, "safetensors"),
    load(Uint8Array.from(bytes).buffer, { format: "safetensors" }),
    await load(pathToFileURL(path), "safetensors"),
    await load(new Blob([bytes]), { format: "safetensors" }),
    await load(new Blob([bytes]).stream(), "safetensors"),
    await load(
      new URL(`data:application/octet-stream;base64,${bytes.toString("base64")}`),
      "safetensors",
    ),
  ]) {
    assert.deepEqual(Object.keys(got), Object.keys(want));
    for (const name of Object.keys(want)) assert.equal(bytesOf(got[name]), bytesOf(want[name]));
  }
  assert.deepEqual(Object.keys(await load(new File([bytes], "a.safetensors"))), Object.keys(want));
  assert.throws(() => load(bytes), /format/);
  assert.throws(() => Reflect.apply(load, null, [path, "zip"]), ArgumentError);
  await assert.rejects(load(new Blob([bytes])), ArgumentError);
  await assert.rejects(load(new Blob([bytes.subarray(0, 60)]), "safetensors"), FormatError);
});

test("large files are read array by array, and a save over them does not disturb it", () => {
  const path = join(folder, "large.safetensors");
  const big = new Uint8Array(1 << 24).fill(3);
  const hold = (n: number): NDArray =>
    new NDArray(hostNode([big.length], dt.uint8, big.slice().fill(n)));
  saveSafetensors(path, { a: hold(3), b: make([2], dt.int16, [5, 6]) });
  const { a, b } = load(path, "safetensors");
  assert.equal(b?.item === undefined, false);
  saveSafetensors(path, { a: hold(4) });
  assert.deepEqual(b?.tolist(), [5, 6]);
  const data = a?.dataSync();
  assert.ok(data instanceof Uint8Array && data.every((x) => x === 3));
  const again = load(path, "safetensors").a;
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = 9;
  writeFileSync(path, bytes.subarray(0, bytes.length - 1));
  assert.throws(() => again?.tolist(), /changed/);
});

test("of a file of 256 MiB only what is asked for is read", () => {
  const path = join(folder, "sparse.safetensors");
  const each = 1 << 24;
  const header: Record<string, unknown> = {};
  for (let i = 0; i < 16; i++) {
    const data_offsets = [i * each, (i + 1) * each];
    header[`t${i}`] = { dtype: "F32", shape: [each / 4], data_offsets };
  }
  writeFileSync(path, file(header));
  truncateSync(path, statSync(path).size + 16 * each);
  let read = 0;
  const original = fs.readSync;
  const counted = (...args: unknown[]): unknown => {
    const n: unknown = Reflect.apply(original, fs, args);
    read += Number(n);
    return n;
  };
  Reflect.set(fs, "readSync", counted);
  try {
    const arrays = load(path, "safetensors");
    assert.deepEqual(Object.keys(arrays).length, 16);
    assert.ok(read < 1 << 16, `${read} bytes for the header`);
    read = 0;
    assert.equal(mx.sum(arrays.t9 ?? mx.ones([1])).item(), 0);
    assert.equal(read, each);
  } finally {
    Reflect.set(fs, "readSync", original);
  }
});

const file = (header: unknown, data = 0): Uint8Array => {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = header instanceof Uint8Array ? header : new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
};

test("damaged headers: each cause is named", () => {
  const t = (shape: unknown, offsets: unknown, dtype: unknown = "F32"): unknown => ({
    dtype,
    shape,
    data_offsets: offsets,
  });
  const cases: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /file of 0/],
    ["short", new Uint8Array(7), /file of 7/],
    ["oversized", new Uint8Array(8).fill(0xff), /18446744073709551615/],
    ["limit", Uint8Array.of(1, 0xe1, 0xf5, 5, 0, 0, 0, 0), /at most 100000000/],
    ["header cut", file("{}").subarray(0, 9), /up to offset 10.*file of 9/],
    ["no JSON", file("{,}"), /JSON/],
    ["list", file([]), /list of 0/],
    ["null", file("null"), /got null/],
    ["BOM", file("\ufeff{}"), /JSON/],
    ["not UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), /UTF-8/],
    ["entry", file({ x: 3 }), /entry.*"x".*number 3/],
    ["dtype", file({ x: t([1], [0, 4], "F99") }, 4), /dtype among.*"F99"/],
    ["dtype kind", file({ x: t([1], [0, 4], 32) }, 4), /dtype among/],
    ["shape kind", file({ x: t("1", [0, 4]) }, 4), /shape/],
    ["negative", file({ x: t([-1], [0, 4]) }, 4), /shape/],
    ["fraction", file({ x: t([1.5], [0, 6]) }, 6), /shape/],
    ["absurd", file({ x: t([2 ** 40, 2 ** 40], [0, 4]) }, 4), /expected 4\.8\d+e\+24 bytes/],
    ["unsafe", file({ x: t([2 ** 60], [0, 4]) }, 4), /shape/],
    ["offsets", file({ x: t([1], [0]) }, 4), /data_offsets/],
    ["reversed", file({ x: t([1], [4, 0]) }, 4), /expected 4 bytes.*got -4/],
    ["size", file({ x: t([2], [0, 4]) }, 4), /expected 8 bytes.*got 4/],
    ["range", file({ x: t([1], [4, 8]) }, 4), /truncated/],
    ["cut", file({ x: t([1], [0, 4]) }, 3), /truncated/],
    ["overlap", file({ x: t([2], [0, 8]), y: t([1], [4, 8]) }, 8), /"x" and "y" overlapping/],
    [
      "twice",
      file(
        '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0078":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      /"x" twice/,
    ],
    ["metadata", file({ __metadata__: [1] }), /__metadata__/],
    ["metadata value", file({ __metadata__: { a: 1 } }), /"a" in __metadata__/],
  ];
  refused(folder, "safetensors", cases);
});

test(`${mutationCount} damaged files are refused or read, nothing else`, () => {
  const files = readdirSync(dataPath("io"))
    .filter((name) => name.endsWith(".safetensors"))
    .map((name) => Uint8Array.from(readFileSync(dataPath(`io/${name}`))))
    .filter((bytes) => bytes.length > 8);
  const refused = readDamaged(files, mutationCount, (bytes) => {
    for (const a of Object.values(load(bytes, "safetensors"))) {
      assert.ok(a.node.data === null || a.node.data.byteLength === a.size * a.dtype.size);
    }
  });
  assert.ok(refused > mutationCount / 3 && refused < mutationCount, `${refused} refused`);
});

test("names in braces, quotes and the like do not confuse the search for duplicates", () => {
  const one = { dtype: "U8", shape: [0], data_offsets: [0, 0] };
  const names = ['"x"', "}{", "a:b", "[", "\\", "__proto__", "dtype"];
  const header = `{${names.map((n) => `${JSON.stringify(n)} : ${JSON.stringify(one)}`).join(" , ")}}`;
  assert.deepEqual(Object.keys(load(file(header), "safetensors")), names);
});

test("float64 and 8-bit floats of other writers", () => {
  const header = {
    a: { dtype: "F64", shape: [1], data_offsets: [0, 8] },
    b: { dtype: "F8_E4M3", shape: [1], data_offsets: [8, 9] },
  };
  const { a, b } = load(file(header, 9), "safetensors");
  assert.equal(a?.dtype, dt.float64);
  assert.equal(b?.dtype, dt.uint8);
});

test("a failed save leaves everything as it was", () => {
  const own = mkdtempSync(join(folder, "atomic-"));
  const path = join(own, "model.safetensors");
  saveSafetensors(path, { a: make([2], dt.float32, [1, 2]) });
  const before = readFileSync(path);
  const broken = make([2], dt.float32, [1, 2]);
  broken.node.data = new (class extends Storage {
    override readonly byteLength = 8;
    override read(): never {
      throw new Error("disk gone");
    }
    override readAsync(): never {
      return this.read();
    }
    protected override free(): void {}
  })();
  assert.throws(() => saveSafetensors(path, { a: make([1], dt.int8, [1]), broken }), /disk gone/);
  assert.deepEqual(readdirSync(own), ["model.safetensors"]);
  assert.deepEqual(readFileSync(path), before);
  assert.throws(() => saveSafetensors(join(own, "no", "such", "x"), {}), ArgumentError);
  mkdirSync(join(own, "taken.safetensors"));
  assert.throws(() => saveSafetensors(join(own, "taken"), {}), ArgumentError);
  assert.deepEqual(readdirSync(own).sort(), ["model.safetensors", "taken.safetensors"]);
});

test("saving through a link replaces the file it leads to", () => {
  const target = join(folder, "target.safetensors");
  const link = join(folder, "link.safetensors");
  saveSafetensors(target, {});
  symlinkSync(target, link);
  saveSafetensors(link, { a: make([1], dt.int8, [1]) });
  assert.deepEqual(Object.keys(load(target)), ["a"]);
  assert.ok(statSync(link).isFile());
});

test("wrong arguments", () => {
  const path = join(folder, "wrong.safetensors");
  const wrong = (...args: unknown[]): void => {
    assert.throws(() => Reflect.apply(saveSafetensors, null, args), ArgumentError);
  };
  wrong("", {});
  wrong(3, {});
  wrong(path, [make([1], dt.int8, [1])]);
  wrong(path, { a: 1 });
  wrong(path, { __metadata__: make([1], dt.int8, [1]) });
  wrong(path, {}, { metadata: { a: 1 } });
  wrong(path, {}, { meta: {} });
  assert.ok(!existsSync(path));
  assert.throws(() => Reflect.apply(load, null, [3]), ArgumentError);
  assert.throws(() => load(join(folder, "model.xyz")), ArgumentError);
  assert.throws(() => load(folder, "safetensors"), ArgumentError);
});

/** Npy files: every dtype, order and version; damaged ones; saving that is all or nothing. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, FormatError } from "../../src/core/errors.js";
import * as mx from "../../src/index.js";
import { load, save } from "../../src/index.js";
import { dataPath } from "../conformance/format.js";
import { mutationCount, readDamaged } from "../support/mutations.js";
import { refused } from "./damaged.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-npy-"));
after(() => rmSync(folder, { recursive: true }));

const bytesOf = (a: mx.NDArray): Buffer => {
  mx.eval(a);
  assert.ok(a.node.data);
  return Buffer.from(a.node.data.read());
};

/** A file of a version, with a header text as given and data after it. */
const file = (
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  version = 1,
  length?: number,
): Uint8Array => {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const start = Buffer.alloc(version === 1 ? 10 : 12);
  start.write("\x93NUMPY", "latin1");
  start[6] = version;
  if (version === 1) start.writeUInt16LE(length ?? text.length, 8);
  else start.writeUInt32LE(length ?? text.length, 8);
  return Uint8Array.from([...start, ...text, ...data]);
};

const dictionary = (descr: string, shape: string, fortran = "False"): string =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

test("every dtype and shape survives saving and loading", () => {
  const path = join(folder, "all");
  for (const dtype of dt.dtypes) {
    for (const shape of [[], [0], [5], [2, 3], [1, 4, 1], [3, 0, 2], [2, 3, 4]]) {
      const count = shape.reduce((a, b) => a * b, 1);
      const a = mx.arange(count).reshape(shape).astype(dtype);
      save(path, a);
      const b = load(`${path}.npy`);
      assert.ok(b instanceof mx.NDArray);
      assert.equal(b.dtype, dtype);
      assert.deepEqual(b.shape, shape);
      assert.ok(bytesOf(b).equals(bytesOf(a)), `${dtype.name}[${shape.join(", ")}]`);
    }
  }
});

test("views are written in order, and computed first", () => {
  const path = join(folder, "view.npy");
  const a = mx.arange(6).reshape(2, 3);
  save(path, a.transpose().add(1));
  assert.deepEqual(mx.array(load(path, "npy")).tolist(), [
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
});

test("headers of long shapes are of version 2", () => {
  const bytes = file(dictionary("'<i2'", "(3,)"), Uint8Array.of(1, 0, 2, 0, 3, 0), 2);
  assert.deepEqual(load(bytes, "npy").tolist(), [1, 2, 3]);
  assert.deepEqual(
    load(file(dictionary("'<i2'", "(3,)"), Uint8Array.of(1, 0, 2, 0, 3, 0), 3), "npy").tolist(),
    [1, 2, 3],
  );
});

test("big-endian elements of every size, in either order of axes", () => {
  const little: [string, number, string][] = [
    ["b1", 1, "bool"],
    ["u1", 1, "uint8"],
    ["i2", 2, "int16"],
    ["f2", 2, "float16"],
    ["V2", 2, "bfloat16"],
    ["u4", 4, "uint32"],
    ["f4", 4, "float32"],
    ["i8", 8, "int64"],
    ["f8", 8, "float64"],
    ["c8", 4, "complex64"],
  ];
  for (const [type, lane, name] of little) {
    const dtype = dt.dtypes.find((d) => d.name === name);
    assert.ok(dtype);
    const data = bytesOf(mx.array([0, 1, 2, 3, 4, 5]).greater(2).astype(dtype));
    const swapped = Buffer.from(data);
    for (let i = 0; i < swapped.length; i += lane) swapped.subarray(i, i + lane).reverse();
    for (const [order, bytes] of [
      ["<", data],
      [">", swapped],
    ] as const) {
      const plain = load(file(dictionary(`'${order}${type}'`, "(2, 3)"), bytes), "npy");
      assert.equal(plain.dtype, dtype);
      assert.ok(bytesOf(plain).equals(data), `${order}${type}`);
      const turned = load(file(dictionary(`'${order}${type}'`, "(3, 2)", "True"), bytes), "npy");
      assert.deepEqual(turned.shape, [3, 2]);
      assert.ok(bytesOf(turned.transpose()).equals(data), `${order}${type}, Fortran order`);
    }
  }
});

test("headers as other writers lay them out", () => {
  const data = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0);
  for (const header of [
    '{"shape": (2L,), "descr": "<i4", "fortran_order": False}',
    "  { 'fortran_order':True,'shape':(2,),'descr':'=i4' }   \n\n",
    "{'descr':'|i4','shape':(2),'fortran_order':False}",
  ]) {
    assert.deepEqual(load(file(header, data), "npy").tolist(), [1, 2], header);
  }
  const more = load(file(dictionary("'<i4'", "(1,)"), data), "npy");
  assert.deepEqual(more.tolist(), [1], "what follows the array is left alone");
});

test("from path, URL, Blob, stream and bytes", async () => {
  const path = join(folder, "sources.npy");
  save(path, mx.array([1, 2, 3]));
  const bytes = readFileSync(path);
  for (const a of [
    load(path),
    load(bytes, "npy"),
    load(Uint8Array.from(bytes).buffer, { format: "npy" }),
    await load(pathToFileURL(path)),
    await load(new File([bytes], "x.NPY")),
    await load(new Blob([bytes]), "npy"),
    await load(new Blob([bytes]).stream(), { format: "npy" }),
  ]) {
    assert.ok(a instanceof mx.NDArray);
    assert.deepEqual(a.tolist(), [1, 2, 3]);
  }
});

test("large files are read when needed, whatever their byte order", () => {
  const path = join(folder, "large.npy");
  const header = dictionary("'>i2'", `(2, ${1 << 22})`, "True");
  writeFileSync(path, file(header));
  const data = Buffer.alloc(1 << 24);
  for (let i = 0; i < data.length; i += 2) data.writeInt16BE(i % 10007, i);
  writeFileSync(path, data, { flag: "a" });
  const a = load(path, "npy");
  assert.deepEqual(a.get([0, 1], [1, 5000]).tolist(), [4, (2 * 10001) % 10007]);
  writeFileSync(path, "other");
  assert.throws(() => load(path), FormatError);
});

test("damaged and foreign files: each cause is named", () => {
  const four = new Uint8Array(4);
  const cases: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /got 0: it is truncated/],
    ["magic", Uint8Array.from({ length: 20 }, () => 1), /NUMPY.*offset 0/],
    ["version", file("{}", four, 4), /version.*offset 6.*got 4\.0/],
    ["length cut", file("", new Uint8Array(0), 2).subarray(0, 11), /offset 8.*11 bytes/],
    [
      "header cut",
      file(dictionary("'<f4'", "(1,)")).subarray(0, 40),
      /up to offset.*got a file of 40/,
    ],
    ["oversized", file("{}", four, 2, 0xffffffff), /at most 1048576.*4294967295/],
    ["not UTF-8", file(Uint8Array.of(0x7b, 0xff, 0x7d), four, 3), /UTF-8/],
    ["no dictionary", file("[1]"), /"\{".*offset 10.*got "\["/],
    ["ends", file("{'descr': '<f4'"), /the end of the header/],
    ["missing", file("{'descr': '<f4'}"), /descr, fortran_order and shape/],
    ["twice", file("{'descr': '<f4', 'descr': '<f4'}"), /once each.*"descr"/],
    ["unknown", file("{'dtype': '<f4'}"), /once each.*"dtype"/],
    ["after", file(`${dictionary("'<f4'", "()")}1`, four), /nothing after/],
    ["order", file(dictionary("'<f4'", "()", "1"), four), /True or False/],
    ["structured", file(dictionary("[('a', '<f4')]", "()"), four), /structured/],
    ["object", file(dictionary("'|O'", "()"), four), /byte order and a type.*"\|O"/],
    ["unicode", file(dictionary("'<U1'", "()"), four), /"<U1"/],
    ["double complex", file(dictionary("'<c16'", "()"), four), /"<c16"/],
    ["no order", file(dictionary("'f4'", "()"), four), /"f4"/],
    ["negative", file(dictionary("'<f4'", "(-1,)"), four), /Python dictionary.*"-"/],
    ["fraction", file(dictionary("'<f4'", "(1.5,)"), four), /got "\."/],
    ["huge", file(dictionary("'<f4'", `(${"9".repeat(400)},)`), four), /below 2\^53/],
    [
      "absurd",
      file(dictionary("'<f4'", "(1000000000000, 1000000000000)"), four),
      /expected 4e\+24 bytes/,
    ],
    ["axes", file(dictionary("'<f4'", `(${"1,".repeat(65)})`), four), /at most 64 axes/],
    ["long", file(dictionary("'<f4'", `(${"1,".repeat(500)})`), four), /short dictionary/],
    ["data cut", file(dictionary("'<f4'", "(2,)"), four), /expected 8 bytes.*got 4/],
  ];
  refused(folder, "npy", cases);
});

test(`${mutationCount} damaged files are refused or read, nothing else`, () => {
  const files = ["bigendian", "fortran", "v2", "int32-4", "bfloat16-1", "complex64-0"].map((name) =>
    Uint8Array.from(readFileSync(dataPath(`io/${name}.npy`))),
  );
  const refused = readDamaged(files, mutationCount, (bytes) => {
    const a = load(bytes, "npy");
    assert.ok(a.node.data === null || a.node.data.byteLength === a.size * a.dtype.size);
  });
  assert.ok(refused > mutationCount / 3 && refused < mutationCount, `${refused} refused`);
});

test("wrong arguments", () => {
  const path = join(folder, "wrong.npy");
  const wrong = (...args: unknown[]): void => {
    assert.throws(() => Reflect.apply(save, null, args), ArgumentError);
  };
  wrong("", mx.zeros([1]));
  wrong(3, mx.zeros([1]));
  wrong(path, 3);
  wrong(path, { a: mx.zeros([1]) });
  assert.ok(!existsSync(path));
  save(path, mx.zeros([1]));
  assert.throws(() => load(path, { returnMetadata: true }), /metadata/);
  assert.throws(() => save(join(folder, "no", "such", "x"), mx.zeros([1])), ArgumentError);
  assert.ok(readdirSync(folder).every((name) => !name.endsWith(".tmp")));
});

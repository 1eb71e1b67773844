/** Saving gguf files: plain tensors and metadata, in the format's version 3. */
import { float64 } from "../core/dtype.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { evaluateNodes, NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { sizeOf } from "../graph/node.js";
import { writeAtomically } from "./files.js";
import { tensorTypes } from "./gguf.js";
import { type GgufValue, metadataTypes } from "./gguf-header.js";
import { namedArrays, pathToSave } from "./saving.js";

const op = "saveGguf";
const alignment = 32;
const axesLimit = 8;

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

const u64 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
};

const text = (value: string): Uint8Array[] => {
  const bytes = new TextEncoder().encode(value);
  return [u64(bytes.length), bytes];
};

const padded = (n: number): number => Math.ceil(n / alignment) * alignment;

type Checked = Node | string | readonly string[];

const checkValue = (name: string, value: unknown): Checked => {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((v) => typeof v === "string")) return value;
  if (!(value instanceof NDArray)) {
    throw new ArgumentError(
      `[${op}] expected an array, a string or strings as metadata ${JSON.stringify(name)}, got ${describe(value)}: pass one of these`,
    );
  }
  if (value.dtype === float64 || ![...metadataTypes.values()].includes(value.dtype)) {
    throw new DTypeError(
      `[${op}] expected bool, integers or float32 as metadata ${JSON.stringify(name)}, got ${value.dtype.name}: cast it`,
    );
  }
  if (value.ndim > 1 || value.size === 0) {
    throw new ArgumentError(
      `[${op}] expected at most one axis and some elements as metadata ${JSON.stringify(name)}, got shape [${value.shape.join(", ")}]: reshape it`,
    );
  }
  return value.node;
};

const valueParts = (value: Checked): Uint8Array[] => {
  if (typeof value === "string") return [u32(8), ...text(value)];
  if ("length" in value) {
    return [u32(9), u32(8), u64(value.length), ...value.flatMap((v) => text(v))];
  }
  let type = 0;
  for (const [t, d] of metadataTypes) if (d === value.dtype) type = t;
  const data = value.data?.read() ?? new Uint8Array(0);
  if (value.shape.length === 0) return [u32(type), data];
  return [u32(9), u32(type), u64(sizeOf(value.shape)), data];
};

/**
 * Writes arrays and metadata to a gguf file, computing them first. `.gguf` is added to a name that lacks it. The file is
 * replaced in one step: on any failure it is as it was.
 *
 * @param file path of the file
 * @param arrays the arrays by name: float32, float16, int8, int16 or int32, of at most eight axes
 * @param metadata arrays of at most one axis, strings, or lists of strings, by name
 * @throws DTypeError for other dtypes, ArgumentError for other values and where the file cannot be written
 * @example
 * mx.saveGguf("tiny.gguf", { w: mx.ones([2, 3]) }, { "general.name": "tiny" });
 * const [arrays, metadata] = mx.load("tiny.gguf", { returnMetadata: true });
 * arrays.w?.shape; // [2, 3]
 * metadata["general.name"]; // tiny
 * @see mlx.core.save_gguf
 */
export const saveGguf = (
  file: string,
  arrays: Readonly<Record<string, NDArray>>,
  metadata?: Readonly<Record<string, GgufValue>> | null,
): void => {
  const path = pathToSave(op, file, ".gguf");
  const given: unknown = metadata ?? {};
  if (!isPlainObject(given)) {
    throw new ArgumentError(
      `[${op}] expected an object of metadata, got ${describe(given)}: pass { name: value }`,
    );
  }
  const values = Object.entries(given).map(([name, v]) => ({ name, value: checkValue(name, v) }));
  const tensors = namedArrays(op, arrays).map(({ name, node }) => {
    let type: number | null = null;
    for (const [t, d] of tensorTypes) if (d === node.dtype && d.name !== "bfloat16") type = t;
    if (type === null) {
      throw new DTypeError(
        `[${op}] expected float32, float16, int8, int16 or int32 under ${JSON.stringify(name)}, got ${node.dtype.name}: cast it`,
      );
    }
    if (node.shape.length <= axesLimit) return { name, node, type };
    throw new ArgumentError(
      `[${op}] expected at most ${axesLimit} axes under ${JSON.stringify(name)}, got ${node.shape.length}: reshape it`,
    );
  });
  const read = values.flatMap(({ value }) =>
    typeof value === "string" || "length" in value ? [] : [value],
  );
  evaluateNodes(op, [...read, ...tensors.map((t) => t.node)]);
  const header = [u32(0x46554747), u32(3), u64(tensors.length), u64(values.length)];
  for (const { name, value } of values) header.push(...text(name), ...valueParts(value));
  let offset = 0;
  for (const { name, node, type } of tensors) {
    header.push(...text(name), u32(node.shape.length));
    header.push(...[...node.shape].reverse().map(u64), u32(type), u64(offset));
    offset += padded(sizeOf(node.shape) * node.dtype.size);
  }
  writeAtomically(
    op,
    path,
    (function* () {
      let at = 0;
      for (const part of header) {
        at += part.length;
        yield part;
      }
      for (const { node } of tensors) {
        yield new Uint8Array(padded(at) - at);
        const data = node.data?.read() ?? new Uint8Array(0);
        at = padded(at) + data.length;
        yield data;
      }
      if (tensors.length === 0) yield new Uint8Array(padded(at) - at);
    })(),
  );
};

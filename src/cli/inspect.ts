/** `cotangent inspect FILE`: the arrays of a file. */
import { statSync } from "node:fs";
import { onePath, type Reader } from "./arguments.js";
import { readArrays } from "./arrays.js";
import { rows, sizeText } from "./table.js";

export const help: string = `Usage: cotangent inspect FILE [--json]

Shows name, dtype, shape and size of the arrays in a .safetensors, .gguf, .npz or .npy file, and its metadata.`;

export const options = {} as const;

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value, plain);
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
};

/** JSON has no 64-bit integers and no typed arrays. */
const plain = (_: string, value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  return ArrayBuffer.isView(value) && Symbol.iterator in value
    ? Array.from(value as Iterable<unknown>)
    : value;
};

export const run = (reader: Reader): void => {
  const file = onePath(reader, "one file");
  const { format, arrays, metadata } = readArrays(file);
  const list = Object.entries(arrays).map(([name, a]) => ({
    name,
    dtype: a.dtype.name,
    shape: a.shape,
    bytes: a.nbytes,
  }));
  const total = {
    arrays: list.length,
    elements: Object.values(arrays).reduce((n, a) => n + a.size, 0),
    bytes: list.reduce((n, a) => n + a.bytes, 0),
    fileBytes: statSync(file).size,
  };
  if (reader.flag("json")) {
    console.log(JSON.stringify({ file, format, ...total, metadata, tensors: list }, plain));
    return;
  }
  const table = list.map((a) => [a.name, a.dtype, `[${a.shape.join(", ")}]`, sizeText(a.bytes)]);
  console.log(rows([["name", "dtype", "shape", "size"], ...table], [3]));
  console.log(
    `\n${format}: ${total.arrays} arrays, ${total.elements.toLocaleString("en")} elements, ${sizeText(total.bytes)}; the file has ${sizeText(total.fileBytes)}`,
  );
  const entries = Object.entries(metadata);
  if (entries.length > 0) console.log(`\n${rows(entries.map(([k, v]) => [k, shown(v)]))}`);
};

/** The header of a safetensors file: JSON naming tensors, their dtypes, shapes and places; checked before it is believed. */
import {
  bfloat16,
  bool,
  complex64,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
} from "../core/dtype.js";
import { FormatError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { sizeOf } from "../graph/node.js";
import type { ByteSource } from "./source.js";

/** One tensor: where its bytes are, counted from the start of the file. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly from: number;
  readonly length: number;
}

export interface Header {
  readonly entries: readonly Entry[];
  readonly metadata: Record<string, string>;
}

/** Longest header that is read or written. */
export const headerLimit = 100_000_000;

/** The names of the format, with the dtype each is read as. */
const dtypeOf: ReadonlyMap<unknown, DType> = new Map<unknown, DType>([
  ["BOOL", bool],
  ["U8", uint8],
  ["U16", uint16],
  ["U32", uint32],
  ["U64", uint64],
  ["I8", int8],
  ["I16", int16],
  ["I32", int32],
  ["I64", int64],
  ["F16", float16],
  ["BF16", bfloat16],
  ["F32", float32],
  ["C64", complex64],
  ["F64", float64],
  ["F8_E4M3", uint8],
  ["F8_E8M0", uint8],
]);

/** The name to write for a dtype; none for float64, which MLX does not write. */
export const nameOfDtype = (dtype: DType): string | null => {
  if (dtype === float64) return null;
  for (const [name, d] of dtypeOf) if (d === dtype && typeof name === "string") return name;
  return null;
};

const op = "load";

/** The member names of the outermost object, as often as they occur: JSON.parse keeps only the last of equal ones. */
const outerNames = (json: string): string[] => {
  const names: string[] = [];
  let depth = 0;
  for (const match of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs)) {
    const [text, colon] = match;
    if (text === "{" || text === "[") depth++;
    else if (text === "}" || text === "]") depth--;
    else if (colon !== undefined && depth === 1) {
      const name: unknown = JSON.parse(text.slice(0, -colon.length));
      names.push(String(name));
    }
  }
  return names;
};

const isCount = (x: unknown): x is number =>
  typeof x === "number" && Number.isSafeInteger(x) && x >= 0;

const isCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every(isCount);

const readEntry = (file: string, name: string, x: unknown, start: number, end: number): Entry => {
  const bad = (what: string, got: unknown): FormatError =>
    new FormatError(
      `[${op}] expected ${what} of tensor ${JSON.stringify(name)} in ${file} (header at offset 8), got ${describe(got)}: the file is corrupt`,
    );
  if (!isPlainObject(x)) throw bad("an object as the entry", x);
  const dtype = dtypeOf.get(x.dtype);
  if (dtype === undefined) {
    const known = [...dtypeOf.keys()].join(", ");
    throw bad(`a dtype among ${known}`, x.dtype);
  }
  const { shape, data_offsets: offsets } = x;
  if (!isCounts(shape)) throw bad("a shape of whole numbers from 0", shape);
  if (!isCounts(offsets) || offsets.length !== 2) throw bad("two data_offsets", offsets);
  const [from = 0, to = 0] = offsets;
  const at = `at offsets ${start + from} to ${start + to}`;
  const length = sizeOf(shape) * dtype.size;
  if (to < from || to - from !== length) {
    throw new FormatError(
      `[${op}] expected ${length} bytes for tensor ${JSON.stringify(name)}, ${dtype.name}[${shape.join(", ")}], in ${file}, ` +
        `got ${to - from} ${at}: the header is corrupt`,
    );
  }
  if (start + to > end) {
    throw new FormatError(
      `[${op}] expected tensor ${JSON.stringify(name)} ${at} of ${file}, got a file of ${end} bytes: it is truncated`,
    );
  }
  return { name, dtype, shape, from: start + from, length };
};

const readMetadata = (file: string, x: unknown): Record<string, string> => {
  const metadata: Record<string, string> = {};
  if (x === undefined || x === null) return metadata;
  if (!isPlainObject(x)) {
    throw new FormatError(
      `[${op}] expected an object as __metadata__ of ${file} (header at offset 8), got ${describe(x)}: the file is corrupt`,
    );
  }
  for (const [key, value] of Object.entries(x)) {
    if (typeof value !== "string") {
      throw new FormatError(
        `[${op}] expected a string as ${JSON.stringify(key)} in __metadata__ of ${file} (header at offset 8), got ${describe(value)}: the file is corrupt`,
      );
    }
    setOwn(metadata, key, value);
  }
  return metadata;
};

const parse = (file: string, bytes: Uint8Array): Record<string, unknown> => {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(
      `[${op}] expected UTF-8 in the header of ${file}, from offset 8 to ${8 + bytes.length}, got other bytes: the file is corrupt`,
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FormatError(
      `[${op}] expected JSON in the header of ${file}, from offset 8 to ${8 + bytes.length}, got: ${why}: the file is corrupt`,
    );
  }
  if (!isPlainObject(parsed)) {
    throw new FormatError(
      `[${op}] expected a JSON object in the header of ${file}, from offset 8, got ${describe(parsed)}: the file is corrupt`,
    );
  }
  const seen = new Set<string>();
  for (const name of outerNames(text)) {
    if (seen.has(name)) {
      throw new FormatError(
        `[${op}] expected each tensor once in the header of ${file} (offset 8), got ${JSON.stringify(name)} twice: the file is corrupt`,
      );
    }
    seen.add(name);
  }
  return parsed;
};

const checkOverlaps = (file: string, entries: readonly Entry[]): void => {
  const filled = entries.filter((e) => e.length > 0).sort((a, b) => a.from - b.from);
  for (const [i, e] of filled.entries()) {
    const before = filled[i - 1];
    if (before !== undefined && e.from < before.from + before.length) {
      throw new FormatError(
        `[${op}] expected tensors apart in ${file}, got ${JSON.stringify(before.name)} and ${JSON.stringify(e.name)} overlapping ` +
          `at offset ${e.from}: the header is corrupt`,
      );
    }
  }
};

/**
 * Reads and checks the header.
 *
 * @throws FormatError naming file, offset and cause when it is truncated, too long, no JSON, or contradicts itself or the file
 */
export const readHeader = (source: ByteSource): Header => {
  const { name: file, size } = source;
  if (size < 8) {
    throw new FormatError(
      `[${op}] expected 8 bytes with the header's length at offset 0 of ${file}, got a file of ${size}: it is truncated or not a safetensors file`,
    );
  }
  const first = source.read(op, 0, 8);
  const length = new DataView(first.buffer).getBigUint64(0, true);
  if (length > BigInt(headerLimit)) {
    throw new FormatError(
      `[${op}] expected a header of at most ${headerLimit} bytes, got length ${length} at offset 0 of ${file}: it is not a safetensors file`,
    );
  }
  const start = 8 + Number(length);
  if (start > size) {
    throw new FormatError(
      `[${op}] expected a header up to offset ${start} of ${file}, got a file of ${size} bytes: it is truncated`,
    );
  }
  const parsed = parse(file, source.read(op, 8, Number(length)));
  const entries: Entry[] = [];
  for (const [name, x] of Object.entries(parsed)) {
    if (name !== "__metadata__") entries.push(readEntry(file, name, x, start, size));
  }
  checkOverlaps(file, entries);
  return { entries, metadata: readMetadata(file, parsed.__metadata__) };
};

/** A tensor to be written. */
export interface Outline {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The length field and header for tensors laid one after another in the given order, padded to a multiple of eight. */
export const writeHeader = (
  tensors: readonly Outline[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> => {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) setOwn(header, "__metadata__", metadata);
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = at + sizeOf(shape) * dtype.size;
    setOwn(header, name, { dtype: nameOfDtype(dtype), shape, data_offsets: [at, end] });
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
};

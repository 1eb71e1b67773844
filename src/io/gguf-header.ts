/** The header of a gguf file: metadata of all value types and where each tensor lies; checked before it is believed. */
import {
  bool,
  type DType,
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
import { setOwn } from "../core/guards.js";
import { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import { sizeOf } from "../graph/node.js";
import type { ByteSource } from "./source.js";

/** What a name in the metadata of a gguf file stands for. */
export type GgufValue = NDArray | string | string[];

export interface GgufTensor {
  readonly name: string;
  /** The format's number of the type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Counted from the start of the data. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly metadata: Record<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the data starts. */
  readonly from: number;
}

const op = "load";

/** Longest header that is read. */
const headerLimit = 1 << 28;
/** Most axes that are read; MLX's limit for this format. */
const axesLimit = 8;

/** The dtypes of metadata by the format's numbers; a double becomes float32, as in MLX. */
export const metadataTypes: ReadonlyMap<number, DType> = new Map<number, DType>([
  [0, uint8],
  [1, int8],
  [2, uint16],
  [3, int16],
  [4, uint32],
  [5, int32],
  [6, float32],
  [7, bool],
  [10, uint64],
  [11, int64],
  [12, float64],
]);

/** Reads fields one after the other, in pieces, so that only what is there is read. */
class Cursor {
  readonly #source: ByteSource;
  #view = new DataView(new ArrayBuffer(0));
  #start = 0;
  at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  fail(what: string, got: string, at = this.at): FormatError {
    return new FormatError(
      `[${op}] expected ${what} at offset ${at} of ${this.#source.name}, got ${got}: the file is corrupt`,
    );
  }

  #take(n: number, what: string): number {
    const { size } = this.#source;
    if (this.at + n > size || this.at + n > headerLimit) {
      throw this.fail(what, `the end of the file or a header beyond ${headerLimit} bytes`);
    }
    if (this.at + n > this.#start + this.#view.byteLength) {
      const length = Math.min(size - this.at, Math.max(n, 1 << 16));
      this.#view = new DataView(this.#source.read(op, this.at, length).buffer);
      this.#start = this.at;
    }
    const from = this.at - this.#start;
    this.at += n;
    return from;
  }

  bytes(n: number, what: string): Uint8Array<ArrayBuffer> {
    const from = this.#take(n, what);
    return new Uint8Array(this.#view.buffer.slice(from, from + n));
  }

  u32(what: string): number {
    const from = this.#take(4, what);
    return this.#view.getUint32(from, true);
  }

  u64(what: string): number {
    const from = this.#take(8, what);
    const value = this.#view.getBigUint64(from, true);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.fail(`${what} below 2^53`, `${value}`, this.at - 8);
  }

  text(what: string): string {
    const length = this.u64(`the length of ${what}`);
    const at = this.at;
    const bytes = this.bytes(length, what);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.fail(`${what} in UTF-8`, "other bytes", at);
    }
  }
}

const numbers = (cursor: Cursor, dtype: DType, shape: readonly number[], what: string): NDArray => {
  const bytes = cursor.bytes(sizeOf(shape) * dtype.size, what);
  if (dtype !== float64) return new NDArray(hostNode(shape, dtype, bytes));
  const narrow = Float32Array.from(new Float64Array(bytes.buffer));
  return new NDArray(hostNode(shape, float32, new Uint8Array(narrow.buffer)));
};

const readValue = (cursor: Cursor, what: string): GgufValue => {
  const at = cursor.at;
  const type = cursor.u32(`the type of ${what}`);
  if (type === 8) return cursor.text(what);
  const scalar = metadataTypes.get(type);
  if (scalar !== undefined) return numbers(cursor, scalar, [], what);
  if (type !== 9) throw cursor.fail(`a type of ${what} up to 12`, `${type}`, at);
  const element = cursor.u32(`the element type of ${what}`);
  const count = cursor.u64(`the length of ${what}`);
  const dtype = metadataTypes.get(element);
  if (dtype !== undefined) return numbers(cursor, dtype, [count], what);
  if (element !== 8)
    throw cursor.fail(`numbers or strings in the list of ${what}`, `type ${element}`, at + 4);
  const list: string[] = [];
  for (let i = 0; i < count; i++) list.push(cursor.text(what));
  return list;
};

/**
 * Reads and checks the header.
 *
 * @throws FormatError naming file, offset and cause when it is no gguf file, truncated, or contradicts itself
 */
export const readGgufHeader = (source: ByteSource): GgufHeader => {
  const cursor = new Cursor(source);
  if (cursor.u32("the magic number") !== 0x46554747) {
    throw cursor.fail('"GGUF"', "other bytes", 0);
  }
  const version = cursor.u32("the version");
  if (version !== 2 && version !== 3) throw cursor.fail("version 2 or 3", `${version}`, 4);
  const tensorCount = cursor.u64("the count of tensors");
  const valueCount = cursor.u64("the count of metadata");
  const metadata: Record<string, GgufValue> = {};
  let alignment = 32;
  for (let i = 0; i < valueCount; i++) {
    const name = cursor.text(`the name of value ${i}`);
    const what = `metadata ${JSON.stringify(name.slice(0, 80))}`;
    const at = cursor.at;
    const value = readValue(cursor, what);
    setOwn(metadata, name, value);
    if (name !== "general.alignment") continue;
    alignment = value instanceof NDArray && value.size === 1 ? Number(value.item()) : 0;
    if (!Number.isSafeInteger(alignment) || alignment < 1 || alignment % 8 !== 0) {
      throw cursor.fail("an alignment by multiples of 8", `${alignment}`, at);
    }
  }
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.text(`the name of tensor ${i}`);
    const what = `tensor ${JSON.stringify(name.slice(0, 80))}`;
    const at = cursor.at;
    const axes = cursor.u32(`the axes of ${what}`);
    if (axes > axesLimit) throw cursor.fail(`at most ${axesLimit} axes of ${what}`, `${axes}`, at);
    // Innermost first in the file.
    const shape: number[] = [];
    for (let k = 0; k < axes; k++) shape.unshift(cursor.u64(`the shape of ${what}`));
    const type = cursor.u32(`the type of ${what}`);
    tensors.push({ name, type, shape, offset: cursor.u64(`the offset of ${what}`) });
  }
  return { metadata, tensors, from: Math.ceil(cursor.at / alignment) * alignment };
};

/** Reads the fields of MLX's exported functions one after another: little-endian numbers, and lists with their length before them. */
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
} from "../../core/dtype.js";
import { FormatError } from "../../core/errors.js";
import type { Aval } from "../../graph/node.js";
import type { ByteSource } from "../../io/source.js";
import { axesLimit, isShape } from "../attributes.js";

const op = "importFunction";

/** MLX's numbers of the dtypes. */
const numbered: readonly DType[] = [
  bool,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  float16,
  float32,
  float64,
  bfloat16,
  complex64,
];

/** Read at once, so that small fields need no read of their own. */
const piece = 1 << 16;

export class Cursor {
  readonly source: ByteSource;
  at = 0;
  #view = new DataView(new ArrayBuffer(0));
  #start = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** The error for something else than what was expected. */
  fail(expected: string, got: string, at: number = this.at): FormatError {
    return new FormatError(
      `[${op}] expected ${expected} at offset ${at} of ${this.source.name}, got ${got}: the file is corrupt, or not one that MLX 0.32 exports`,
    );
  }

  /** Where `n` bytes are in the view, which is moved there. */
  #take(n: number, what: string): number {
    const { size } = this.source;
    if (n > size - this.at) throw this.fail(what, "the end of the file");
    if (this.at < this.#start || this.at + n > this.#start + this.#view.byteLength) {
      const length = Math.min(size - this.at, Math.max(n, piece));
      this.#view = new DataView(this.source.read(op, this.at, length).buffer);
      this.#start = this.at;
    }
    const from = this.at - this.#start;
    this.at += n;
    return from;
  }

  int(what: string): number {
    const from = this.#take(4, what);
    return this.#view.getInt32(from, true);
  }

  float(what: string): number {
    const from = this.#take(4, what);
    return this.#view.getFloat32(from, true);
  }

  double(what: string): number {
    const from = this.#take(8, what);
    return this.#view.getFloat64(from, true);
  }

  /** The id of a value: any 64 bits. */
  id(what: string): bigint {
    const from = this.#take(8, what);
    return this.#view.getBigUint64(from, true);
  }

  #byte(what: string): number {
    const from = this.#take(1, what);
    return this.#view.getUint8(from);
  }

  flag(what: string): boolean {
    const value = this.#byte(what);
    if (value > 1) throw this.fail(`${what} as 0 or 1`, `${value}`, this.at - 1);
    return value === 1;
  }

  /** A 64-bit number that is exact as a number. */
  count(what: string): number {
    const value = this.id(what);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.fail(`${what} below 2^53`, `${value}`, this.at - 8);
  }

  /** A signed one. */
  long(what: string): number {
    const value = BigInt.asIntN(64, this.id(what));
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw this.fail(`${what} within 2^53`, `${value}`, this.at - 8);
  }

  /** A list whose items take at least `least` bytes each, so that its length can be believed. */
  list<T>(what: string, least: number, item: () => T): T[] {
    const at = this.at;
    const length = this.count(`the length of ${what}`);
    if (length * least > this.source.size - this.at)
      throw this.fail(`a length of ${what} that the file has room for`, `${length}`, at);
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(item());
    return items;
  }

  text(what: string): string {
    const at = this.at;
    const length = this.count(`the length of ${what}`);
    const from = this.#take(length, what);
    const bytes = new Uint8Array(this.#view.buffer, from, length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.fail(`${what} in UTF-8`, "other bytes", at);
    }
  }

  dtype(what: string): DType {
    const at = this.at;
    const found = numbered[this.int(what)];
    const size = this.#byte(what);
    if (found === undefined || found.size !== size)
      throw this.fail(`${what} as one of MLX's dtypes with its size`, "others", at);
    return found;
  }

  ints(what: string): number[] {
    return this.list(what, 4, () => this.int(what));
  }

  shape(what: string): number[] {
    const at = this.at;
    const shape = this.ints(what);
    if (isShape(shape)) return shape;
    throw this.fail(`${what} of at most ${axesLimit} lengths from 0`, "another list", at);
  }

  type(what: string): Aval {
    const shape = this.shape(`the shape of ${what}`);
    return { shape, dtype: this.dtype(`the dtype of ${what}`) };
  }

  skip(n: number, what: string): void {
    if (n > this.source.size - this.at) throw this.fail(what, "the end of the file");
    this.at += n;
  }
}

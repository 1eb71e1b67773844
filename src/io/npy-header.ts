/** The header of an npy file: a Python dictionary naming dtype, order and shape; checked before it is believed. */
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
import { sizeOf } from "../graph/node.js";
import type { ByteSource } from "./source.js";

export interface NpyHeader {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  /** The first axis varies fastest. */
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the data starts. */
  readonly from: number;
}

/** The type strings after their byte order; bfloat16 as MLX stores it. */
const dtypeOf: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["b1", bool],
  ["u1", uint8],
  ["u2", uint16],
  ["u4", uint32],
  ["u8", uint64],
  ["i1", int8],
  ["i2", int16],
  ["i4", int32],
  ["i8", int64],
  ["f2", float16],
  ["V2", bfloat16],
  ["f4", float32],
  ["f8", float64],
  ["c8", complex64],
]);

const op = "load";

/** Longest header that is read: far beyond what any dtype and shape known here need. */
const headerLimit = 1 << 20;
/** Most axes that are read; NumPy's limit. */
const axesLimit = 64;

const magic = "\x93NUMPY";

interface Token {
  readonly kind: "string" | "number" | "word" | "mark";
  readonly text: string;
  readonly at: number;
}

type Fail = (what: string, got: string, at: number) => FormatError;

const tokenPattern = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+)L?|(True|False)|([{}():,[\]])|(\S))/y;

/** At most this many tokens are looked at: a dictionary of three entries and the most axes need fewer. */
const tokenLimit = 256;

const tokenize = (text: string, fail: Fail): Token[] => {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  for (let at = 0; ; at = tokenPattern.lastIndex) {
    const match = tokenPattern.exec(text);
    if (match === null) return tokens;
    const [, single, double, number, word, mark, other] = match;
    const string = single ?? double;
    if (tokens.length === tokenLimit) throw fail("a short dictionary", "a longer one", at);
    if (string !== undefined) tokens.push({ kind: "string", text: string, at });
    else if (number !== undefined) tokens.push({ kind: "number", text: number, at });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, at });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark, at });
    else throw fail("a Python dictionary", JSON.stringify(other), at);
  }
};

/** The dictionary's three entries, in any order. */
class Dictionary {
  readonly #tokens: readonly Token[];
  readonly #fail: Fail;
  readonly #length: number;
  #next = 0;

  constructor(text: string, fail: Fail) {
    this.#tokens = tokenize(text, fail);
    this.#fail = fail;
    this.#length = text.length;
  }

  #unexpected(what: string): FormatError {
    const token = this.#tokens[this.#next];
    if (token === undefined) return this.#fail(what, "the end of the header", this.#length);
    return this.#fail(what, JSON.stringify(token.text.slice(0, 40)), token.at);
  }

  #is(mark: string): boolean {
    const token = this.#tokens[this.#next];
    return token?.kind === "mark" && token.text === mark;
  }

  #skip(mark: string): boolean {
    if (!this.#is(mark)) return false;
    this.#next++;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#skip(mark)) throw this.#unexpected(JSON.stringify(mark));
  }

  #take(kind: Token["kind"], what: string): Token {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) throw this.#unexpected(what);
    this.#next++;
    return token;
  }

  #shape(): number[] {
    const shape: number[] = [];
    this.#expect("(");
    while (!this.#is(")")) {
      const { text, at } = this.#take("number", "a size");
      const size = Number(text);
      if (!Number.isSafeInteger(size)) throw this.#fail("a size below 2^53", text.slice(0, 40), at);
      shape.push(size);
      if (shape.length > axesLimit) throw this.#fail(`at most ${axesLimit} axes`, "more", at);
      if (!this.#skip(",")) break;
    }
    this.#expect(")");
    return shape;
  }

  read(): { descr: Token; fortranOrder: boolean; shape: readonly number[] } {
    let descr: Token | null = null;
    let fortranOrder: boolean | null = null;
    let shape: readonly number[] | null = null;
    this.#expect("{");
    while (!this.#is("}")) {
      const { text: key, at } = this.#take("string", "a name");
      this.#expect(":");
      if (key === "descr" && descr === null) {
        if (this.#is("[")) throw this.#unexpected("one dtype, not a structured one,");
        descr = this.#take("string", "a type string");
      } else if (key === "fortran_order" && fortranOrder === null) {
        fortranOrder = this.#take("word", "True or False").text === "True";
      } else if (key === "shape" && shape === null) shape = this.#shape();
      else throw this.#fail("descr, fortran_order and shape once each", JSON.stringify(key), at);
      if (!this.#skip(",")) break;
    }
    this.#expect("}");
    if (this.#next < this.#tokens.length) throw this.#unexpected("nothing after the dictionary");
    if (descr === null || fortranOrder === null || shape === null) {
      throw this.#unexpected("descr, fortran_order and shape");
    }
    return { descr, fortranOrder, shape };
  }
}

/** Where the header starts and how long it is, from the fields before it. */
const locate = ({
  name: file,
  size,
  read,
}: ByteSource): { version: number; start: number; length: number } => {
  if (size < 10) {
    throw new FormatError(
      `[${op}] expected an npy file of at least 10 bytes from offset 0 of ${file}, got ${size}: it is truncated or no npy file`,
    );
  }
  const first = read(op, 0, Math.min(12, size));
  if (String.fromCharCode(...first.subarray(0, magic.length)) !== magic) {
    throw new FormatError(
      `[${op}] expected "\\x93NUMPY" at offset 0 of ${file}, got other bytes: it is not an npy file`,
    );
  }
  const view = new DataView(first.buffer);
  const version = view.getUint8(6);
  const minor = view.getUint8(7);
  if (version < 1 || version > 3 || minor !== 0) {
    throw new FormatError(
      `[${op}] expected npy version 1.0, 2.0 or 3.0 at offset 6 of ${file}, got ${version}.${minor}: save it again with NumPy or MLX`,
    );
  }
  const start = version === 1 ? 10 : 12;
  if (size < start) {
    throw new FormatError(
      `[${op}] expected the header's length at offset 8 of ${file}, got a file of ${size} bytes: it is truncated`,
    );
  }
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > headerLimit) {
    throw new FormatError(
      `[${op}] expected a header of at most ${headerLimit} bytes, got length ${length} at offset 8 of ${file}: the file is corrupt`,
    );
  }
  if (start + length > size) {
    throw new FormatError(
      `[${op}] expected a header up to offset ${start + length} of ${file}, got a file of ${size} bytes: it is truncated`,
    );
  }
  return { version, start, length };
};

/**
 * Reads and checks the header.
 *
 * @throws FormatError naming file, offset and cause when it is no npy file, truncated, contradicts itself or the file, or
 * has a dtype that no array here has
 */
export const readNpyHeader = (source: ByteSource): NpyHeader => {
  const { name: file, size } = source;
  const { version, start, length } = locate(source);
  const fail: Fail = (what, got, at) =>
    new FormatError(
      `[${op}] expected ${what} at offset ${start + at} in the header of ${file}, got ${got}: the file is corrupt or not of arrays of numbers`,
    );
  let text: string;
  try {
    const encoding = version === 3 ? "utf-8" : "latin1";
    text = new TextDecoder(encoding, { fatal: true }).decode(source.read(op, start, length));
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw fail("UTF-8", "other bytes", 0);
  }
  const { descr, fortranOrder, shape } = new Dictionary(text, fail).read();
  const dtype = /^[<>|=]/.test(descr.text) ? dtypeOf.get(descr.text.slice(1)) : undefined;
  if (dtype === undefined) {
    const known = [...dtypeOf.keys()].join(", ");
    throw fail(
      `a byte order and a type among ${known}`,
      JSON.stringify(descr.text.slice(0, 40)),
      descr.at,
    );
  }
  const from = start + length;
  const bytes = sizeOf(shape) * dtype.size;
  if (bytes > size - from) {
    throw new FormatError(
      `[${op}] expected ${bytes} bytes for ${dtype.name}[${shape.join(", ")}] at offset ${from} of ${file}, got ${size - from}: it is truncated`,
    );
  }
  return { dtype, bigEndian: descr.text.startsWith(">"), fortranOrder, shape, from };
};

/** The bytes before the data, as MLX writes them: in either order where both are the same, that is `True`. */
export const writeNpyHeader = (shape: readonly number[], dtype: DType): Uint8Array<ArrayBuffer> => {
  let type = "";
  for (const [name, d] of dtypeOf) if (d === dtype) type = name;
  const either = shape.length === 0 || sizeOf(shape) === Math.max(...shape);
  const dictionary =
    `{'descr': '${dtype.size === 1 ? "|" : "<"}${type}', 'fortran_order': ${either ? "True" : "False"}, ` +
    `'shape': (${shape.map((d) => `${d}, `).join("")})}`;
  const short = dictionary.length + 15 < 0xffff;
  const start = short ? 10 : 12;
  // MLX pads by this remainder rather than up to it, and counts two bytes more for version 1 and two less for version 2.
  const padding = ((short ? 12 : 10) + dictionary.length + 1) % 16;
  const text = `${dictionary}${" ".repeat(padding)}\n`;
  const bytes = new Uint8Array(start + text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i);
  bytes[6] = short ? 1 : 2;
  if (short) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  for (let i = 0; i < text.length; i++) bytes[start + i] = text.charCodeAt(i);
  return bytes;
};

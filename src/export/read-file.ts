/** Reads files of exported functions in this library's format; everything is checked before it is believed. */
import { FormatError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { Node, noNodes, sizeOf } from "../graph/node.js";
import type { ByteSource } from "../io/source.js";
import { isCount } from "./attributes.js";
import { alignment, headerLimit, headerStart, magic, version } from "./format.js";
import type { StoredFunction } from "./imported.js";
import { type Refuse, readFunction, readType } from "./read-graph.js";

export const op = "importFunction";

/** What a file holds. */
export interface FileContents {
  readonly functions: readonly StoredFunction[];
  readonly shapeless: boolean;
  readonly metadata: string;
}

/** Whether it begins as files of this format do. */
export const isOwnFormat = (source: ByteSource): boolean =>
  source.size >= magic.length &&
  new TextDecoder("latin1").decode(source.read(op, 0, magic.length)) === magic;

const readJson = (source: ByteSource, length: number): unknown => {
  const { name } = source;
  const where = `in the header of ${name}, from offset ${headerStart} to ${headerStart + length}`;
  try {
    const bytes = source.read(op, headerStart, length);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.parse(text);
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e);
    throw new FormatError(`[${op}] expected JSON ${where}, got ${why}: the file is corrupt`);
  }
};

const readConstants = (
  source: ByteSource,
  given: unknown,
  start: number,
  refuse: Refuse,
): Node[] => {
  if (!Array.isArray(given)) throw refuse("a list of constants", given);
  let free = start;
  return given.map((x: unknown, i) => {
    const type = readType(x);
    const offset = isPlainObject(x) ? x.offset : undefined;
    if (type === null) throw refuse(`a dtype and a shape of constant ${i}`, x);
    if (!isCount(offset) || offset % alignment !== 0)
      throw refuse(`an offset of constant ${i} by multiples of ${alignment}`, offset);
    const from = start + offset;
    const length = sizeOf(type.shape) * type.dtype.size;
    if (from < free) throw refuse(`constant ${i} behind offset ${free}`, from);
    if (from + length > source.size) {
      throw new FormatError(
        `[${op}] expected constant ${i} at offsets ${from} to ${from + length} of ${source.name}, got a file of ${source.size} bytes: it is truncated`,
      );
    }
    free = from + length;
    const node = new Node(null, noNodes, undefined, type.shape, type.dtype, 0);
    node.data = source.storage(op, from, length);
    return node;
  });
};

/**
 * All functions of a file of this library's format.
 *
 * @throws FormatError naming file, offset and cause
 */
export const readOwnFormat = (source: ByteSource): FileContents => {
  const { name: file, size } = source;
  if (size < headerStart) {
    throw new FormatError(
      `[${op}] expected a header at offset ${magic.length} of ${file}, got a file of ${size} bytes: it is truncated`,
    );
  }
  const view = new DataView(source.read(op, 0, headerStart).buffer);
  const length = view.getBigUint64(8, true);
  if (length > BigInt(headerLimit) || headerStart + Number(length) > size) {
    throw new FormatError(
      `[${op}] expected a header of at most ${Math.min(headerLimit, size - headerStart)} bytes, got length ${length} at offset 8 of ${file}: it is truncated or corrupt`,
    );
  }
  const refuse: Refuse = (expected, got, because) =>
    new FormatError(
      `[${op}] expected ${expected} in ${file} (header at offset ${headerStart}), got ${because ?? describe(got)}: the file is corrupt`,
    );
  const header = readJson(source, Number(length));
  if (!isPlainObject(header)) throw refuse("an object", header);
  if (header.version !== version) throw refuse(`version ${version}`, header.version);
  const { shapeless, metadata, functions } = header;
  if (typeof shapeless !== "boolean") throw refuse("shapeless as true or false", shapeless);
  if (typeof metadata !== "string") throw refuse("metadata as a string", metadata);
  if (!Array.isArray(functions)) throw refuse("a list of functions", functions);
  const constants = readConstants(source, header.constants, headerStart + Number(length), refuse);
  return {
    functions: functions.map((f: unknown) => readFunction(f, constants, shapeless, refuse)),
    shapeless,
    metadata,
  };
};

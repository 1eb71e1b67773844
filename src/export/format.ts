/** The file around exported functions: magic bytes, a JSON header, then the constants one after another. */
import { FormatError } from "../core/errors.js";
import type { Node } from "../graph/node.js";
import type { TypeOf, WrittenFunction } from "./write-graph.js";

/** Read as bytes; no other format of this library or MLX begins so. */
export const magic = "cotangfn";
export const version = 1;
/** Where the header begins: behind the magic bytes and its length. */
export const headerStart = 16;
/** Longest header that is written or read. */
export const headerLimit = 100_000_000;
/** Constants start at multiples of this, counted from the start of the file. */
export const alignment = 64;

/** Bytes of a constant, counted from where the constants begin. */
export interface WrittenConstant extends TypeOf {
  readonly offset: number;
}

export interface FileHeader {
  readonly version: number;
  readonly shapeless: boolean;
  readonly metadata: string;
  readonly constants: readonly WrittenConstant[];
  readonly functions: readonly WrittenFunction[];
}

const padded = (n: number): number => Math.ceil(n / alignment) * alignment;

/** The whole file in pieces. */
export function* fileParts(
  op: string,
  header: Omit<FileHeader, "version" | "constants">,
  constants: readonly Node[],
): Generator<Uint8Array> {
  let offset = 0;
  const placed = constants.map(({ dtype, shape, data }) => {
    const at = offset;
    offset += padded(data?.byteLength ?? 0);
    return { dtype: dtype.name, shape, offset: at };
  });
  const whole: FileHeader = { version, ...header, constants: placed };
  const json = new TextEncoder().encode(JSON.stringify(whole));
  if (json.length > headerLimit) {
    throw new FormatError(
      `[${op}] expected a header of at most ${headerLimit} bytes, got ${json.length}: export fewer functions into one file`,
    );
  }
  const length = padded(headerStart + json.length);
  const start = new Uint8Array(length).fill(0x20);
  start.set(new TextEncoder().encode(magic), 0);
  new DataView(start.buffer).setBigUint64(8, BigInt(length - headerStart), true);
  start.set(json, headerStart);
  yield start;
  for (const { data } of constants) {
    if (data === null) continue;
    yield data.read();
    yield new Uint8Array(padded(data.byteLength) - data.byteLength);
  }
}

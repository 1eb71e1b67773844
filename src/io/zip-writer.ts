/** Writing zip archives, member by member, in one pass. */
import { crc32 } from "./crc32.js";

/** A member to be written; its bytes are asked for when it is its turn. */
export interface ToWrite {
  readonly name: string;
  bytes(): Uint8Array;
}

const wide = 0xffffffff;

/** Fields of two, four and eight bytes, one after the other. */
const fields = (...list: readonly (readonly [size: 2 | 4 | 8, value: number])[]): Uint8Array => {
  const bytes = new Uint8Array(list.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
};

const isAscii = (name: string): boolean => /^[\0-\x7f]*$/.test(name);

/**
 * The parts of an archive. `deflate` compresses; without it members are stored. Values that need more than four bytes
 * go to zip64 fields.
 */
export function* writeZip(
  members: Iterable<ToWrite>,
  deflate: ((bytes: Uint8Array) => Uint8Array) | null,
): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let at = 0;
  let count = 0;
  for (const { name, bytes } of members) {
    const plain = bytes();
    const data = deflate === null ? plain : deflate(plain);
    const encoded = new TextEncoder().encode(name);
    const values = [plain.length, data.length, at].filter((n) => n >= wide);
    const extra =
      values.length === 0
        ? new Uint8Array(0)
        : fields([2, 1], [2, 8 * 3], [8, plain.length], [8, data.length], [8, at]);
    const narrow = (n: number): number => (values.length === 0 ? n : wide);
    const common = [
      [2, values.length === 0 ? 20 : 45],
      [2, isAscii(name) ? 0 : 1 << 11],
      [2, deflate === null ? 0 : 8],
      [2, 0],
      // The first day of 1980, the earliest the format has.
      [2, 0x21],
      [4, crc32(plain)],
      [4, narrow(data.length)],
      [4, narrow(plain.length)],
      [2, encoded.length],
      [2, extra.length],
    ] as const;
    const local = fields([4, 0x04034b50], ...common);
    yield* [local, encoded, extra, data];
    directory.push(
      fields(
        [4, 0x02014b50],
        [2, (3 << 8) | (values.length === 0 ? 20 : 45)],
        ...common,
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0o600 << 16],
        [4, narrow(at)],
      ),
      encoded,
      extra,
    );
    at += local.length + encoded.length + extra.length + data.length;
    count++;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  yield* directory;
  if (at >= wide || length >= wide || count >= 0xffff) {
    yield fields(
      ...([
        [4, 0x06064b50],
        [8, 44],
        [2, (3 << 8) | 45],
        [2, 45],
        [4, 0],
        [4, 0],
      ] as const),
      ...([
        [8, count],
        [8, count],
        [8, length],
        [8, at],
      ] as const),
      ...([
        [4, 0x07064b50],
        [4, 0],
        [8, at + length],
        [4, 1],
      ] as const),
    );
  }
  const few = Math.min(count, 0xffff);
  yield fields(
    ...([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, few],
      [2, few],
    ] as const),
    ...([
      [4, Math.min(length, wide)],
      [4, Math.min(at, wide)],
      [2, 0],
    ] as const),
  );
}

/** Reading zip archives by their central directory: stored and deflated members, sizes checked before they are believed. */
import { FormatError } from "../core/errors.js";
import { crc32 } from "./crc32.js";
import { inflate } from "./inflate.js";
import { type ByteSource, LazyStorage, memorySource } from "./source.js";

interface Member {
  readonly name: string;
  readonly deflated: boolean;
  readonly compressed: number;
  readonly size: number;
  readonly crc: number;
  /** Offset of its local header. */
  readonly at: number;
}

const op = "load";

/** Longest directory that is read. */
const directoryLimit = 1 << 26;
/** Deflate makes at most 258 bytes of two bits. */
const mostRatio = 1032;
/** Members are unpacked at once up to this many bytes in all, later ones when they are needed. */
const eagerLimit = 1 << 26;

const wide = 0xffffffff;

const corrupt = (file: string, what: string, at: number, got: string): FormatError =>
  new FormatError(
    `[${op}] expected ${what} at offset ${at} of ${file}, got ${got}: the archive is corrupt or truncated`,
  );

const viewOf = (source: ByteSource, from: number, length: number, what: string): DataView => {
  if (!Number.isSafeInteger(from) || from + length > source.size) {
    throw corrupt(source.name, what, from, `a file of ${source.size} bytes`);
  }
  return new DataView(source.read(op, from, length).buffer);
};

interface Directory {
  readonly at: number;
  readonly length: number;
  readonly count: number;
}

/** The wide directory record, where the plain one at `end` has no room for its values. */
const findWide = (source: ByteSource, end: number): Directory => {
  const what = "the locator of a zip64 directory";
  if (end < 20) throw corrupt(source.name, what, 0, "too few bytes");
  const locator = viewOf(source, end - 20, 20, what);
  if (locator.getUint32(0, true) !== 0x07064b50) {
    throw corrupt(source.name, what, end - 20, "other bytes");
  }
  const at = Number(locator.getBigUint64(8, true));
  const record = viewOf(source, at, 56, "a zip64 directory record");
  if (record.getUint32(0, true) !== 0x06064b50) {
    throw corrupt(source.name, "a zip64 directory record", at, "other bytes");
  }
  return {
    count: Number(record.getBigUint64(32, true)),
    length: Number(record.getBigUint64(40, true)),
    at: Number(record.getBigUint64(48, true)),
  };
};

const findDirectory = (source: ByteSource): Directory => {
  const { name: file, size } = source;
  const start = Math.max(0, size - 22 - 0xffff);
  const tail = viewOf(source, start, size - start, "an archive");
  for (let i = tail.byteLength - 22; i >= 0; i--) {
    if (tail.getUint32(i, true) !== 0x06054b50) continue;
    if (i + 22 + tail.getUint16(i + 20, true) !== tail.byteLength) continue;
    const end = start + i;
    if (tail.getUint16(i + 4, true) !== tail.getUint16(i + 6, true)) {
      throw corrupt(file, "an archive in one part", end + 4, "one in several");
    }
    const count = tail.getUint16(i + 10, true);
    const length = tail.getUint32(i + 12, true);
    const at = tail.getUint32(i + 16, true);
    const isWide = count === 0xffff || length === wide || at === wide;
    const found = isWide ? findWide(source, end) : { at, length, count };
    if (
      found.length > directoryLimit ||
      found.at + found.length > end ||
      found.count * 46 > found.length
    ) {
      throw corrupt(
        file,
        `a directory of at most ${directoryLimit} bytes before offset ${end}`,
        found.at,
        `${found.count} members in ${found.length} bytes`,
      );
    }
    return found;
  }
  throw new FormatError(
    `[${op}] expected the end of a zip directory in the last bytes of ${file}, from offset ${start}, got none: it is truncated or not a zip archive`,
  );
};

/** Sizes and offset, from the zip64 extra field where they have no room in the entry. */
const readSizes = (
  entry: DataView,
  extra: number,
  end: number,
): { size: number; compressed: number; at: number } | null => {
  const narrow = [entry.getUint32(24, true), entry.getUint32(20, true), entry.getUint32(42, true)];
  const [size = 0, compressed = 0, at = 0] = narrow;
  if (!narrow.includes(wide)) return { size, compressed, at };
  for (let i = extra; i + 4 <= end; ) {
    const length = entry.getUint16(i + 2, true);
    const next = i + 4 + length;
    if (next > end) return null;
    if (entry.getUint16(i, true) === 1) {
      let from = i + 4;
      const values: number[] = [];
      for (const n of narrow) {
        if (n === wide && from + 8 > next) return null;
        values.push(n === wide ? Number(entry.getBigUint64(from, true)) : n);
        if (n === wide) from += 8;
      }
      const [size = 0, compressed = 0, at = 0] = values;
      return { size, compressed, at };
    }
    i = next;
  }
  return null;
};

const decodeName = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

const readMembers = (source: ByteSource, directory: Directory): Member[] => {
  const { name: file } = source;
  const all = viewOf(source, directory.at, directory.length, "a directory");
  const members: Member[] = [];
  let i = 0;
  for (let n = 0; n < directory.count; n++) {
    const where = directory.at + i;
    const what = `entry ${n} of the directory`;
    if (i + 46 > all.byteLength || all.getUint32(i, true) !== 0x02014b50) {
      throw corrupt(file, what, where, "other bytes");
    }
    const nameEnd = 46 + all.getUint16(i + 28, true);
    const extraEnd = nameEnd + all.getUint16(i + 30, true);
    const length = extraEnd + all.getUint16(i + 32, true);
    if (i + length > all.byteLength) throw corrupt(file, what, where, `one of ${length} bytes`);
    const entry = new DataView(all.buffer, i, length);
    const name = decodeName(new Uint8Array(all.buffer, i + 46, nameEnd - 46));
    if (name === null) throw corrupt(file, "a name in UTF-8", where + 46, "other bytes");
    const of = `member ${JSON.stringify(name.slice(0, 80))}`;
    const method = entry.getUint16(10, true);
    if ((entry.getUint16(8, true) & 1) === 1 || (method !== 0 && method !== 8)) {
      throw new FormatError(
        `[${op}] expected ${of} (directory at offset ${where}) of ${file} stored or deflated, not encrypted, got method ${method}: write it with savez`,
      );
    }
    const sizes = readSizes(entry, nameEnd, extraEnd);
    if (sizes === null) throw corrupt(file, `the sizes of ${of}`, where, "none in its extra field");
    const { size, compressed } = sizes;
    if (method === 0 ? size !== compressed : size > mostRatio * compressed) {
      throw corrupt(
        file,
        method === 0
          ? `equal sizes of stored ${of}`
          : `at most ${mostRatio} times the size of ${of}`,
        where,
        `${size} bytes from ${compressed}`,
      );
    }
    members.push({ name, deflated: method === 8, crc: entry.getUint32(16, true), ...sizes });
    i += length;
  }
  return members;
};

/** Where the data of each member starts; members must lie one after the other before the directory. */
const locate = (source: ByteSource, members: readonly Member[], end: number): number[] => {
  const starts = members.map(({ name, at, compressed }) => {
    const what = `the header of member ${JSON.stringify(name.slice(0, 80))}`;
    const header = viewOf(source, at, 30, what);
    if (header.getUint32(0, true) !== 0x04034b50) {
      throw corrupt(source.name, what, at, "other bytes");
    }
    const from = at + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    if (from + compressed > end) {
      throw corrupt(source.name, `${compressed} bytes before the directory`, from, `${end - from}`);
    }
    return from;
  });
  const order = members.map((_, i) => i);
  order.sort((a, b) => (members[a]?.at ?? 0) - (members[b]?.at ?? 0));
  let before = 0;
  for (const i of order) {
    const at = members[i]?.at ?? 0;
    if (at < before) {
      throw corrupt(source.name, "members apart from each other", at, "overlapping ones");
    }
    before = (starts[i] ?? 0) + (members[i]?.compressed ?? 0);
  }
  return starts;
};

const memberSource = (
  source: ByteSource,
  member: Member,
  from: number,
  eager: boolean,
): ByteSource => {
  const { size, compressed, deflated } = member;
  const name = `${JSON.stringify(member.name.slice(0, 80))} in ${source.name}`;
  const fail = (cause: string, at: number): FormatError =>
    new FormatError(
      `[${op}] expected deflated data of ${name}, got ${cause} at offset ${from + at}: the archive is corrupt`,
    );
  const whole = (): Uint8Array<ArrayBuffer> => {
    const raw = source.read(op, from, compressed);
    const { bytes, complete } = deflated
      ? inflate(raw, size, fail)
      : { bytes: raw, complete: true };
    if (!complete || bytes.length !== size) {
      const got = complete ? `${bytes.length}` : "more";
      throw fail(`${got} bytes instead of ${size}`, 0);
    }
    const crc = crc32(bytes);
    if (crc === member.crc) return bytes;
    throw new FormatError(
      `[${op}] expected checksum ${member.crc} of ${name}, got ${crc} for the data at offset ${from}: the archive is corrupt`,
    );
  };
  if (eager) return memorySource(name, whole());
  return {
    name,
    size,
    read: (op, at, length) => {
      if (!deflated) return source.read(op, from + at, length);
      const few = Math.min(compressed, at + length + 0x10000);
      const { bytes } = inflate(source.read(op, from, few), at + length, fail);
      if (bytes.length < at + length) throw fail(`${bytes.length} bytes instead of ${size}`, 0);
      return bytes.slice(at);
    },
    storage: (_, at, length, conversion) =>
      new LazyStorage(conversion?.byteLength ?? length, () => {
        const bytes = whole().slice(at, at + length);
        return conversion === undefined ? bytes : conversion.apply(bytes);
      }),
  };
};

/**
 * The members by name, each a source of its own.
 *
 * @throws FormatError naming file, offset and cause when it is no zip archive, contradicts itself, or holds more than it can
 */
export const readZip = (source: ByteSource): Map<string, ByteSource> => {
  const directory = findDirectory(source);
  const members = readMembers(source, directory);
  const starts = locate(source, members, directory.at);
  const found = new Map<string, ByteSource>();
  let unpacked = 0;
  for (const [i, member] of members.entries()) {
    if (found.has(member.name)) {
      throw corrupt(
        source.name,
        "each member once",
        member.at,
        `${JSON.stringify(member.name.slice(0, 80))} twice`,
      );
    }
    unpacked += member.size;
    found.set(member.name, memberSource(source, member, starts[i] ?? 0, unpacked <= eagerLimit));
  }
  return found;
};

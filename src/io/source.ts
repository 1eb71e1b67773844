/** Where a reader of a file format gets its bytes: memory, or a file that is read piece by piece when pieces are needed. */
import { FormatError } from "../core/errors.js";
import { HostStorage, Storage } from "../core/storage.js";
import type { OpenFile } from "./files.js";

/** Bytes by position. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  read(op: string, from: number, length: number): Uint8Array<ArrayBuffer>;
  /** The bytes, converted if so stated, as an array's value; read when they are first needed where that saves memory. */
  storage(op: string, from: number, length: number, conversion?: Conversion): Storage;
}

/** How an array's value follows from the bytes in the file. */
export interface Conversion {
  readonly byteLength: number;
  /** May work in place: nobody else has the bytes. */
  apply(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** All bytes at hand. */
export const memorySource = (name: string, bytes: Uint8Array): ByteSource => {
  const read = (op: string, from: number, length: number): Uint8Array<ArrayBuffer> => {
    if (from + length > bytes.length) {
      throw new FormatError(
        `[${op}] expected ${length} bytes at offset ${from} of ${name}, got ${Math.max(0, bytes.length - from)}: the file is truncated`,
      );
    }
    return Uint8Array.from(bytes.subarray(from, from + length));
  };
  return {
    name,
    size: bytes.length,
    read,
    storage: (op, from, length, conversion) => {
      const raw = read(op, from, length);
      return new HostStorage(conversion === undefined ? raw : conversion.apply(raw));
    },
  };
};

/** An array's value that is still in its file. Each read reads it anew. */
export class LazyStorage extends Storage {
  override readonly byteLength: number;
  readonly #bytes: () => Uint8Array<ArrayBuffer>;

  constructor(byteLength: number, bytes: () => Uint8Array<ArrayBuffer>) {
    super();
    this.byteLength = byteLength;
    this.#bytes = bytes;
  }

  override read(): Uint8Array<ArrayBuffer> {
    return this.#bytes();
  }

  override async readAsync(): Promise<Uint8Array<ArrayBuffer>> {
    return this.read();
  }

  protected override free(): void {}
}

/** Smaller files are read at once, so that nothing keeps them open. */
const lazyFrom = 1 << 24;

/** An open file, which this owns from now on. */
export const fileSource = (op: string, file: OpenFile): ByteSource => {
  if (file.size < lazyFrom) {
    try {
      return memorySource(file.path, file.read(op, 0, file.size));
    } finally {
      file.close();
    }
  }
  return {
    name: file.path,
    size: file.size,
    read: (op, from, length) => file.read(op, from, length),
    storage: (op, from, length, conversion) =>
      conversion === undefined
        ? new LazyStorage(length, () => file.read(op, from, length))
        : new LazyStorage(conversion.byteLength, () =>
            conversion.apply(file.read(op, from, length)),
          ),
  };
};

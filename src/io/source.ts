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
  /** The bytes as an array's value, read when they are first needed where that saves memory. */
  storage(op: string, from: number, length: number): Storage;
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
    storage: (op, from, length) => new HostStorage(read(op, from, length)),
  };
};

/** An array's value that is still in its file. Each read reads it anew. */
class FileStorage extends Storage {
  override readonly byteLength: number;
  readonly #file: OpenFile;
  readonly #op: string;
  readonly #from: number;

  constructor(file: OpenFile, op: string, from: number, length: number) {
    super();
    this.byteLength = length;
    this.#file = file;
    this.#op = op;
    this.#from = from;
  }

  override read(): Uint8Array<ArrayBuffer> {
    return this.#file.read(this.#op, this.#from, this.byteLength);
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
    storage: (op, from, length) => new FileStorage(file, op, from, length),
  };
};

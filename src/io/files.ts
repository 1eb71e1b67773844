/** Files by path, where the runtime is Node or offers its file module; nothing here is imported from Node. */
import { ArgumentError, CotangentError, DeviceError, FormatError } from "../core/errors.js";

interface FileStats {
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
}

/** The part of `node:fs` that is used. */
interface FileModule {
  openSync(path: string, flags: string): number;
  closeSync(fd: number): void;
  readSync(fd: number, to: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, from: Uint8Array, offset: number, length: number): number;
  fsyncSync(fd: number): void;
  fstatSync(fd: number): FileStats;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  realpathSync(path: string): string;
}

interface UrlModule {
  fileURLToPath(url: URL): string;
}

interface ZlibModule {
  deflateRawSync(bytes: Uint8Array): Uint8Array;
}

type Builtin = (name: string) => unknown;

const isBuiltin = (x: unknown): x is Builtin => typeof x === "function";

const isFileModule = (x: unknown): x is FileModule =>
  typeof x === "object" && x !== null && "openSync" in x && "renameSync" in x;

const isUrlModule = (x: unknown): x is UrlModule =>
  typeof x === "object" && x !== null && "fileURLToPath" in x;

const isZlibModule = (x: unknown): x is ZlibModule =>
  typeof x === "object" && x !== null && "deflateRawSync" in x;

/** A module of Node, null elsewhere. */
export const builtin = (name: string): unknown => {
  const process: unknown = Reflect.get(globalThis, "process");
  if (typeof process !== "object" || process === null) return null;
  const get: unknown = Reflect.get(process, "getBuiltinModule");
  return isBuiltin(get) ? Reflect.apply(get, process, [name]) : null;
};

const files = (op: string): FileModule => {
  const found = builtin("node:fs");
  if (isFileModule(found)) return found;
  throw new DeviceError(
    `[${op}] expected a runtime with a file system, got one without: pass a URL, a Blob or bytes instead of a path`,
  );
};

/** The path of a `file:` URL. */
export const pathOf = (op: string, url: URL): string => {
  const found = builtin("node:url");
  if (isUrlModule(found)) return found.fileURLToPath(url);
  throw new DeviceError(
    `[${op}] expected a runtime with a file system, got one without: pass an http URL`,
  );
};

/** Raw deflate of the runtime. */
export const deflater = (op: string): ((bytes: Uint8Array) => Uint8Array) => {
  const found = builtin("node:zlib");
  if (isZlibModule(found)) return (bytes) => found.deflateRawSync(bytes);
  throw new DeviceError(
    `[${op}] expected a runtime that compresses, got one without node:zlib: save without compression`,
  );
};

/** What an error says. */
export const because = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const chunk = 1 << 26;

const closing = new FinalizationRegistry<() => void>((close) => close());

/** A file open for reading by position. It is closed when unreachable, or by `close`. */
export class OpenFile {
  readonly path: string;
  readonly size: number;
  readonly #fs: FileModule;
  readonly #fd: number;
  readonly #modified: number;
  #open = true;

  /** @throws ArgumentError when there is no such file or it cannot be read */
  constructor(op: string, path: string) {
    this.path = path;
    this.#fs = files(op);
    try {
      this.#fd = this.#fs.openSync(path, "r");
    } catch (error) {
      throw new ArgumentError(`[${op}] expected a readable file, got ${path}: ${because(error)}`);
    }
    const stats = this.#fs.fstatSync(this.#fd);
    this.size = stats.size;
    this.#modified = stats.mtimeMs;
    const fs = this.#fs;
    const fd = this.#fd;
    if (!stats.isFile()) {
      fs.closeSync(fd);
      throw new ArgumentError(
        `[${op}] expected a file, got ${path}, which is something else: pass a file's path`,
      );
    }
    closing.register(this, () => fs.closeSync(fd), this);
  }

  /** @throws FormatError when the file was changed since it was opened, or ends early */
  read(op: string, from: number, length: number): Uint8Array<ArrayBuffer> {
    const stats = this.#fs.fstatSync(this.#fd);
    if (stats.size !== this.size || stats.mtimeMs !== this.#modified) {
      throw new FormatError(
        `[${op}] expected ${this.path} as it was when it was opened, got it changed: load it again`,
      );
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const n = this.#fs.readSync(
        this.#fd,
        bytes,
        done,
        Math.min(chunk, length - done),
        from + done,
      );
      if (n === 0) {
        throw new FormatError(
          `[${op}] expected ${length} bytes at offset ${from} of ${this.path}, got ${done}: the file is truncated`,
        );
      }
      done += n;
    }
    return bytes;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closing.unregister(this);
    this.#fs.closeSync(this.#fd);
  }
}

let temporaries = 0;

/** Cleans up after a failure that is the one to report. */
const quietly = (fn: () => void): void => {
  try {
    fn();
  } catch {
    // The first error is thrown by the caller.
  }
};

/**
 * Writes a file so that the path holds either the old content or the whole new one: beside it, flushed, then renamed.
 *
 * @throws ArgumentError when it cannot be written; nothing is left behind then
 */
export const writeAtomically = (op: string, path: string, parts: Iterable<Uint8Array>): void => {
  const fs = files(op);
  let target = path;
  try {
    target = fs.realpathSync(path);
  } catch {
    // There is no such file yet.
  }
  const beside = `${target}.${Date.now().toString(36)}-${++temporaries}.tmp`;
  let fd = -1;
  let made = false;
  try {
    fd = fs.openSync(beside, "wx");
    made = true;
    for (const part of parts) {
      let done = 0;
      while (done < part.length)
        done += fs.writeSync(fd, part, done, Math.min(chunk, part.length - done));
    }
    fs.fsyncSync(fd);
    const finished = fd;
    fd = -1;
    fs.closeSync(finished);
    fs.renameSync(beside, target);
  } catch (error) {
    quietly(() => {
      if (fd >= 0) fs.closeSync(fd);
    });
    quietly(() => {
      if (made) fs.unlinkSync(beside);
    });
    if (error instanceof CotangentError) throw error;
    throw new ArgumentError(`[${op}] expected to be able to write ${path}, got: ${because(error)}`);
  }
};

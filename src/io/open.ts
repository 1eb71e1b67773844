/** From what users name a file by to its bytes: paths, bytes, URLs, blobs and streams. */
import { ArgumentError, FormatError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { OpenFile, pathOf } from "./files.js";
import { type ByteSource, fileSource, memorySource } from "./source.js";

/** A path, or bytes. */
export type AtOnce = string | ArrayBuffer | Uint8Array;
/** What gives its bytes later. */
export type InTime = URL | Blob | ReadableStream<Uint8Array>;

/** The name that a blob has if it is a file. */
export const nameOfBlob = (blob: Blob): string | null =>
  "name" in blob && typeof blob.name === "string" ? blob.name : null;

export const isInTime = (file: unknown): file is InTime =>
  file instanceof URL || file instanceof Blob || file instanceof ReadableStream;

/**
 * The bytes of a path, or those given.
 *
 * @throws ArgumentError for anything else, or a file that cannot be read
 */
export const sourceOf = (op: string, file: unknown): ByteSource => {
  if (typeof file === "string") return fileSource(op, new OpenFile(op, file));
  if (file instanceof Uint8Array || file instanceof ArrayBuffer) {
    const bytes = file instanceof ArrayBuffer ? new Uint8Array(file) : file;
    return memorySource("the given bytes", bytes);
  }
  throw new ArgumentError(
    `[${op}] expected a path, bytes, a URL, a Blob or a stream, got ${describe(file)}: pass one of these`,
  );
};

const fetched = async (op: string, url: URL): Promise<ByteSource> => {
  const response = await fetch(url);
  if (!response.ok) {
    throw new FormatError(
      `[${op}] expected the file at ${url.href}, got HTTP status ${response.status}: check the address`,
    );
  }
  return memorySource(url.href, new Uint8Array(await response.arrayBuffer()));
};

/** The bytes of what gives them later. */
export const sourceInTime = async (op: string, file: InTime): Promise<ByteSource> => {
  if (file instanceof URL) {
    if (file.protocol !== "file:") return fetched(op, file);
    return fileSource(op, new OpenFile(op, pathOf(op, file)));
  }
  if (file instanceof Blob) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return memorySource(nameOfBlob(file) ?? "the blob", bytes);
  }
  return memorySource("the stream", new Uint8Array(await new Response(file).arrayBuffer()));
};

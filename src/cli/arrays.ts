/** Files of arrays: read by the format that their names tell, and written so. */
import * as mx from "../index.js";
import { UsageError } from "./failure.js";

export interface ArraysFile {
  readonly format: string;
  readonly arrays: Readonly<Record<string, mx.NDArray>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const formats = ["safetensors", "npz", "gguf", "npy"] as const;
type Format = (typeof formats)[number];

export const formatOf = (path: string): Format => {
  const found = formats.find((format) => path.endsWith(`.${format}`));
  if (found !== undefined) return found;
  throw new UsageError(
    `expects a name that ends in ${formats.map((f) => `.${f}`).join(", ")}, got ${path}`,
  );
};

export const readArrays = (path: string): ArraysFile => {
  const format = formatOf(path);
  if (format === "npy")
    return { format, arrays: { array: mx.load(path, { format: "npy" }) }, metadata: {} };
  if (format === "npz") return { format, arrays: mx.load(path, { format: "npz" }), metadata: {} };
  const [arrays, metadata] =
    format === "gguf"
      ? mx.load(path, { format: "gguf", returnMetadata: true })
      : mx.load(path, { format: "safetensors", returnMetadata: true });
  return { format, arrays, metadata };
};

const isString = (entry: [string, unknown]): entry is [string, string] =>
  typeof entry[1] === "string";

export const writeArrays = (
  path: string,
  { arrays, metadata }: Omit<ArraysFile, "format">,
): void => {
  const format = formatOf(path);
  const strings = Object.fromEntries(Object.entries(metadata).filter(isString));
  if (format === "npz") mx.savez(path, { ...arrays });
  else if (format === "gguf") mx.saveGguf(path, { ...arrays }, strings);
  else if (format === "safetensors") mx.saveSafetensors(path, { ...arrays }, { metadata: strings });
  else {
    const [only, ...more] = Object.values(arrays);
    if (only === undefined || more.length > 0)
      throw new UsageError(`expects one array for an .npy file, got ${more.length + 1}: use .npz`);
    mx.save(path, only);
  }
};

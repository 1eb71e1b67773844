/** The golden files' values, decoded into plain typed data that knows nothing of the library under test. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export const DTYPE_NAMES = [
  "bool",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "float16",
  "bfloat16",
  "float32",
  "float64",
  "complex64",
] as const;
export type DTypeName = (typeof DTYPE_NAMES)[number];

/** Elements in C order: bigint for 64-bit integers; complex64 holds re, im in turn; bool is 0 or 1. */
export type Elements = Float64Array | BigInt64Array | BigUint64Array;

export interface GoldenArray {
  readonly $: "array";
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
  readonly values: Elements;
}

export type GoldenValue =
  | null
  | boolean
  | number
  | string
  | GoldenArray
  | { readonly $: "dtype"; readonly name: DTypeName }
  | { readonly $: "int"; readonly v: number | bigint }
  | { readonly $: "float"; readonly v: number }
  | { readonly $: "complex"; readonly re: number; readonly im: number }
  | {
      readonly $: "slice";
      readonly start: number | null;
      readonly stop: number | null;
      readonly step: number | null;
    }
  | { readonly $: "ellipsis" }
  | { readonly $: "ref"; readonly i: number; readonly k: number | null }
  | readonly GoldenValue[]
  | GoldenTree;

export interface GoldenTree {
  readonly $: "tree";
  readonly entries: ReadonlyMap<string, GoldenValue>;
}

/** A case as parsed from its line; fields are read through the functions below, which fail loudly. */
export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function isDTypeName(value: unknown): value is DTypeName {
  return DTYPE_NAMES.some((name) => name === value);
}

export function isGoldenArray(value: GoldenValue | undefined): value is GoldenArray {
  return tagOf(value) === "array";
}

export function isGoldenList(value: GoldenValue | undefined): value is readonly GoldenValue[] {
  return Array.isArray(value);
}

/** The marker of a decoded value, `"list"` for a list, null for plain JSON scalars. */
export function tagOf(value: GoldenValue | undefined): string | null {
  if (typeof value !== "object" || value === null) return null;
  return "$" in value ? value.$ : "list";
}

export function isIntegerName(name: DTypeName): boolean {
  return name === "bool" || name.startsWith("int") || name.startsWith("uint");
}

export function malformed(what: string, value: unknown): Error {
  return new Error(`golden file: expected ${what}, got ${JSON.stringify(value)?.slice(0, 120)}`);
}

export function asString(value: unknown): string {
  if (typeof value !== "string") throw malformed("a string", value);
  return value;
}

export function asNumber(value: unknown): number {
  if (value === "nan") return Number.NaN;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  if (typeof value !== "number") throw malformed("a number", value);
  return value;
}

export function asList(value: unknown): readonly unknown[] {
  if (!isList(value)) throw malformed("a list", value);
  return value;
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw malformed("an object", value);
  return value;
}

export function asDTypeName(value: unknown): DTypeName {
  if (!isDTypeName(value)) throw malformed("a dtype name", value);
  return value;
}

function asOptionalNumber(value: unknown): number | null {
  return value === null || value === undefined ? null : asNumber(value);
}

/** Rejects fields nobody reads, so that a new field of the format cannot be passed over. */
export function onlyFields(
  record: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const name of Object.keys(record)) {
    if (!known.includes(name)) throw malformed(`only the fields ${known.join(", ")}`, name);
  }
}

function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decodeElements(dtype: DTypeName, bytes: Uint8Array<ArrayBuffer>): Elements {
  const { buffer } = bytes;
  switch (dtype) {
    case "bool":
    case "uint8":
      return Float64Array.from(bytes);
    case "int8":
      return Float64Array.from(new Int8Array(buffer));
    case "int16":
      return Float64Array.from(new Int16Array(buffer));
    case "uint16":
      return Float64Array.from(new Uint16Array(buffer));
    case "int32":
      return Float64Array.from(new Int32Array(buffer));
    case "uint32":
      return Float64Array.from(new Uint32Array(buffer));
    case "int64":
      return new BigInt64Array(buffer);
    case "uint64":
      return new BigUint64Array(buffer);
    case "float16":
      return Float64Array.from(new Uint16Array(buffer), decodeHalf);
    case "bfloat16": {
      const wide = Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16);
      return Float64Array.from(new Float32Array(wide.buffer));
    }
    case "float32":
    case "complex64":
      return Float64Array.from(new Float32Array(buffer));
    case "float64":
      return new Float64Array(buffer);
  }
}

function decodeMarked(raw: Readonly<Record<string, unknown>>): GoldenValue {
  switch (raw.$) {
    case "array": {
      onlyFields(raw, ["$", "dtype", "shape", "b64"]);
      const dtype = asDTypeName(raw.dtype);
      const bytes = new Uint8Array(Buffer.from(asString(raw.b64), "base64"));
      const shape = asList(raw.shape).map(asNumber);
      const values = decodeElements(dtype, bytes);
      const size = shape.reduce((a, b) => a * b, 1) * (dtype === "complex64" ? 2 : 1);
      if (values.length !== size) throw malformed(`${size} elements`, values.length);
      return { $: "array", dtype, shape, values };
    }
    case "dtype":
      onlyFields(raw, ["$", "name"]);
      return { $: "dtype", name: asDTypeName(raw.name) };
    case "int":
      onlyFields(raw, ["$", "v"]);
      return { $: "int", v: typeof raw.v === "string" ? BigInt(raw.v) : asNumber(raw.v) };
    case "float":
      onlyFields(raw, ["$", "v"]);
      return { $: "float", v: asNumber(raw.v) };
    case "complex":
      onlyFields(raw, ["$", "re", "im"]);
      return { $: "complex", re: asNumber(raw.re), im: asNumber(raw.im) };
    case "slice":
      onlyFields(raw, ["$", "start", "stop", "step"]);
      return {
        $: "slice",
        start: asOptionalNumber(raw.start),
        stop: asOptionalNumber(raw.stop),
        step: asOptionalNumber(raw.step),
      };
    case "ellipsis":
      onlyFields(raw, ["$"]);
      return { $: "ellipsis" };
    case "ref":
      onlyFields(raw, ["$", "i", "k"]);
      return { $: "ref", i: asNumber(raw.i), k: asOptionalNumber(raw.k) };
    default:
      throw malformed("a known value marker", raw.$);
  }
}

export function decode(raw: unknown): GoldenValue {
  if (
    raw === null ||
    typeof raw === "boolean" ||
    typeof raw === "number" ||
    typeof raw === "string"
  ) {
    return raw;
  }
  if (isList(raw)) return raw.map(decode);
  if (!isRecord(raw)) throw malformed("a JSON value", raw);
  if ("$" in raw) return decodeMarked(raw);
  return {
    $: "tree",
    entries: new Map(Object.entries(raw).map(([key, value]) => [key, decode(value)])),
  };
}

/** All cases of a golden file below `test/conformance/data` (`area` is its name without ending). */
export function readCases(area: string): Case[] {
  const text = gunzipSync(readFileSync(dataPath(`${area}.jsonl.gz`))).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = asRecord(JSON.parse(line));
      return { id: asString(fields.id), kind: asString(fields.kind), fields };
    });
}

/** The path of a data file; tests run compiled, the data stays with the sources. */
export function dataPath(name: string): string {
  const own = import.meta.url.replace("/build/test/", "/test/");
  return fileURLToPath(new URL(`data/${name}`, own));
}

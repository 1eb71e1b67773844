/** The golden files' comparison rules, to the letter. */
import { type GoldenArray, type GoldenValue, isIntegerName } from "./format.js";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** A result of the library in plain data; `other` is anything the format has no word for. */
export type Result =
  | { readonly kind: "array"; readonly array: GoldenArray }
  | { readonly kind: "scalar"; readonly value: number | bigint | boolean | string | null }
  | { readonly kind: "complex"; readonly re: number; readonly im: number }
  | { readonly kind: "list"; readonly items: readonly Result[] }
  | { readonly kind: "tree"; readonly entries: ReadonlyMap<string, Result> }
  | { readonly kind: "other"; readonly text: string };

/** Null where the values agree, otherwise one line saying where and how they differ. */
export function difference(got: Result, want: GoldenValue, tolerance: Tolerance): string | null {
  return differAt("", got, want, tolerance);
}

function differAt(
  path: string,
  got: Result,
  want: GoldenValue,
  tolerance: Tolerance,
): string | null {
  const at = path === "" ? "" : `at ${path}: `;
  const mismatch = (): string => `${at}expected ${showGolden(want)}, got ${showResult(got)}`;
  if (want === null || typeof want === "string" || typeof want === "boolean") {
    return got.kind === "scalar" && got.value === want ? null : mismatch();
  }
  if (typeof want === "number") return agreesWithNumber(got, want, tolerance) ? null : mismatch();
  if ("length" in want) {
    if (got.kind !== "list") return mismatch();
    if (got.items.length !== want.length) {
      return `${at}expected ${want.length} values, got ${got.items.length}`;
    }
    for (const [i, item] of want.entries()) {
      const element = got.items[i];
      const found = element && differAt(`${path}[${i}]`, element, item, tolerance);
      if (found) return found;
    }
    return null;
  }
  switch (want.$) {
    case "array": {
      if (got.kind !== "array") return mismatch();
      const found = arrayDifference(got.array, want, tolerance);
      return found === null ? null : `${at}${found}`;
    }
    case "int":
      return got.kind === "scalar" &&
        (typeof got.value === "bigint" || typeof got.value === "number") &&
        (typeof got.value === "bigint" || Number.isInteger(got.value)) &&
        BigInt(got.value) === BigInt(want.v)
        ? null
        : mismatch();
    case "float":
      return agreesWithNumber(got, want.v, tolerance) ? null : mismatch();
    case "complex": {
      const modulus = Math.hypot(want.re, want.im);
      return got.kind === "complex" &&
        close(got.re, want.re, modulus, tolerance) &&
        close(got.im, want.im, modulus, tolerance)
        ? null
        : mismatch();
    }
    case "dtype":
      return got.kind === "other" && got.text === want.name ? null : mismatch();
    case "tree": {
      if (got.kind !== "tree") return mismatch();
      const missing = [...want.entries.keys()].filter((key) => !got.entries.has(key));
      const extra = [...got.entries.keys()].filter((key) => !want.entries.has(key));
      if (missing.length + extra.length > 0) {
        return `${at}keys differ: missing [${missing.join(", ")}], unexpected [${extra.join(", ")}]`;
      }
      for (const [key, value] of want.entries) {
        const element = got.entries.get(key);
        const found = element && differAt(`${path}.${key}`, element, value, tolerance);
        if (found) return found;
      }
      return null;
    }
    default:
      throw new Error(`golden file: a result cannot be a ${want.$}`);
  }
}

function agreesWithNumber(got: Result, want: number, tolerance: Tolerance): boolean {
  if (got.kind !== "scalar") return false;
  if (typeof got.value !== "number" && typeof got.value !== "bigint") return false;
  return close(Number(got.value), want, Math.abs(want), tolerance);
}

function close(got: number, want: number, magnitude: number, tolerance: Tolerance): boolean {
  if (Number.isNaN(want)) return Number.isNaN(got);
  if (got === want) return true;
  if (!Number.isFinite(want) || !Number.isFinite(got)) return false;
  // A complex part beside an infinite one: its modulus would allow anything.
  const scale = Number.isFinite(magnitude) ? magnitude : Math.abs(want);
  return Math.abs(got - want) <= tolerance.atol + tolerance.rtol * scale;
}

export function shapeAndDTypeDifference(got: GoldenArray, want: GoldenArray): string | null {
  if (got.dtype !== want.dtype) return `expected dtype ${want.dtype}, got ${got.dtype}`;
  const shape = want.shape.join(",");
  if (got.shape.join(",") !== shape) return `expected shape [${shape}], got [${got.shape}]`;
  return null;
}

export function arrayDifference(
  got: GoldenArray,
  want: GoldenArray,
  tolerance: Tolerance,
): string | null {
  const form = shapeAndDTypeDifference(got, want);
  if (form !== null) return form;
  const exact = isIntegerName(want.dtype);
  const complex = want.dtype === "complex64";
  let differing = 0;
  let first = -1;
  for (let i = 0; i < want.values.length; i++) {
    const g = got.values[i];
    const w = want.values[i];
    if (g === undefined || w === undefined) return `element ${i} is missing`;
    let agree: boolean;
    if (exact) agree = g === w;
    else {
      const partner = complex ? Number(want.values[i ^ 1]) : 0;
      const magnitude = complex ? Math.hypot(Number(w), partner) : Math.abs(Number(w));
      agree = close(Number(g), Number(w), magnitude, tolerance);
    }
    if (!agree) {
      if (first < 0) first = i;
      differing++;
    }
  }
  if (differing === 0) return null;
  const bounds = exact ? "exactly" : `rtol ${tolerance.rtol} atol ${tolerance.atol}`;
  const where = complex ? `${first >> 1} (${first & 1 ? "im" : "re"})` : `${first}`;
  return `${differing} of ${want.values.length} elements of ${want.dtype} [${want.shape}] differ, first at ${where}: expected ${want.values[first]}, got ${got.values[first]} (${bounds})`;
}

export function showGolden(value: GoldenValue): string {
  if (value === null || typeof value !== "object") return String(value);
  if ("length" in value) return `[${value.map(showGolden).join(", ")}]`;
  if (value.$ === "array") {
    const some = [...value.values.slice(0, 8)].map(String).join(", ");
    return `${value.dtype} [${value.shape}] {${some}${value.values.length > 8 ? ", …" : ""}}`;
  }
  if (value.$ === "tree") {
    return `{${[...value.entries].map(([k, v]) => `${k}: ${showGolden(v)}`).join(", ")}}`;
  }
  if (value.$ === "int" || value.$ === "float") return String(value.v);
  return JSON.stringify(value);
}

function showResult(result: Result): string {
  switch (result.kind) {
    case "array":
      return showGolden(result.array);
    case "scalar":
      return String(result.value);
    case "complex":
      return `${result.re}+${result.im}i`;
    case "list":
      return `[${result.items.map(showResult).join(", ")}]`;
    case "tree":
      return `{${[...result.entries].map(([k, v]) => `${k}: ${showResult(v)}`).join(", ")}}`;
    case "other":
      return result.text;
  }
}

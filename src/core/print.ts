/** Prints arrays as MLX does: nested brackets, three items at either end, numbers as C's `%g` with six digits. */

import type { DType } from "./dtype.js";
import { ArgumentError } from "./errors.js";
import { describe, type Scalar } from "./guards.js";
import { readPositional } from "./options.js";
import { requireFunction } from "./require.js";

/** How numbers are printed: `precision` fixed decimals, or -1 for six significant digits. */
export interface PrintOptions {
  readonly precision?: number;
}

let precision = -1;

/**
 * Sets how floats are printed: a number of fixed decimals, or -1 for six significant digits.
 *
 * @throws ArgumentError when the precision is not a whole number from -1 to 100
 * @example
 * mx.setPrintoptions({ precision: 2 });
 * console.log(String(mx.array([1 / 3]))); // array([0.33], dtype=float32)
 * mx.setPrintoptions({ precision: -1 });
 * @see mlx.core.set_printoptions
 */
export const setPrintoptions = (first?: number | PrintOptions, rest?: PrintOptions): void => {
  const given = readPositional<PrintOptions>("setPrintoptions", "precision", first, rest, [
    "precision",
  ]);
  const value: unknown = given.precision ?? -1;
  if (typeof value !== "number" || !Number.isInteger(value) || value < -1 || value > 100) {
    throw new ArgumentError(
      `[setPrintoptions] expected a precision from 0 to 100, or -1, got ${describe(value)}: pass a whole number`,
    );
  }
  precision = value;
};

/**
 * How floats are printed now.
 *
 * @see mlx.core.get_printoptions
 */
export const getPrintoptions = (): { precision: number } => ({ precision });

/**
 * Calls `fn` with other print options, and restores the old ones.
 *
 * @example
 * mx.printoptions({ precision: 2 }, () => String(mx.array([1 / 3]))); // array([0.33], dtype=float32)
 * @see mlx.core.printoptions
 */
export const printoptions = <R>(options: number | PrintOptions, fn: () => R): R => {
  requireFunction("printoptions", fn);
  const before = precision;
  setPrintoptions(options);
  try {
    return fn();
  } finally {
    precision = before;
  }
};

const f64 = new Float64Array(1);
const bits = new BigUint64Array(f64.buffer);

/** A positive finite double times 10^power, rounded to the nearest whole number, ties to even: exact. */
const scaled = (value: number, power: number): bigint => {
  f64[0] = value;
  const raw = bits[0] ?? 0n;
  const exponent = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  let top = exponent === 0 ? fraction : fraction | (1n << 52n);
  let bottom = 1n;
  const shift = (exponent === 0 ? 1 : exponent) - 1075;
  if (shift >= 0) top <<= BigInt(shift);
  else bottom <<= BigInt(-shift);
  if (power >= 0) top *= 10n ** BigInt(power);
  else bottom *= 10n ** BigInt(-power);
  const quotient = top / bottom;
  const twice = 2n * (top % bottom);
  return twice > bottom || (twice === bottom && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
};

/** C's `%.{decimals}f`. */
export const formatFixed = (value: number, decimals: number): string => {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return `${sign}inf`;
  const digits = scaled(Math.abs(value), decimals)
    .toString()
    .padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return sign + digits.slice(0, point) + (decimals > 0 ? `.${digits.slice(point)}` : "");
};

/** C's `%g` with six significant digits. */
export const formatGeneral = (value: number): string => {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return `${sign}inf`;
  if (value === 0) return `${sign}0`;
  const size = Math.abs(value);
  let exponent = Number(size.toExponential(16).split("e")[1]);
  let digits = scaled(size, 5 - exponent).toString();
  // Rounding may carry into a seventh digit; toExponential's own rounding may have done so too early.
  if (digits.length !== 6) {
    exponent += digits.length - 6;
    digits = scaled(size, 5 - exponent).toString();
  }
  const trim = (s: string): string => s.replace(/0+$/, "");
  if (exponent < -4 || exponent >= 6) {
    const tail = trim(digits.slice(1));
    const power = Math.abs(exponent).toString().padStart(2, "0");
    return `${sign}${digits[0]}${tail === "" ? "" : `.${tail}`}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${trim(digits)}`;
  const tail = trim(digits.slice(exponent + 1));
  return `${sign}${digits.slice(0, exponent + 1)}${tail === "" ? "" : `.${tail}`}`;
};

const formatFloat = (value: number): string =>
  precision < 0 ? formatGeneral(value) : formatFixed(value, precision);

/** One element of an array of `dtype`. */
export const formatElement = (dtype: DType, value: Scalar): string => {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "object") {
    const im = formatFloat(value.im);
    return `${formatFloat(value.re)}${im.startsWith("-") ? "" : "+"}${im}j`;
  }
  return dtype.kind === "float" ? formatFloat(value) : value.toString();
};

const edge = 3;

/** The whole text of an array: `array([[1, 2],\n       [3, 4]], dtype=float32)`. `at` reads a row-major element. */
export const formatArray = (
  shape: readonly number[],
  dtype: DType,
  at: (i: number) => Scalar,
): string => {
  const strides: number[] = [];
  let size = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = size;
    size *= shape[d] ?? 1;
  }
  const block = (d: number, offset: number): string => {
    const length = shape[d];
    if (length === undefined) return formatElement(dtype, at(offset));
    const parts: string[] = [];
    for (let i = 0; i < length; i++) {
      if (length > 2 * edge && i === edge) {
        parts.push("...");
        i = length - edge;
      }
      parts.push(block(d + 1, offset + i * (strides[d] ?? 1)));
    }
    const last = d === shape.length - 1;
    return `[${parts.join(last ? ", " : `,\n${" ".repeat(7 + d)}`)}]`;
  };
  return `array(${size === 0 && shape.length === 1 ? "[]" : block(0, 0)}, dtype=${dtype.name})`;
};

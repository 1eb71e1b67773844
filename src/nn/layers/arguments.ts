/** Checks of what layers are constructed with, and how their options are shown. */
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";

/** A number of features, channels, heads: whole and positive. */
export const requireCount = (op: string, name: string, value: unknown): number => {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new ArgumentError(
    `[${op}] expected a positive whole number as ${name}, got ${describe(value)}: pass a size`,
  );
};

/** The part of a whole that is shared out evenly. */
export const requireMultiple = (
  op: string,
  what: string,
  whole: number,
  parts: string,
  count: number,
): number => {
  if (whole % count === 0) return whole / count;
  throw new ArgumentError(
    `[${op}] expected ${what} that ${parts} divide, got ${whole} and ${count}: change one`,
  );
};

/** The small number that norms add to variances. */
export const requireEps = (op: string, eps: unknown): number => {
  if (typeof eps === "number" && eps > 0) return eps;
  throw new ArgumentError(
    `[${op}] expected a positive number as eps, got ${describe(eps)}: 1e-5 is common`,
  );
};

/** Options as text: `dims=4, bias=true`. */
export const shown = (options: Readonly<Record<string, unknown>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? `[${value.join(", ")}]` : value}`)
    .join(", ");

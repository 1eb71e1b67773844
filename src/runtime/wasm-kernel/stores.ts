/** Whether the points of a kernel store to elements of their own. */
import { ixDomain } from "../../kernel/domains.js";
import type { Ix, Mask } from "../../kernel/ir.js";

/** The axes that an index expression varies over. */
export const axesIn = (ix: Ix, domains: readonly Mask[]): Mask => ixDomain(ix, domains);

/** One addend of an address: it takes the values 0, stride, … , (count - 1) · stride. */
interface Digit {
  readonly stride: number;
  readonly count: number;
}

/**
 * Quotients and remainders of one axis, if together they name its every position: `(a div k) · s + (a mod k) · t` has as many
 * values as the axis has, for k a divisor of its size or not.
 */
const digitsOf = (
  ix: Ix,
  sizes: readonly { readonly size: number }[],
): { axis: number; digit: Digit; kind: string }[] | null => {
  switch (ix.k) {
    case "affine":
      return ix.terms.map(([axis, stride]) => ({
        axis,
        kind: "whole",
        digit: { stride: Math.abs(stride), count: sizes[axis]?.size ?? 1 },
      }));
    case "div":
    case "mod": {
      if (ix.of.k !== "affine" || ix.of.off !== 0 || ix.of.terms.length !== 1) return null;
      const [term] = ix.of.terms;
      if (term === undefined || term[1] !== 1) return null;
      const [axis] = term;
      const size = sizes[axis]?.size ?? 1;
      const count = ix.k === "div" ? Math.ceil(size / ix.by) : Math.min(size, ix.by);
      return [{ axis, kind: `${ix.k} ${ix.by}`, digit: { stride: Math.abs(ix.stride), count } }];
    }
    case "sum": {
      const parts = ix.of.map((part) => digitsOf(part, sizes));
      return parts.some((p) => p === null) ? null : parts.flatMap((p) => p ?? []);
    }
    case "value":
      return null;
  }
};

/** Whether no two points of `over` have the same address; false also where that cannot be told. */
export const isDistinct = (
  ix: Ix,
  over: Mask,
  axes: readonly { readonly size: number }[],
): boolean => {
  const digits = digitsOf(ix, axes);
  if (digits === null) return false;
  for (const [axis, { size }] of axes.entries()) {
    if (size <= 1 || ((over >> axis) & 1) === 0) continue;
    const kinds = digits.filter((d) => d.axis === axis).map((d) => d.kind);
    const pair = kinds.find((k) => k.startsWith("div "))?.slice(4);
    const whole = kinds.length === 1 && kinds[0] === "whole";
    const split = kinds.length === 2 && pair !== undefined && kinds.includes(`mod ${pair}`);
    if (!whole && !split) return false;
  }
  const sorted = digits
    .map(({ digit }) => digit)
    .filter(({ count }) => count > 1)
    .sort((a, b) => a.stride - b.stride);
  let reach = 0;
  for (const { stride, count } of sorted) {
    // All smaller digits together stay below the next one.
    if (stride <= reach) return false;
    reach += stride * (count - 1);
  }
  return true;
};

/** Larger outputs are not looked at element by element. */
const mostElements = 2 ** 24;

const valueAt = (ix: Ix, at: readonly number[]): number => {
  switch (ix.k) {
    case "affine":
      return ix.terms.reduce((n, [axis, stride]) => n + stride * (at[axis] ?? 0), ix.off);
    case "div":
      return Math.floor(valueAt(ix.of, at) / ix.by) * ix.stride;
    case "mod":
      return (valueAt(ix.of, at) % ix.by) * ix.stride;
    case "sum":
      return ix.of.reduce((n, part) => n + valueAt(part, at), 0);
    case "value":
      return 0;
  }
};

/** Whether several stores, each to elements of its own, are apart; false also where there are too many to look at. */
export const areApart = (
  stores: readonly { readonly ix: Ix; readonly over: Mask }[],
  axes: readonly { readonly size: number }[],
  elements: number,
): boolean => {
  if (stores.length < 2) return true;
  if (elements > mostElements) return false;
  const seen = new Uint8Array(elements);
  for (const { ix, over } of stores) {
    const sizes = axes.map(({ size }, a) => ((over >> a) & 1 ? size : 1));
    const total = sizes.reduce((n, size) => n * size, 1);
    const at = sizes.map(() => 0);
    for (let i = 0; i < total; i++) {
      const place = valueAt(ix, at);
      if (seen[place] !== 0) return false;
      seen[place] = 1;
      for (let a = sizes.length - 1; a >= 0; a--) {
        const next = (at[a] ?? 0) + 1;
        at[a] = next === sizes[a] ? 0 : next;
        if (next !== sizes[a]) break;
      }
    }
  }
  return true;
};

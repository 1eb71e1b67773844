/** Exact arithmetic on index expressions: sums, scalings, quotients and remainders that stay affine wherever they can. */
import { stridesOf } from "../core/shape.js";
import type { Axis, Ix } from "./ir.js";

type Affine = Extract<Ix, { k: "affine" }>;
type Term = readonly [axis: number, stride: number];
type Sized = readonly Pick<Axis, "size">[];

const noTerms: readonly Term[] = [];

export const constantIx = (off: number): Ix => ({ k: "affine", off, terms: noTerms });
export const zeroIx: Ix = constantIx(0);
export const axisIx = (axis: number, stride = 1): Ix => ({
  k: "affine",
  off: 0,
  terms: [[axis, stride]],
});

const addTerms = (a: readonly Term[], b: readonly Term[]): readonly Term[] => {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out = [...a];
  for (const [axis, stride] of b) {
    const at = out.findIndex((t) => t[0] === axis);
    const old = out[at];
    if (old === undefined) out.push([axis, stride]);
    else if (old[1] + stride === 0) out.splice(at, 1);
    else out[at] = [axis, old[1] + stride];
  }
  return out.sort((x, y) => x[0] - y[0]);
};

/** a + b, with all affine parts merged into one. */
export const addIx = (a: Ix, b: Ix): Ix => {
  if (a.k === "affine" && b.k === "affine") {
    return { k: "affine", off: a.off + b.off, terms: addTerms(a.terms, b.terms) };
  }
  const parts = [...(a.k === "sum" ? a.of : [a]), ...(b.k === "sum" ? b.of : [b])];
  let affine: Affine = { k: "affine", off: 0, terms: noTerms };
  const rest: Ix[] = [];
  for (const p of parts) {
    if (p.k === "affine")
      affine = { k: "affine", off: affine.off + p.off, terms: addTerms(affine.terms, p.terms) };
    else rest.push(p);
  }
  if (affine.off !== 0 || affine.terms.length > 0) rest.unshift(affine);
  const only = rest[0];
  return rest.length === 1 && only !== undefined ? only : { k: "sum", of: rest };
};

/** ix · by */
export const scaleIx = (ix: Ix, by: number): Ix => {
  if (by === 1) return ix;
  if (by === 0) return zeroIx;
  switch (ix.k) {
    case "affine":
      return {
        k: "affine",
        off: ix.off * by,
        terms: ix.terms.map(([axis, stride]) => [axis, stride * by] as const),
      };
    case "sum":
      return { k: "sum", of: ix.of.map((p) => scaleIx(p, by)) };
    case "value":
      return { k: "value", of: ix.of, stride: ix.stride * by };
    default:
      return { k: ix.k, of: ix.of, by: ix.by, stride: ix.stride * by };
  }
};

export const offsetIx = (ix: Ix, by: number): Ix => (by === 0 ? ix : addIx(ix, constantIx(by)));

/** Least and greatest value of an affine expression, its axes taking every value in their sizes. */
export const rangeIx = (ix: Affine, axes: Sized): readonly [number, number] => {
  let lo = ix.off;
  let hi = ix.off;
  for (const [axis, stride] of ix.terms) {
    const reach = stride * ((axes[axis]?.size ?? 1) - 1);
    if (reach < 0) lo += reach;
    else hi += reach;
  }
  return [lo, hi];
};

/** Splits an affine expression into q·by + r with r known to lie within one multiple of `by`; null where it cannot. */
const divide = (ix: Ix, by: number, axes: Sized): readonly [q: Affine, r: Affine] | null => {
  if (ix.k !== "affine") return null;
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (const t of ix.terms) {
    if (t[1] % by === 0) whole.push([t[0], t[1] / by]);
    else rest.push(t);
  }
  const left: Affine = { k: "affine", off: ix.off, terms: rest };
  const [lo, hi] = rangeIx(left, axes);
  const q = Math.floor(lo / by);
  if (Math.floor(hi / by) !== q) return null;
  return [
    { k: "affine", off: q, terms: whole },
    { k: "affine", off: ix.off - q * by, terms: rest },
  ];
};

/** Affine parts of a sum that are whole multiples of `by` leave a quotient early: (a·by + b) div by = a + b div by. */
const peel = (ix: Ix, by: number): readonly [whole: Ix, rest: Ix] => {
  if (ix.k !== "affine" && ix.k !== "sum") return [zeroIx, ix];
  const parts = ix.k === "sum" ? ix.of : [ix];
  let whole: Ix = zeroIx;
  let rest: Ix = zeroIx;
  for (const p of parts) {
    if (p.k === "affine") {
      const multiples = p.terms.filter((t) => t[1] % by === 0 && t[1] > 0);
      whole = addIx(whole, {
        k: "affine",
        off: 0,
        terms: multiples.map(([axis, s]) => [axis, s / by] as const),
      });
      rest = addIx(rest, {
        k: "affine",
        off: p.off,
        terms: p.terms.filter((t) => !(t[1] % by === 0 && t[1] > 0)),
      });
    } else if (p.k !== "sum" && p.stride % by === 0 && p.stride > 0) {
      whole = addIx(whole, scaleDown(p, by));
    } else rest = addIx(rest, p);
  }
  return [whole, rest];
};

const scaleDown = (ix: Exclude<Ix, { k: "affine" | "sum" }>, by: number): Ix =>
  ix.k === "value"
    ? { k: "value", of: ix.of, stride: ix.stride / by }
    : { k: ix.k, of: ix.of, by: ix.by, stride: ix.stride / by };

/** A bound below: quotients, remainders and values are not negative. */
const leastOf = (ix: Ix, axes: Sized): number => {
  switch (ix.k) {
    case "affine":
      return rangeIx(ix, axes)[0];
    case "sum":
      return ix.of.reduce((sum, p) => sum + leastOf(p, axes), 0);
    default:
      return ix.stride < 0 ? Number.NEGATIVE_INFINITY : 0;
  }
};

/** As `peel`, with a rest that is not negative either: generated code divides without a sign. */
const peelPositive = (ix: Ix, by: number, axes: Sized): readonly [whole: Ix, rest: Ix] => {
  const [whole, rest] = peel(ix, by);
  const peeled = whole.k !== "affine" || whole.terms.length > 0;
  if (!peeled) return [zeroIx, ix];
  const least = leastOf(rest, axes);
  if (least >= 0) return [whole, rest];
  const lift = Math.ceil(-least / by);
  return Number.isFinite(lift) ? [offsetIx(whole, -lift), offsetIx(rest, lift * by)] : [zeroIx, ix];
};

/** ix div by, for ix ≥ 0 wherever its value matters. */
export const divIx = (ix: Ix, by: number, axes: Sized): Ix => {
  if (by === 1) return ix;
  const split = divide(ix, by, axes);
  if (split !== null) return split[0];
  const [whole, rest] = peelPositive(ix, by, axes);
  if (rest.k === "div" && rest.stride === 1) {
    return addIx(whole, { k: "div", of: rest.of, by: rest.by * by, stride: 1 });
  }
  const inner = divide(rest, by, axes);
  return addIx(whole, inner !== null ? inner[0] : { k: "div", of: rest, by, stride: 1 });
};

/** ix mod by, for ix ≥ 0 wherever its value matters. */
export const modIx = (ix: Ix, by: number, axes: Sized): Ix => {
  if (by === 1) return zeroIx;
  const split = divide(ix, by, axes);
  if (split !== null) return split[1];
  const [, rest] = peelPositive(ix, by, axes);
  const inner = divide(rest, by, axes);
  return inner !== null ? inner[1] : { k: "mod", of: rest, by, stride: 1 };
};

/** The row-major position of per-dimension indices. */
export const linearIx = (at: readonly Ix[], shape: readonly number[]): Ix => {
  let ix: Ix = zeroIx;
  const strides = stridesOf(shape);
  for (let d = 0; d < shape.length; d++) {
    const i = at[d];
    if (i !== undefined && shape[d] !== 1) ix = addIx(ix, scaleIx(i, strides[d] ?? 1));
  }
  return ix;
};

/** The per-dimension indices in `shape` of a row-major position below its size. */
export const unravelIx = (position: Ix, shape: readonly number[], axes: Sized): Ix[] => {
  const strides = stridesOf(shape);
  let outermost = true;
  return shape.map((size, d) => {
    if (size === 1) return zeroIx;
    const q = divIx(position, strides[d] ?? 1, axes);
    // The position is below the total size, so the outermost quotient needs no remainder.
    const i = outermost ? q : modIx(q, size, axes);
    outermost = false;
    return i;
  });
};

/** A canonical text of an expression: equal texts mean equal expressions. */
export const textOfIx = (ix: Ix): string => {
  switch (ix.k) {
    case "affine": {
      let s = `${ix.off}`;
      for (const [axis, stride] of ix.terms) s += `+${stride}a${axis}`;
      return s;
    }
    case "sum":
      return `(${ix.of.map(textOfIx).join("|")})`;
    case "value":
      return `${ix.stride}v${ix.of}`;
    default:
      return `${ix.stride}${ix.k}(${textOfIx(ix.of)},${ix.by})`;
  }
};

/** Rewrites the affine terms of an expression. */
export const mapAffine = (ix: Ix, f: (a: Affine) => Ix): Ix => {
  switch (ix.k) {
    case "affine":
      return f(ix);
    case "sum":
      return ix.of.map((p) => mapAffine(p, f)).reduce(addIx, zeroIx);
    case "value":
      return ix;
    default:
      return { k: ix.k, of: mapAffine(ix.of, f), by: ix.by, stride: ix.stride };
  }
};

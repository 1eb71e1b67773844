/** Complex elements in the hand-written kernels: pairs of doubles, loaded from and rounded to float32 halves. */
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";

export interface Pair {
  readonly re: Ref;
  readonly im: Ref;
}

export const loadPair = (f: Frame, address: Ref): Pair => {
  const half = (offset: number): Ref =>
    f.code.op("f64.promote_f32", f.code.load("f32.load", address, offset, true));
  return { re: half(0), im: half(4) };
};

export const storePair = (f: Frame, address: Ref, z: Pair): void => {
  const re = f.code.op("f32.demote_f64", z.re);
  const im = f.code.op("f32.demote_f64", z.im);
  // Both are computed before the first store, which may overwrite an operand.
  f.code.pin(re);
  f.code.pin(im);
  f.code.store("f32.store", address, re);
  f.code.store("f32.store", address, im, 4);
};

export const chosen = (f: Frame, cond: Ref, yes: Pair, no: Pair): Pair => ({
  re: f.code.select(cond, yes.re, no.re),
  im: f.code.select(cond, yes.im, no.im),
});

const hasNaN = (f: Frame, z: Pair): Ref =>
  f.code.op("i32.or", f.code.op("f64.ne", z.re, z.re), f.code.op("f64.ne", z.im, z.im));

/** a before b in the order by real, then by imaginary part. */
const before = (f: Frame, a: Pair, b: Pair): Ref => {
  const ties = f.code.op(
    "i32.and",
    f.code.op("f64.eq", a.re, b.re),
    f.code.op("f64.lt", a.im, b.im),
  );
  return f.code.op("i32.or", f.code.op("f64.lt", a.re, b.re), ties);
};

/** The combination of what is there with what comes. */
export const combinePairs = (
  f: Frame,
  how: "sum" | "prod" | "max" | "min",
  a: Pair,
  b: Pair,
): Pair => {
  const op = (name: string, x: Ref, y: Ref): Ref => f.code.op(`f64.${name}`, x, y);
  switch (how) {
    case "sum":
      return { re: op("add", a.re, b.re), im: op("add", a.im, b.im) };
    case "prod":
      return {
        re: op("sub", op("mul", a.re, b.re), op("mul", a.im, b.im)),
        im: op("add", op("mul", a.re, b.im), op("mul", a.im, b.re)),
      };
    case "max":
    case "min": {
      const first = how === "max" ? before(f, b, a) : before(f, a, b);
      // A comparison with NaN is false or, by the real part alone, true: NaN in b must win over that.
      const kept = f.code.op("i32.and", first, f.code.op("i32.eqz", hasNaN(f, b)));
      return chosen(f, f.code.op("i32.or", hasNaN(f, a), kept), a, b);
    }
  }
};

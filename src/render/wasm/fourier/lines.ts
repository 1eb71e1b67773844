/** What Fourier transforms of lines share: areas in scratch memory, and two elements at a time from the operand and to the result. */
import type { Fourier } from "../../../kernel/fourier/index.js";
import type { Ref } from "../lane-code.js";
import type { Frame } from "../routines/frame.js";
import { type Area, type Pair, Pairs } from "./passes.js";

/** Bytes of a complex number in operand and result. */
export const size = 8;
/** Lines side by side. */
export const side = 8;
/** Lines of so many points are transformed as a whole. */
export const longest = 4096;

/** Nanoseconds per element: of a pass, and of reading and writing. */
export const passCost: number = 0.8;
export const moveCost: number = 2;

/** Bytes between real and imaginary parts: they do not begin at the same place of a page, where they would be in each other's way. */
const apartOf = (n: number, batch: number): number => 8 * n * batch + 64 * 5;
export const areaBytes = (n: number, batch: number): number => 2 * apartOf(n, batch) + 64 * 11;

export const areasOf = (f: Frame, n: number, batch: number): readonly [Area, Area] => {
  const bytes = areaBytes(n, batch);
  const apart = apartOf(n, batch);
  return [
    { at: f.scratch, apart },
    { at: f.add(f.scratch, f.constant(bytes)), apart },
  ];
};

/** An inverse transform is a forward one with real and imaginary parts exchanged before and after. */
export const turned = (r: Fourier, { re, im }: Pair): Pair =>
  r.what === "inverse" ? { re: im, im: re } : { re, im };

const doubles = (first: number, second: number): number[] =>
  [first, second].flatMap((lane) => Array.from({ length: 8 }, (_, b) => 8 * lane + b));

/** Two vectors of two doubles each become one of their first and one of their second ones. */
export const transposed = (f: Frame, a: Ref, b: Ref): Pair => ({
  re: f.code.lane("i8x16.shuffle", doubles(0, 2), a, b),
  im: f.code.lane("i8x16.shuffle", doubles(1, 3), a, b),
});

/** Elements of the operand at two addresses, `more` bytes on. */
export const read = (f: Frame, r: Fourier, a: Ref, b: Ref, more = 0): Pair => {
  const [first = 0, second = 0] = [a, b].map((at) =>
    f.code.op("f64x2.promote_low_f32x4", f.code.load("v128.load64_zero", at, more, true)),
  );
  return turned(r, transposed(f, first, second));
};

/** Writes elements of the result to two addresses, `more` bytes on. */
export const write = (f: Frame, r: Fourier, a: Ref, b: Ref, pair: Pair, more = 0): void => {
  const { re, im } = turned(r, new Pairs(f).scale(pair, r.scale));
  const two = transposed(f, re, im);
  for (const [at, x] of [
    [a, two.re],
    [b, two.im],
  ] as const) {
    f.code.storeLane("v128.store64_lane", at, f.code.op("f32x4.demote_f64x2_zero", x), more, 0);
  }
};

export const bytesOf = (numbers: readonly number[]): Uint8Array =>
  new Uint8Array(Float64Array.from(numbers).buffer);

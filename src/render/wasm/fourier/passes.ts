/** Passes of self-sorting (Stockham) transforms over lines that lie interleaved, two of them to a vector, in double precision. */
import { unitRoot } from "../../../kernel/fourier/passes.js";
import type { Ref } from "../lane-code.js";
import type { Frame } from "../routines/frame.js";

/** Two complex numbers: a vector of real parts and one of imaginary parts. */
export interface Pair {
  readonly re: Ref;
  readonly im: Ref;
}

/** Instructions on pairs. */
export class Pairs {
  readonly #f: Frame;

  constructor(f: Frame) {
    this.#f = f;
  }

  #both(name: "add" | "sub" | "mul", a: Ref, b: Ref): Ref {
    return this.#f.code.op(`f64x2.${name}`, a, b);
  }

  #constant(x: number): Ref {
    const bytes = new Uint8Array(new Float64Array([x, x]).buffer);
    return this.#f.code.v128(bytes);
  }

  add(a: Pair, b: Pair): Pair {
    return { re: this.#both("add", a.re, b.re), im: this.#both("add", a.im, b.im) };
  }

  sub(a: Pair, b: Pair): Pair {
    return { re: this.#both("sub", a.re, b.re), im: this.#both("sub", a.im, b.im) };
  }

  /** a − i·b */
  minusI(a: Pair, b: Pair): Pair {
    return { re: this.#both("add", a.re, b.im), im: this.#both("sub", a.im, b.re) };
  }

  /** a + i·b */
  plusI(a: Pair, b: Pair): Pair {
    return { re: this.#both("sub", a.re, b.im), im: this.#both("add", a.im, b.re) };
  }

  scale(a: Pair, by: number): Pair {
    if (by === 1) return a;
    const x = this.#constant(by);
    return { re: this.#both("mul", a.re, x), im: this.#both("mul", a.im, x) };
  }

  times(a: Pair, b: Pair): Pair {
    return {
      re: this.#both("sub", this.#both("mul", a.re, b.re), this.#both("mul", a.im, b.im)),
      im: this.#both("add", this.#both("mul", a.re, b.im), this.#both("mul", a.im, b.re)),
    };
  }
}

/** The transform of `x`, whose number has a butterfly. */
const butterfly = (o: Pairs, x: readonly Pair[]): readonly Pair[] => {
  const [a, b, c, d] = x;
  if (a === undefined || b === undefined) return x;
  if (c === undefined) return [o.add(a, b), o.sub(a, b)];
  if (x.length === 4 && d !== undefined) {
    const [s, t, u, v] = [o.add(a, c), o.sub(a, c), o.add(b, d), o.sub(b, d)];
    return [o.add(s, u), o.minusI(t, v), o.sub(s, u), o.plusI(t, v)];
  }
  // Odd: elements at equal distance from the middle are added and subtracted first.
  const n = x.length;
  const half = (n - 1) / 2;
  const sums: Pair[] = [];
  const differences: Pair[] = [];
  for (let k = 1; k <= half; k++) {
    sums.push(o.add(x[k] ?? a, x[n - k] ?? a));
    differences.push(o.sub(x[k] ?? a, x[n - k] ?? a));
  }
  const outs: Pair[] = [sums.reduce((total, s) => o.add(total, s), a)];
  for (let j = 1; j <= half; j++) {
    let even = a;
    let odd: Pair | null = null;
    sums.forEach((s, k) => {
      const [cosine, sine] = unitRoot((j * (k + 1)) % n, n);
      even = o.add(even, o.scale(s, cosine));
      const part = o.scale(differences[k] ?? a, -sine);
      odd = odd === null ? part : o.add(odd, part);
    });
    outs[j] = o.minusI(even, odd ?? a);
    outs[n - j] = o.plusI(even, odd ?? a);
  }
  return outs;
};

/** Butterflies there are. */
export const radices: readonly number[] = [4, 2, 3, 5, 7, 11, 13];

/** Factors for passes, or null where one has no butterfly. */
export const factorsOf = (n: number): readonly number[] | null => {
  const factors: number[] = [];
  let rest = n;
  for (const radix of radices) for (; rest % radix === 0; rest /= radix) factors.push(radix);
  return rest === 1 ? factors : null;
};

/** e^(−2πi·p·j / (radix · m)) for p below m and j from 1 below the radix, pass by pass, real and imaginary parts in turn. */
export const twiddles = (n: number, factors: readonly number[]): readonly number[] => {
  const all: number[] = [];
  let m = n;
  for (const radix of factors) {
    m /= radix;
    if (m === 1) break;
    for (let p = 0; p < m; p++)
      for (let j = 1; j < radix; j++) all.push(...unitRoot(p * j, radix * m));
  }
  return all;
};

/** Where `batch` interleaved lines lie: element j of line q, real parts and then imaginary ones. */
export interface Area {
  readonly at: Ref;
  /** Bytes from a real part to its imaginary part. */
  readonly apart: number;
}

export const loadPair = (f: Frame, at: Ref, { apart }: Area, offset = 0): Pair => ({
  re: f.code.load("v128.load", at, offset, true),
  im: f.code.load("v128.load", at, offset + apart, true),
});

export const storePair = (f: Frame, at: Ref, { apart }: Area, pair: Pair, offset = 0): void => {
  f.code.store("v128.store", at, pair.re, offset);
  f.code.store("v128.store", at, pair.im, offset + apart);
};

/** Transforms `batch` lines, an even number, of n points in `x`, with `y` to help; gives back the area with the result. */
export const transform = (
  f: Frame,
  n: number,
  factors: readonly number[],
  batch: number,
  table: Ref,
  x: Area,
  y: Area,
): Area => {
  const { code } = f;
  const o = new Pairs(f);
  let [from, to] = [x, y];
  let [m, stride, first] = [n, batch, 0];
  for (const radix of factors) {
    m /= radix;
    const far = 8 * m * stride;
    const roots = first;
    code.loop(f.constant(0), f.constant(m), 1, (p) => {
      const w = Array.from({ length: radix - 1 }, (_, j): Pair | null => {
        if (m === 1) return null;
        const at = f.at(table, p, 16 * (radix - 1));
        const [re = 0, im = 0] = [0, 8].map((part) =>
          code.load("v128.load64_splat", at, roots + 16 * j + part),
        );
        return { re, im };
      });
      const source = f.at(from.at, p, 8 * stride);
      const target = f.at(to.at, p, 8 * stride * radix);
      code.loop(f.constant(0), f.constant(stride), 2, (q) => {
        const here = f.at(source, q, 8);
        const there = f.at(target, q, 8);
        const parts = Array.from({ length: radix }, (_, k) => loadPair(f, here, from, k * far));
        butterfly(o, parts).forEach((part, k) => {
          const turn = w[k - 1] ?? null;
          storePair(f, there, to, turn === null ? part : o.times(part, turn), 8 * k * stride);
        });
      });
    });
    if (m > 1) first += 16 * m * (radix - 1);
    stride *= radix;
    [from, to] = [to, from];
  }
  return from;
};

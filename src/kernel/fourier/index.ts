/** Fourier transforms of the lines of arrays in memory, computed in double precision. */
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { type Plan, planOf } from "./plan.js";
import { type Parts, type Work, withWork } from "./work.js";

export type Fourier = Extract<Routine, { routine: "fourier" }>;

/** Coefficients that determine the transform of `n` real numbers. */
export const halfOf = (n: number): number => Math.floor(n / 2) + 1;

/** Elements per line of operand and result, and how many 4-byte words an element has. */
export const linesOf = ({ what, n }: Fourier): { from: number; to: number; words: number[] } => ({
  from: what === "half" ? halfOf(n) : n,
  to: what === "real" ? halfOf(n) : n,
  words: [what === "real" ? 1 : 2, what === "half" ? 1 : 2],
});

/** Bytes of operand and result. */
export const fourierBytes = (r: Fourier): number[] => {
  const { from, to, words } = linesOf(r);
  const [read = 0, written = 0] = words;
  return [from * read, to * written].map((n) => 4 * n * r.outer * r.inner);
};

/** Lines in memory: element j of line q begins at word starts[q] + j · step. */
interface Lines {
  readonly words: Float32Array;
  readonly starts: Float64Array;
  readonly step: number;
  count: number;
}

const readComplex = (x: Lines, length: number, re: Float64Array, im: Float64Array): void => {
  const { words, starts, step, count } = x;
  if (step === 2) {
    // Lines lie one behind the other: each is read from front to end.
    for (let q = 0; q < count; q++) {
      let at = starts[q] ?? 0;
      for (let i = q; i < length * count; i += count) {
        re[i] = words[at] ?? 0;
        im[i] = words[at + 1] ?? 0;
        at += 2;
      }
    }
    return;
  }
  for (let j = 0; j < length; j++)
    for (let q = 0; q < count; q++) {
      const at = (starts[q] ?? 0) + j * step;
      re[j * count + q] = words[at] ?? 0;
      im[j * count + q] = words[at + 1] ?? 0;
    }
};

const readReal = (x: Lines, length: number, { re, im }: Parts): void => {
  const { words, starts, step, count } = x;
  for (let j = 0; j < length; j++)
    for (let q = 0; q < count; q++) re[j * count + q] = words[(starts[q] ?? 0) + j * step] ?? 0;
  im.fill(0, 0, length * count);
};

/** Neighbours as real and imaginary part. */
const readPairs = (x: Lines, length: number, { re, im }: Parts): void => {
  const { words, starts, step, count } = x;
  for (let j = 0; j < length; j++)
    for (let q = 0; q < count; q++) {
      const at = (starts[q] ?? 0) + 2 * j * step;
      re[j * count + q] = words[at] ?? 0;
      im[j * count + q] = words[at + step] ?? 0;
    }
};

/** The first element by `scale`, all others by `middle`. */
const writeComplex = (
  y: Lines,
  length: number,
  re: Float64Array,
  im: Float64Array,
  scale: number,
  middle: number,
): void => {
  const { words, starts, step, count } = y;
  if (step === 2) {
    for (let q = 0; q < count; q++) {
      let at = starts[q] ?? 0;
      for (let i = q; i < length * count; i += count) {
        const by = i < count ? scale : middle;
        words[at] = (re[i] ?? 0) * by;
        words[at + 1] = (im[i] ?? 0) * by;
        at += 2;
      }
    }
    return;
  }
  for (let j = 0; j < length; j++) {
    const by = j === 0 ? scale : middle;
    for (let q = 0; q < count; q++) {
      const at = (starts[q] ?? 0) + j * step;
      words[at] = (re[j * count + q] ?? 0) * by;
      words[at + 1] = (im[j * count + q] ?? 0) * by;
    }
  }
};

const writeReal = (y: Lines, length: number, re: Float64Array, scale: number): void => {
  const { words, starts, step, count } = y;
  for (let j = 0; j < length; j++)
    for (let q = 0; q < count; q++)
      words[(starts[q] ?? 0) + j * step] = (re[j * count + q] ?? 0) * scale;
};

const writePairs = (
  y: Lines,
  length: number,
  re: Float64Array,
  im: Float64Array,
  scale: number,
): void => {
  const { words, starts, step, count } = y;
  for (let j = 0; j < length; j++)
    for (let q = 0; q < count; q++) {
      const at = (starts[q] ?? 0) + 2 * j * step;
      words[at] = (re[j * count + q] ?? 0) * scale;
      words[at + step] = (im[j * count + q] ?? 0) * scale;
    }
};

/** Coefficients of 2h real numbers from the transform of h pairs of them. */
const writeHalf = (
  y: Lines,
  plan: Plan,
  { re, im }: Parts,
  scale: number,
  middle: number,
): void => {
  const { words, starts, step, count } = y;
  const { re: cosines, im: sines } = plan.halves();
  const h = plan.n;
  for (let k = 0; k <= h; k++) {
    const by = 0.5 * (k === 0 || k === h ? scale : middle);
    const [c, d] = [cosines[k] ?? 0, sines[k] ?? 0];
    const near = (k === h ? 0 : k) * count;
    const far = (k === 0 ? 0 : h - k) * count;
    for (let q = 0; q < count; q++) {
      const [ar, ai] = [re[near + q] ?? 0, im[near + q] ?? 0];
      const [br, bi] = [re[far + q] ?? 0, im[far + q] ?? 0];
      // Even and odd elements: a + b̄ and −i · (a − b̄).
      const [er, ei, or, oi] = [ar + br, ai - bi, ai + bi, br - ar];
      const at = (starts[q] ?? 0) + k * step;
      words[at] = (er + or * c - oi * d) * by;
      words[at + 1] = (ei + or * d + oi * c) * by;
    }
  }
};

/** The transform of h pairs of numbers from the coefficients of 2h of them; the imaginary parts of both ends do not count. */
const readHalf = (x: Lines, plan: Plan, { re, im }: Parts, middle: number): void => {
  const { words, starts, step, count } = x;
  const { re: cosines, im: sines } = plan.halves();
  const h = plan.n;
  for (let k = 0; k < h; k++) {
    const ends = k === 0;
    const by = ends ? 1 : 0.5 * middle;
    // The conjugates of roots, for the inverse.
    const [c, d] = [cosines[k] ?? 0, -(sines[k] ?? 0)];
    for (let q = 0; q < count; q++) {
      const start = starts[q] ?? 0;
      const near = start + k * step;
      const far = start + (h - k) * step;
      const ar = (words[near] ?? 0) * by;
      const ai = ends ? 0 : (words[near + 1] ?? 0) * by;
      const br = (words[far] ?? 0) * by;
      const bi = ends ? 0 : -(words[far + 1] ?? 0) * by;
      const [er, ei, fr, fi] = [ar + br, ai + bi, ar - br, ai - bi];
      const or = fr * c - fi * d;
      const oi = fr * d + fi * c;
      re[k * count + q] = er - oi;
      im[k * count + q] = ei + or;
    }
  }
};

/** Coefficients of an odd number of points, the others zero. */
const readOdd = (x: Lines, n: number, { re, im }: Parts, middle: number): void => {
  const length = halfOf(n);
  const { count } = x;
  readComplex(x, length, re, im);
  for (let i = count; i < length * count; i++) {
    re[i] = (re[i] ?? 0) * middle;
    im[i] = (im[i] ?? 0) * middle;
  }
  re.fill(0, length * count, n * count);
  im.fill(0, length * count, n * count);
};

/** An inverse transform is a forward one with real and imaginary parts exchanged before and after. */
const exchanged = ({ re, im }: Parts): Parts => ({ re: im, im: re });

const transform = (r: Fourier, plan: Plan, work: Work, x: Lines, y: Lines): void => {
  const { n, scale, doubled } = r;
  const middle = doubled ? 2 : 1;
  const even = plan.n !== n;
  const run = (): void => plan.run(work, x.count);
  switch (r.what) {
    case "forward":
      readComplex(x, n, work.now.re, work.now.im);
      run();
      writeComplex(y, n, work.now.re, work.now.im, scale, scale);
      break;
    case "inverse":
      readComplex(x, n, work.now.im, work.now.re);
      run();
      writeComplex(y, n, work.now.im, work.now.re, scale, scale);
      break;
    case "real": {
      if (even) readPairs(x, plan.n, work.now);
      else readReal(x, n, work.now);
      run();
      const { re, im } = work.now;
      if (even) writeHalf(y, plan, work.now, scale, scale * middle);
      else writeComplex(y, halfOf(n), re, im, scale, scale * middle);
      break;
    }
    case "half": {
      if (even) readHalf(x, plan, exchanged(work.now), middle);
      else readOdd(x, n, exchanged(work.now), middle);
      run();
      const { re: im, im: re } = work.now;
      if (even) writePairs(y, plan.n, re, im, scale);
      else writeReal(y, n, re, scale);
    }
  }
};

/** Transforms lines `start` up to `end`, counted through outer and inner axes. */
export const runFourier = (
  r: Fourier,
  buffers: readonly Uint8Array[],
  start: number,
  end: number,
): void => {
  const { from, to, words } = linesOf(r);
  const real = r.what === "real" || r.what === "half";
  const plan = planOf(real && r.n % 2 === 0 ? r.n / 2 : r.n);
  const sizes = fourierBytes(r);
  const lines = (b: number): Lines => {
    const bytes = buffers[b];
    if (bytes === undefined)
      throw new InternalError(
        `[fourier] expected a buffer ${b}: pass the operand, then the result`,
      );
    return {
      words: new Float32Array(bytes.buffer, bytes.byteOffset, (sizes[b] ?? 0) / 4),
      starts: new Float64Array(plan.batch),
      step: r.inner * (words[b] ?? 1),
      count: 0,
    };
  };
  const [x, y] = [lines(0), lines(1)];
  withWork(plan.n * plan.batch, (work) => {
    for (let line = start; line < end; line += plan.batch) {
      const count = Math.min(plan.batch, end - line);
      x.count = count;
      y.count = count;
      for (let q = 0; q < count; q++) {
        const outer = Math.floor((line + q) / r.inner);
        const inner = line + q - outer * r.inner;
        x.starts[q] = (outer * from * r.inner + inner) * (words[0] ?? 1);
        y.starts[q] = (outer * to * r.inner + inner) * (words[1] ?? 1);
      }
      transform(r, plan, work, x, y);
    }
  });
};

/**
 * Complex Fourier transforms as generated code: several lines side by side in scratch memory, or, where lines are long or
 * few, each as a matrix whose columns and then rows are transformed, in two phases.
 */
import type { Fourier } from "../../../kernel/fourier/index.js";
import { unitRoot } from "../../../kernel/fourier/passes.js";
import type { Ref } from "../lane-code.js";
import type { Frame, Work, WorkPhase } from "../routines/frame.js";
import {
  type Area,
  factorsOf,
  loadPair,
  type Pair,
  Pairs,
  storePair,
  transform,
  twiddles,
} from "./passes.js";

/** Bytes of a complex number in operand and result. */
const size = 8;
/** Lines side by side. */
const side = 8;
/** Longer lines become matrices; shorter ones too from `fewFrom` points on, where there are fewer lines than `few`. */
const longest = 4096;
const fewFrom = 512;
const few = 6;
/** Most bytes that matrices take between their phases. */
const mostBytes = 2 ** 28;

/** Nanoseconds per element: of a pass, and of reading and writing. */
const passCost = 0.8;
const moveCost = 2;

/** Bytes between real and imaginary parts: they do not begin at the same place of a page, where they would be in each other's way. */
const apartOf = (n: number, batch: number): number => 8 * n * batch + 64 * 5;
const areaBytes = (n: number, batch: number): number => 2 * apartOf(n, batch) + 64 * 11;

const areasOf = (f: Frame, n: number, batch: number): readonly [Area, Area] => {
  const bytes = areaBytes(n, batch);
  const apart = apartOf(n, batch);
  return [
    { at: f.scratch, apart },
    { at: f.add(f.scratch, f.constant(bytes)), apart },
  ];
};

/** An inverse transform is a forward one with real and imaginary parts exchanged before and after. */
const turned = (r: Fourier, { re, im }: Pair): Pair =>
  r.what === "inverse" ? { re: im, im: re } : { re, im };

const doubles = (first: number, second: number): number[] =>
  [first, second].flatMap((lane) => Array.from({ length: 8 }, (_, b) => 8 * lane + b));

/** Two vectors of two doubles each become one of their first and one of their second ones. */
const transposed = (f: Frame, a: Ref, b: Ref): Pair => ({
  re: f.code.lane("i8x16.shuffle", doubles(0, 2), a, b),
  im: f.code.lane("i8x16.shuffle", doubles(1, 3), a, b),
});

/** Elements of the operand at two addresses, `more` bytes on. */
const read = (f: Frame, r: Fourier, a: Ref, b: Ref, more = 0): Pair => {
  const [first = 0, second = 0] = [a, b].map((at) =>
    f.code.op("f64x2.promote_low_f32x4", f.code.load("v128.load64_zero", at, more, true)),
  );
  return turned(r, transposed(f, first, second));
};

/** Writes elements of the result to two addresses, `more` bytes on. */
const write = (f: Frame, r: Fourier, a: Ref, b: Ref, pair: Pair, more = 0): void => {
  const { re, im } = turned(r, new Pairs(f).scale(pair, r.scale));
  const two = transposed(f, re, im);
  for (const [at, x] of [
    [a, two.re],
    [b, two.im],
  ] as const) {
    f.code.storeLane("v128.store64_lane", at, f.code.op("f32x4.demote_f64x2_zero", x), more, 0);
  }
};

const bytesOf = (numbers: readonly number[]): Uint8Array =>
  new Uint8Array(Float64Array.from(numbers).buffer);

/** Address of the first element of a line, counted through outer and inner axes. */
const lineAt = (f: Frame, r: Fourier, base: Ref, line: Ref): Ref => {
  const [outer, inner] = f.divmod(line, r.inner);
  return f.add(f.at(base, outer, r.n * r.inner * size), f.times(inner, size));
};

/** Several lines side by side, each as a whole. */
const directWork = (r: Fourier, factors: readonly number[]): Work => {
  const { n, inner } = r;
  const lines = r.outer * inner;
  const batch = Math.min(side, 2 * Math.ceil(lines / 2));
  const step = inner * size;
  // A cache line of each line at a time: lines may lie so that they displace each other.
  const group = [8, 4, 2, 1].find((g) => n % g === 0) ?? 1;
  const write_ = (f: Frame): void => {
    const { code } = f;
    const first = f.times(f.tile, batch);
    const starts = (buffer: number): readonly Ref[] =>
      Array.from({ length: batch }, (_, q) => {
        // Behind the last line the last one is done again.
        const line = f.min(f.add(first, f.constant(q)), f.constant(lines - 1));
        const at = lineAt(f, r, f.buffer(buffer), line);
        code.pin(at);
        return at;
      });
    const [x, y] = areasOf(f, n, batch);
    const pairs = Array.from({ length: batch / 2 }, (_, i) => 2 * i);
    const from = starts(0);
    /** Calls `body` with where element j of lines q and q + 1 lies, and where in the area. */
    const each = (
      at: readonly Ref[],
      area: Area,
      body: (a: Ref, b: Ref, more: number, here: Ref, offset: number) => void,
    ): void =>
      code.loop(f.constant(0), f.constant(n), group, (j) => {
        const here = f.at(area.at, j, 8 * batch);
        for (const q of pairs) {
          const [a, b] = [f.at(at[q] ?? 0, j, step), f.at(at[q + 1] ?? 0, j, step)];
          for (let g = 0; g < group; g++) body(a, b, g * step, here, 8 * (g * batch + q));
        }
      });
    each(from, x, (a, b, more, here, offset) =>
      storePair(f, here, x, read(f, r, a, b, more), offset),
    );
    const done = transform(f, n, factors, batch, f.shared, x, y);
    const to = starts(1);
    each(to, done, (a, b, more, here, offset) =>
      write(f, r, a, b, loadPair(f, here, done, offset), more),
    );
  };
  return {
    scratchBytes: 2 * areaBytes(n, batch),
    tables: bytesOf(twiddles(n, factors)),
    phases: [
      {
        tiles: Math.ceil(lines / batch),
        tileCost: n * batch * (moveCost + passCost * factors.length),
        write: write_,
      },
    ],
  };
};

/** The divisor of n next below its square root. */
const middle = (n: number): number => {
  let d = Math.floor(Math.sqrt(n));
  while (n % d !== 0) d--;
  return d;
};

/** n = high · wide points: columns are transformed and turned by e^(−2πi·k·j/n), then rows; the result is transposed. */
const matrixWork = (r: Fourier, high: number, wide: number): Work => {
  const { n, inner } = r;
  const lines = r.outer * inner;
  const [down, across] = [factorsOf(high) ?? [], factorsOf(wide) ?? []];
  // e^(−2πi·t/n) for t = hi · base + lo is the product of two roots.
  const shift = Math.ceil(Math.log2(n) / 2);
  const base = 2 ** shift;
  const low = Array.from({ length: base }, (_, t) => unitRoot(t, n)).flat();
  const coarse = Array.from({ length: Math.ceil(n / base) }, (_, t) =>
    unitRoot(t * base, n),
  ).flat();
  const parts = [twiddles(high, down), twiddles(wide, across), low, coarse];
  const tables = bytesOf(parts.flat());
  const tableAt = (f: Frame, which: number): Ref =>
    f.add(f.shared, f.constant(8 * parts.slice(0, which).flat().length));
  const matrix = Math.ceil(tables.length / 64) * 64;
  // Rows and parts do not begin at the same place of a page, or they would displace each other in the cache.
  const width = wide + side;
  const apart = 8 * (high * width + side * side);
  /** The matrix of a line, real parts and then imaginary ones, and which columns or rows of it a tile has. */
  const tileOf = (f: Frame, count: number): { line: Ref; area: Area; first: Ref } => {
    const [line, part] = f.divmod(f.tile, Math.ceil(count / side));
    const at = f.add(f.at(f.shared, line, 2 * apart), f.constant(matrix));
    // The last part begins earlier rather than being narrower.
    const first = f.min(f.times(part, side), f.constant(count - side));
    return { line, area: { at, apart }, first };
  };
  const pairs = Array.from({ length: side / 2 }, (_, i) => 2 * i);
  const element = (f: Frame, at: Ref, index: Ref, more: number): Ref =>
    f.at(at, more === 0 ? index : f.add(index, f.constant(more)), inner * size);
  const columns = (f: Frame): void => {
    const { code } = f;
    const o = new Pairs(f);
    const { line, area, first } = tileOf(f, wide);
    const start = lineAt(f, r, f.buffer(0), line);
    const [x, y] = areasOf(f, high, side);
    code.loop(f.constant(0), f.constant(high), 1, (j) => {
      const index = f.add(f.times(j, wide), first);
      const here = f.at(x.at, j, 8 * side);
      for (const q of pairs) {
        const pair = read(f, r, element(f, start, index, q), element(f, start, index, q + 1));
        storePair(f, here, x, pair, 8 * q);
      }
    });
    const done = transform(f, high, down, side, tableAt(f, 0), x, y);
    const [fine, rough] = [tableAt(f, 2), tableAt(f, 3)];
    const root = (t: Ref): readonly [Ref, Ref] => {
      const near = f.at(fine, code.op("i32.and", t, f.constant(base - 1)), 16);
      const far = f.at(rough, code.op("i32.shr_u", t, f.constant(shift)), 16);
      return [code.load("v128.load", near), code.load("v128.load", far)];
    };
    code.loop(f.constant(0), f.constant(high), 1, (k) => {
      const here = f.at(done.at, k, 8 * side);
      const to = f.at(area.at, f.add(f.times(k, width), first), 8);
      for (const q of pairs) {
        const column = f.add(first, f.constant(q));
        const t = code.op("i32.mul", k, column);
        const [a, b] = [root(t), root(f.add(t, k))];
        const turn = o.times(transposed(f, a[0], b[0]), transposed(f, a[1], b[1]));
        storePair(f, to, area, o.times(loadPair(f, here, done, 8 * q), turn), 8 * q);
      }
    });
  };
  const rows = (f: Frame): void => {
    const { code } = f;
    const { line, area, first } = tileOf(f, high);
    const start = lineAt(f, r, f.buffer(1), line);
    const [x, y] = areasOf(f, wide, side);
    const row = f.at(area.at, f.times(first, width), 8);
    code.loop(f.constant(0), f.constant(wide), 1, (j) => {
      const from = f.at(row, j, 8);
      const here = f.at(x.at, j, 8 * side);
      for (const q of pairs) {
        const [re = 0, im = 0] = [0, area.apart].map((part) => {
          const above = code.load("v128.load64_zero", from, 8 * q * width + part, true);
          return code.lane("v128.load64_lane", [8 * (q + 1) * width + part, 1], from, above);
        });
        storePair(f, here, x, { re, im }, 8 * q);
      }
    });
    const done = transform(f, wide, across, side, tableAt(f, 1), x, y);
    code.loop(f.constant(0), f.constant(wide), 1, (j) => {
      const index = f.add(f.times(j, high), first);
      const here = f.at(done.at, j, 8 * side);
      for (const q of pairs) {
        const [a, b] = [element(f, start, index, q), element(f, start, index, q + 1)];
        write(f, r, a, b, loadPair(f, here, done, 8 * q));
      }
    });
  };
  const phase = (
    count: number,
    points: number,
    passes: number,
    code: WorkPhase["write"],
  ): WorkPhase => ({
    tiles: lines * Math.ceil(count / side),
    tileCost: side * points * (2 * moveCost + passCost * passes),
    write: code,
  });
  return {
    scratchBytes: 2 * areaBytes(Math.max(high, wide), side),
    sharedBytes: matrix + 2 * apart * lines,
    tables,
    phases: [phase(wide, high, down.length, columns), phase(high, wide, across.length, rows)],
  };
};

/** The work of a complex transform, or null where it is left to JavaScript: real ones, large prime factors, no points. */
export const fourierWork = (r: Fourier): Work | null => {
  const { n, outer, inner, what } = r;
  const factors = factorsOf(n);
  const lines = outer * inner;
  if (what === "real" || what === "half" || factors === null || lines === 0) return null;
  const high = middle(n);
  const wide = n / high;
  const matrix = high >= side && (n > longest || (n >= fewFrom && lines < few));
  if (matrix && 16 * n * lines <= mostBytes && size * n * inner < 2 ** 31)
    return matrixWork(r, high, wide);
  return n <= longest ? directWork(r, factors) : null;
};

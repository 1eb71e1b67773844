/**
 * Complex Fourier transforms as generated code: several lines side by side in scratch memory, or, where lines are long or
 * few, each as a matrix whose columns and then rows are transformed, in two phases.
 */
import type { Fourier } from "../../../kernel/fourier/index.js";
import { unitRoot } from "../../../kernel/fourier/passes.js";
import type { Ref } from "../lane-code.js";
import type { Frame, Work, WorkPhase } from "../routines/frame.js";
import {
  areaBytes,
  areasOf,
  bytesOf,
  longest,
  moveCost,
  passCost,
  read,
  side,
  size,
  transposed,
  write,
} from "./lines.js";
import { type Area, factorsOf, loadPair, Pairs, storePair, transform, twiddles } from "./passes.js";
import { realWork } from "./real.js";

/** Longer lines become matrices (see `longest`); shorter ones too from here on, where there are fewer lines than `few`. */
const fewFrom = 512;
const few = 6;
/** Most bytes that matrices take between their phases. */
const mostBytes = 2 ** 28;

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
  const tile = (f: Frame): void => {
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
        write: tile,
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

/** The work of a transform, or null where it is left to JavaScript: large prime factors, no points, some real ones. */
export const fourierWork = (r: Fourier): Work | null => {
  const { n, outer, inner, what } = r;
  const factors = factorsOf(n);
  const lines = outer * inner;
  if (what === "real" || what === "half") return realWork(r);
  if (factors === null || lines === 0) return null;
  const high = middle(n);
  const wide = n / high;
  const matrix = high >= side && (n > longest || (n >= fewFrom && lines < few));
  if (matrix && 16 * n * lines <= mostBytes && size * n * inner < 2 ** 31)
    return matrixWork(r, high, wide);
  return n <= longest ? directWork(r, factors) : null;
};

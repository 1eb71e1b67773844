/** Transforms between real numbers, an even number of them, and half of their coefficients: complex ones of half the length. */
import type { Fourier } from "../../../kernel/fourier/index.js";
import { unitRoot } from "../../../kernel/fourier/passes.js";
import type { Ref } from "../lane-code.js";
import type { Frame, Work } from "../routines/frame.js";
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
  write,
} from "./lines.js";
import { factorsOf, loadPair, type Pair, Pairs, storePair, transform, twiddles } from "./passes.js";

const conjugate = (f: Frame, { re, im }: Pair): Pair => ({ re, im: f.code.op("f64x2.neg", im) });

/** The work of lines that lie one behind the other and are not too long; null for others. */
export const realWork = (r: Fourier): Work | null => {
  const { n, outer, inner, scale, doubled } = r;
  const h = n / 2;
  const factors = n % 2 === 0 ? factorsOf(h) : null;
  if (factors === null || h > longest || inner !== 1 || outer === 0) return null;
  const batch = Math.min(side, 2 * Math.ceil(outer / 2));
  const pairs = Array.from({ length: batch / 2 }, (_, i) => 2 * i);
  const weight = doubled ? 2 : 1;
  // e^(−πi·k/h) for k up to h, behind the factors of the passes.
  const turns = twiddles(h, factors);
  const roots = Array.from({ length: h + 1 }, (_, k) => unitRoot(k, n)).flat();
  const rootAt = (f: Frame, k: Ref): Pair => {
    const at = f.at(f.shared, k, 16);
    const [re = 0, im = 0] = [0, 8].map((part) =>
      f.code.load("v128.load64_splat", at, 8 * turns.length + part),
    );
    return { re, im };
  };
  /** Where lines q and q + 1 begin, for every second q; behind the last line the last one is done again. */
  const starts = (f: Frame, buffer: number, length: number): readonly (readonly [Ref, Ref])[] => {
    const first = f.times(f.tile, batch);
    const at = (q: number): Ref => {
      const line = f.min(f.add(first, f.constant(q)), f.constant(outer - 1));
      const start = f.at(f.buffer(buffer), line, length * size);
      f.code.pin(start);
      return start;
    };
    return pairs.map((q) => [at(q), at(q + 1)]);
  };
  /** Calls `body` with the number k and, for every second line q, where elements k of both lie. */
  const each = (
    f: Frame,
    lines: readonly (readonly [Ref, Ref])[],
    from: number,
    to: number,
    body: (k: Ref, q: number, at: (index: Ref) => readonly [Ref, Ref]) => void,
  ): void =>
    f.code.loop(f.constant(from), f.constant(to), 1, (k) => {
      lines.forEach(([a, b], i) => {
        body(k, 2 * i, (index) => [f.at(a, index, size), f.at(b, index, size)]);
      });
    });
  const coefficients = (f: Frame): void => {
    const o = new Pairs(f);
    const plain: Fourier = { ...r, what: "forward", scale: 1 };
    const [x, y] = areasOf(f, h, batch);
    const element = (k: Ref, at: Ref): Ref => f.at(at, k, 8 * batch);
    each(f, starts(f, 0, h), 0, h, (k, q, at) => {
      storePair(f, element(k, x.at), x, read(f, plain, ...at(k)), 8 * q);
    });
    const done = transform(f, h, factors, batch, f.shared, x, y);
    const lines = starts(f, 1, h + 1);
    const put = (from: number, to: number, by: number): void =>
      each(f, lines, from, to, (k, q, at) => {
        const zero = f.constant(0);
        const near = from === h ? zero : k;
        const far = from === 0 ? zero : f.sub(f.constant(h), k);
        const a = loadPair(f, element(near, done.at), done, 8 * q);
        const b = conjugate(f, loadPair(f, element(far, done.at), done, 8 * q));
        // Even elements, and −i times what odd ones give.
        const [even, odd] = [o.add(a, b), o.times(o.sub(a, b), rootAt(f, k))];
        write(f, plain, ...at(k), o.scale(o.minusI(even, odd), 0.5 * scale * by));
      });
    put(0, 1, 1);
    put(1, h, weight);
    put(h, h + 1, 1);
  };
  const numbers = (f: Frame): void => {
    const o = new Pairs(f);
    const plain: Fourier = { ...r, what: "forward", scale: 1 };
    const [x, y] = areasOf(f, h, batch);
    const lines = starts(f, 0, h + 1);
    const take = (from: number, to: number, by: number): void =>
      each(f, lines, from, to, (k, q, at) => {
        const ends = from === 0;
        const real = (p: Pair): Pair =>
          ends ? { re: p.re, im: f.two.constant("f64", 0) } : o.scale(p, by);
        const a = real(read(f, plain, ...at(k)));
        const b = conjugate(f, real(read(f, plain, ...at(f.sub(f.constant(h), k)))));
        const odd = o.times(o.sub(a, b), conjugate(f, rootAt(f, k)));
        const { re, im } = o.plusI(o.add(a, b), odd);
        // Parts exchanged: the forward transform is then the inverse one.
        storePair(f, f.at(x.at, k, 8 * batch), x, { re: im, im: re }, 8 * q);
      });
    take(0, 1, 1);
    take(1, h, 0.5 * weight);
    const done = transform(f, h, factors, batch, f.shared, x, y);
    each(f, starts(f, 1, h), 0, h, (k, q, at) => {
      const pair = loadPair(f, f.at(done.at, k, 8 * batch), done, 8 * q);
      write(f, { ...r, what: "inverse" }, ...at(k), pair);
    });
  };
  return {
    scratchBytes: 2 * areaBytes(h, batch),
    tables: bytesOf([...turns, ...roots]),
    phases: [
      {
        tiles: Math.ceil(outer / batch),
        tileCost: h * batch * (2 * moveCost + passCost * factors.length),
        write: r.what === "real" ? coefficients : numbers,
      },
    ],
  };
};

/** Products of few rows: codes meet x in registers, scales and biases meet the sums of a group. */
import type { QuantizedSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import { Steps, type Tiles } from "../attention/steps.js";
import type { Variable } from "../block.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Frame } from "../routines/frame.js";
import { storeScalar } from "../storage.js";
import { buffersOf, callRows, firstRow, rowsOf } from "./blocks.js";
import { Chunks, eachChunk, fp4Offset, loadScale } from "./chunk.js";
import { groupsOf, wordBytes } from "./decode.js";
import { emitOrder } from "./finish.js";

/** The most rows of x. */
const mostRows = 8;
/** Nanoseconds to cut out a number, and to multiply it with one row of x. */
const cost = { code: 0.05, product: 0.03 } as const;
/** Nanoseconds of a tile. */
const shortest = 4e3;
const longest = 25e3;

export const isThin = (s: QuantizedSizes): boolean => s.transpose && s.rows <= mostRows;

/** How many rows of the matrix are done together, so that all sums stay in registers. */
const togetherOf = (rows: number): number => [4, 3, 2][rows - 1] ?? 1;
/** Rows of x that are done together, at most: their sums stay in registers. */
const partRows = 5;

/** Rows of x of a part: equal parts, the last may have fewer. */
const partOf = (rows: number): number => Math.ceil(rows / Math.ceil(rows / partRows));

/** From this many rows of x on numbers are scaled before they meet them: one sum each, and registers for masks no more. */
const wide = 3;
const masksOf = (scaled: boolean): number => (scaled ? 1 : 4);
/** All parts are done alike, for x comes in one order. */
const isWide = (s: QuantizedSizes): boolean => partOf(s.rows) >= wide;

/** Bytes of a row of x, and of the sums of its groups: of the lanes of each, for themselves. */
const pitchesOf = (s: QuantizedSizes): { readonly x: number; readonly sums: number } => ({
  x: 4 * s.depth,
  sums: (16 * s.depth) / s.format.groupSize,
});

const sumOf = (f: Frame, v: Ref): Ref => {
  const { code } = f;
  const lane = (i: number): Ref => code.lane("f32x4.extract_lane", [i], v);
  const add = (a: Ref, b: Ref): Ref => code.op("f32.add", a, b);
  return add(add(lane(0), lane(2)), add(lane(1), lane(3)));
};

/** A function (words, scales, biases, x, sums, out, rows): up to `block` rows of the matrix by `given` rows of x. */
const emitDot = (
  module: Module,
  features: Features,
  s: QuantizedSizes,
  given: number,
  block: number,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four, one } = f;
  const l = four.narrow;
  const [words = 0, scales = 0, biases = 0, x = 0, sums = 0, out = 0, count = 0] = [
    0, 1, 2, 3, 4, 5, 6,
  ].map((i) => code.param(i));
  const { format, dtype, scales: stored } = s;
  const affine = format.mode === "affine";
  const fp4 = !affine && format.bits === 4;
  const fp8 = !affine && format.bits === 8;
  const quantized = rowsOf(s);
  const pitch = { ...pitchesOf(s), words: wordBytes(quantized) };
  const scaleRow = groupsOf(quantized) * stored.size;
  const chunks = new Chunks(f, format, features, masksOf(isWide(s)));
  const { codes, elements, perGroup } = chunks;
  const list = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const ms = list(given);
  const zero = f.constant(0);

  // Old V8s load all that a basic block needs before they compute, and compute only what is used by then, so that
  // registers run out: branches that are never taken cut the block, and use the sums so far.
  let cuts = 0;
  const cut = (g: Ref, accs: readonly (readonly Variable[])[]): void => {
    code.if(code.op("i32.lt_s", g, code.i32(-++cuts)), () => {
      for (const acc of accs.flat()) code.store("v128.store", out, code.get(acc));
    });
  };

  const some = (n: Ref, rows: readonly number[]): void => {
    const own = f.at(words, n, pitch.words);
    const [ownScales, ownBiases] = [f.at(scales, n, scaleRow), f.at(biases, n, scaleRow)];
    const totals = rows.map(() => ms.map(() => code.variable(l.constant(0))));
    code.loop(zero, f.constant(groupsOf(quantized)), 1, (g) => {
      const sumsAt = f.at(sums, g, 16);
      const groupSum = (m: number): Ref => code.load("v128.load", sumsAt, m * pitch.sums);
      const loadAt = (base: Ref, r: number): Ref =>
        four.splat("f32", loadScale(f, format, stored, f.at(base, g, stored.size), r * scaleRow));
      const scaleAt = (r: number): Ref =>
        fp4 ? l.mul(loadAt(ownScales, r), l.constant(0.5)) : loadAt(ownScales, r);
      const early = isWide(s) ? rows.map(scaleAt) : null;
      if (early !== null && (affine || fp4)) {
        rows.forEach((r, i) => {
          const factor = affine
            ? loadAt(ownBiases, r)
            : l.mul(early[i] ?? 0, l.constant(-fp4Offset));
          totals[i]?.forEach((total, m) => {
            code.set(total, l.madd(factor, groupSum(m), code.get(total)));
          });
        });
      }
      const accs =
        early !== null
          ? totals
          : rows.map(() =>
              ms.map((m) =>
                code.variable(fp4 ? l.mul(groupSum(m), l.constant(-fp4Offset)) : l.constant(0)),
              ),
            );
      const from = f.at(own, g, perGroup * chunks.bytes);
      const by = f.at(x, g, format.groupSize * 4);
      eachChunk(f, perGroup, (q, at) => {
        const wordsAt = at(from, chunks.bytes);
        const xAt = at(by, elements * 4);
        const loaded = rows.map((r) => chunks.load(wordsAt, q * chunks.bytes + r * pitch.words));
        for (let j = 0; j < codes; j++) {
          cut(g, accs);
          const xs = ms.map((m) =>
            code.load("v128.load", xAt, 4 * (q * elements + 4 * j) + m * pitch.x),
          );
          loaded.forEach((word, i) => {
            const bits = chunks.raw(word, j);
            const exact = fp8 ? l.mul(bits, l.constant(2 ** 120)) : bits;
            const raw = early === null ? exact : l.mul(exact, early[i] ?? 0);
            for (const m of ms) {
              const acc = accs[i]?.[m];
              if (acc !== undefined) code.set(acc, l.madd(raw, xs[m] ?? 0, code.get(acc)));
            }
          });
        }
      });
      if (early !== null) return;
      rows.forEach((r, i) => {
        const scale = scaleAt(r);
        for (const m of ms) {
          const [acc, total] = [accs[i]?.[m], totals[i]?.[m]];
          if (acc === undefined || total === undefined) continue;
          const scaled = l.madd(code.get(acc), scale, code.get(total));
          code.set(total, affine ? l.madd(loadAt(ownBiases, r), groupSum(m), scaled) : scaled);
        }
      });
    });
    rows.forEach((r, i) => {
      for (const m of ms) {
        const total = totals[i]?.[m];
        if (total === undefined) continue;
        const value = sumOf(f, code.get(total));
        const to = f.at(out, n, dtype.size);
        storeScalar(one, dtype, to, value, (r + m * s.columns) * dtype.size);
      }
    });
  };
  // Rows that are done together lie far apart, so that each of them goes on where the one before it ended.
  const together = togetherOf(given);
  const apart = Math.floor(block / together);
  const whole = code.select(code.op("i32.eq", count, f.constant(block)), f.constant(apart), zero);
  code.loop(zero, whole, 1, (n) =>
    some(
      n,
      list(together).map((i) => i * apart),
    ),
  );
  const done = code.op("i32.mul", whole, f.constant(together));
  code.loop(done, count, 1, (n) => some(n, [0]));
  code.finish();
  return func;
};

/** Rows of a tile, about `wanted`: whole bundles, and if it can be without a rest. */
const blockOf = (columns: number, wanted: number, together: number): number => {
  const most = Math.ceil(wanted / together);
  for (let n = most; 2 * n > most; n--) if (columns % (n * together) === 0) return n * together;
  return Math.min(columns, most * together);
};

/** A tile is some rows of one matrix. */
export const dotTiles = (module: Module, s: QuantizedSizes, features: Features): Tiles => {
  const { rows, depth, columns } = s;
  const pitch = pitchesOf(s);
  const products = s.outer * s.count;
  const perRow = depth * (cost.code + rows * cost.product);
  const target = Math.min(longest, Math.max(shortest, (perRow * columns * products) / 16));
  const part = partOf(rows);
  const block = blockOf(columns, target / perRow, togetherOf(part));
  const order = emitOrder(module, features, s, { masks: masksOf(isWide(s)), sums: pitch.sums });
  const dots = new Map(
    [part, rows % part]
      .filter((n) => n > 0)
      .map((n) => [n, emitDot(module, features, s, n, block)] as const),
  );
  const sums = products * rows * pitch.x;

  const packing = new Steps(module.func(["i32", "i32", "i32"]));
  {
    const x = packing;
    x.call(
      order,
      x.place(0, x.tile, depth * s.dtype.size),
      x.add(x.shared, x.times(x.tile, pitch.x)),
      x.constant(1),
      x.add(x.add(x.shared, x.constant(sums)), x.times(x.tile, pitch.sums)),
    );
  }
  const x = new Steps(module.func(["i32", "i32", "i32"]));
  const blocks = Math.ceil(columns / block);
  const product = x.keep(x.quotient(x.tile, blocks));
  const n = x.keep(x.times(x.rest(x.tile, blocks), block));
  const width = x.keep(x.least(x.constant(block), x.sub(x.constant(columns), n)));
  const row = x.keep(x.add(firstRow(x, s, product), n));
  const operands = callRows(x, s, row, x.constant(0)).map((at) => x.keep(at));
  for (let m = 0; m < rows; m += part) {
    const dot = dots.get(Math.min(part, rows - m));
    const first = x.keep(x.add(x.times(product, rows), x.constant(m)));
    if (dot === undefined) continue;
    x.call(
      dot,
      ...operands,
      x.add(x.shared, x.times(first, pitch.x)),
      x.add(x.add(x.shared, x.constant(sums)), x.times(first, pitch.sums)),
      x.add(x.place(buffersOf(s).out, first, columns * s.dtype.size), x.times(n, s.dtype.size)),
      width,
    );
  }
  return {
    phases: [
      { tile: packing.f, tiles: products * rows, tileCost: depth * 0.6 },
      { tile: x.f, tiles: products * blocks, tileCost: perRow * Math.min(block, columns) },
    ],
    scratchBytes: 0,
    sharedBytes: sums + products * rows * pitch.sums,
  };
};

/** Products left to a library of the system: operands where they lie or packed, results in place or finished by tiles. */
import { slabRows } from "../../../kernel/ir.js";
import type { Library } from "../../contract.js";
import type { Func, Import, Module } from "../encoder.js";
import { type Plain, plainOf, plainResult, pushBase } from "./address.js";
import { bytesOf } from "./micro.js";
import { sizeOf } from "./plan.js";
import type { Group, Product } from "./product.js";
import { cut, type Ends, pushBlocks, pushSize, type Way } from "./way.js";

/** Multiply-adds per nanosecond that are expected of a library. */
const speed = { f32: 50, f64: 25 } as const;
/** Fewer multiply-adds than any library is worth calling for. */
const neverWork = 1 << 12;
/** Nanoseconds of a tile: short enough to share, long enough that the library's own packing pays. */
const shortest = 4e4;
const longest = 5.5e6;
/** The most bytes of a tile's packed operand. */
const packedMost = 4 << 20;

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;
const even = (size: number, most: number, unit: number): number =>
  roundUp(Math.ceil(size / Math.max(1, Math.ceil(size / most))), unit);

/** The library for this kernel, or null where there is none or no number of rows would make it pay. */
export const libraryFor = (
  p: Product,
  find: (() => Library | null) | undefined,
): Library | null => {
  if (find === undefined || (p.type !== "f32" && p.type !== "f64") || p.k.size === 0) return null;
  const most = (g: Group): number => (g.outer ? 1 << 20 : g.size);
  // Looking for a library takes time: none would pay for less.
  if (most(p.m) * most(p.n) * p.k.size < neverWork) return null;
  const library = find();
  if (library === null) return null;
  const { leastWork, leastSide } = library;
  const pays =
    Math.min(most(p.m), most(p.n)) >= leastSide && most(p.m) * most(p.n) * p.k.size >= leastWork;
  return pays ? library : null;
};

/** The side of the product whose size is an argument, and from what size on the library pays; null if there is none. */
export const leastOuter = (p: Product, library: Library): readonly [Group, number] | null => {
  const [side, other] = p.m.outer ? [p.m, p.n] : [p.n, p.m];
  if (!side.outer) return null;
  const work = Math.ceil(library.leastWork / Math.max(1, other.size * p.k.size));
  return [side, Math.max(library.leastSide, work)];
};

/** How the library is to read a matrix: its rows or, transposed, its columns are `leading` elements apart. */
interface Layout {
  readonly transposed: boolean;
  readonly leading: number;
}

/** The layout of at most `rows` × `columns` elements with these strides, or null where no library reads them. */
const layoutOf = (rows: number, columns: number, down: number, along: number): Layout | null => {
  if ((along === 1 || columns === 1) && (down >= columns || rows === 1))
    return { transposed: false, leading: rows === 1 ? columns : down };
  if ((down === 1 || rows === 1) && (along >= rows || columns === 1))
    return { transposed: true, leading: columns === 1 ? rows : along };
  return null;
};

interface Tiles {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
}

/** Tiles for as many threads as may call the library at once. */
const tilesOf = (p: Product, type: "f32" | "f64", { threads }: Library): Tiles => {
  // What is known of a size that is an argument is a hint: tiles for a single row would be no use to many.
  const size = (g: Group, least: number): number =>
    Math.max(g.outer ? least : 1, sizeOf(g, p.hint));
  const [m, n, batch] = [size(p.m, 256), size(p.n, 256), size(p.batch, 1)];
  const one = (m * n * p.k.size) / speed[type];
  const target = Math.min(longest, Math.max(shortest, (one * batch) / (2 * threads)));
  // A slab of rows that are summed up lies in one tile.
  const unit = p.sums === null ? 16 : slabRows;
  if (one <= target) {
    const rows = p.sums !== null && p.m.outer ? Math.ceil(m / unit) * unit : m;
    return { batches: Math.max(1, Math.floor(target / one)), rows, columns: n };
  }
  const area = (target * speed[type]) / p.k.size;
  const side = Math.sqrt(area);
  const packed = Math.max(64, packedMost / (p.k.size * bytesOf(type)));
  const columns = even(n, Math.min(packed, Math.max(n <= 2 * side ? n : side, area / m)), 16);
  const rows = even(m, Math.max(unit, Math.min(packed, area / columns)), unit);
  return { batches: 1, rows, columns };
};

/** A product by `gemm`, the library's function. */
export const libraryWay = (
  module: Module,
  p: Product,
  type: "f32" | "f64",
  library: Library,
  gemm: Import,
  ends: Ends,
): Way => {
  const bytes = bytesOf(type);
  const { batches, rows, columns } = tilesOf(p, type, library);
  const k = p.k.size;
  const place = (plain: Plain | null, layout: Layout | null): (Plain & Layout) | null =>
    plain === null || layout === null ? null : { ...plain, ...layout };
  const plainA = plainOf(p, p.a, p.m);
  const plainB = plainOf(p, p.b, p.n);
  const plainC = plainResult(p);
  const inA = place(plainA, plainA && layoutOf(rows, k, plainA.across, plainA.along));
  const inB = place(plainB, plainB && layoutOf(k, columns, plainB.along, plainB.across));
  const inC = place(plainC, plainC && layoutOf(rows, columns, plainC.across, plainC.along));
  const result = inC?.transposed === false ? inC : null;
  const pitch = roundUp(k * bytes, 64) + 64;
  const cRow = columns * bytes + 64;
  const packA = inA === null ? ends.packA(pitch) : null;
  const packB = inB === null ? ends.packColumns(pitch) : null;
  const finish = result === null ? ends.finish(cRow) : null;
  const bBytes = packB === null ? 0 : columns * pitch;
  const aBytes = packA === null ? 0 : rows * pitch;
  const keeps = packB !== null && batches === 1;

  const f = module.func(["i32", "i32", "i32", "i32"]);
  const [args, t, scratch, again] = [0, 1, 2, 3];
  const local = (): number => f.local("i32");
  const [outer, batch, batchEnd, m, n] = [local(), local(), local(), local(), local()];
  const [height, width, pa, pb, pc] = [local(), local(), local(), local(), local()];
  f.get(args).op("i32.load", 0).set(outer);
  cut(f, p.m, rows, { t, outer, start: m, extent: height });
  cut(f, p.n, columns, { t, outer, start: n, extent: width });
  f.get(t).i32(batches).op("i32.mul").tee(batch).i32(batches).op("i32.add").set(batchEnd);
  pushSize(f, p.batch, outer);
  f.get(batchEnd);
  pushSize(f, p.batch, outer);
  f.get(batchEnd).op("i32.lt_s").select("i32").set(batchEnd);
  const pushScaled = (x: number, by: number): void => {
    f.get(x).i32(by).op("i32.mul").op("i32.add");
  };
  /** Sets `to` to where an operand's block starts, packing it if it cannot be read in place. */
  const provide = (
    to: number,
    plain: Plain | null,
    pack: Func | null,
    at: number,
    first: number,
    count: number,
  ): void => {
    if (plain !== null) {
      pushBase(f, p, plain, args, batch);
      pushScaled(first, plain.across * bytes);
      f.set(to);
      return;
    }
    f.get(scratch).i32(at).op("i32.add").set(to);
    if (pack === null) return;
    const call = (): void => {
      f.get(args).get(to).get(batch).get(first).get(count).i32(0).i32(k).call(pack);
    };
    if (pack === packB && keeps) f.get(again).op("i32.eqz").if(call);
    else call();
  };
  f.block((done) => {
    f.get(batch).get(batchEnd).op("i32.ge_s").brIf(done);
    f.loop((next) => {
      provide(pb, inB, packB, 0, n, width);
      provide(pa, inA, packA, bBytes, m, height);
      if (result === null)
        f.get(scratch)
          .i32(bBytes + aBytes)
          .op("i32.add");
      else {
        pushBase(f, p, result, args, batch);
        pushScaled(m, result.across * bytes);
        pushScaled(n, result.along * bytes);
      }
      f.set(pc);
      const transposed = (layout: Layout | null, packed: boolean): void => {
        f.i32(Number(layout === null ? packed : layout.transposed));
      };
      transposed(inA, false);
      transposed(inB, true);
      f.get(height).get(width).i32(k);
      f.get(pa).i32(inA?.leading ?? pitch / bytes);
      f.get(pb).i32(inB?.leading ?? pitch / bytes);
      f.get(pc).i32(result?.leading ?? cRow / bytes);
      f.call(gemm);
      if (finish !== null)
        f.get(args).get(pc).get(batch).get(m).get(height).get(n).get(width).call(finish);
      f.get(batch).i32(1).op("i32.add").tee(batch).get(batchEnd).op("i32.lt_s").brIf(next);
    });
  });
  return {
    tile: f,
    scratchBytes: bBytes + aBytes + (finish === null ? 0 : rows * cRow),
    cost: 500 + (batches * rows * columns * k) / speed[type],
    tiles: (size) =>
      Math.ceil(sizeOf(p.m, size) / rows) *
      Math.ceil(sizeOf(p.n, size) / columns) *
      Math.ceil(sizeOf(p.batch, size) / batches),
    pushAgain: (g, tile, outerLocal) => {
      if (!keeps) {
        g.i32(0);
        return;
      }
      g.get(tile);
      pushBlocks(g, p.m, rows, outerLocal);
      g.op("i32.rem_u").i32(0).op("i32.ne");
    },
  };
};

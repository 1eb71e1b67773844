/** The register-tiled inner product: rows × columns of c stay in registers while k runs. */
import type { Func, Label, Module } from "../encoder.js";

/** Bytes between neighbours, fixed when the code is made. */
export interface MicroShape {
  readonly type: "f32" | "f64";
  /** Rows of a, at most 5. */
  readonly rows: number;
  /** Vectors of b: 1, 2 or 4. */
  readonly vectors: number;
  readonly aRow: number;
  readonly aStep: number;
  readonly bStep: number;
  readonly bPanel: number;
  readonly cRow: number;
  readonly relaxed: boolean;
  /** Whether the compiler joins neighbouring vectors to wider ones; see `Features`. */
  readonly wide: boolean;
}

export const lanesOf = (type: "f32" | "f64"): number => (type === "f32" ? 4 : 2);
export const bytesOf = (type: "f32" | "f64"): number => (type === "f32" ? 4 : 8);

/**
 * Added to the constant offsets of b and c, taken off their addresses. V8 gives equal offsets of a, b and c one shared
 * register for as long as any is used, and then has too few for the loop: no two may be equal.
 */
const bShift = 2;
const cShift = 1;

/** Row counts a sweep can have; any number of rows is a sum of fives, fours and one rest. */
export const rowTile = 5;

/** How many rows the next sweep takes when `rows` are left: fives and fours first, so that few rows run alone. */
const nextRows = (rows: number): number =>
  rows % rowTile === 0 ? rowTile : Math.min(rows, rowTile - 1);

/** The row counts that `rows` rows are cut into. */
export const rowCounts = (rows: number): readonly number[] => {
  const counts = new Set<number>();
  for (let left = rows; left > 0; left -= nextRows(left)) counts.add(nextRows(left));
  return [...counts];
};

/** Vectors in a panel of b: 5 × 2 fill the registers of one vector each, 5 × 4 those of two. */
export const panelVectors = (wide: boolean): number => (wide ? 4 : 2);

/**
 * A function (a, b, c, k, panels, fresh): for each panel of columns, c (+)= a · b over k ≥ 1 steps; with `fresh` c is
 * not read. Two steps are unrolled. Old V8s schedule every load of a basic block before its arithmetic and so run out
 * of registers; branches that are never taken cut the block at each row (with fused multiply-add) or second row.
 *
 * Vectors are joined within a basic block only, and only where nothing is loaded between two neighbouring stores. So
 * wide code has no cuts, and sums are complete before the first of them is stored.
 */
export const emitMicro = (module: Module, s: MicroShape): Func => {
  const f = module.func(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const [a, b, c, k, panels, fresh] = [0, 1, 2, 3, 4, 5];
  const [pa, pb, left] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const acc: number[][] = [];
  for (let i = 0; i < s.rows; i++) {
    acc.push(Array.from({ length: s.vectors }, () => f.local("v128")));
  }
  const bs = Array.from({ length: s.vectors }, () => f.local("v128"));
  const splat = f.local("v128");
  const shape = s.type === "f32" ? "f32x4" : "f64x2";
  const loadSplat = s.type === "f32" ? "v128.load32_splat" : "v128.load64_splat";
  const zero = new Uint8Array(16);
  let cuts = 0;
  const cut = (out: Label): void => {
    f.get(left).i32(-++cuts).op("i32.lt_s").brIf(out);
  };
  const advance = (pointer: number, by: number): void => {
    f.get(pointer).i32(by).op("i32.add").set(pointer);
  };
  const tile = (visit: (v: number, at: number) => void): void => {
    for (const [i, row] of acc.entries()) {
      for (const [j, v] of row.entries()) visit(v, i * s.cRow + 16 * j + cShift);
    }
  };
  const addBefore = (): void => {
    for (const [i, row] of acc.entries()) {
      for (const [j, v] of bs.entries())
        f.get(c)
          .op("v128.load", i * s.cRow + 16 * j + cShift)
          .set(v);
      for (const [j, v] of row.entries())
        f.get(v)
          .get(bs[j] ?? 0)
          .op(`${shape}.add`)
          .set(v);
    }
  };
  const step = (u: number, out: Label): void => {
    for (const [j, v] of bs.entries()) {
      const at = u * s.bStep + 16 * j + bShift;
      f.get(pb).op("v128.load", at).set(v);
    }
    acc.forEach((row, i) => {
      if (!s.wide && i > 0 && i % (s.relaxed ? 1 : 2) === 0) cut(out);
      const at = u * s.aStep + i * s.aRow;
      f.get(pa).op(loadSplat, at).set(splat);
      row.forEach((v, j) => {
        const bv = bs[j] ?? 0;
        if (s.relaxed) f.get(splat).get(bv).get(v).op(`${shape}.relaxed_madd`).set(v);
        else f.get(v).get(splat).get(bv).op(`${shape}.mul`).op(`${shape}.add`).set(v);
      });
    });
  };
  advance(b, -bShift);
  advance(c, -cShift);
  f.loop((nextPanel) => {
    for (const v of acc.flat()) f.v128(zero).set(v);
    f.get(a).set(pa).get(b).set(pb).get(k).set(left);
    f.block((out) => {
      f.loop((again) => {
        step(0, out);
        if (!s.wide) {
          f.get(left).i32(1).op("i32.eq").brIf(out);
          step(1, out);
        }
        const steps = s.wide ? 1 : 2;
        advance(pa, steps * s.aStep);
        advance(pb, steps * s.bStep);
        f.get(left).i32(steps).op("i32.sub").tee(left).brIf(again);
      });
    });
    // Every block of k is summed on its own: errors grow with its length, not with that of the whole sum.
    if (s.wide) {
      f.get(fresh).op("i32.eqz").if(addBefore);
      tile((v, at) => f.get(c).get(v).op("v128.store", at));
    } else {
      f.get(fresh).if(
        () => tile((v, at) => f.get(c).get(v).op("v128.store", at)),
        () => {
          tile((v, at) => {
            f.get(c).get(c).op("v128.load", at).get(v).op(`${shape}.add`).op("v128.store", at);
          });
        },
      );
    }
    advance(b, s.bPanel);
    advance(c, 16 * s.vectors);
    f.get(panels).i32(1).op("i32.sub").tee(panels).brIf(nextPanel);
  });
  return f;
};

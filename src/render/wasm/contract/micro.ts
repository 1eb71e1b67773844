/** The register-tiled inner product: rows × columns of c stay in registers while k runs. */
import type { Func, Label, Module } from "../encoder.js";

/** Bytes between neighbours, fixed when the code is made. */
export interface MicroShape {
  readonly type: "f32" | "f64";
  /** Rows of a, at most 5. */
  readonly rows: number;
  /** Vectors of b, 1 or 2. */
  readonly vectors: number;
  readonly aRow: number;
  readonly aStep: number;
  readonly bStep: number;
  readonly bPanel: number;
  readonly cRow: number;
  readonly relaxed: boolean;
}

export const lanesOf = (type: "f32" | "f64"): number => (type === "f32" ? 4 : 2);
export const bytesOf = (type: "f32" | "f64"): number => (type === "f32" ? 4 : 8);

/** Row counts a sweep can have; any number of rows is a sum of fives, fours and one rest. */
export const rowTile = 5;

/** How many rows the next sweep takes when `rows` are left: fives and fours first, so that few rows run alone. */
export const nextRows = (rows: number): number =>
  rows % rowTile === 0 ? rowTile : Math.min(rows, rowTile - 1);

/** The row counts that `rows` rows are cut into. */
export const rowCounts = (rows: number): readonly number[] => {
  const counts = new Set<number>();
  for (let left = rows; left > 0; left -= nextRows(left)) counts.add(nextRows(left));
  return [...counts];
};

/**
 * A function (a, b, c, k, panels, fresh): for each panel of columns, c (+)= a · b over k ≥ 1 steps; with `fresh` c is
 * not read. Two steps are unrolled. Old V8s schedule every load of a basic block before its arithmetic and so run out
 * of registers; branches that are never taken cut the block at each row (with fused multiply-add) or second row.
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
  const step = (u: number, out: Label): void => {
    bs.forEach((v, j) =>
      f
        .get(pb)
        .op("v128.load", u * s.bStep + 16 * j)
        .set(v),
    );
    acc.forEach((row, i) => {
      if (i > 0 && i % (s.relaxed ? 1 : 2) === 0) cut(out);
      f.get(pa)
        .op(loadSplat, u * s.aStep + i * s.aRow)
        .set(splat);
      row.forEach((v, j) => {
        const bv = bs[j] ?? 0;
        if (s.relaxed) f.get(splat).get(bv).get(v).op(`${shape}.relaxed_madd`).set(v);
        else f.get(v).get(splat).get(bv).op(`${shape}.mul`).op(`${shape}.add`).set(v);
      });
    });
  };
  f.loop((nextPanel) => {
    f.get(fresh).if(
      () => {
        for (const row of acc) for (const v of row) f.v128(zero).set(v);
      },
      () => {
        acc.forEach((row, i) => {
          row.forEach((v, j) =>
            f
              .get(c)
              .op("v128.load", i * s.cRow + 16 * j)
              .set(v),
          );
        });
      },
    );
    f.get(a).set(pa).get(b).set(pb).get(k).set(left);
    f.block((out) => {
      f.loop((again) => {
        step(0, out);
        f.get(left).i32(1).op("i32.eq").brIf(out);
        step(1, out);
        f.get(pa)
          .i32(2 * s.aStep)
          .op("i32.add")
          .set(pa);
        f.get(pb)
          .i32(2 * s.bStep)
          .op("i32.add")
          .set(pb);
        f.get(left).i32(2).op("i32.sub").tee(left).brIf(again);
      });
    });
    acc.forEach((row, i) => {
      row.forEach((v, j) =>
        f
          .get(c)
          .get(v)
          .op("v128.store", i * s.cRow + 16 * j),
      );
    });
    f.get(b).i32(s.bPanel).op("i32.add").set(b);
    f.get(c)
      .i32(16 * s.vectors)
      .op("i32.add")
      .set(c);
    f.get(panels).i32(1).op("i32.sub").tee(panels).brIf(nextPanel);
  });
  return f;
};

/** Products of blocks in scratch: the register tiles of some rows by panels of eight columns. */
import type { Features } from "../../contract.js";
import { emitMicro, type MicroShape, rowCounts, rowTile } from "../contract/micro.js";
import { setAtMost } from "../contract/way.js";
import type { Func, Module } from "../encoder.js";

/** Strides of a product's operands and result. */
type SweepShape = Pick<MicroShape, "aRow" | "aStep" | "bPanel" | "cRow" | "relaxed" | "wide">;

/** A function (a, b, c, rows, k, panels, fresh): c (+)= a · b for any of the numbers of rows given. */
const emitSweep = (module: Module, shape: SweepShape, sizes: readonly number[]): Func => {
  const counts = [...new Set(sizes.flatMap(rowCounts))];
  const micros = counts.map((rows) => ({
    rows,
    micro: emitMicro(module, { ...shape, type: "f32", rows, vectors: 2, bStep: 32 }),
  }));
  const f = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const [a, b, c, left, k, panels, fresh] = [0, 1, 2, 3, 4, 5, 6];
  const take = f.local("i32");
  f.loop((again) => {
    f.get(left)
      .i32(rowTile)
      .op("i32.rem_u")
      .if(
        () => setAtMost(f.get(left), take, rowTile - 1),
        () => f.i32(rowTile).set(take),
      );
    for (const { rows, micro } of micros) {
      f.get(take)
        .i32(rows)
        .op("i32.eq")
        .if(() => f.get(a).get(b).get(c).get(k).get(panels).get(fresh).call(micro));
    }
    f.get(a).get(take).i32(shape.aRow).op("i32.mul").op("i32.add").set(a);
    f.get(c).get(take).i32(shape.cRow).op("i32.mul").op("i32.add").set(c);
    f.get(left).get(take).op("i32.sub").tee(left).brIf(again);
  });
  return f;
};

export type Sweeps = (
  shape: Omit<SweepShape, "relaxed" | "wide">,
  sizes: readonly number[],
) => Func;

/** Sweeps of a module; equal ones are made once. */
export const sweepsOf = (module: Module, { relaxed, wide = false }: Features): Sweeps => {
  const made = new Map<string, Func>();
  return (shape, sizes) => {
    const { aRow, aStep, bPanel, cRow } = shape;
    const key = [aRow, aStep, bPanel, cRow, ...sizes].join();
    const known = made.get(key);
    if (known !== undefined) return known;
    const func = emitSweep(module, { ...shape, relaxed, wide }, sizes);
    made.set(key, func);
    return func;
  };
};

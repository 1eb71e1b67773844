/** Rows of floats from scratch to results. */
import { float32 } from "../../../core/dtype.js";
import type { Features } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import type { Ops } from "../ops.js";
import { Frame } from "../routines/frame.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import type { Rows } from "./pack.js";

/** A function (from, to, rows): rows `pitch` bytes apart are stored one after another, or added times `factor` to floats. */
export const emitRowsOut = (
  module: Module,
  features: Features,
  { dtype, columns }: Rows,
  pitch: number,
  factor: number | null,
): Func => {
  const func = module.func(["i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const [from = 0, to = 0, rows = 0] = [0, 1, 2].map((i) => code.param(i));
  const whole = columns - (columns % 4);
  const added = (o: Ops, x: Ref, old: () => Ref): Ref =>
    factor === null ? x : o.narrow.madd(x, o.narrow.constant(factor), old());
  code.loop(f.constant(0), rows, 1, (r) => {
    const source = f.at(from, r, pitch);
    const target = f.at(to, r, columns * dtype.size);
    code.loop(f.constant(0), f.constant(whole), 4, (c) => {
      const at = f.at(target, c, dtype.size);
      const x = loadVector(four, float32, f.at(source, c, 4), 0, true);
      const value = added(four, x, () => loadVector(four, dtype, at, 0, true));
      storeVector(four, dtype, value).all(at, 0);
    });
    for (let c = whole; c < columns; c++) {
      const offset = c * dtype.size;
      const x = loadScalar(one, float32, source, 4 * c, true);
      const value = added(one, x, () => loadScalar(one, dtype, target, offset, true));
      storeScalar(one, dtype, target, value, offset);
    }
  });
  code.finish();
  return func;
};

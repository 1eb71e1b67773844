/** Masks on a block of scores, or on a block of their cotangents. */
import { bool } from "../../../core/dtype.js";
import type { AttentionSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import type { Ops } from "../ops.js";
import { Frame } from "../routines/frame.js";
import { loadScalar, loadVector } from "../storage.js";

/** What stands for a hidden score, so that a row that sees nothing sees everything alike. */
const lowest = -(2 - 2 ** -23) * 2 ** 127;
/** Bytes from one row of the mask to the next, and whether its columns differ. */
const maskSteps = ({ mask }: AttentionSizes): { row: number; columns: boolean } => {
  const [, , r = 1, c = 1] = mask?.shape ?? [];
  return { row: r === 1 ? 0 : c * (mask?.dtype.size ?? 0), columns: c > 1 };
};

/**
 * A function (block, mask, row, column, rows, columns) on a block of rows `pitch` bytes apart that begins at a row and
 * column of the scores; `mask` is the address of the mask of its head. Hidden elements become the lowest number and a mask
 * is added; or, where the block holds cotangents of scores, hidden elements become zero.
 */
export const emitHide = (
  module: Module,
  features: Features,
  s: AttentionSizes,
  pitch: number,
  what: "scores" | "cotangents",
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const [block = 0, mask = 0, row = 0, column = 0, rows = 0, columns = 0] = [0, 1, 2, 3, 4, 5].map(
    (i) => code.param(i),
  );
  const hidden = what === "scores" ? lowest : 0;
  const steps = maskSteps(s);
  const dtype = s.mask?.dtype ?? bool;
  const applied = dtype === bool || what === "scores";
  const seen = (o: Ops, value: Ref, score: Ref): Ref =>
    dtype === bool
      ? o.narrow.select(value, score, o.narrow.constant(hidden))
      : o.narrow.add(score, value);
  code.loop(f.constant(0), rows, 1, (r) => {
    const line = f.at(block, r, pitch);
    if (s.mask !== null && applied) {
      const from = f.add(
        f.at(mask, f.add(row, r), steps.row),
        steps.columns ? f.times(column, dtype.size) : f.constant(0),
      );
      const repeated = steps.columns ? null : loadScalar(one, dtype, from, 0, true);
      if (repeated !== null) code.pin(repeated);
      const whole = code.op("i32.and", columns, f.constant(-4));
      const t = dtype === bool ? "bool" : "f32";
      code.loop(f.constant(0), whole, 4, (c) => {
        const to = f.at(line, c, 4);
        const value =
          repeated === null
            ? loadVector(four, dtype, f.at(from, c, dtype.size), 0, true)
            : four.splat(t, repeated);
        code.store("v128.store", to, seen(four, value, code.load("v128.load", to, 0, true)));
      });
      code.loop(whole, columns, 1, (c) => {
        const to = f.at(line, c, 4);
        const value = repeated ?? loadScalar(one, dtype, f.at(from, c, dtype.size), 0, true);
        code.store("f32.store", to, seen(one, value, code.load("f32.load", to, 0, true)));
      });
    }
    if (s.causal) {
      const own = f.add(f.add(row, r), f.constant(s.keys - s.queries + 1));
      const visible = f.sub(own, column);
      const least = code.select(
        code.op("i32.lt_s", visible, f.constant(0)),
        f.constant(0),
        code.op("i32.and", visible, f.constant(-4)),
      );
      const lanes = code.v128(new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer));
      const edge = code.op("i32x4.splat", visible);
      code.loop(least, columns, 4, (c) => {
        const to = f.at(line, c, 4);
        const place = code.op("i32x4.add", lanes, code.op("i32x4.splat", c));
        const score = code.load("v128.load", to, 0, true);
        const kept = code.op("i32x4.lt_s", place, edge);
        code.store("v128.store", to, four.narrow.select(kept, score, four.narrow.constant(hidden)));
      });
    }
  });
  code.finish();
  return func;
};

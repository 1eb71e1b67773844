/** The epilogue: everything computed from finished rows of the contraction, and the stores. */
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { coordsOf } from "./address.js";
import type { Evaluator } from "./evaluate.js";
import { bytesOf, lanesOf } from "./micro.js";
import { lineAxis } from "./pack.js";
import type { Product } from "./product.js";

/** A function (args, from, batch, m, rows, n, columns) over rows of c that lie `pitch` bytes apart in scratch. */
export const emitFinish = (
  module: Module,
  p: Product,
  pitch: number,
  evaluator: Evaluator,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const body = evaluator.body(func);
  const { code } = body;
  const { type, kernel } = evaluator;
  const lanes = lanesOf(type);
  const bytes = bytesOf(type);
  const [from = 0, batch = 0, m = 0, rows = 0, n = 0, columns = 0] = [1, 2, 3, 4, 5, 6].map((i) =>
    code.param(i),
  );
  const line = lineAxis(p, p.n, lanes);
  const roots = kernel.stores.map((s) => s.value);
  const everywhere =
    line !== null &&
    kernel.stores.every((s) => ((s.over >> line) & 1) !== 0) &&
    evaluator.vectors(roots, line, p.id, true);
  const axis = everywhere ? line : null;
  const zero = code.i32(0);
  const fixed = coordsOf(code, p, p.batch, batch);
  code.loop(zero, rows, 1, (r) => {
    const row = code.op("i32.add", from, code.op("i32.mul", r, code.i32(pitch)));
    const down = coordsOf(code, p, p.m, code.op("i32.add", m, r));
    const one = (i: Ref, along: number | null): void => {
      const at = code.op("i32.add", row, code.op("i32.mul", i, code.i32(bytes)));
      const c = code.load(along === null ? `${type}.load` : "v128.load", at);
      const across = coordsOf(code, p, p.n, code.op("i32.add", n, i));
      const point = body.at([...fixed, ...down, ...across], along, [p.id, c]);
      for (const s of kernel.stores) point.store(s);
    };
    const whole = axis === null ? zero : code.op("i32.and", columns, code.i32(-lanes));
    if (axis !== null) code.loop(zero, whole, lanes, (i) => one(i, axis));
    code.loop(whole, columns, 1, (i) => one(i, null));
  });
  code.finish();
  return func;
};

/** The epilogue: everything computed from finished rows of the contraction, and the stores. */

import { slabRows } from "../../../kernel/ir.js";
import { argBytes } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { coordsOf } from "./address.js";
import type { Coords, Evaluator } from "./evaluate.js";
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
  const plain = kernel.stores.filter((s) => kernel.bufs[s.buf]?.access !== "partial");
  const sums = p.sums?.stores ?? [];
  const roots = [...plain.map((s) => s.value), ...sums.map((s) => s.value)];
  const everywhere =
    line !== null &&
    kernel.stores.every((s) => ((s.over >> line) & 1) !== 0) &&
    evaluator.vectors(roots, line, p.id, true);
  const axis = everywhere ? line : null;
  const zero = code.i32(0);
  const fixed = coordsOf(code, p, p.batch, batch);
  /** Where each sum of this row goes, and whether it is the first of its slab. */
  const slabs = (down: Coords): readonly { readonly base: Ref; readonly first: Ref }[] => {
    if (p.sums === null) return [];
    const position = body.at([...fixed, ...down], null).value(p.sums.position);
    const first = code.op("i32.eqz", code.op("i32.and", position, code.i32(slabRows - 1)));
    const slab = code.op("i32.shr_u", position, code.i32(Math.log2(slabRows)));
    return p.sums.stores.map(({ store, pitch, outer }) => {
      const start = code.load("i32.load", code.param(0), argBytes.buffers + 4 * store.buf);
      const fixedBytes = code.i32(4 * pitch);
      const bytes = outer
        ? code.op("i32.mul", code.load("i32.load", code.param(0), argBytes.outer), fixedBytes)
        : fixedBytes;
      return { base: code.op("i32.add", start, code.op("i32.mul", slab, bytes)), first };
    });
  };
  code.loop(zero, rows, 1, (r) => {
    const row = code.op("i32.add", from, code.op("i32.mul", r, code.i32(pitch)));
    const down = coordsOf(code, p, p.m, code.op("i32.add", m, r));
    const sumRows = slabs(down);
    const one = (i: Ref, along: number | null): void => {
      const at = code.op("i32.add", row, code.op("i32.mul", i, code.i32(bytes)));
      const c = code.load(along === null ? `${type}.load` : "v128.load", at);
      const across = coordsOf(code, p, p.n, code.op("i32.add", n, i));
      const point = body.at([...fixed, ...down, ...across], along, [p.id, c]);
      for (const s of plain) point.store(s);
      sums.forEach((s, j) => {
        const row = sumRows[j];
        if (row !== undefined) point.add(s, row.base, row.first);
      });
    };
    const whole = axis === null ? zero : code.op("i32.and", columns, code.i32(-lanes));
    if (axis !== null) code.loop(zero, whole, lanes, (i) => one(i, axis));
    code.loop(whole, columns, 1, (i) => one(i, null));
  });
  code.finish();
  return func;
};

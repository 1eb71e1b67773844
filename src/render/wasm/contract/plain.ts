/** Products in types without vectors of their own: one point after another. */
import type { ComputeType } from "../../../core/scalar.js";
import type { Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Ops } from "../ops.js";
import { coordsOf } from "./address.js";
import type { Evaluator } from "./evaluate.js";
import { sizeOf } from "./plan.js";
import type { Group, Product } from "./product.js";
import type { Way } from "./way.js";

/** Multiply-adds in one tile. */
const tileWork = 1 << 16;

/** The product with every sum in one scalar, of the contraction's own type. */
export const plainWay = (module: Module, p: Product, type: ComputeType, e: Evaluator): Way => {
  const f = module.func(["i32", "i32", "i32", "i32"]);
  const body = e.body(f);
  const { code } = body;
  const points = Math.max(1, Math.floor(tileWork / Math.max(1, p.k.size)));
  const outer = code.load("i32.load", code.param(0), 0);
  const extent = (g: Group): Ref => code.i32(g.size);
  const groups = [p.batch, p.m, p.n];
  const inner = groups.reduce((s, g) => s * g.size, 1);
  const total = groups.some((g) => g.outer)
    ? code.op("i32.mul", outer, code.i32(inner))
    : code.i32(inner);
  const start = code.op("i32.mul", code.param(1), code.i32(points));
  const limit = code.op("i32.add", start, code.i32(points));
  const end = code.select(code.op("i32.lt_s", limit, total), limit, total);
  const ops = new Ops(code, 1, 4, e.features, e.host);
  code.loop(start, end, 1, (at) => {
    const sum = code.variable(ops.constant(type, 0));
    // The group whose size is an argument is split off last, so that only known sizes divide.
    const order = [...groups].sort((a, b) => Number(a.outer) - Number(b.outer));
    let rest = at;
    const coords = order.flatMap((g, i) => {
      if (i === order.length - 1) return coordsOf(code, p, g, rest);
      const here = code.op("i32.rem_u", rest, extent(g));
      rest = code.op("i32.div_u", rest, extent(g));
      return coordsOf(code, p, g, here);
    });
    code.loop(code.i32(0), code.i32(p.k.size), 1, (k) => {
      const point = body.at([...coords, ...coordsOf(code, p, p.k, k)], null);
      const product = ops.apply("mul", type, type, [point.value(p.a), point.value(p.b)]);
      code.set(sum, ops.apply("add", type, type, [code.get(sum), product]));
    });
    const result = code.get(sum);
    code.pin(result);
    const point = body.at(coords, null, [p.id, result]);
    for (const s of e.kernel.stores) point.store(s);
  });
  code.finish();
  return {
    tile: f,
    scratchBytes: 0,
    cost: points * Math.max(1, p.k.size) * 1.5,
    tiles: (n) => Math.ceil(groups.reduce((s, g) => s * sizeOf(g, n), 1) / points),
    pushAgain: (g) => {
      g.i32(0);
    },
  };
};

/** Renders kernels with one contraction: batched matrix products with fused prologues and epilogues. */
import type { Kernel } from "../../../kernel/ir.js";
import { argBytes, type Features, type Rendered } from "../../contract.js";
import { type Import, Module } from "../encoder.js";
import type { HostMath } from "../lane-code.js";
import { Evaluator } from "./evaluate.js";
import { emitFinish } from "./finish.js";
import { emitPack } from "./pack.js";
import { type Product, productOf } from "./product.js";
import { tiledWay } from "./tiled.js";

/** A module of one kernel with exactly one `contract` value and no reductions. */
export const renderContract = (kernel: Kernel, features: Features): Rendered => {
  const p = productOf(kernel);
  // Imports come before all functions, but which are needed is known only when the functions are made.
  const needed: Needed[] = [];
  const rendered = render(p, features, (_, fn, arity) => {
    if (!needed.some((h) => h.fn === fn)) needed.push({ fn, arity });
    return { index: 0, module: "m", name: fn };
  });
  if (needed.length === 0) return rendered;
  return render(p, features, (module, fn, arity) => importOf(module, { fn, arity }), needed);
};

interface Needed {
  readonly fn: HostMath;
  readonly arity: number;
}

const importOf = (module: Module, { fn, arity }: Needed): Import =>
  module.import("m", fn, new Array<"f64">(arity).fill("f64"), ["f64"]);

const render = (
  p: Product,
  features: Features,
  host: (module: Module, fn: HostMath, arity: number) => Import,
  needed: readonly Needed[] = [],
): Rendered => {
  const type = p.type === "f64" ? "f64" : "f32";
  const module = new Module(features);
  for (const h of needed) importOf(module, h);
  const evaluator = new Evaluator(p.kernel, type, features, (fn, arity) => host(module, fn, arity));
  const way = tiledWay(module, p, type, features.relaxed, {
    packA: (pitch) => emitPack(module, p, p.a, p.m, { panel: null, pitch }, evaluator),
    packB: (panel, pitch) => emitPack(module, p, p.b, p.n, { panel, pitch }, evaluator),
    finish: (pitch) => emitFinish(module, p, pitch, evaluator),
  });
  const f = module.func(["i32", "i32", "i32", "i32"]);
  const [args, start, end, scratch] = [0, 1, 2, 3];
  const [t, outer] = [f.local("i32"), f.local("i32")];
  f.get(args).op("i32.load", argBytes.outer).set(outer);
  f.get(start).set(t);
  f.block((done) => {
    f.get(t).get(end).op("i32.ge_s").brIf(done);
    f.loop((next) => {
      f.get(args).get(t).get(scratch);
      f.get(t)
        .get(start)
        .op("i32.ne")
        .if(
          () => way.pushAgain(f, t, outer),
          () => f.i32(0),
          "i32",
        );
      f.call(way.tile);
      f.get(t).i32(1).op("i32.add").tee(t).get(end).op("i32.lt_s").brIf(next);
    });
  });
  module.export("k", f);
  return {
    bytes: module.finish(),
    scratchBytes: way.scratchBytes,
    tiles: (size) => way.tiles(size),
    tileCost: way.cost,
  };
};

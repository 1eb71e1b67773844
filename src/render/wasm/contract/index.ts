/** Renders kernels with one contraction: batched matrix products with fused prologues and epilogues. */
import type { Kernel } from "../../../kernel/ir.js";
import { argBytes, type Features, type Rendered } from "../../contract.js";
import { type Func, type Import, Module } from "../encoder.js";
import type { HostMath } from "../lane-code.js";
import { Evaluator } from "./evaluate.js";
import { emitFinish } from "./finish.js";
import { emitPack } from "./pack.js";
import { plainWay } from "./plain.js";
import { planOf, sizeOf } from "./plan.js";
import { type Group, type Product, productOf } from "./product.js";
import { thinRows, thinWay } from "./thin.js";
import { tiledWay } from "./tiled.js";
import type { Ends, Way } from "./way.js";

interface Needed {
  readonly fn: HostMath;
  readonly arity: number;
}

const importOf = (module: Module, { fn, arity }: Needed): Import =>
  module.import("m", fn, new Array<"f64">(arity).fill("f64"), ["f64"]);

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

const swapped = (p: Product): Product => ({ ...p, a: p.b, b: p.a, m: p.n, n: p.m });

const endsOf = (module: Module, p: Product, evaluator: Evaluator): Ends => {
  const made = new Map<string, Func>();
  const once = (key: string, make: () => Func): Func => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const func = make();
    made.set(key, func);
    return func;
  };
  return {
    packA: (pitch) =>
      once(`a${pitch}`, () => emitPack(module, p, p.a, p.m, { panel: null, pitch }, evaluator)),
    packB: (panel, pitch) =>
      once(`b${pitch}`, () => emitPack(module, p, p.b, p.n, { panel, pitch }, evaluator)),
    finish: (pitch) => once(`c${pitch}`, () => emitFinish(module, p, pitch, evaluator)),
  };
};

/** Ways to compute the product; the first is taken when its side is short enough at run time. */
interface Ways {
  readonly thin: { readonly way: Way; readonly side: Group } | null;
  readonly tiled: Way | null;
}

const waysOf = (module: Module, p: Product, evaluator: Evaluator, relaxed: boolean): Ways => {
  const { type } = evaluator;
  if (p.type !== "f32" && p.type !== "f64") {
    return { thin: null, tiled: plainWay(module, p, p.type, evaluator) };
  }
  const thinOf = (q: Product): Ways["thin"] => {
    const way = thinWay(module, q, planOf(q, type), evaluator, endsOf(module, q, evaluator));
    return way === null ? null : { way, side: q.m };
  };
  // A side whose size is an argument counts as long, unless it is asked about.
  const length = (g: Group): number => (g.outer ? Number.POSITIVE_INFINITY : g.size);
  const short = (g: Group): boolean => g.size <= thinRows && p.k.size > 0;
  const [first, second] = length(p.m) <= length(p.n) ? [p, swapped(p)] : [swapped(p), p];
  let thin: Ways["thin"] = null;
  if (short(first.m) && !first.m.outer) thin = thinOf(first);
  else if (short(second.m) && second.m.outer) thin = thinOf(second);
  if (thin !== null && !thin.side.outer) return { thin, tiled: null };
  const ends = endsOf(module, p, evaluator);
  return { thin, tiled: tiledWay(module, p, planOf(p, type), type, relaxed, ends) };
};

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
  const { thin, tiled } = waysOf(module, p, evaluator, features.relaxed);
  const f = module.func(["i32", "i32", "i32", "i32"]);
  const [args, start, end, scratch] = [0, 1, 2, 3];
  const [t, outer] = [f.local("i32"), f.local("i32")];
  f.get(args).op("i32.load", argBytes.outer).set(outer);
  const all = (way: Way): void => {
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
  };
  const isThin = (size: number): boolean =>
    thin !== null && (tiled === null || sizeOf(thin.side, size) <= thinRows);
  if (thin !== null && tiled !== null) {
    f.get(outer).i32(thin.side.size).op("i32.mul").i32(thinRows).op("i32.le_s");
    f.if(
      () => all(thin.way),
      () => all(tiled),
    );
  } else {
    const way = thin?.way ?? tiled;
    if (way !== null) all(way);
  }
  module.export("k", f);
  const wayAt = (size: number): Way | undefined =>
    (isThin(size) ? thin?.way : undefined) ?? tiled ?? undefined;
  return {
    bytes: module.finish(),
    scratchBytes: Math.max(thin?.way.scratchBytes ?? 0, tiled?.scratchBytes ?? 0),
    tiles: (size) => wayAt(size)?.tiles(size) ?? 0,
    tileCost: wayAt(p.hint)?.cost ?? 0,
  };
};

/** Renders kernels with one contraction: batched matrix products with fused prologues and epilogues. */
import type { Kernel } from "../../../kernel/ir.js";
import { argBytes, type Features, type Library, type Rendered } from "../../contract.js";
import { type Func, type Import, Module } from "../encoder.js";
import { Evaluator } from "./evaluate.js";
import { emitFinish } from "./finish.js";
import { leastOuter, libraryFor, libraryWay } from "./library.js";
import { bytesOf } from "./micro.js";
import { emitPack } from "./pack.js";
import { plainWay } from "./plain.js";
import { fewRows, type Plan, planOf, sizeOf } from "./plan.js";
import { type Group, type Product, productOf } from "./product.js";
import { thinRows, thinWay } from "./thin.js";
import { tiledWay } from "./tiled.js";
import { type Ends, pushSize, type Way } from "./way.js";

/** The code of a kernel with exactly one `contract` value and no reductions but sums of what follows it. */
export const renderContract = (kernel: Kernel, features: Features): Rendered =>
  render(productOf(kernel), features);

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
    packColumns: (pitch) =>
      once(`n${pitch}`, () => emitPack(module, p, p.b, p.n, { panel: null, pitch }, evaluator)),
    finish: (pitch) => once(`c${pitch}`, () => emitFinish(module, p, pitch, evaluator)),
  };
};

/** A way for when `side` is at most `most` long. */
interface Choice {
  readonly way: Way;
  readonly side: Group;
  readonly most: number;
}

/** Ways to compute the product: the first choice that fits, else the rest. */
interface Ways {
  readonly choices: readonly Choice[];
  readonly rest: Way;
}

/** From so many bytes of b on, it is read from far away, and few rows are worth a way of their own. */
const farBytes = 1 << 20;

/** From more rows on a library is faster even where b is read from far away. */
const fewestRows = 15;

/** A library's function for this product. */
interface Gemm {
  readonly library: Library;
  readonly gemm: Import;
}

const gemmOf = (module: Module, p: Product, features: Features): Gemm | null => {
  const library = libraryFor(p, features.library);
  if (library === null) return null;
  return { library, gemm: module.import("blas", p.type, new Array<"i32">(11).fill("i32"), []) };
};

const waysOf = (module: Module, p: Product, evaluator: Evaluator, known: Gemm | null): Ways => {
  const { type } = evaluator;
  if (known === null) return ownWays(module, p, evaluator);
  const ends = endsOf(module, p, evaluator);
  const rest = libraryWay(module, p, type, known.library, known.gemm, ends);
  const from = leastOuter(p, known.library);
  if (from === null) return { choices: [], rest };
  const [side, least] = from;
  const own = ownWays(module, p, evaluator);
  const choices = own.choices.map((c) => ({ ...c, most: Math.min(c.most, fewestRows) }));
  return { choices: [...choices, { way: own.rest, side, most: least - 1 }], rest };
};

const ownWays = (module: Module, p: Product, evaluator: Evaluator): Ways => {
  const { type } = evaluator;
  const { relaxed, wide = false } = evaluator.features;
  const plan = (q: Product, few: boolean): Plan => planOf(q, type, few, wide);
  if (p.type !== "f32" && p.type !== "f64") {
    return { choices: [], rest: plainWay(module, p, p.type, evaluator) };
  }
  if (p.sums !== null) {
    const few = !p.m.outer && p.m.size <= fewRows;
    const way = tiledWay(
      module,
      p,
      plan(p, few),
      type,
      { relaxed, wide },
      endsOf(module, p, evaluator),
    );
    return { choices: [], rest: way };
  }
  const thinOf = (q: Product): Choice | null => {
    const ends = endsOf(module, q, evaluator);
    const way = thinWay(module, q, plan(q, true), evaluator, ends);
    return way === null ? null : { way, side: q.m, most: thinRows };
  };
  // A side whose size is an argument counts as long, unless it is asked about.
  const length = (g: Group): number => (g.outer ? Number.POSITIVE_INFINITY : g.size);
  const short = (g: Group): boolean => g.size <= thinRows && p.k.size > 0;
  const [first, second] = length(p.m) <= length(p.n) ? [p, swapped(p)] : [swapped(p), p];
  const thin =
    short(first.m) && !first.m.outer
      ? thinOf(first)
      : short(second.m) && second.m.outer
        ? thinOf(second)
        : null;
  if (thin !== null && !thin.side.outer) return { choices: [], rest: thin.way };
  const ends = endsOf(module, p, evaluator);
  const tiled = (few: boolean): Way =>
    tiledWay(module, p, plan(p, few), type, { relaxed, wide }, ends);
  const choices = thin === null ? [] : [thin];
  if (!p.m.outer) return { choices, rest: tiled(p.m.size <= fewRows) };
  const far = p.k.size * sizeOf(p.n, p.hint) * bytesOf(type) >= farBytes;
  if (far && p.m.size <= fewRows) choices.push({ way: tiled(true), side: p.m, most: fewRows });
  return { choices, rest: tiled(false) };
};

const render = (p: Product, features: Features): Rendered => {
  const type = p.type === "f64" ? "f64" : "f32";
  const module = new Module(features);
  const known = gemmOf(module, p, features);
  const evaluator = new Evaluator(p.kernel, type, features, (fn, arity) =>
    module.import("m", fn, new Array<"f64">(arity).fill("f64"), ["f64"]),
  );
  const { choices, rest } = waysOf(module, p, evaluator, known);
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
  for (const { way, side, most } of choices) {
    pushSize(f, side, outer);
    f.i32(most).op("i32.le_s");
    f.if(() => {
      all(way);
      f.return();
    });
  }
  all(rest);
  module.export("k", f);
  const wayAt = (size: number): Way =>
    choices.find(({ side, most }) => sizeOf(side, size) <= most)?.way ?? rest;
  return {
    code: module,
    scratchBytes: Math.max(rest.scratchBytes, ...choices.map(({ way }) => way.scratchBytes)),
    tiles: (size) => wayAt(size).tiles(size),
    tileCost: wayAt(p.hint).cost,
  };
};

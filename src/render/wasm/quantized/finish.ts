/** What happens before and after the products of blocks: x in the order of decoded numbers, results in that of memory. */
import type { QuantizedSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import { panelColumns, panelLine } from "../attention/pack.js";
import { transpose } from "../contract/pack.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Frame } from "../routines/frame.js";
import { loadGather, loadVector, storeScalar, storeVector } from "../storage.js";
import { Chunks, codesOf, eachChunk, orderOf } from "./chunk.js";

/** For each number of a chunk the place at which decoding leaves it. */
export const placesOf = (s: QuantizedSizes): readonly number[] => {
  const codes = codesOf(s.format);
  const places: number[] = [];
  orderOf(s.format).forEach((code, j) => {
    for (let lane = 0; lane < 4; lane++) places[lane * codes + code] = 4 * j + lane;
  });
  return places;
};

/**
 * A function (from, to, rows): a panel of up to eight rows of x, a line for each number in the order of decoded chunks. What
 * is missing repeats the last row.
 */
export const emitSpread = (module: Module, features: Features, s: QuantizedSizes): Func => {
  const func = module.func(["i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [from = 0, to = 0, rows = 0] = [0, 1, 2].map((i) => code.param(i));
  const { dtype, depth } = s;
  const places = placesOf(s);
  const last = f.sub(rows, f.constant(1));
  const sources = Array.from({ length: panelColumns }, (_, i) =>
    f.at(from, f.min(f.constant(i), last), depth * dtype.size),
  );
  for (const source of sources) code.pin(source);
  code.loop(f.constant(0), f.constant(depth), places.length, (d) => {
    const chunk = f.at(to, d, panelLine);
    const four4 = (i: Ref, at: readonly number[], base: Ref): void => {
      for (const half of [0, 4]) {
        const loaded = sources
          .slice(half, half + 4)
          .map((source) => loadVector(four, dtype, f.at(source, i, dtype.size), 0, true));
        transpose(code, loaded).forEach((v, n) => {
          code.store("v128.store", base, v, (at[n] ?? 0) * panelLine + 4 * half);
        });
      }
    };
    for (let i = 0; i < places.length; i += 4)
      four4(f.add(d, f.constant(i)), places.slice(i, i + 4), chunk);
  });
  code.finish();
  return func;
};

/** A function (c, out, columns, rows): rows of c are columns of the result. */
export const emitColumns = (
  module: Module,
  features: Features,
  s: QuantizedSizes,
  pitch: number,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const [c = 0, out = 0, columns = 0, rows = 0] = [0, 1, 2, 3].map((i) => code.param(i));
  const { dtype } = s;
  const whole = code.op("i32.and", columns, f.constant(-4));
  code.loop(f.constant(0), rows, 1, (m) => {
    const from = f.at(c, m, 4);
    const to = f.at(out, m, s.columns * dtype.size);
    code.loop(f.constant(0), whole, 4, (n) => {
      const at = f.at(from, n, pitch);
      let v = code.load("v128.load32_zero", at, 0, true);
      for (let i = 1; i < 4; i++) v = code.lane("v128.load32_lane", [i * pitch, i], at, v);
      storeVector(four, dtype, v).all(f.at(to, n, dtype.size), 0);
    });
    code.loop(whole, columns, 1, (n) => {
      const v = code.load("f32.load", f.at(from, n, pitch), 0, true);
      storeScalar(one, dtype, f.at(to, n, dtype.size), v);
    });
  });
  code.finish();
  return func;
};

/** A function (c, out, rows, chunks): rows of c whose columns are in the order of decoded chunks. */
export const emitScatter = (
  module: Module,
  features: Features,
  s: QuantizedSizes,
  pitch: number,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [c = 0, out = 0, rows = 0, chunks = 0] = [0, 1, 2, 3].map((i) => code.param(i));
  const { dtype } = s;
  const codes = codesOf(s.format);
  code.loop(f.constant(0), rows, 1, (m) => {
    const from = f.at(c, m, pitch);
    const to = f.at(out, m, s.columns * dtype.size);
    code.loop(f.constant(0), chunks, 1, (q) => {
      const source = f.at(from, q, 16 * codes);
      const target = f.at(to, q, 4 * codes * dtype.size);
      orderOf(s.format).forEach((place, j) => {
        const v = code.load("v128.load", source, 16 * j, true);
        const store = storeVector(four, dtype, v);
        for (let lane = 0; lane < 4; lane++)
          store.lane(target, (lane * codes + place) * dtype.size, lane);
      });
    });
  });
  code.finish();
  return func;
};

/** How a product by codes wants x: cut out by so many masks, with sums over groups, rows of which lie so far apart. */
export interface ForCodes {
  readonly masks: number;
  readonly sums: number;
}

/**
 * A function (from, to, rows) or, for codes, (from, to, rows, sums): rows of x in the order of decoded chunks; for codes
 * freed of what these are multiples of.
 */
export const emitOrder = (
  module: Module,
  features: Features,
  s: QuantizedSizes,
  forCodes: ForCodes | null,
): Func => {
  const func = module.func(["i32", "i32", "i32", ...(forCodes === null ? [] : ["i32" as const])]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [from = 0, to = 0, rows = 0] = [0, 1, 2].map((i) => code.param(i));
  const l = four.narrow;
  const { dtype, depth, format } = s;
  const chunks = new Chunks(f, format, features, forCodes?.masks);
  const { codes, elements, perGroup } = chunks;
  code.loop(f.constant(0), rows, 1, (r) => {
    const source = f.at(from, r, depth * dtype.size);
    const target = f.at(to, r, 4 * depth);
    code.loop(f.constant(0), f.constant(depth / format.groupSize), 1, (g) => {
      const sum = forCodes === null ? null : code.variable(l.constant(0));
      const own = f.at(source, g, format.groupSize * dtype.size);
      const into = f.at(target, g, format.groupSize * 4);
      eachChunk(f, perGroup, (q, by) => {
        const address = by(own, elements * dtype.size);
        const put = by(into, elements * 4);
        chunks.order.forEach((place, j) => {
          const places = [0, 1, 2, 3].map((lane) => ({
            address,
            offset: (q * elements + lane * codes + place) * dtype.size,
          }));
          const v = loadGather(four, dtype, places);
          if (sum !== null) code.set(sum, l.add(code.get(sum), v));
          const plain = forCodes === null || chunks.factors(j, -1).every((x) => x === 1);
          const scaled = plain ? v : l.mul(v, chunks.factor(j, -1));
          code.store("v128.store", put, scaled, 4 * (q * elements + 4 * j));
        });
      });
      if (sum === null || forCodes === null) return;
      const sums = f.at(code.param(3), r, forCodes.sums);
      code.store("v128.store", f.at(sums, g, 16), code.get(sum));
    });
  });
  code.finish();
  return func;
};

/** A function (c, out, rows, columns): rows of c in the dtype of the result. */
export const emitStoreRows = (
  module: Module,
  features: Features,
  s: QuantizedSizes,
  pitch: number,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const [c = 0, out = 0, rows = 0, columns = 0] = [0, 1, 2, 3].map((i) => code.param(i));
  const { dtype } = s;
  const whole = code.op("i32.and", columns, f.constant(-4));
  code.loop(f.constant(0), rows, 1, (m) => {
    const from = f.at(c, m, pitch);
    const to = f.at(out, m, s.columns * dtype.size);
    code.loop(f.constant(0), whole, 4, (n) => {
      const v = code.load("v128.load", f.at(from, n, 4), 0, true);
      storeVector(four, dtype, v).all(f.at(to, n, dtype.size), 0);
    });
    code.loop(whole, columns, 1, (n) => {
      const v = code.load("f32.load", f.at(from, n, 4), 0, true);
      storeScalar(one, dtype, f.at(to, n, dtype.size), v);
    });
  });
  code.finish();
  return func;
};

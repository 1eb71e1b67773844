/** Products with hardly any rows, such as matrix times vector: b is read once, where it lies, along its own lines. */
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { coordsOf, plainOf, pushBase } from "./address.js";
import type { Evaluator } from "./evaluate.js";
import { bytesOf, lanesOf } from "./micro.js";
import { contiguous, lineAxis } from "./pack.js";
import { type Plan, sizeOf } from "./plan.js";
import type { Product } from "./product.js";
import { type Ends, pushBlocks, pushSize, setAtMost, type Way } from "./way.js";

/** The most rows that count as hardly any. */
export const thinRows = 4;
/** Elements of b in one tile: many where long lines of b are what makes it fast. */
const tileElements = { k: 1 << 20, n: 1 << 22 } as const;

/** Along k, b is met by dot products; along n, by sums of its rows. */
type Direction = "k" | "n";

const directionOf = (p: Product, evaluator: Evaluator): readonly [Direction, number] | null => {
  const lanes = lanesOf(evaluator.type);
  const score = (axis: number | null): number =>
    axis !== null && evaluator.vectors([p.b], axis, null, true)
      ? contiguous(p.kernel, p.b, axis)
      : -1;
  const [k, n] = [lineAxis(p, p.k, lanes), lineAxis(p, p.n, lanes)];
  if (k !== null && p.k.size >= 8 && score(k) > 0 && score(k) >= score(n)) return ["k", k];
  if (n !== null && (p.n.outer || p.n.size >= 32) && p.k.size >= 4 && score(n) > 0) return ["n", n];
  return null;
};

interface Shape {
  /** Rows done together. */
  readonly rows: number;
  /** Bytes between rows of a and between its neighbours along k; between rows of c. */
  readonly aRow: number;
  readonly aStep: number;
  readonly cRow: number;
}

/** A function (args, a, c, batch, n, columns, k, depth, fresh): c (+)= a · b. */
const emitSums = (module: Module, p: Product, axis: number, s: Shape, e: Evaluator): Func => {
  const func = module.func(new Array<"i32">(9).fill("i32"));
  const body = e.body(func);
  const { code } = body;
  const { type } = e;
  const [bytes, lanes] = [bytesOf(type), lanesOf(type)];
  const [a = 0, c = 0, batch = 0, n0 = 0, columns = 0, k0 = 0, depth = 0, fresh = 0] = [
    1, 2, 3, 4, 5, 6, 7, 8,
  ].map((i) => code.param(i));
  const at = (base: Ref, by: Ref, size: number): Ref =>
    code.op("i32.add", base, code.op("i32.mul", by, code.i32(size)));
  const fixed = coordsOf(code, p, p.batch, batch);
  const zero = code.i32(0);
  const whole = code.op("i32.and", columns, code.i32(-lanes));
  const rows = Array.from({ length: s.rows }, (_, i) => i);
  const shape = type === "f32" ? "f32x4" : "f64x2";
  const splat = type === "f32" ? "v128.load32_splat" : "v128.load64_splat";

  code.if(fresh, () => {
    const nothing = type === "f32" ? code.f32(0) : code.f64(0);
    code.loop(zero, columns, 1, (i) => {
      for (const r of rows) code.store(`${type}.store`, at(c, i, bytes), nothing, r * s.cRow);
    });
  });
  /** Adds `unroll` rows of b, from k on. */
  const some = (k: Ref, unroll: number): void => {
    const steps = Array.from({ length: unroll }, (_, u) => u);
    const line = (i: Ref, along: number | null): void => {
      const [load, store, prefix] =
        along === null
          ? [`${type}.load`, `${type}.store`, type]
          : ["v128.load", "v128.store", shape];
      const factor = along === null ? `${type}.load` : splat;
      const across = coordsOf(code, p, p.n, code.op("i32.add", n0, i));
      const bs = steps.map((u) => {
        const step = u === 0 ? k : code.op("i32.add", k, code.i32(u));
        const down = coordsOf(code, p, p.k, code.op("i32.add", k0, step));
        return body.at([...fixed, ...down, ...across], along).value(p.b);
      });
      const to = at(c, i, bytes);
      for (const r of rows) {
        let sum = code.load(load, to, r * s.cRow, true);
        bs.forEach((b, u) => {
          const f = code.load(factor, at(a, k, s.aStep), r * s.aRow + u * s.aStep);
          sum = code.op(`${prefix}.add`, sum, code.op(`${prefix}.mul`, f, b));
        });
        code.store(store, to, sum, r * s.cRow);
      }
    };
    code.loop(zero, whole, lanes, (i) => line(i, axis));
    code.loop(whole, columns, 1, (i) => line(i, null));
  };
  const unroll = s.rows === 1 ? 8 : s.rows === 2 ? 4 : 2;
  const full = code.op("i32.and", depth, code.i32(-unroll));
  code.loop(zero, full, unroll, (k) => some(k, unroll));
  code.loop(full, depth, 1, (k) => some(k, 1));
  code.finish();
  return func;
};

/** The same by dot products along k. */
const emitDots = (module: Module, p: Product, axis: number, s: Shape, e: Evaluator): Func => {
  const func = module.func(new Array<"i32">(9).fill("i32"));
  const body = e.body(func);
  const { code } = body;
  const { type } = e;
  const [bytes, lanes] = [bytesOf(type), lanesOf(type)];
  const [a = 0, c = 0, batch = 0, n0 = 0, columns = 0, k0 = 0, depth = 0, fresh = 0] = [
    1, 2, 3, 4, 5, 6, 7, 8,
  ].map((i) => code.param(i));
  const at = (base: Ref, by: Ref, size: number): Ref =>
    code.op("i32.add", base, code.op("i32.mul", by, code.i32(size)));
  const fixed = coordsOf(code, p, p.batch, batch);
  const zero = code.i32(0);
  const shape = type === "f32" ? "f32x4" : "f64x2";
  const whole = code.op("i32.and", depth, code.i32(-lanes));
  const nothing = code.v128(new Uint8Array(16));
  const none = type === "f32" ? code.f32(0) : code.f64(0);

  /** Dot products of all rows with `count` columns from j on. */
  const some = (j: Ref, count: number): void => {
    const pairs = Array.from({ length: s.rows * count }, (_, i) => ({
      r: Math.floor(i / count),
      u: i % count,
    }));
    const columnsAt = Array.from({ length: count }, (_, u) =>
      coordsOf(
        code,
        p,
        p.n,
        code.op("i32.add", n0, u === 0 ? j : code.op("i32.add", j, code.i32(u))),
      ),
    );
    const sweep = (
      k: Ref,
      along: number | null,
      sums: readonly { local: number; type: "f32" | "f64" | "v128" | "i32" | "i64" }[],
    ): void => {
      const [load, prefix] = along === null ? [`${type}.load`, type] : ["v128.load", shape];
      const down = coordsOf(code, p, p.k, code.op("i32.add", k0, k));
      const bs = columnsAt.map((across) =>
        body.at([...fixed, ...down, ...across], along).value(p.b),
      );
      pairs.forEach(({ r, u }, i) => {
        const sum = sums[i];
        if (sum === undefined) return;
        const f = code.load(load, at(a, k, bytes), r * s.aRow);
        const product = code.op(`${prefix}.mul`, f, bs[u] ?? 0);
        code.set(sum, code.op(`${prefix}.add`, code.get(sum), product));
      });
    };
    const vectors = pairs.map(() => code.variable(nothing));
    code.loop(zero, whole, lanes, (k) => sweep(k, axis, vectors));
    const rest = pairs.map(() => code.variable(none));
    code.loop(whole, depth, 1, (k) => sweep(k, null, rest));
    const to = at(c, j, bytes);
    pairs.forEach(({ r, u }, i) => {
      const [vector, scalar] = [vectors[i], rest[i]];
      if (vector === undefined || scalar === undefined) return;
      const v = code.get(vector);
      let sum = code.get(scalar);
      for (let lane = 0; lane < lanes; lane++) {
        sum = code.op(`${type}.add`, sum, code.lane(`${shape}.extract_lane`, [lane], v));
      }
      const before = code.load(`${type}.load`, to, r * s.cRow + u * bytes, true);
      const old = code.select(fresh, none, before);
      code.store(`${type}.store`, to, code.op(`${type}.add`, old, sum), r * s.cRow + u * bytes);
    });
  };
  const count = s.rows <= 2 ? 4 : 1;
  const full = code.op("i32.and", columns, code.i32(-count));
  code.loop(zero, full, count, (j) => some(j, count));
  if (count > 1) code.loop(full, columns, 1, (j) => some(j, 1));
  code.finish();
  return func;
};

/** The product with m as the short side, or null where b has no lines to be read along. */
export const thinWay = (
  module: Module,
  p: Product,
  plan: Plan,
  evaluator: Evaluator,
  ends: Ends,
): Way | null => {
  const found = directionOf(p, evaluator);
  if (found === null) return null;
  const [direction, axis] = found;
  const { type } = evaluator;
  const bytes = bytesOf(type);
  const k = p.k.size;
  const plain = plainOf(p, p.a, p.m);
  const direct = plain !== null && (direction === "n" || plain.along === 1) ? plain : null;
  const most = Math.min(1024, Math.max(64, Math.ceil(tileElements[direction] / k / 16) * 16));
  const columns = p.n.outer ? most : Math.min(most, Math.ceil(p.n.size / 4) * 4);
  const per = k * Math.min(columns, sizeOf(p.n, p.hint));
  const batches = Math.max(1, Math.floor(tileElements.k / 8 / Math.max(1, per)));
  const depth = direct === null ? plan.depth : k;
  const cRow = columns * bytes + 64;
  const shape: Shape = {
    rows: p.m.outer ? 1 : p.m.size,
    aRow: direct === null ? plan.aRow : direct.across * bytes,
    aStep: direct === null ? bytes : direct.along * bytes,
    cRow,
  };
  const pack = direct === null ? ends.packA(plan.aRow) : null;
  const finish = ends.finish(cRow);
  const core = (direction === "n" ? emitSums : emitDots)(module, p, axis, shape, evaluator);
  const aBytes = direct === null ? thinRows * plan.aRow : 0;

  const f = module.func(["i32", "i32", "i32", "i32"]);
  const [args, t, scratch] = [0, 1, 2];
  const locals = Array.from({ length: 11 }, () => f.local("i32"));
  const [outer = 0, batch = 0, batchEnd = 0, n = 0, wide = 0, rows = 0] = locals;
  const [r = 0, k0 = 0, deep = 0, pa = 0, pc = 0] = locals.slice(6);
  f.get(args).op("i32.load", 0).set(outer);
  pushSize(f, p.m, outer);
  f.set(rows);
  f.get(t);
  pushBlocks(f, p.n, columns, outer);
  f.op("i32.rem_u").i32(columns).op("i32.mul").set(n);
  f.get(t);
  pushBlocks(f, p.n, columns, outer);
  f.op("i32.div_u").i32(batches).op("i32.mul").tee(batch).i32(batches).op("i32.add").set(batchEnd);
  pushSize(f, p.n, outer);
  f.get(n).op("i32.sub");
  setAtMost(f, wide, columns);
  pushSize(f, p.batch, outer);
  f.get(batchEnd);
  pushSize(f, p.batch, outer);
  f.get(batchEnd).op("i32.lt_s").select("i32").set(batchEnd);
  f.get(scratch).i32(aBytes).op("i32.add").set(pc);
  f.loop((nextBatch) => {
    f.i32(0).set(k0);
    f.loop((nextK) => {
      f.i32(k).get(k0).op("i32.sub");
      setAtMost(f, deep, depth);
      if (pack !== null) {
        f.get(args).get(scratch).get(batch).i32(0).get(rows).get(k0).get(deep).call(pack);
        f.get(scratch).set(pa);
      } else if (direct !== null) {
        pushBase(f, p, direct, args, batch);
        f.set(pa);
      }
      f.i32(0).set(r);
      f.loop((nextRow) => {
        f.get(args).get(pa).get(r).i32(shape.aRow).op("i32.mul").op("i32.add");
        f.get(pc).get(r).i32(cRow).op("i32.mul").op("i32.add");
        f.get(batch).get(n).get(wide).get(k0).get(deep).get(k0).op("i32.eqz").call(core);
        f.get(r).i32(shape.rows).op("i32.add").tee(r).get(rows).op("i32.lt_s").brIf(nextRow);
      });
      f.get(k0).i32(depth).op("i32.add").tee(k0).i32(k).op("i32.lt_s").brIf(nextK);
    });
    f.get(args).get(pc).get(batch).i32(0).get(rows).get(n).get(wide).call(finish);
    f.get(batch).i32(1).op("i32.add").tee(batch).get(batchEnd).op("i32.lt_s").brIf(nextBatch);
  });
  return {
    tile: f,
    scratchBytes: aBytes + thinRows * cRow,
    cost: per * batches * 0.15,
    tiles: (size) =>
      sizeOf(p.m, size) === 0
        ? 0
        : Math.ceil(sizeOf(p.n, size) / columns) * Math.ceil(sizeOf(p.batch, size) / batches),
    pushAgain: (g) => {
      g.i32(0);
    },
  };
};

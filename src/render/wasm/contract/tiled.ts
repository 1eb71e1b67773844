/** Blocked matrix products: packs operands where they need it, sweeps register tiles, finishes rows by the epilogue. */
import type { Func, Module } from "../encoder.js";
import { type Plain, plainOf, plainResult, pushBase } from "./address.js";
import { bytesOf, emitMicro, type MicroShape, panelVectors, rowCounts, rowTile } from "./micro.js";
import { contiguous } from "./pack.js";
import { type Plan, sizeOf } from "./plan.js";
import type { Product } from "./product.js";
import { cut, type Ends, pushBlocks, pushSize, setAtMost, type Way } from "./way.js";

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

const smallB = 32 << 10;
/** Bytes of packed a when more than a few rows are packed at a time. */
const wideA = 256 << 10;

/** Whether b is better read in place: it fits the L1 cache, or hardly any rows share it. */
const readB = (p: Product, plain: Plain, bytes: number, few: boolean): boolean => {
  if (plain.across !== 1) return false;
  const size = p.k.size * Math.max(1, sizeOf(p.n, p.hint)) * bytes;
  return plain.along * p.k.size * bytes <= smallB || (few && size <= 4 * smallB);
};

/** Whether a is better read in place: along k, or across rows when these lie close. */
const readA = (plain: Plain, bytes: number, depth: number): boolean =>
  plain.along === 1 || (plain.across === 1 && plain.along * depth * bytes <= 2 * smallB);

/** Where sums are stored as they are, in whole panels or halves, tiles write to their place; null where rows are finished in scratch. */
const directResult = (p: Product, plan: Plan): Plain | null => {
  const result = plainResult(p);
  const whole = !p.n.outer && p.n.size % plan.panel;
  return result?.along === 1 && (whole === 0 || whole === plan.panel / 2) ? result : null;
};

/** The sizes of the units that `rows` rows are worked on in: all alike, with what is left over in the last. */
const lastUnit = (rows: number, unit: number): readonly number[] =>
  rows < 2 * unit ? [rows] : [unit, unit + (rows % unit)];

/** A function (a, b, c, rows, k, columns, fresh): all register tiles of some rows by a block of columns. */
const emitSweep = (
  module: Module,
  p: Product,
  plan: Plan,
  shape: Omit<MicroShape, "rows" | "vectors">,
): Func => {
  const half = plan.panel / 2;
  const lastRows = p.m.size % plan.rows;
  const rows = p.m.outer
    ? [1, 2, 3, 4, 5]
    : [...new Set([plan.rows, lastRows].flatMap((r) => lastUnit(r, plan.unit)).flatMap(rowCounts))];
  const rest = p.n.size % plan.panel;
  const whole = p.n.outer || p.n.size > half;
  const narrow = p.n.outer || (rest > 0 && rest <= half);
  const vectors = panelVectors(shape.wide);
  const micros = rows.map((r) => ({
    r,
    whole: whole ? emitMicro(module, { ...shape, rows: r, vectors }) : null,
    narrow: narrow ? emitMicro(module, { ...shape, rows: r, vectors: vectors / 2 }) : null,
  }));
  const f = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const [a, b, c, left, k, columns, fresh] = [0, 1, 2, 3, 4, 5, 6];
  const [panels, take] = [f.local("i32"), f.local("i32")];
  f.get(columns)
    .i32(half - 1)
    .op("i32.add")
    .i32(plan.panel)
    .op("i32.div_u")
    .set(panels);
  const pushTail = (): void => {
    f.get(panels).i32(plan.panel).op("i32.mul").get(columns).op("i32.lt_s");
  };
  f.loop((again) => {
    f.get(left)
      .i32(rowTile)
      .op("i32.rem_u")
      .if(
        () => setAtMost(f.get(left), take, rowTile - 1),
        () => f.i32(rowTile).set(take),
      );
    for (const { r, whole: all, narrow: part } of micros) {
      f.get(take)
        .i32(r)
        .op("i32.eq")
        .if(() => {
          if (all !== null) {
            f.get(panels).if(() => {
              f.get(a).get(b).get(c).get(k).get(panels).get(fresh).call(all);
            });
          }
          if (part === null) return;
          pushTail();
          f.if(() => {
            f.get(a);
            f.get(b).get(panels).i32(shape.bPanel).op("i32.mul").op("i32.add");
            f.get(c)
              .get(panels)
              .i32(16 * vectors)
              .op("i32.mul")
              .op("i32.add");
            f.get(k).i32(1).get(fresh).call(part);
          });
        });
    }
    f.get(a).get(take).i32(shape.aRow).op("i32.mul").op("i32.add").set(a);
    f.get(c).get(take).i32(shape.cRow).op("i32.mul").op("i32.add").set(c);
    f.get(left).get(take).op("i32.sub").tee(left).brIf(again);
  });
  return f;
};

/** Whether a lies along m: its lines are then read as far as possible before they are left for the next. */
const acrossLines = (p: Product): boolean => {
  const score = (axis: number | undefined): number =>
    axis === undefined ? 0 : contiguous(p.kernel, p.a, axis);
  return score(p.m.axes.at(-1)) > score(p.k.axes.at(-1));
};

const wideUnit = ({ aRow, unit, rows }: Plan): number =>
  Math.max(unit, Math.min(Math.ceil(rows / unit), Math.floor(wideA / aRow / unit)) * unit);

/** The product by blocks. `ends` renders packing and epilogue. */
export const tiledWay = (
  module: Module,
  p: Product,
  given: Plan,
  type: "f32" | "f64",
  code: Pick<MicroShape, "relaxed" | "wide">,
  ends: Ends,
): Way => {
  const bytes = bytesOf(type);
  const plan = acrossLines(p) ? { ...given, unit: wideUnit(given) } : given;
  const a = plainOf(p, p.a, p.m);
  const b = plainOf(p, p.b, p.n);
  const inA = a !== null && readA(a, bytes, plan.depth) ? a : null;
  const inB = b !== null && readB(p, b, bytes, plan.few) ? b : null;
  const some = plan.steps > 0;
  const packA = inA === null && some ? ends.packA(plan.aRow) : null;
  const packB = inB === null && some ? ends.packB(plan.panel, plan.bPanel) : null;
  const inC = some ? directResult(p, plan) : null;
  const finish = inC === null ? ends.finish(plan.cRow) : null;
  const cRow = inC === null ? plan.cRow : inC.across * bytes;
  const shape = {
    type,
    ...code,
    aRow: inA === null ? plan.aRow : inA.across * bytes,
    aStep: inA === null ? bytes : inA.along * bytes,
    bStep: inB === null ? plan.panel * bytes : inB.along * bytes,
    bPanel: inB === null ? plan.bPanel : plan.panel * bytes,
    cRow,
  };
  const sweep = some ? emitSweep(module, p, plan, shape) : null;
  const bBytes = packB === null ? 0 : plan.bBlock * (plan.keepB ? plan.steps : 1);
  const unitMost = Math.min(2 * plan.unit - 1, plan.rows);
  const aBytes = packA === null ? 0 : unitMost * plan.aRow;
  const cRows = inC !== null ? 0 : plan.steps > 1 ? plan.rows : unitMost;
  const keeps = packB !== null && plan.keepB && plan.batches === 1;

  const f = module.func(["i32", "i32", "i32", "i32"]);
  const [args, t, scratch, again] = [0, 1, 2, 3];
  const local = (): number => f.local("i32");
  const [outer, batch, batchEnd, m, n, rows, columns] = [
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
  ];
  const [k, depth, r, unit, pa, pb, pc] = [
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
  ];
  f.get(args).op("i32.load", 0).set(outer);
  cut(f, p.m, plan.rows, { t, outer, start: m, extent: rows });
  cut(f, p.n, plan.columns, { t, outer, start: n, extent: columns });
  f.get(t).i32(plan.batches).op("i32.mul").tee(batch).i32(plan.batches).op("i32.add").set(batchEnd);
  pushSize(f, p.batch, outer);
  f.get(batchEnd);
  pushSize(f, p.batch, outer);
  f.get(batchEnd).op("i32.lt_s").select("i32").set(batchEnd);

  const sweepUnits = (last: () => void): void => {
    f.i32(0).set(r);
    f.loop((next) => {
      f.get(rows)
        .get(r)
        .op("i32.sub")
        .tee(unit)
        .i32(2 * plan.unit)
        .op("i32.ge_s");
      f.if(() => f.i32(plan.unit).set(unit));
      if (inC !== null) {
        pushBase(f, p, inC, args, batch);
        f.get(m).get(r).op("i32.add").i32(cRow).op("i32.mul").op("i32.add");
        f.get(n).i32(bytes).op("i32.mul").op("i32.add").set(pc);
      } else {
        f.get(scratch);
        if (plan.steps > 1) f.get(r).i32(cRow).op("i32.mul").op("i32.add");
        f.i32(bBytes + aBytes)
          .op("i32.add")
          .set(pc);
      }
      if (sweep !== null) {
        if (inA !== null) {
          pushBase(f, p, inA, args, batch);
          f.get(m)
            .get(r)
            .op("i32.add")
            .i32(inA.across * bytes)
            .op("i32.mul")
            .op("i32.add");
          f.get(k)
            .i32(inA.along * bytes)
            .op("i32.mul")
            .op("i32.add")
            .set(pa);
        } else {
          f.get(scratch).i32(bBytes).op("i32.add").set(pa);
          f.get(args).get(pa).get(batch).get(m).get(r).op("i32.add").get(unit).get(k).get(depth);
          if (packA !== null) f.call(packA);
        }
        f.get(pa).get(pb).get(pc).get(unit).get(depth).get(columns);
        f.get(k).op("i32.eqz").call(sweep);
      }
      last();
      f.get(r).get(unit).op("i32.add").tee(r).get(rows).op("i32.lt_s").brIf(next);
    });
  };
  const finishUnit = (): void => {
    if (finish === null) return;
    f.get(args).get(pc).get(batch).get(m).get(r).op("i32.add").get(unit).get(n).get(columns);
    f.call(finish);
  };
  f.block((done) => {
    f.get(batch).get(batchEnd).op("i32.ge_s").brIf(done);
    f.loop((nextBatch) => {
      if (plan.steps === 0) {
        f.get(scratch)
          .i32(0)
          .i32(unitMost * plan.cRow)
          .fill();
        sweepUnits(finishUnit);
      } else {
        f.i32(0).set(k);
        f.loop((nextK) => {
          f.i32(p.k.size).get(k).op("i32.sub");
          setAtMost(f, depth, plan.depth);
          if (inB !== null) {
            pushBase(f, p, inB, args, batch);
            f.get(n).i32(bytes).op("i32.mul").op("i32.add");
            f.get(k)
              .i32(inB.along * bytes)
              .op("i32.mul")
              .op("i32.add")
              .set(pb);
          } else {
            f.get(scratch);
            if (plan.keepB && plan.steps > 1) {
              f.get(k).i32(plan.depth).op("i32.div_u").i32(plan.bBlock).op("i32.mul").op("i32.add");
            }
            f.set(pb);
            const pack = (): void => {
              f.get(args).get(pb).get(batch).get(n).get(columns).get(k).get(depth);
              if (packB !== null) f.call(packB);
            };
            if (keeps) f.get(again).op("i32.eqz").if(pack);
            else pack();
          }
          sweepUnits(() => {
            if (plan.steps === 1) finishUnit();
            else if (finish !== null) {
              f.get(k).get(depth).op("i32.add").i32(p.k.size).op("i32.eq").if(finishUnit);
            }
          });
          f.get(k).i32(plan.depth).op("i32.add").tee(k).i32(p.k.size).op("i32.lt_s").brIf(nextK);
        });
      }
      f.get(batch).i32(1).op("i32.add").tee(batch).get(batchEnd).op("i32.lt_s").brIf(nextBatch);
    });
  });

  return {
    tile: f,
    scratchBytes: bBytes + aBytes + cRows * plan.cRow,
    cost: plan.cost,
    tiles: (outerSize) =>
      ceilDiv(sizeOf(p.m, outerSize), plan.rows) *
      ceilDiv(sizeOf(p.n, outerSize), plan.columns) *
      ceilDiv(sizeOf(p.batch, outerSize), plan.batches),
    pushAgain: (g, tile, outerLocal) => {
      if (!keeps) {
        g.i32(0);
        return;
      }
      g.get(tile);
      pushBlocks(g, p.m, plan.rows, outerLocal);
      g.op("i32.rem_u").i32(0).op("i32.ne");
    },
  };
};

/** Random legal kernels: rendered and interpreted results are the same, exactly, on numbers that sums keep exact. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DType } from "../../src/core/dtype.js";
import * as d from "../../src/core/dtype.js";
import type { ComputeType, ScalarOp } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { domainsOf } from "../../src/kernel/domains.js";
import type { Guard, Ix, ValId } from "../../src/kernel/ir.js";
import { slabRows } from "../../src/kernel/ir.js";
import { affine, agree, Builder, random, tried } from "./harness.js";

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 50];
const families: readonly (readonly DType[])[] = [
  [d.float32, d.float16, d.bfloat16],
  [d.int32, d.int8, d.int16],
  [d.uint32, d.uint8, d.uint16],
  [d.float64],
  [d.int64],
  [d.uint64],
];
const wide: { readonly [T in ComputeType]: DType } = {
  bool: d.bool,
  i32: d.int32,
  u32: d.uint32,
  i64: d.int64,
  u64: d.uint64,
  f32: d.float32,
  f64: d.float64,
};

class Maker {
  readonly next: () => number;
  readonly sizes: number[] = [];
  readonly b: Builder;
  readonly lengths: number[];
  readonly storages: readonly DType[];
  readonly type: ComputeType;
  readonly grid: readonly number[];
  readonly rows: readonly number[];

  constructor(seed: number) {
    this.next = random(seed);
    const grid = 1 + this.int(3);
    const rows = this.int(3);
    let points = 1;
    this.lengths = Array.from({ length: grid + rows }, () => {
      const fitting = lengths.filter((n) => n * points <= 5000);
      const n = this.pick(fitting);
      points *= n;
      return n;
    });
    this.grid = Array.from({ length: grid }, (_, i) => i);
    this.rows = Array.from({ length: rows }, (_, i) => grid + i);
    this.b = new Builder(
      ...this.lengths.map((n, i) => [i < grid ? "grid" : "row", i === 0 ? 0 : n] as const),
    );
    this.storages = this.pick(families);
    this.type = computeTypeOf(this.storages[0] ?? d.float32);
  }

  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.int(list.length)];
    if (item === undefined) throw new RangeError("nothing to pick");
    return item;
  }

  /** An address that visits the axes in any order, with room for `scale` elements between; and the elements it needs. */
  address(axes: readonly number[], scale = 1): { readonly ix: Ix; readonly size: number } {
    const order = [...axes].sort(() => this.next() - 0.5);
    let stride = scale;
    let off = 0;
    const terms: [number, number][] = [];
    for (const a of this.next() < 0.6 ? [...axes].reverse() : order) {
      const n = this.lengths[a] ?? 1;
      const back = this.next() < 0.15;
      // The first axis has no size of its own that an offset could depend on.
      if (back && a !== 0) off += stride * (n - 1);
      terms.push([a, back && a !== 0 ? -stride : stride]);
      stride *= n;
    }
    return { ix: affine(off, ...terms.sort((x, y) => x[0] - y[0])), size: stride };
  }

  subset(axes: readonly number[]): number[] {
    return axes.filter(() => this.next() < 0.75);
  }

  load(axes: readonly number[]): ValId {
    const { ix, size } = this.address(this.subset(axes), this.next() < 0.2 ? 2 : 1);
    const guards: Guard[] = [];
    if (this.next() < 0.25 && axes.length > 0) {
      const a = this.pick(axes);
      const n = this.lengths[a] ?? 1;
      const lo = this.int(n);
      guards.push({ ix: affine(0, [a, 1]), lo, hi: lo + 1 + this.int(n) });
    }
    const buf = this.b.buf(this.pick(this.storages));
    this.sizes[buf] = size;
    return this.b.loadFrom(buf, ix, guards, this.int(5));
  }

  quotient(axes: readonly number[]): ValId {
    const { ix } = this.address(axes);
    const by = this.pick([2, 3, 4, 5, 8]);
    const k = this.next() < 0.5 ? ("div" as const) : ("mod" as const);
    const at = this.b.val({
      op: "coord",
      dtype: "i32",
      ix: { k: "mod", of: { k, of: ix, by, stride: 1 }, by: 7, stride: 1 },
    });
    return this.b.op("cast", this.type, at);
  }

  gather(axes: readonly number[]): ValId {
    const index = this.b.buf(this.pick([d.int32, d.int8]));
    const { ix, size } = this.address(this.subset(axes));
    this.sizes[index] = size;
    const table = this.b.buf(this.pick(this.storages));
    const at = this.b.val({
      op: "index",
      dtype: "i32",
      in: this.b.loadFrom(index, ix),
      size: 7,
      code: 3,
    });
    // Half of them go on from the computed row, along axes on which the row may change as well.
    if (this.next() < 0.5) {
      this.sizes[table] = 14;
      return this.b.loadFrom(table, { k: "value", of: at, stride: 2 });
    }
    const within = this.address(this.subset(axes));
    this.sizes[table] = 7 * within.size;
    const row: Ix = { k: "value", of: at, stride: within.size };
    return this.b.loadFrom(table, { k: "sum", of: [within.ix, row] });
  }

  expression(axes: readonly number[], leaves: readonly ValId[]): ValId {
    const t = this.type;
    const have = [...leaves, this.load(axes)];
    if (this.next() < 0.3) have.push(this.load(axes));
    if (this.next() < 0.2) have.push(this.quotient(axes));
    if (this.next() < 0.2) have.push(this.gather(axes));
    if (this.next() < 0.3) have.push(this.b.constant(t, this.int(4)));
    let sum = have[0] ?? 0;
    for (const v of have.slice(1)) {
      const kind = this.next();
      if (kind < 0.15) {
        const mask = this.b.op(this.pick(["lt", "ge", "eq"] as const), "bool", sum, v);
        sum = this.b.op("select", t, mask, v, sum);
      } else sum = this.b.op(this.pick<ScalarOp>(["add", "sub", "min", "max"]), t, sum, v);
    }
    return sum;
  }

  store(value: ValId, over: readonly number[], partial = 0): void {
    const grid = partial > 0 ? over.filter((a) => this.rows.includes(a)) : over;
    const { ix, size } = this.address(grid, partial > 0 || this.next() < 0.8 ? 1 : 2);
    const narrow =
      this.storages.length > 1 && partial === 0 && this.type === "f32" && this.next() < 0.3;
    const storage = narrow ? this.pick(this.storages) : wide[this.type];
    this.b.store(storage, ix, value, over, partial > 0);
    this.sizes[this.b.bufs.length - 1] = partial > 0 ? partial * size : size;
  }

  /** A kernel with up to three stages of row reductions, and terminal ones at times. */
  run(label: string): void {
    const { b, grid, rows } = this;
    const all = [...grid, ...rows];
    let leaves: ValId[] = [];
    const stages = rows.length === 0 ? 0 : this.int(3);
    for (let s = 0; s < stages; s++) {
      const v = this.expression(all, leaves);
      const over = rows.filter((a) => ((domainsOf({ ...b, axes: b.axes })[v] ?? 0) >> a) & 1);
      if (over.length === 0) continue;
      const r = b.reduce(this.pick(["sum", "max", "min"] as const), v, over);
      // Sums stay small enough to be exact through the stages that follow.
      leaves = [
        b.op(
          "max",
          this.type,
          b.op("min", this.type, r, b.constant(this.type, 50)),
          b.constant(this.type, 0),
        ),
        ...(this.next() < 0.3 ? [v] : []),
      ];
      if (this.next() < 0.4) this.store(r, grid);
    }
    const last = this.expression(all, leaves);
    this.store(last, all);
    if (this.next() < 0.3) this.store(this.expression(grid, []), grid);
    const points = grid.reduce((n, a) => n * (this.lengths[a] ?? 1), 1);
    const domain = domainsOf({ ...b, axes: b.axes })[last] ?? 0;
    if (this.next() < 0.3 && grid.every((a) => (domain >> a) & 1)) {
      const kept = rows.filter((a) => (domain >> a) & 1 && this.next() < 0.7);
      const over = all.filter((a) => (domain >> a) & 1 && !kept.includes(a));
      const r = b.reduce(this.pick(["sum", "max"] as const), last, over);
      this.store(r, kept, Math.ceil(points / slabRows));
    }
    const values =
      this.type === "f32" || this.type === "f64" || this.type === "i32" || this.type === "i64"
        ? -3
        : 0;
    const sizes = b.bufs.map((_, i) => this.sizes[i] ?? 0);
    const fill = random(7);
    agree(b.kernel(), this.lengths[0] ?? 1, sizes, {
      make: () => values + Math.floor(fill() * 7),
      label,
    });
  }
}

test("random kernels", () => {
  const from = Number(process.env.SEED ?? 0);
  const count = Number(process.env.COUNT ?? 200);
  for (let seed = from; seed < from + count; seed++)
    new Maker(seed * 7919 + 13).run(`seed ${seed}`);
  assert.ok(tried.overwrites > count / 8, `${tried.overwrites} outputs over inputs`);
});

/** Renders kernels without a contraction: maps, rows of reductions, and terminal reductions, as tiles of a grid. */
import { axesOf, elementBytes, pointsOf } from "../../kernel/domains.js";
import { type Kernel, type Store, slabRows, type ValId } from "../../kernel/ir.js";
import { argBytes, type Features, type Rendered } from "../contract.js";
import { type Accumulator, accumulators, foldLanes, foldOp, identityOf } from "./accumulate.js";
import { Code } from "./block.js";
import { Module } from "./encoder.js";
import { type Frame, openFrame, rootFrame, type Tail } from "./frame.js";
import type { Ref } from "./lane-code.js";
import { type Nest, reduceAt, rootsOf, type Schedule, scheduleOf, type Terminal } from "./nests.js";
import { Ops } from "./ops.js";
import { has, isOuter, type Plan, planOf, strideOf, tilesOf } from "./plan.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "./storage.js";
import { Values } from "./values.js";
import { coneOf, costOf } from "./weights.js";

type Body = (frames: readonly Frame[]) => void;

/** Sums longer than this per accumulator are cut into blocks of this many additions. */
const blockSteps = 32;

class KernelWriter {
  readonly #plan: Plan;
  readonly #kernel: Kernel;
  readonly #schedule: Schedule;
  readonly #code: Code;
  readonly #values: Values;
  readonly #args: Ref;
  readonly #tile: Ref;
  readonly #scratch: Ref;
  readonly #lanes: number;

  constructor(plan: Plan, schedule: Schedule, code: Code, values: Values) {
    this.#plan = plan;
    this.#kernel = plan.kernel;
    this.#schedule = schedule;
    this.#code = code;
    this.#values = values;
    this.#args = code.param(0);
    this.#tile = code.param(1);
    this.#scratch = code.param(2);
    this.#lanes = plan.lanes;
  }

  write(): void {
    this.#useStashes();
    if (this.#plan.slab) this.#slab();
    else this.#grid();
  }

  // Grid

  #sizeOf(axis: number): Ref {
    if (isOuter(this.#kernel, axis)) {
      return this.#code.load("i32.load", this.#args, argBytes.outer);
    }
    return this.#code.i32(this.#kernel.axes[axis]?.size ?? 1);
  }

  /** The ranges of the tile's axes, from the tile's number: axis 0 is outermost. */
  #grid(): void {
    const code = this.#code;
    const { grid, chunks } = this.#plan;
    const bounds = new Map<number, readonly [lo: Ref, hi: Ref]>();
    let rest = this.#tile;
    for (const axis of [...grid].sort((a, b) => b - a)) {
      const chunk = chunks[axis] ?? 1;
      const size = this.#kernel.axes[axis]?.size ?? 1;
      const outer = isOuter(this.#kernel, axis);
      const count = outer ? 0 : Math.ceil(size / chunk);
      if (!outer && count === 1) {
        bounds.set(axis, [code.i32(0), code.i32(size)]);
        continue;
      }
      const at = outer ? rest : code.op("i32.rem_u", rest, code.i32(Math.max(1, count)));
      if (!outer) rest = code.op("i32.div_u", rest, code.i32(Math.max(1, count)));
      const lo = code.op("i32.mul", at, code.i32(chunk));
      const end = code.op("i32.add", lo, code.i32(chunk));
      bounds.set(axis, [
        lo,
        !outer && size % chunk === 0 ? end : this.#least(end, this.#sizeOf(axis)),
      ]);
    }
    const root = rootFrame();
    const ids = this.#everything();
    const open = (frames: readonly Frame[], k: number): void => {
      for (const f of frames) this.#prepare(f, ids, 0);
      const axis = grid[k];
      if (axis === undefined) {
        this.#point(frames);
        return;
      }
      const [lo, hi] = bounds.get(axis) ?? [code.i32(0), code.i32(1)];
      const next: Body = (inner) => open(inner, k + 1);
      if (axis === this.#plan.vector) {
        const chunk = this.#plan.chunks[axis] ?? 1;
        const exact =
          !isOuter(this.#kernel, axis) && (this.#kernel.axes[axis]?.size ?? 1) % chunk === 0
            ? chunk
            : null;
        this.#vectors(frames, axis, lo, hi, this.#plan.unroll, -1, next, exact);
      } else if (axis === this.#plan.across) this.#across(frames, axis, lo, hi, next);
      else {
        code.loop(lo, hi, 1, (i) =>
          next(frames.map((f) => openFrame(f, axis, { ref: i, plus: 0 }))),
        );
      }
    };
    open([root], 0);
  }

  #least(a: Ref, b: Ref): Ref {
    return this.#code.select(this.#code.op("i32.lt_s", a, b), a, b);
  }

  /** Values needed anywhere. */
  #everything(): ValId[] {
    const roots = this.#schedule.nests.flatMap((n) => rootsOf(this.#kernel, n));
    return coneOf(this.#kernel, roots);
  }

  /** Writes what can be known at this frame here, so that inner loops find it; results of reductions come later. */
  #prepare(frame: Frame, ids: readonly ValId[], stage: number): void {
    for (const id of ids) {
      const op = this.#kernel.vals[id]?.op;
      if (op === "const" || op === "reduce" || (this.#plan.stages[id] ?? 0) > stage) continue;
      if (((this.#plan.domains[id] ?? 0) & ~frame.open) === 0) this.#values.at(frame, id);
    }
  }

  /**
   * Vectors along an axis from lo to hi: `unroll` at a time, then one at a time, the last perhaps not full. `length`
   * is hi − lo where that is known though they are not.
   */
  #vectors(
    frames: readonly Frame[],
    axis: number,
    lo: Ref,
    hi: Ref,
    unroll: number,
    stage: number,
    body: Body,
    length: number | null = null,
  ): void {
    const code = this.#code;
    const lanes = this.#lanes;
    const step = lanes * unroll;
    const [first, last] = [code.constantOf(lo), code.constantOf(hi)];
    const known = first !== null && last !== null ? last - first : length;
    const open = (i: Ref, copies: number, tail: Tail | null): Frame[] => {
      const out: Frame[] = [];
      for (let c = 0; c < copies; c++) {
        const group: Frame[] = [];
        for (const f of frames) {
          const child = openFrame(
            f,
            axis,
            { ref: i, plus: c * lanes },
            {
              tail,
              stage,
              slot: f.slot * unroll + c,
              group: f.group === null ? null : group,
            },
          );
          group.push(child);
        }
        out.push(...group);
      }
      return out;
    };
    const full =
      known !== null
        ? this.#plus(lo, Math.floor(known / step) * step)
        : code.op("i32.add", lo, this.#multiple(code.op("i32.sub", hi, lo), step));
    if (known === null || known >= step) {
      code.loop(lo, full, step, (i) => body(open(i, unroll, null)));
    }
    if (known !== null && known % step === 0) return;
    code.loop(full, hi, lanes, (i) => {
      const ragged = known === null || known % lanes !== 0;
      body(open(i, 1, ragged && lanes > 1 ? this.#tail(i, hi) : null));
    });
  }

  #plus(ref: Ref, by: number): Ref {
    const known = this.#code.constantOf(ref);
    if (known !== null) return this.#code.i32(known + by);
    return by === 0 ? ref : this.#code.op("i32.add", ref, this.#code.i32(by));
  }

  /** The greatest multiple of `step` up to n ≥ 0. */
  #multiple(n: Ref, step: number): Ref {
    const code = this.#code;
    if (step === 1) return n;
    if (Number.isInteger(Math.log2(step))) return code.op("i32.and", n, code.i32(-step));
    return code.op("i32.sub", n, code.op("i32.rem_u", n, code.i32(step)));
  }

  #tail(i: Ref, hi: Ref): Tail {
    const code = this.#code;
    const remaining = code.op("i32.sub", hi, i);
    const { vector } = this.#values;
    const mask =
      vector.width === 4
        ? code.op(
            "i32x4.gt_s",
            vector.splat("i32", remaining),
            lanesConstant(new Int32Array([0, 1, 2, 3]), code),
          )
        : code.op(
            "i64x2.gt_s",
            vector.splat("i64", code.op("i64.extend_i32_s", remaining)),
            lanesConstant(new BigInt64Array([0n, 1n]), code),
          );
    return { remaining, last: this.#plus(hi, -1), mask };
  }

  /** Four neighbours along an axis at a time, for transposed loads; then single ones. */
  #across(frames: readonly Frame[], axis: number, lo: Ref, hi: Ref, body: Body): void {
    const code = this.#code;
    const full = code.op("i32.add", lo, this.#multiple(code.op("i32.sub", hi, lo), 4));
    code.loop(lo, full, 4, (i) => {
      const group: Frame[] = [];
      for (const f of frames) {
        for (let c = 0; c < 4; c++) {
          group.push(openFrame(f, axis, { ref: i, plus: c }, { group, slot: c }));
        }
      }
      body(group);
    });
    code.loop(full, hi, 1, (i) => {
      body(frames.map((f) => openFrame(f, axis, { ref: i, plus: 0 })));
    });
  }

  // Slabs

  #slab(): void {
    const code = this.#code;
    const grid = [...this.#plan.grid].sort((a, b) => a - b);
    const lo = code.op("i32.mul", this.#tile, code.i32(slabRows));
    const points = grid.map((a) => this.#sizeOf(a)).reduce((a, b) => code.op("i32.mul", a, b));
    const hi = this.#least(code.op("i32.add", lo, code.i32(slabRows)), points);
    for (const nest of this.#schedule.nests) {
      for (const t of nest.terminals) this.#clear(t);
    }
    const ids = this.#everything();
    const root = rootFrame();
    this.#prepare(root, ids, 0);
    const at = (p: Ref, c: number): Frame => {
      let frame = root;
      const [only, more] = grid;
      if (only !== undefined && more === undefined) {
        frame = openFrame(frame, only, { ref: p, plus: c }, { slot: c });
      } else {
        let rest = this.#plus(p, c);
        for (const [k, axis] of [...grid.entries()].reverse()) {
          const size = this.#sizeOf(axis);
          const ref = k === 0 ? rest : code.op("i32.rem_u", rest, size);
          if (k > 0) rest = code.op("i32.div_u", rest, size);
          frame = openFrame(frame, axis, { ref, plus: 0 }, { slot: c });
        }
      }
      this.#prepare(frame, ids, 0);
      return frame;
    };
    const plain = this.#schedule.nests.every((n) => n.reductions.length === 0);
    const together = plain ? 4 : 1;
    const full = code.op("i32.add", lo, this.#multiple(code.op("i32.sub", hi, lo), together));
    code.loop(lo, full, together, (p) => {
      this.#point(Array.from({ length: together }, (_, c) => at(p, c)));
    });
    if (together > 1) code.loop(full, hi, 1, (p) => this.#point([at(p, 0)]));
  }

  /** Base address of the tile's own row of a partial buffer. */
  #partialRow(store: Store): Ref {
    const code = this.#code;
    const sizes = this.#kernel.axes.map((a) => a.size);
    const length = pointsOf(sizes, store.over & ~axesOf(this.#kernel.axes, "grid"));
    const bytes = length * elementBytes(this.#values.buf(store.buf).storage);
    const base = code.load("i32.load", this.#args, argBytes.buffers + 4 * store.buf);
    return code.op("i32.add", base, code.op("i32.mul", this.#tile, code.i32(bytes)));
  }

  /** Fills the tile's partial row with what a reduction of nothing is. */
  #clear({ store, reduce }: Terminal): void {
    const t = this.#values.typeOf(reduce.in);
    const start = identityOf(reduce.how, t);
    const rows = this.#rowAxes(store.over);
    this.#rows([rootFrame()], rows, 1, null, 0, (frames) => {
      for (const frame of frames) {
        const spread = this.#lanes > 1 && has(frame.open, this.#plan.vector);
        this.#put(frame, store, spread, this.#partialRow(store), (o) => o.constant(t, start));
      }
    });
  }

  // Points and rows

  #point(frames: readonly Frame[]): void {
    for (const nest of this.#schedule.nests) {
      if (nest.rows === 0) this.#once(frames, nest);
      else this.#nest(frames, nest);
    }
  }

  #once(frames: readonly Frame[], nest: Nest): void {
    const ids = coneOf(this.#kernel, rootsOf(this.#kernel, nest));
    for (const f of frames) this.#prepare(f, ids, nest.stage);
    this.#stores(frames, nest.stores);
    for (const t of nest.terminals) this.#terminal(frames, t);
  }

  #rowAxes(mask: number): number[] {
    const { vector } = this.#plan;
    const rows = this.#kernel.axes
      .map((_, a) => a)
      .filter((a) => has(mask, a) && this.#kernel.axes[a]?.role === "row" && a !== vector);
    if (has(mask, vector) && this.#kernel.axes[vector]?.role === "row") rows.push(vector);
    return rows;
  }

  #nest(frames: readonly Frame[], nest: Nest): void {
    const { plan } = this.#values;
    const axes = this.#rowAxes(nest.rows);
    const inner = has(nest.rows, plan.vector) && this.#lanes > 1;
    const roots = rootsOf(this.#kernel, nest);
    const kept = (id: ValId): boolean =>
      (plan.stages[id] ?? 0) < nest.stage && this.#values.stashed.has(id);
    const ids = coneOf(this.#kernel, roots, kept);
    const size = inner ? (this.#kernel.axes[plan.vector]?.size ?? 1) : 0;
    const computed = ids.filter((id) => !kept(id));
    const cost = costOf(this.#kernel, plan.domains, computed, nest.rows) * frames.length;
    let unroll = !inner ? 1 : cost <= 40 ? 4 : cost <= 120 ? 2 : 1;
    while (unroll > 1 && size < unroll * this.#lanes) unroll /= 2;

    const steps = axes.reduce((n, a) => {
      const points = this.#kernel.axes[a]?.size ?? 1;
      return n * (a === plan.vector && inner ? Math.ceil(points / (this.#lanes * unroll)) : points);
    }, 1);
    const long = steps > 2 * blockSteps;
    for (const f of frames) this.#prepare(f, ids, nest.stage);
    const accs = nest.reductions.map((id) =>
      accumulators(this.#values, frames, id, reduceAt(this.#kernel, id), unroll, long),
    );
    const sums = nest.reductions.some((id) => reduceAt(this.#kernel, id).how === "sum");
    this.#rows(
      frames,
      axes,
      unroll,
      long && sums ? accs : null,
      nest.stage,
      (inside) => {
        for (const f of inside) this.#prepare(f, ids, nest.stage);
        this.#body(inside, nest, accs);
      },
      ids,
    );
    for (const a of accs) a.finish();
  }

  /** Loops over row axes; `blocked` accumulators are flushed after every block of rows. */
  #rows(
    frames: readonly Frame[],
    axes: readonly number[],
    unroll: number,
    blocked: readonly Accumulator[] | null,
    stage: number,
    body: Body,
    ids: readonly ValId[] = [],
  ): void {
    const code = this.#code;
    const flush = (): void => {
      for (const a of blocked ?? []) a.flush();
    };
    // From the inside out: the first axis whose loop makes enough steps is where blocks end.
    let steps = 1;
    let level = -1;
    if (blocked !== null) {
      for (let k = axes.length - 1; k >= 0 && level < 0; k--) {
        const axis = axes[k] ?? 0;
        const size = this.#kernel.axes[axis]?.size ?? 1;
        steps *= axis === this.#plan.vector ? Math.ceil(size / (this.#lanes * unroll)) : size;
        if (steps >= blockSteps) level = k;
      }
    }
    const open = (outer: readonly Frame[], k: number): void => {
      const axis = axes[k];
      if (axis === undefined) {
        body(outer);
        return;
      }
      const next: Body = (inner) => {
        if (k + 1 < axes.length) for (const f of inner) this.#prepare(f, ids, stage);
        open(inner, k + 1);
      };
      const size = this.#kernel.axes[axis]?.size ?? 1;
      const vectors = axis === this.#plan.vector;
      const step = vectors ? this.#lanes * unroll : 1;
      const range = (lo: Ref, hi: Ref, length: number): void => {
        if (vectors) this.#vectors(outer, axis, lo, hi, unroll, stage, next, length);
        else {
          code.loop(lo, hi, 1, (i) =>
            next(outer.map((f) => openFrame(f, axis, { ref: i, plus: 0 }, { stage }))),
          );
        }
      };
      const block = blockSteps * step;
      if (k !== level || size <= block) {
        range(code.i32(0), code.i32(size), size);
        if (k === level) flush();
        return;
      }
      const whole = Math.floor(size / block) * block;
      code.loop(code.i32(0), code.i32(whole), block, (b) => {
        range(b, this.#plus(b, block), block);
        flush();
      });
      if (whole < size) {
        range(code.i32(whole), code.i32(size), size - whole);
        flush();
      }
    };
    open(frames, 0);
  }

  #body(frames: readonly Frame[], nest: Nest, accs: readonly Accumulator[]): void {
    for (const frame of frames) {
      for (const id of nest.stashes) this.#keep(frame, id);
      for (const a of accs) a.update(frame, frame.slot);
    }
    this.#stores(frames, nest.stores);
    for (const t of nest.terminals) this.#terminal(frames, t);
  }

  // Stores

  #stores(frames: readonly Frame[], stores: readonly Store[]): void {
    const code = this.#code;
    for (const frame of frames) {
      const spread = this.#lanes > 1 && has(frame.open, this.#plan.vector);
      const values = this.#values;
      const refs = stores.map((s) =>
        spread ? values.vectorAt(frame, s.value) : values.scalarAt(frame, s.value),
      );
      // An output may lie over an input that another output still needs at this point.
      if (stores.length > 1) for (const r of refs) code.pin(r);
      stores.forEach((s, i) => {
        this.#put(frame, s, spread, null, () => refs[i] ?? 0);
      });
    }
  }

  /** Stores a value at the point, or at the points of the lanes. `base` replaces the buffer's address. */
  #put(
    frame: Frame,
    store: Store,
    spread: boolean,
    base: Ref | null,
    value: (o: Ops) => Ref,
  ): void {
    const code = this.#code;
    const { addresses, vector, scalar } = this.#values;
    const { storage } = this.#values.buf(store.buf);
    const bytes = elementBytes(storage);
    const place = (lane: number): { readonly address: Ref; readonly offset: number } =>
      base === null
        ? addresses.place(frame, store.buf, bytes, store.ix, lane)
        : addresses.placeFrom(frame, base, bytes, store.ix, lane);
    const first = place(0);
    if (!spread) {
      storeScalar(scalar, storage, first.address, value(scalar), first.offset);
      return;
    }
    const stride = strideOf(store.ix, this.#plan.vector, this.#plan.domains);
    const packed = storeVector(vector, storage, value(vector));
    const lane = (l: number): void => {
      // Past the end of a tail nothing is stored, so its address need not be right.
      if (stride !== null && stride >= 0)
        packed.lane(first.address, first.offset + l * stride * bytes, l);
      else {
        const at = place(l);
        packed.lane(at.address, at.offset, l);
      }
    };
    const lanes = (): void => {
      for (let l = 0; l < this.#lanes; l++) {
        if (frame.tail === null || l === 0) lane(l);
        else code.if(code.op("i32.gt_s", frame.tail.remaining, code.i32(l)), () => lane(l));
      }
    };
    if (stride !== 1) {
      lanes();
      return;
    }
    const all = (): void => packed.all(first.address, first.offset);
    if (frame.tail === null) all();
    else {
      code.pin(value(vector));
      code.if(code.op("i32.ge_s", frame.tail.remaining, code.i32(this.#lanes)), all, lanes);
    }
  }

  /** Adds a point's contribution to the tile's partial row. Frames at one place of the row are added up first. */
  #terminal(frames: readonly Frame[], { store, reduce }: Terminal): void {
    const values = this.#values;
    const { vector, scalar, addresses } = values;
    const { storage } = values.buf(store.buf);
    const bytes = elementBytes(storage);
    const t = values.typeOf(reduce.in);
    const fn = foldOp(reduce.how);
    const base = this.#partialRow(store);
    const spread = values.varies(reduce.in);
    const o = spread ? vector : scalar;
    const places = new Map<number, Frame[]>();
    for (const f of frames) {
      const plus = f.index[this.#plan.vector]?.plus ?? 0;
      const there = places.get(plus);
      if (there === undefined) places.set(plus, [f]);
      else there.push(f);
    }
    for (const there of places.values()) {
      let parts = there.map((f) =>
        spread ? values.vectorAt(f, reduce.in) : values.scalarAt(f, reduce.in),
      );
      while (parts.length > 1) {
        const half = Math.ceil(parts.length / 2);
        parts = parts.slice(0, half).map((a, i) => {
          const b = parts[i + half];
          return b === undefined ? a : o.apply(fn, t, t, [a, b]);
        });
      }
      const [frame] = there;
      let [part = 0] = parts;
      if (frame === undefined) continue;
      if (spread && has(reduce.over, this.#plan.vector)) {
        if (frame.tail !== null) {
          part = o.of(t).select(frame.tail.mask, part, o.constant(t, identityOf(reduce.how, t)));
        }
        const folded = foldLanes(values, t, fn, part);
        const { address, offset } = addresses.placeFrom(frame, base, bytes, store.ix);
        const old = loadScalar(scalar, storage, address, offset, true);
        storeScalar(scalar, storage, address, scalar.apply(fn, t, t, [old, folded]), offset);
        continue;
      }
      const { address, offset } = addresses.placeFrom(frame, base, bytes, store.ix);
      if (!spread) {
        const old = loadScalar(scalar, storage, address, offset, true);
        storeScalar(scalar, storage, address, scalar.apply(fn, t, t, [old, part]), offset);
      } else if (strideOf(store.ix, this.#plan.vector, this.#plan.domains) === 1) {
        const old = loadVector(vector, storage, address, offset, true);
        const sum = vector.apply(fn, t, t, [old, part]);
        this.#put(frame, store, true, base, () => sum);
      } else this.#terminalLanes(frame, { store, reduce }, part, base);
    }
  }

  #terminalLanes(frame: Frame, { store, reduce }: Terminal, part: Ref, base: Ref): void {
    const code = this.#code;
    const { vector, scalar, addresses } = this.#values;
    const { storage } = this.#values.buf(store.buf);
    const t = this.#values.typeOf(reduce.in);
    code.pin(part);
    for (let l = 0; l < this.#lanes; l++) {
      const add = (): void => {
        const { address, offset } = addresses.placeFrom(
          frame,
          base,
          elementBytes(storage),
          store.ix,
          l,
        );
        const old = loadScalar(scalar, storage, address, offset, true);
        const sum = scalar.apply(foldOp(reduce.how), t, t, [old, vector.extract(t, part, l)]);
        storeScalar(scalar, storage, address, sum, offset);
      };
      if (frame.tail === null || l === 0) add();
      else code.if(code.op("i32.gt_s", frame.tail.remaining, code.i32(l)), add);
    }
  }

  // Scratch

  #scratchPlace(
    frame: Frame,
    offset: number,
    strides: readonly (readonly [number, number])[],
    extra: number,
  ): { address: Ref; offset: number } {
    const ix = { k: "affine" as const, off: 0, terms: strides };
    const place = this.#values.addresses.placeFrom(frame, this.#scratch, 1, ix);
    return { address: place.address, offset: place.offset + offset + extra };
  }

  #useStashes(): void {
    const code = this.#code;
    const values = this.#values;
    for (const { id, offset, strides } of this.#schedule.stashes) {
      const vector = values.varies(id);
      const type = this.#stashType(id);
      values.stashed.set(id, (frame) => {
        const place = this.#scratchPlace(frame, offset, strides, this.#stashSlot(frame, vector));
        return { ref: code.load(`${type}.load`, place.address, place.offset, true), vector };
      });
    }
  }

  #stashType(id: ValId): string {
    if (this.#values.varies(id)) return "v128";
    const t = this.#values.typeOf(id);
    if (t === "f32" || t === "f64") return t;
    return t === "i64" || t === "u64" ? "i64" : "i32";
  }

  /** Side by side vectors along a grid axis have scratch of their own. */
  #stashSlot(frame: Frame, vector: boolean): number {
    const inGrid = this.#kernel.axes[this.#plan.vector]?.role === "grid";
    return vector && inGrid ? 16 * frame.slot : 0;
  }

  #keep(frame: Frame, id: ValId): void {
    const stash = this.#schedule.stashes.find((s) => s.id === id);
    if (stash === undefined) return;
    const { ref, vector } = this.#values.at(frame, id);
    const place = this.#scratchPlace(
      frame,
      stash.offset,
      stash.strides,
      this.#stashSlot(frame, vector),
    );
    this.#code.store(`${this.#stashType(id)}.store`, place.address, ref, place.offset);
  }
}

const lanesConstant = (data: Int32Array | BigInt64Array, code: Code): Ref =>
  code.v128(new Uint8Array(data.buffer.slice(0)));

/** Renders a kernel without contract axes. */
export function renderKernel(kernel: Kernel, features: Features): Rendered {
  const plan = planOf(kernel);
  const schedule = scheduleOf(plan);
  const module = new Module(features);
  const tile = module.func(["i32", "i32", "i32"]);
  const code = new Code(tile, features);
  const host = (fn: string, arity: number) =>
    module.import(
      "m",
      fn,
      Array.from({ length: arity }, () => "f64" as const),
      ["f64"],
    );
  const scalar = new Ops(code, 1, plan.width, features, host);
  const vector = plan.lanes === 1 ? scalar : new Ops(code, plan.lanes, plan.width, features, host);
  const values = new Values(code, plan, scalar, vector, code.param(0));
  new KernelWriter(plan, schedule, code, values).write();
  code.finish();

  // V8 replaces a running function only at its next call: the loop over tiles stays outside of their code.
  const k = module.func(["i32", "i32", "i32", "i32"]);
  k.block((done) => {
    k.get(1).get(2).op("i32.ge_s").brIf(done);
    k.loop((again) => {
      k.get(0).get(1).get(3).call(tile);
      k.get(1).i32(1).op("i32.add").tee(1).get(2).op("i32.lt_s").brIf(again);
    });
  });
  module.export("k", k);
  return {
    bytes: module.finish(),
    scratchBytes: schedule.scratchBytes,
    tiles: (outer) => tilesOf(plan, outer),
    tileCost: plan.tileCost,
  };
}

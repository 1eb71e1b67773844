/** What a kernel writes: values at points, and contributions to partial rows. */
import { axesOf, elementBytes, pointsOf } from "../../kernel/domains.js";
import type { Kernel, Store, ValId } from "../../kernel/ir.js";
import { argBytes } from "../contract.js";
import type { Code } from "./block.js";
import { foldLanes, foldOp, identityOf } from "./fold.js";
import type { Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Terminal } from "./nests.js";
import type { Ops } from "./ops.js";
import { has, type Plan, strideOf } from "./plan.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "./storage.js";
import { type Values, words } from "./values.js";

export class Stores {
  readonly #code: Code;
  readonly #values: Values;
  readonly #plan: Plan;
  readonly #kernel: Kernel;
  readonly #lanes: number;
  readonly #args: Ref;
  readonly #tile: Ref;

  constructor(values: Values, args: Ref, tile: Ref) {
    this.#code = values.code;
    this.#values = values;
    this.#plan = values.plan;
    this.#kernel = values.plan.kernel;
    this.#lanes = values.plan.lanes;
    this.#args = args;
    this.#tile = tile;
  }

  /** Every store of every frame. */
  all(frames: readonly Frame[], stores: readonly Store[]): void {
    const code = this.#code;
    if (code.wide && frames.length > 1 && stores.length > 0) {
      this.#together(frames, stores);
      return;
    }
    for (const frame of frames) {
      const refs = this.#refs(frame, stores);
      // An output may lie over an input that another output still needs at this point.
      if (stores.length > 1) for (const r of refs) code.pin(r);
      const paired = this.#pairs(frame, stores, refs);
      stores.forEach((s, i) => {
        if (!paired.has(i)) this.#put(frame, s, this.#spread(frame), null, () => refs[i] ?? 0);
      });
    }
  }

  /** The same with all values before the first store, and each store's frames side by side: so vectors can be joined. */
  #together(frames: readonly Frame[], stores: readonly Store[]): void {
    const all = frames.map((frame) => ({ frame, refs: this.#refs(frame, stores) }));
    for (const { refs } of all) for (const r of refs) this.#code.pin(r);
    const rest = all.map((f) => ({ ...f, paired: this.#pairs(f.frame, stores, f.refs) }));
    stores.forEach((s, i) => {
      for (const { frame, refs, paired } of rest) {
        if (!paired.has(i)) this.#put(frame, s, this.#spread(frame), null, () => refs[i] ?? 0);
      }
    });
  }

  #spread(frame: Frame): boolean {
    return this.#lanes > 1 && has(frame.open, this.#plan.vector);
  }

  #refs(frame: Frame, stores: readonly Store[]): readonly Ref[] {
    const values = this.#values;
    const spread = this.#spread(frame);
    return stores.map((s) => {
      const id = this.#unrounded(s);
      return spread ? values.vectorAt(frame, id) : values.scalarAt(frame, id);
    });
  }

  /** Writes the stores that interleave, and says which. */
  #pairs(frame: Frame, stores: readonly Store[], refs: readonly Ref[]): ReadonlySet<number> {
    const done = new Set<number>();
    if (!this.#spread(frame) || frame.tail !== null) return done;
    stores.forEach((s, i) => {
      const j = stores.findIndex((t) => this.#pair(s, t));
      if (j < 0 || done.has(j)) return;
      this.#putPair(frame, s, refs[i] ?? 0, refs[j] ?? 0);
      done.add(i).add(j);
    });
    return done;
  }

  /** Narrowing rounds: a value that was rounded just for that need not be. */
  #unrounded(store: Store): ValId {
    const v = this.#kernel.vals[store.value];
    const { storage } = this.#values.buf(store.buf);
    const rounding = { float16: "round_f16", bfloat16: "round_bf16" };
    if (v?.op !== "scalar" || !(storage.name === "float16" || storage.name === "bfloat16")) {
      return store.value;
    }
    return v.fn === rounding[storage.name] ? (v.in[0] ?? store.value) : store.value;
  }

  /** Whether two stores of 32-bit values interleave along the vectors, as the parts of complex numbers do. */
  #pair(even: Store, odd: Store): boolean {
    const { vector, domains } = this.#plan;
    if (even.buf !== odd.buf || elementBytes(this.#values.buf(even.buf).storage) !== 4)
      return false;
    if (even.ix.k !== "affine" || odd.ix.k !== "affine" || odd.ix.off !== even.ix.off + 1)
      return false;
    if (strideOf(even.ix, vector, domains) !== 2 || even.ix.terms.length !== odd.ix.terms.length)
      return false;
    const { terms } = odd.ix;
    return even.ix.terms.every(([a, n]) => terms.some(([b, m]) => a === b && n === m));
  }

  #putPair(frame: Frame, store: Store, even: Ref, odd: Ref): void {
    const code = this.#code;
    const { address, offset } = this.#values.addresses.place(frame, store.buf, 4, store.ix);
    const half = (lanes: readonly number[]): Ref =>
      code.lane("i8x16.shuffle", words(lanes, 0), even, odd);
    code.store("v128.store", address, half([0, 4, 1, 5]), offset);
    code.store("v128.store", address, half([2, 6, 3, 7]), offset + 16);
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

  /** Base address of the tile's own row of a partial buffer. */
  #partialRow(store: Store): Ref {
    const code = this.#code;
    const sizes = this.#kernel.axes.map((a) => a.size);
    const length = pointsOf(sizes, store.over & ~axesOf(this.#kernel.axes, "grid"));
    const bytes = length * elementBytes(this.#values.buf(store.buf).storage);
    const base = code.load("i32.load", this.#args, argBytes.buffers + 4 * store.buf);
    return code.op("i32.add", base, code.op("i32.mul", this.#tile, code.i32(bytes)));
  }

  /** Adds a point's contribution to the tile's partial row. Frames at one place of the row are added up first. */
  terminal(frames: readonly Frame[], { store, reduce }: Terminal): void {
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

  /** Starts a partial row with what a reduction of nothing is. */
  clear(frame: Frame, { store, reduce }: Terminal): void {
    const t = this.#values.typeOf(reduce.in);
    const spread = this.#lanes > 1 && has(frame.open, this.#plan.vector);
    const start = identityOf(reduce.how, t);
    this.#put(frame, store, spread, this.#partialRow(store), (o) => o.constant(t, start));
  }
}

/** Values and stores of a kernel at points of loops made by hand: one point, or a vector of neighbours on an axis. */
import { domainsOf, elementBytes, ixDomain, stagesOf } from "../../../kernel/domains.js";
import type { Ix, Kernel, Mask, Store, ValId } from "../../../kernel/ir.js";
import type { Features } from "../../contract.js";
import { Code } from "../block.js";
import type { Func } from "../encoder.js";
import { openFrame, rootFrame } from "../frame.js";
import type { Ref } from "../lane-code.js";
import type { HostImports } from "../lanes.js";
import { Ops, widthOf } from "../ops.js";
import type { Plan } from "../plan.js";
import { storeScalar, storeVector } from "../storage.js";
import { Values } from "../values.js";
import { bytesOf, lanesOf } from "./micro.js";
import { below, type SumStore } from "./product.js";

/** Where each axis stands. */
export type Coords = Iterable<readonly [axis: number, at: Ref]>;

/** What is computed at one place. */
export interface Point {
  value(id: ValId): Ref;
  store(s: Store): void;
  /** Adds to the sums of a slab, which start at address `base`; the `first` row of a slab sets them. */
  add(s: SumStore, base: Ref, first: Ref): void;
}

/** What the functions of one kernel share. */
export class Evaluator {
  readonly kernel: Kernel;
  readonly type: "f32" | "f64";
  readonly #domains: readonly Mask[];
  readonly #stages: readonly number[];
  readonly features: Features;
  readonly host: HostImports;

  constructor(kernel: Kernel, type: "f32" | "f64", features: Features, host: HostImports) {
    this.kernel = kernel;
    this.type = type;
    this.#domains = domainsOf(kernel);
    this.#stages = stagesOf(kernel);
    this.features = features;
    this.host = host;
  }

  /**
   * Whether `roots`, `known` being there, can be computed in vectors along `axis`. Unless vectors start at multiples of
   * the lanes (`aligned`), every index must be affine in the axis.
   */
  vectors(roots: readonly ValId[], axis: number, known: ValId | null, aligned: boolean): boolean {
    const width = bytesOf(this.type);
    const along = (mask: Mask): boolean => ((mask >> axis) & 1) !== 0;
    const straight = (ix: Ix): boolean =>
      aligned ||
      ix.k === "affine" ||
      (ix.k === "sum" ? ix.of.every(straight) : !along(ixDomain(ix, this.#domains)));
    return roots.every((root) =>
      below(this.kernel, root).every((id) => {
        const v = this.kernel.vals[id];
        if (v === undefined || v.op === "const" || id === known) return true;
        if (!along(this.#domains[id] ?? 0)) return true;
        const w = widthOf(v.dtype);
        if (w !== 0 && w !== width) return false;
        if (v.op === "coord") return straight(v.ix);
        if (v.op === "load" && !straight(v.ix)) return false;
        return v.op === "load" || v.op === "within" ? v.guards.every((g) => straight(g.ix)) : true;
      }),
    );
  }

  #plan(axis: number, lanes: number): Plan {
    const { kernel } = this;
    const grid = kernel.axes.map((_, a) => a).filter((a) => kernel.axes[a]?.role === "grid");
    return {
      kernel,
      domains: this.#domains,
      stages: this.#stages,
      grid,
      vector: axis,
      lanes,
      width: bytesOf(this.type) === 4 ? 4 : 8,
      across: -1,
      chunks: [],
      slab: false,
      unroll: 1,
      groups: 1,
      tileCost: 0,
      pointCost: 0,
    };
  }

  /** Starts the body of a function whose first parameter is the argument block. */
  body(func: Func): Body {
    const code = new Code(func, this.features);
    const width = bytesOf(this.type) === 4 ? 4 : 8;
    const lanes = lanesOf(this.type);
    const scalar = new Ops(code, 1, width, this.features, this.host);
    const vector = new Ops(code, lanes, width, this.features, this.host);
    const made = new Map<number, Values>();
    const values = (axis: number): Values => {
      const known = made.get(axis);
      if (known !== undefined) return known;
      const plan = this.#plan(axis, axis < 0 ? 1 : lanes);
      const fresh = new Values(code, plan, scalar, vector, code.param(0));
      made.set(axis, fresh);
      return fresh;
    };
    return {
      code,
      at: (coords, axis, known) => pointOf(values(axis ?? -1), axis, coords, known ?? null),
    };
  }
}

/** A function body in the making. */
export interface Body {
  readonly code: Code;
  /** The point with these coordinates or, with `axis`, the vector of points that starts there. */
  at(coords: Coords, axis: number | null, known?: readonly [id: ValId, ref: Ref]): Point;
}

const pointOf = (
  values: Values,
  axis: number | null,
  coords: Coords,
  known: readonly [id: ValId, ref: Ref] | null,
): Point => {
  let frame = rootFrame();
  for (const [a, ref] of coords) frame = openFrame(frame, a, { ref, plus: 0 });
  if (known !== null) frame.memo.set(known[0], { ref: known[1], vector: axis !== null });
  const value = (id: ValId): Ref =>
    axis === null ? values.scalarAt(frame, id) : values.vectorAt(frame, id);
  const store = (s: Store): void => {
    const { storage } = values.buf(s.buf);
    const bytes = elementBytes(storage);
    const place = (lane: number): { readonly address: Ref; readonly offset: number } =>
      values.addresses.place(frame, s.buf, bytes, s.ix, lane);
    if (axis === null) {
      const { address, offset } = place(0);
      storeScalar(values.scalar, storage, address, value(s.value), offset);
      return;
    }
    const lanes = storeVector(values.vector, storage, value(s.value));
    if (values.addresses.lanesStride(s.ix) === 1) {
      const { address, offset } = place(0);
      lanes.all(address, offset);
      return;
    }
    for (let lane = 0; lane < values.plan.lanes; lane++) {
      const { address, offset } = place(lane);
      lanes.lane(address, offset, lane);
    }
  };
  const add = ({ store: s, value: id }: SumStore, base: Ref, first: Ref): void => {
    const { code } = values;
    const place = (lane: number): { readonly address: Ref; readonly offset: number } =>
      values.addresses.placeFrom(frame, base, 4, s.ix, lane);
    const one = (x: Ref, lane: number): void => {
      const { address, offset } = place(lane);
      const old = code.select(first, code.f32(0), code.load("f32.load", address, offset, true));
      code.store("f32.store", address, code.op("f32.add", old, x), offset);
    };
    const x = value(id);
    if (axis === null) one(x, 0);
    else if (values.addresses.lanesStride(s.ix) === 1) {
      const { address, offset } = place(0);
      const nothing = code.v128(new Uint8Array(16));
      const old = code.select(first, nothing, code.load("v128.load", address, offset, true));
      code.store("v128.store", address, code.op("f32x4.add", old, x), offset);
    } else {
      for (let lane = 0; lane < values.plan.lanes; lane++)
        one(code.lane("f32x4.extract_lane", [lane], x), lane);
    }
  };
  return { value, store, add };
};

/** Reading and writing blocks at computed places: gather, and scatter in five modes, the transpose of gather being scatter-add. */
import { complex64, int32, isInteger } from "../core/dtype.js";
import { DTypeError, IndexError, InternalError, ShapeError } from "../core/errors.js";
import { faults, type ScatterMode } from "../core/routine.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { define, type Primitive, type Site, type Tangents } from "../graph/primitive.js";
import { add, divide, multiply, subtract } from "./arithmetic.js";
import { broadcast, expandDims, reshape } from "./broadcast-sum.js";
import { cast, complex, imag, real } from "./cast.js";
import { equal, less, select } from "./compare-select.js";
import { constant, iota, onesLike, zerosLike } from "./constant.js";
import { at, same, writeList } from "./families/operands.js";

export interface GatherAttrs {
  /** Axis of the array that each index operand runs over (ascending is not needed), not counting batch axes. */
  readonly axes: readonly number[];
  /** Block read at each index tuple, one length per axis of the array, not counting batch axes. */
  readonly slice: readonly number[];
  /** Leading axes that array, indices and result share. */
  readonly batch: number;
}

const first = [0] as const;

const requireIndices = (name: string, indices: readonly Aval[], count: number): Shape => {
  if (indices.length !== count || count === 0)
    throw new InternalError(`[${name}] expected ${count} index arrays, got ${indices.length}`);
  const { shape } = at(indices, 0);
  for (const i of indices) {
    if (!isInteger(i.dtype))
      throw new DTypeError(`[${name}] expected integer indices, got ${i.dtype.name}: cast them`);
    if (!sameShape(i.shape, shape)) {
      throw new ShapeError(
        `[${name}] expected index arrays of one shape, got [${shape.join(", ")}] and [${i.shape.join(", ")}]: broadcast them`,
      );
    }
  }
  return shape;
};

const requireBlock = (name: string, shape: Shape, attrs: GatherAttrs, count: number): void => {
  for (const [d, n] of attrs.slice.entries()) {
    const length = at(shape, d + attrs.batch);
    if (n > length && count > 0) {
      throw new ShapeError(
        `[${name}] expected blocks of at most ${length} on axis ${d}, got ${n}: shorten them`,
      );
    }
    if (length === 0 && count > 0 && attrs.axes.includes(d))
      throw new IndexError(
        `[${name}] expected no index into axis ${d} of length 0, got ${count}: check for emptiness first`,
      );
  }
};

/** Operands: array, then one index array per entry of `axes`. Result: batch + index shape + block. */
export const gatherP: Primitive<GatherAttrs> = define<GatherAttrs>({
  name: "gather",
  rule: {
    family: "linear",
    operands: first,
    transpose(ct, avals, others, attrs) {
      const x = at(avals, 0);
      const indices = others.filter((n) => n !== null);
      const base = constant(0, ct.dtype, x.shape);
      return [scatterWith(base, indices, ct, attrs, "add"), ...indices.map(() => null)];
    },
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    const shape = requireIndices("gather", ins.slice(1), attrs.axes.length);
    const out = [...shape, ...attrs.slice];
    requireBlock("gather", x.shape, attrs, sizeOf(out));
    return [{ shape: out, dtype: x.dtype }];
  },
  lift: (attrs) => ({ ...attrs, batch: attrs.batch + 1 }),
  lower: {
    kind: "indexed",
    emit(s, position, { axes, slice, batch }, operands) {
      const x = at(operands, 0);
      const indexRank = at(operands, 1).shape.length;
      const where = at(operands, 1).shape.map((_, d) => position.coordinate(d));
      const places: unknown[] = [];
      for (let d = 0; d < batch; d++) places.push(position.coordinate(d));
      for (const [d, n] of slice.entries()) {
        const within = position.coordinate(indexRank + d);
        const k = axes.indexOf(d);
        if (k < 0) {
          places.push(within);
          continue;
        }
        const start = position.index(
          position.element(k + 1, where).re,
          at(x.shape, d + batch) - n + 1,
        );
        places.push(n === 1 ? start : s.op("add", start, within));
      }
      return position.element(0, places);
    },
  },
  key(attrs, sink) {
    writeList(sink, attrs.axes);
    writeList(sink, attrs.slice);
    sink.int(attrs.batch);
  },
});

export interface ScatterAttrs {
  readonly axes: readonly number[];
  readonly slice: readonly number[];
  readonly mode: ScatterMode;
}

/** The blocks of `x` at the places where the updates of `site` go. */
const blocks = (x: Node, site: Site<ScatterAttrs>): Node =>
  gather(x, site.ins.slice(2), site.attrs.axes, site.attrs.slice);

const scatterSame = (
  base: Node,
  updates: Node,
  site: Site<ScatterAttrs>,
  mode: ScatterMode,
): Node => scatter(base, site.ins.slice(2), updates, site.attrs.axes, site.attrs.slice, mode);

/** Who equals the result takes part in its change: base and updates alike, ties included, as in MLX. */
const extremumTangent = (ts: Tangents, site: Site<ScatterAttrs>): Node | null => {
  const [base, updates, out] = [at(site.ins, 0), at(site.ins, 1), at(site.outs, 0)];
  const [tb, tu] = [ts[0] ?? null, ts[1] ?? null];
  const kept = tb === null ? null : select(equal(base, out), tb, zerosLike(tb));
  if (tu === null) return kept;
  const won = select(equal(updates, blocks(out, site)), tu, zerosLike(tu));
  return scatterSame(kept ?? constant(0, tu.dtype, base.shape), won, site, "add");
};

/**
 * Each factor's tangent times all others. Zeros are counted and taken apart, so that no quotient has one: where one other
 * factor is zero, the others' product is that factor (zero, but with a derivative of its own) times the rest.
 */
const productTangent = (ts: Tangents, site: Site<ScatterAttrs>): Node | null => {
  const [base, updates] = [at(site.ins, 0), at(site.ins, 1)];
  const [tb, tu] = [ts[0] ?? null, ts[1] ?? null];
  const isZero = (x: Node): Node => equal(x, zerosLike(x));
  const nonzero = (x: Node): Node => select(isZero(x), onesLike(x), x);
  const zero = (x: Node): Node => select(isZero(x), x, zerosLike(x));
  const count = (x: Node): Node => cast(isZero(x), int32);
  const product = scatterSame(nonzero(base), nonzero(updates), site, "prod");
  const zeros = scatterSame(zero(base), zero(updates), site, "add");
  const number = scatterSame(count(base), count(updates), site, "add");
  const others = (x: Node, at: (whole: Node) => Node): Node => {
    const left = subtract(at(number), count(x));
    const one = select(equal(left, onesLike(left)), subtract(at(zeros), zero(x)), zerosLike(x));
    const factor = select(equal(left, zerosLike(left)), onesLike(x), one);
    return multiply(factor, divide(at(product), nonzero(x)));
  };
  const kept =
    tb === null
      ? null
      : multiply(
          tb,
          others(base, (whole) => whole),
        );
  if (tu === null) return kept;
  const change = multiply(
    tu,
    others(updates, (whole) => blocks(whole, site)),
  );
  return scatterSame(kept ?? constant(0, change.dtype, base.shape), change, site, "add");
};

const modeP = (mode: ScatterMode): Primitive<ScatterAttrs> =>
  define<ScatterAttrs>({
    name: `scatter${mode === "replace" ? "" : `-${mode}`}`,
    rule:
      mode === "add" || mode === "replace"
        ? {
            family: "linear",
            operands: [0, 1],
            transpose(ct, avals, others, attrs) {
              const indices = others.filter((n) => n !== null);
              const updates = gather(ct, indices, attrs.axes, attrs.slice);
              const nothing = constant(0, ct.dtype, at(avals, 1).shape);
              const base =
                mode === "add" ? ct : scatter(ct, indices, nothing, attrs.axes, attrs.slice, mode);
              return [base, updates, ...indices.map(() => null)];
            },
          }
        : {
            family: "routine",
            jvp: (ts, site) => [
              mode === "prod" ? productTangent(ts, site) : extremumTangent(ts, site),
            ],
          },
    infer(ins, attrs): readonly Aval[] {
      const x = at(ins, 0);
      const updates = at(ins, 1);
      const shape = requireIndices("scatter", ins.slice(2), attrs.axes.length);
      const want = [...shape, ...attrs.slice];
      if (!sameShape(updates.shape, want)) {
        throw new ShapeError(
          `[scatter] expected updates of shape [${want.join(", ")}], got [${updates.shape.join(", ")}]: broadcast them`,
        );
      }
      if (updates.dtype !== x.dtype) {
        throw new DTypeError(
          `[scatter] expected updates of dtype ${x.dtype.name}, got ${updates.dtype.name}: cast them`,
        );
      }
      requireBlock("scatter", x.shape, { ...attrs, batch: 0 }, sizeOf(shape));
      return [x];
    },
    // A batch axis becomes one more indexed axis, which `batch` does; it never declines.
    lift: same,
    batch(ins, mapped, size, attrs) {
      const wide = ins.map((n, i) => (mapped[i] === true ? n : broadcast(n, [size, ...n.shape])));
      const [base, updates, ...indices] = wide;
      if (base === undefined || updates === undefined)
        throw new InternalError("[scatter] expected base and updates");
      return [scatterWith(base, indices, updates, { ...attrs, batch: 1 }, mode)];
    },
    lower: {
      kind: "routine",
      describe: (attrs, operands) => ({
        routine: "scatter",
        dtype: at(operands, 0).dtype,
        shape: at(operands, 0).shape,
        axes: attrs.axes,
        slice: attrs.slice,
        count: sizeOf(at(operands, 2).shape),
        mode,
        code: faults.index,
      }),
    },
    key(attrs, sink) {
      writeList(sink, attrs.axes);
      writeList(sink, attrs.slice);
    },
  });

export const scatterReplaceP: Primitive<ScatterAttrs> = modeP("replace");
export const scatterAddP: Primitive<ScatterAttrs> = modeP("add");
export const scatterProdP: Primitive<ScatterAttrs> = modeP("prod");
export const scatterMaxP: Primitive<ScatterAttrs> = modeP("max");
export const scatterMinP: Primitive<ScatterAttrs> = modeP("min");

const byMode: Readonly<Record<ScatterMode, Primitive<ScatterAttrs>>> = {
  replace: scatterReplaceP,
  add: scatterAddP,
  prod: scatterProdP,
  max: scatterMaxP,
  min: scatterMinP,
};

/**
 * Blocks of `x`: one of `slice` sizes (a length per axis of `x`) at each tuple of indices, `indices[k]` along `axes[k]`.
 * Index arrays are integers of one shape I; the result has shape I + slice. Negative indices count from the end.
 */
export const gather = (
  x: Node,
  indices: readonly Node[],
  axes: readonly number[],
  slice: readonly number[],
  batch: number = 0,
): Node => bind(gatherP, [x, ...indices], { axes, slice, batch });

/** Scatter of batches: leading axes shared by all operands become indexed axes. */
const scatterWith = (
  base: Node,
  indices: readonly Node[],
  updates: Node,
  attrs: GatherAttrs,
  mode: ScatterMode,
): Node => {
  const { batch, axes, slice } = attrs;
  if (batch === 0) return scatter(base, indices, updates, axes, slice, mode);
  const { shape } = at(indices, 0);
  const leading = shape.slice(0, batch).map((_, d) => iota(shape, d, int32));
  const ones = leading.map((_, d) => shape.length + d);
  return scatter(
    base,
    [...leading, ...indices],
    expandDims(updates, ones),
    [...leading.keys(), ...axes.map((d) => d + batch)],
    [...leading.map(() => 1), ...slice],
    mode,
  );
};

/**
 * `base` with blocks of `updates` (shape I + slice) put at each tuple of indices, in order; combined with what is there
 * as `mode` says.
 */
export const scatter = (
  base: Node,
  indices: readonly Node[],
  updates: Node,
  axes: readonly number[],
  slice: readonly number[],
  mode: ScatterMode,
): Node => {
  const part = (b: Node, u: Node): Node =>
    bind(byMode[mode], [b, u, ...indices.map((i) => cast(i, int32))], { axes, slice, mode });
  if (base.dtype !== complex64 || mode === "replace") return part(base, cast(updates, base.dtype));
  if (mode !== "add") {
    throw new DTypeError(
      `[scatter] expected real numbers in mode ${mode}, got complex64: combine real and imaginary parts yourself`,
    );
  }
  const u = cast(updates, base.dtype);
  return complex(part(real(base), real(u)), part(imag(base), imag(u)));
};

export interface TakeAttrs {
  readonly axis: number;
}

/** Element of the array at the same place but for `axis`, where the index says: operands array and indices of equal rank. */
export const takeAlongP: Primitive<TakeAttrs> = define<TakeAttrs>({
  name: "takeAlong",
  rule: {
    family: "linear",
    operands: first,
    transpose(ct, avals, others, { axis }) {
      const index = at(others, 1);
      if (index === null) throw new InternalError("[takeAlong] no indices");
      const { shape } = at(avals, 0);
      const zeros = constant(0, ct.dtype, shape);
      // One index per place is a choice, which fuses with its neighbours; several may coincide and have to be added.
      if (index.shape[axis] === 1)
        return [select(isAt(index, shape, axis), broadcast(ct, shape), zeros), null];
      return [putAlong(zeros, index, ct, axis, "add"), null];
    },
  },
  infer(ins, { axis }): readonly Aval[] {
    const x = at(ins, 0);
    const index = at(ins, 1);
    requireIndices("takeAlong", [index], 1);
    requireAlong("takeAlong", x.shape, index.shape, axis);
    return [{ shape: index.shape, dtype: x.dtype }];
  },
  lift: (attrs) => ({ axis: attrs.axis + 1 }),
  lower: {
    kind: "indexed",
    emit(_s, position, { axis }, operands) {
      const x = at(operands, 0);
      const where = x.shape.map((_, d) => position.coordinate(d));
      const chosen = position.index(position.element(1, where).re, at(x.shape, axis));
      return position.element(
        0,
        where.map((w, d) => (d === axis ? chosen : w)),
      );
    },
  },
  key: (attrs, sink) => sink.int(attrs.axis),
});

/** Where the position along `axis` is the one that `index`, of length 1 there, names. */
const isAt = (index: Node, shape: Shape, axis: number): Node => {
  const i = cast(index, int32);
  const length = constant(at(shape, axis), int32, i.shape);
  const wrapped = select(less(i, zerosLike(i)), add(i, length), i);
  return equal(iota(shape, axis, int32), broadcast(wrapped, shape));
};

const requireAlong = (name: string, shape: Shape, index: Shape, axis: number): void => {
  if (shape.length !== index.length || shape.some((n, d) => d !== axis && n !== index[d])) {
    throw new ShapeError(
      `[${name}] expected indices that agree with [${shape.join(", ")}] off axis ${axis}, got [${index.join(", ")}]: broadcast them`,
    );
  }
  if (shape[axis] === 0 && sizeOf(index) > 0)
    throw new IndexError(
      `[${name}] expected no index into an axis of length 0: check for emptiness first`,
    );
};

/** Elements of `x` along `axis`, chosen per place by `index` (same rank, same lengths off `axis`). */
export const takeAlong = (x: Node, index: Node, axis: number): Node =>
  bind(takeAlongP, [x, index], { axis });

/** `base` with `updates` put where {@link takeAlong} with the same indices reads. */
export const putAlong = (
  base: Node,
  index: Node,
  updates: Node,
  axis: number,
  mode: ScatterMode,
): Node => {
  requireAlong("putAlong", base.shape, index.shape, axis);
  // Only axes that are longer than 1 need an index array beside the given one.
  const fold = (shape: Shape): number[] => [
    sizeOf(shape.slice(0, axis)),
    at(shape, axis),
    sizeOf(shape.slice(axis + 1)),
  ];
  const whole = fold(base.shape);
  const wide = fold(index.shape);
  const used = [0, 1, 2].filter((d) => d === 1 || whole[d] !== 1);
  const shape = used.map((d) => at(wide, d));
  const flat = reshape(index, shape);
  const indices = used.map((d, k) => (d === 1 ? flat : iota(shape, k, int32)));
  const ones = used.map(() => 1);
  const out = scatter(
    reshape(
      base,
      used.map((d) => at(whole, d)),
    ),
    indices,
    reshape(updates, [...shape, ...ones]),
    [...used.keys()],
    ones,
    mode,
  );
  return reshape(out, base.shape);
};

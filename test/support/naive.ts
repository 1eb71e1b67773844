/**
 * An evaluator that computes one node after the other from the lowering descriptions, in plain JavaScript doubles: the
 * oracle of the law tests, independent of scheduler, kernels and devices. float32 and complex64 keep double precision.
 */
import type { DType } from "../../src/core/dtype.js";
import { IndexError, InternalError } from "../../src/core/errors.js";
import type { Scalar } from "../../src/core/guards.js";
import type { Routine } from "../../src/core/routine.js";
import type { Combine } from "../../src/core/scalar.js";
import { Storage } from "../../src/core/storage.js";
import { encodeValues, reader } from "../../src/core/values.js";
import type { Evaluator } from "../../src/graph/evaluator.js";
import { holeError } from "../../src/graph/hole.js";
import type { Lowering, Parts, Position, View } from "../../src/graph/lowering.js";
import { type Aval, Node, noNodes, outsOf, type Shape, sizeOf } from "../../src/graph/node.js";
import { keepOrDetach } from "../../src/graph/trace.js";
import { computeType } from "../../src/primitives/families/operands.js";
import { type Cell, cellOf, eager } from "./naive-scalars.js";

type Value = Cell["v"];

/** The elements of an array: real parts, and imaginary parts for complex64. */
export interface Column {
  readonly re: readonly Value[];
  readonly im: readonly number[] | null;
}

class NaiveStorage extends Storage {
  readonly column: Column;
  readonly dtype: DType;

  constructor(column: Column, dtype: DType) {
    super();
    this.column = column;
    this.dtype = dtype;
  }

  override get byteLength(): number {
    return this.column.re.length * this.dtype.size;
  }

  override read(): Uint8Array {
    const { re, im } = this.column;
    const whole = re.map((v, i): Scalar => (im === null ? v : { re: Number(v), im: im[i] ?? 0 }));
    return encodeValues(this.dtype, whole);
  }

  override readAsync(): Promise<Uint8Array> {
    return Promise.resolve(this.read());
  }

  protected override free(): void {}
}

const at = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  if (x === undefined) throw new InternalError(`[naive] no element ${i} among ${list.length}`);
  return x;
};

/** A leaf with exact values; for complex64 interleaved parts. */
export const leafOf = (dtype: DType, shape: Shape, values: readonly Value[]): Node => {
  const n = new Node(null, noNodes, undefined, shape, dtype, 0);
  n.data = new NaiveStorage(
    dtype.kind === "complex"
      ? {
          re: values.filter((_, i) => i % 2 === 0),
          im: values.filter((_, i) => i % 2 === 1).map(Number),
        }
      : { re: values, im: null },
    dtype,
  );
  return n;
};

/** The elements of an evaluated node, without rounding where it was computed here. */
export const columnOf = (n: Node): Column => {
  const { data } = n;
  if (data instanceof NaiveStorage) return data.column;
  if (data === null) throw new InternalError("[naive] no data");
  const read = reader(n.dtype, data.read());
  const all = Array.from({ length: sizeOf(n.shape) }, (_, i) => read(i));
  const im = n.dtype.kind === "complex" ? all.map((v) => (typeof v === "object" ? v.im : 0)) : null;
  return { re: all.map((v) => (typeof v === "object" ? v.re : v)), im };
};

const coordinates = (shape: Shape, flat: number): number[] => {
  const out: number[] = new Array(shape.length).fill(0);
  for (let d = shape.length - 1; d >= 0; d--) {
    const n = at(shape, d);
    out[d] = flat % n;
    flat = Math.floor(flat / n);
  }
  return out;
};

const flatten = (shape: Shape, place: readonly number[]): number =>
  shape.reduce((flat, n, d) => flat * n + at(place, d), 0);

/** Back into the range of a narrow integer dtype. */
const narrow = (v: Value, d: DType): Value => {
  if (d.size >= 4 || (d.kind !== "int" && d.kind !== "uint")) return v;
  const wrapped = d.kind === "int" ? BigInt.asIntN : BigInt.asUintN;
  return Number(wrapped(8 * d.size, BigInt(v)));
};

const cellsOf = (x: Aval, c: Column, i: number): Parts<unknown> => ({
  re: { type: computeType(x.dtype), v: at(c.re, i) },
  im: c.im === null ? null : { type: "f32", v: at(c.im, i) },
});

/** Collects the results of `f` for every element of `out`. */
const fill = (out: Aval, f: (flat: number, place: number[]) => Parts<unknown>): Column => {
  const re: Value[] = [];
  const im: number[] = [];
  const size = sizeOf(out.shape);
  for (let i = 0; i < size; i++) {
    const p = f(i, coordinates(out.shape, i));
    const cell = cellOf(p.re);
    if (cell.type !== computeType(out.dtype))
      throw new InternalError(`[naive] ${cell.type} as an element of ${out.dtype.name}`);
    re.push(narrow(cell.v, out.dtype));
    if (out.dtype.kind === "complex") im.push(Number(cellOf(p.im).v));
  }
  return { re, im: out.dtype.kind === "complex" ? im : null };
};

/** Which element of the input an output place reads, or null for a padded zero. */
const source = (view: View, input: Aval, output: Aval, place: readonly number[]): number | null => {
  switch (view.op) {
    case "reshape":
      return flatten(output.shape, place);
    case "broadcast":
      return flatten(
        input.shape,
        input.shape.map((n, d) => (n === 1 ? 0 : at(place, at(view.dims, d)))),
      );
    case "permute": {
      const from: number[] = [];
      view.axes.forEach((a, d) => {
        from[a] = at(place, d);
      });
      return flatten(input.shape, from);
    }
    case "slice":
      return flatten(
        input.shape,
        place.map((i, d) => at(view.start, d) + i * at(view.step, d)),
      );
    case "pad": {
      const from: number[] = [];
      for (const [d, i] of place.entries()) {
        const k = (i - at(view.low, d)) / (at(view.interior, d) + 1);
        if (!Number.isInteger(k) || k < 0 || k >= at(input.shape, d)) return null;
        from.push(k);
      }
      return flatten(input.shape, from);
    }
  }
};

const zeroOf = (d: DType): Value => {
  const t = computeType(d);
  return t === "bool" ? false : t === "i64" || t === "u64" ? 0n : 0;
};

const isNaNValue = (v: Value): boolean => typeof v === "number" && Number.isNaN(v);

/** Combines the values of one reduction; NaN propagates through extrema, argument extrema skip it unless it is first. */
const combine = (how: Combine, d: DType, values: readonly Value[]): Value => {
  const type = computeType(d);
  if (how === "argmax" || how === "argmin") {
    let best = 0;
    for (let i = 1; i < values.length; i++) {
      const [v, b] = [at(values, i), at(values, best)];
      if (how === "argmax" ? v > b : v < b) best = i;
    }
    return best;
  }
  const fn = { sum: "add", prod: "mul", max: "max", min: "min" } as const;
  const start = how === "prod" ? 1 : 0;
  const [head, ...tail] = values;
  const empty = type === "bool" ? how === "min" || how === "prod" : start;
  if (head === undefined) return cellOf(eager.constant(type, empty)).v;
  let acc: unknown = { type, v: head };
  for (const v of tail) acc = eager.op(fn[how], acc, { type, v });
  return cellOf(acc).v;
};

const compareValues = (a: Value, b: Value): number => {
  if (isNaNValue(a) || isNaNValue(b)) return Number(isNaNValue(a)) - Number(isNaNValue(b));
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Calls `f` with the flat positions of every line along the middle axis. */
const lines = (
  { outer, length, inner }: { outer: number; length: number; inner: number },
  f: (positions: number[]) => void,
): void => {
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      f(Array.from({ length }, (_, k) => (o * length + k) * inner + i));
};

const scan = (r: Routine & { routine: "scan" }, x: readonly Value[], out: Value[]): void => {
  const identity: Record<typeof r.how, number> = {
    sum: 0,
    prod: 1,
    max: Number.NEGATIVE_INFINITY,
    min: Number.POSITIVE_INFINITY,
  };
  lines(r, (positions) => {
    const way = r.reverse ? positions.reverse() : positions;
    const seen: Value[] = [];
    for (const p of way) {
      const before = seen.length === 0 ? null : combine(r.how, r.dtype, seen);
      seen.push(at(x, p));
      const first = (): Value => cellOf(eager.constant(computeType(r.dtype), identity[r.how])).v;
      out[p] = r.exclusive ? (before ?? first()) : combine(r.how, r.dtype, seen);
    }
  });
};

const scatter = (r: Routine & { routine: "scatter" }, ins: readonly Column[]): Column => {
  const [base, updates, ...indices] = ins;
  if (base === undefined || updates === undefined) throw new InternalError("[naive] scatter");
  const re = [...base.re];
  const im = base.im === null ? null : [...base.im];
  const block = sizeOf(r.slice);
  for (let t = 0; t < r.count; t++) {
    for (let j = 0; j < block; j++) {
      const place = coordinates(r.slice, j);
      r.axes.forEach((axis, k) => {
        const i = Number(at(at(indices, k).re, t));
        const n = at(r.shape, axis);
        if (i < -n || i >= n) throw new IndexError(`[scatter] index ${i} is out of range for ${n}`);
        place[axis] = at(place, axis) + (i < 0 ? i + n : i);
      });
      const to = flatten(r.shape, place);
      const v = at(updates.re, t * block + j);
      const old = at(re, to);
      const how = { add: "sum", prod: "prod", max: "max", min: "min" } as const;
      re[to] = r.mode === "replace" ? v : narrow(combine(how[r.mode], r.dtype, [old, v]), r.dtype);
      if (im !== null && updates.im !== null) im[to] = at(updates.im, t * block + j);
    }
  }
  return { re, im };
};

const routine = (r: Routine, ins: readonly Column[]): Column[] => {
  if (r.routine === "scatter") return [scatter(r, ins)];
  const x = at(ins, 0);
  if (r.routine === "scan") {
    const out: Value[] = new Array(x.re.length).fill(0);
    scan(r, x.re, out);
    return [{ re: out.map((v) => narrow(v, r.dtype)), im: null }];
  }
  const values: Value[] = new Array(x.re.length).fill(0);
  const indices: Value[] = new Array(x.re.length).fill(0);
  const im = x.im === null ? null : [...x.im];
  lines(r, (positions) => {
    const imaginary = (p: number): number => (x.im === null ? 0 : at(x.im, p));
    const order = positions
      .map((p, k) => ({ p, k }))
      .sort(
        (a, b) =>
          compareValues(at(x.re, a.p), at(x.re, b.p)) ||
          compareValues(imaginary(a.p), imaginary(b.p)),
      );
    order.forEach(({ p, k }, i) => {
      values[at(positions, i)] = at(x.re, p);
      indices[at(positions, i)] = k;
      if (im !== null) im[at(positions, i)] = imaginary(p);
    });
  });
  return [
    { re: values, im },
    { re: indices, im: null },
  ];
};

class NaivePosition implements Position<unknown> {
  readonly place: readonly number[];
  readonly out: Aval;
  readonly ins: readonly Aval[];
  readonly columns: readonly Column[];

  constructor(
    place: readonly number[],
    out: Aval,
    ins: readonly Aval[],
    columns: readonly Column[],
  ) {
    this.place = place;
    this.out = out;
    this.ins = ins;
    this.columns = columns;
  }

  coordinate(d: number): Cell {
    return { type: "i32", v: at(this.place, d) };
  }

  flat(from: number): Cell {
    return { type: "i32", v: flatten(this.out.shape.slice(from), this.place.slice(from)) };
  }

  index(value: unknown, size: number): Cell {
    const i = Number(cellOf(value).v);
    if (i < -size || i >= size)
      throw new IndexError(`[eval] index ${i} is out of range for ${size}`);
    return { type: "i32", v: i < 0 ? i + size : i };
  }

  element(operand: number, places: readonly unknown[]): Parts<unknown> {
    const x = at(this.ins, operand);
    const where = places.map((p) => Number(cellOf(p).v));
    for (const [d, i] of where.entries())
      if (i < 0 || i >= at(x.shape, d))
        throw new InternalError(`[naive] element out of range on axis ${d}`);
    return cellsOf(x, at(this.columns, operand), flatten(x.shape, where));
  }
}

const compute = (
  l: Lowering<unknown>,
  attrs: unknown,
  ins: readonly Node[],
  columns: readonly Column[],
  outs: readonly Node[],
): Column[] => {
  const out = at(outs, 0);
  switch (l.kind) {
    case "alias":
      return outs.map((_, i) => at(columns, l.input(attrs, i)));
    case "view": {
      const x = at(ins, 0);
      const c = at(columns, 0);
      const view = l.view(attrs, x, out);
      const zero = {
        re: { type: computeType(x.dtype), v: zeroOf(x.dtype) },
        im: { type: "f32", v: 0 },
      };
      return [
        fill(out, (_, place) => {
          const from = source(view, x, out, place);
          return from === null ? zero : cellsOf(x, c, from);
        }),
      ];
    }
    case "scalar":
      return [
        fill(out, (i) => {
          const parts = ins.map((x, k) => cellsOf(x, at(columns, k), i));
          if (!parts.some((p) => p.im !== null)) {
            return { re: eager.op(l.fn, ...parts.map((p) => p.re)), im: null };
          }
          if (l.complex === undefined) throw new InternalError(`[naive] ${l.fn} on complex64`);
          return l.complex(eager, parts);
        }),
      ];
    case "expression":
      return [
        fill(out, (i) =>
          l.emit(
            eager,
            ins.map((x, k) => cellsOf(x, at(columns, k), i)),
            attrs,
            ins,
            out,
          ),
        ),
      ];
    case "constant": {
      const v = l.value(attrs);
      const complex = typeof v === "object" ? v : { re: v, im: 0 };
      return [
        fill(out, () => ({
          re: eager.constant(computeType(out.dtype), complex.re),
          im: eager.constant("f32", complex.im),
        })),
      ];
    }
    case "indexed":
      return [
        fill(out, (_, place) =>
          l.emit(eager, new NaivePosition(place, out, ins, columns), attrs, ins, out),
        ),
      ];
    case "reduce":
      return [reduce(l.how, at(ins, 0), at(columns, 0), l.axes(attrs), out)];
    case "contract":
      return [contract(ins, columns, out)];
    case "concatenate": {
      const axis = l.axis(attrs);
      return [
        fill(out, (_, place) => {
          const from = [...place];
          let k = 0;
          while (at(from, axis) >= at(at(ins, k).shape, axis)) {
            from[axis] = at(from, axis) - at(at(ins, k).shape, axis);
            k++;
          }
          return cellsOf(at(ins, k), at(columns, k), flatten(at(ins, k).shape, from));
        }),
      ];
    }
    case "routine":
      return routine(l.describe(attrs, ins), columns);
  }
};

const reduce = (how: Combine, x: Aval, c: Column, axes: readonly number[], out: Aval): Column => {
  const kept = x.shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const lists = Array.from({ length: sizeOf(out.shape) }, (): number[] => []);
  for (let i = 0; i < c.re.length; i++) {
    const place = coordinates(x.shape, i);
    at(
      lists,
      flatten(
        out.shape,
        kept.map((d) => at(place, d)),
      ),
    ).push(i);
  }
  const part = (values: readonly Value[]): Value[] =>
    lists.map((list) =>
      narrow(
        combine(
          how,
          x.dtype,
          list.map((i) => at(values, i)),
        ),
        out.dtype,
      ),
    );
  if (c.im !== null && how !== "sum") throw new InternalError(`[naive] ${how} of complex64`);
  return { re: part(c.re), im: c.im === null ? null : part(c.im).map(Number) };
};

const contract = (ins: readonly Node[], columns: readonly Column[], out: Aval): Column => {
  const [a, b] = [at(ins, 0), at(ins, 1)];
  const k = at(a.shape, a.shape.length - 1);
  const re = Array.from({ length: sizeOf(out.shape) }, (_, i) => {
    const place = coordinates(out.shape, i);
    const [row, column] = [at(place, place.length - 2), at(place, place.length - 1)];
    const lead = place.slice(0, -2);
    let sum = 0;
    for (let j = 0; j < k; j++) {
      const x = at(at(columns, 0).re, flatten(a.shape, [...lead, row, j]));
      const y = at(at(columns, 1).re, flatten(b.shape, [...lead, j, column]));
      sum += Number(x) * Number(y);
    }
    return sum;
  });
  return { re, im: null };
};

const evaluate = (roots: readonly Node[]): void => {
  const known = new Map<Node, Column>();
  const stack = [...roots];
  for (let n = stack.at(-1); n !== undefined; n = stack.at(-1)) {
    if (known.has(n)) {
      stack.pop();
      continue;
    }
    if (n.data !== null) {
      known.set(n, columnOf(n));
      continue;
    }
    const { prim } = n;
    if (prim === null) throw holeError("eval", n);
    const missing = n.ins.filter((x) => !known.has(x));
    if (missing.length > 0) {
      stack.push(...missing);
      continue;
    }
    const outs = outsOf(n);
    if (prim.lower === null) {
      if (prim.rule.family !== "composite")
        throw new InternalError(`[naive] ${prim.name} has no lowering`);
      const parts = prim.rule.decompose(n.ins, n.attrs);
      const open = parts.filter((x) => !known.has(x));
      // Computed on the next visit, then taken over.
      if (open.length > 0) evaluateInto(open, known);
      for (const [i, o] of outs.entries()) {
        const column = known.get(at(parts, i));
        if (column !== undefined) known.set(o, column);
      }
      continue;
    }
    const columns = n.ins.map((x) => known.get(x)).filter((c) => c !== undefined);
    const results = compute(prim.lower, n.attrs, n.ins, columns, outs);
    outs.forEach((o, i) => {
      const column = at(results, i);
      if (column.re.length !== sizeOf(o.shape)) {
        throw new InternalError(
          `[naive] ${prim.name} gave ${column.re.length} elements for shape [${o.shape.join(", ")}]`,
        );
      }
      known.set(o, column);
    });
  }
  for (const n of roots) {
    if (n.data !== null) continue;
    const column = known.get(n);
    if (column !== undefined) n.data = new NaiveStorage(column, n.dtype);
    keepOrDetach(n);
  }
};

const evaluateInto = (nodes: readonly Node[], known: Map<Node, Column>): void => {
  evaluate(nodes);
  for (const n of nodes) known.set(n, columnOf(n));
};

export const naive: Evaluator = {
  evaluate,
  evaluateAsync(roots) {
    evaluate(roots);
    return Promise.resolve();
  },
};

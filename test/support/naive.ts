/**
 * An evaluator that computes one node after the other from the lowering descriptions, in plain JavaScript doubles: the
 * oracle of the law tests, independent of scheduler, kernels and devices. float32 and complex64 keep double precision.
 */

import type { DType } from "../../src/core/dtype.js";
import { IndexError, InternalError } from "../../src/core/errors.js";
import type { Scalar } from "../../src/core/guards.js";
import type { Combine } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { Storage } from "../../src/core/storage.js";
import { encodeValues, reader } from "../../src/core/values.js";
import type { Control } from "../../src/graph/control.js";
import type { Evaluator } from "../../src/graph/evaluator.js";
import { holeError } from "../../src/graph/hole.js";
import type { Lowering, Parts, Position, View } from "../../src/graph/lowering.js";
import { type Aval, Node, noNodes, outsOf, type Shape, sizeOf } from "../../src/graph/node.js";
import type { Recorded } from "../../src/graph/recorded.js";
import { keepOrDetach } from "../../src/graph/trace.js";
import { substitute } from "../../src/transforms/replay.js";

import {
  at,
  type Column,
  combine,
  coordinates,
  flatten,
  narrow,
  routine,
  type Value,
} from "./naive-routines.js";
import { type Cell, cellOf, eager } from "./naive-scalars.js";

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

const cellsOf = (x: Aval, c: Column, i: number): Parts<unknown> => ({
  re: { type: computeTypeOf(x.dtype), v: at(c.re, i) },
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
    if (cell.type !== computeTypeOf(out.dtype))
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
    case "window": {
      const { axis, stride, dilation } = view;
      const step = at(place, axis) * stride + at(place, axis + 1) * dilation;
      return flatten(input.shape, [...place.slice(0, axis), step, ...place.slice(axis + 2)]);
    }
  }
};

const zeroOf = (d: DType): Value => {
  const t = computeTypeOf(d);
  return t === "bool" ? false : t === "i64" || t === "u64" ? 0n : 0;
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
        re: { type: computeTypeOf(x.dtype), v: zeroOf(x.dtype) },
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
          re: eager.constant(computeTypeOf(out.dtype), complex.re),
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
    case "composition":
      throw new InternalError("[naive] a composition is computed as its parts");
    case "routine":
      return routine(l.describe(attrs, ins), columns);
    case "control":
      return control(l.describe(attrs), ins, columns, outs);
    case "kernels":
      throw new InternalError("[naive] kernels are what the interpreter is for");
  }
};

/** The roots of a recorded graph for some values of its leaves. */
const run = ({ leaves, roots }: Recorded, values: readonly Column[]): Column[] => {
  const given = leaves.map((x, i) => {
    const n = new Node(null, noNodes, undefined, x.shape, x.dtype, 0);
    n.data = new NaiveStorage(at(values, i), x.dtype);
    return n;
  });
  const results = substitute(roots, leaves, given);
  evaluate(results);
  return results.map(columnOf);
};

const sliceOf = (c: Column, size: number, i: number): Column => ({
  re: c.re.slice(i * size, (i + 1) * size),
  im: c.im?.slice(i * size, (i + 1) * size) ?? null,
});

const joined = (parts: readonly Column[], like: Aval): Column => ({
  re: parts.flatMap((p) => p.re),
  im: like.dtype.kind === "complex" ? parts.flatMap((p) => p.im ?? []) : null,
});

/** Loops as loops, branches as branches. */
const control = (
  c: Control,
  ins: readonly Node[],
  columns: readonly Column[],
  outs: readonly Node[],
): Column[] => {
  if (c.control === "cond") {
    const [first, second] = c.sides;
    return run(at(at(columns, 0).re, 0) === true ? first : second, columns.slice(1));
  }
  if (c.control === "while") {
    const fixed = columns.slice(0, -c.carries);
    let state = columns.slice(-c.carries);
    while (at(run(c.test, [...fixed, ...state]), 0).re[0] === true)
      state = run(c.body, [...fixed, ...state]);
    return state;
  }
  const { body, constants, carries, length, reverse } = c;
  let state = columns.slice(constants, constants + carries);
  const stacks = body.roots.slice(carries).map((): Column[] => []);
  for (let round = 0; round < length; round++) {
    const i = reverse ? length - 1 - round : round;
    const slices = columns
      .slice(constants + carries)
      .map((x, k) => sliceOf(x, sizeOf(at(ins, constants + carries + k).shape) / length, i));
    const results = run(body, [...columns.slice(0, constants), ...state, ...slices]);
    state = results.slice(0, carries);
    for (const [k, stack] of stacks.entries()) stack[i] = at(results, carries + k);
  }
  return [...state, ...stacks.map((s, k) => joined(s, at(outs, carries + k)))];
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
    const made =
      prim.lower?.kind === "composition"
        ? prim.lower
        : prim.rule.family === "composite" && (prim.lower === null || prim.lower.kind === "routine")
          ? prim.rule
          : null;
    if (made !== null) {
      const parts = made.decompose(n.ins, n.attrs);
      const open = parts.filter((x) => !known.has(x));
      // Computed on the next visit, then taken over.
      if (open.length > 0) evaluateInto(open, known);
      for (const [i, o] of outs.entries()) {
        const column = known.get(at(parts, i));
        if (column !== undefined) known.set(o, column);
      }
      continue;
    }
    if (prim.lower === null) throw new InternalError(`[naive] ${prim.name} has no lowering`);
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
  collect() {},
};

/** What the kernel IR means: every value over its whole domain, one point after another, with no loops shared. */
import { InternalError } from "../core/errors.js";
import { accumulator, product } from "./combine.js";
import { axesOf, axisSizes, domainsOf, pointsOf, valAt } from "./domains.js";
import {
  type Guard,
  type Ix,
  type Kernel,
  type Mask,
  type Store,
  slabRows,
  type Val,
  type ValId,
} from "./ir.js";
import { asType, scalarFunction, settle, type Value } from "./scalar-values.js";
import { type Elements, elementsOf } from "./storage-values.js";

/** The first nonzero fault code raised stays here. */
export interface FaultWord {
  code: number;
}

type Read = () => Value;

/** A point of the iteration space, moved through the product of some of the axes at a time. */
class Point {
  readonly at: number[];
  readonly sizes: readonly number[];

  constructor(sizes: readonly number[]) {
    this.sizes = sizes;
    this.at = sizes.map(() => 0);
  }

  /** Visits the product of the axes of `mask` in row-major order; they are at 0 before and after. */
  each(mask: Mask, visit: (position: number) => void): void {
    const axes = this.axes(mask).reverse();
    const count = pointsOf(this.sizes, mask);
    for (let n = 0; n < count; n++) {
      visit(n);
      for (const a of axes) {
        const next = (this.at[a] ?? 0) + 1;
        this.at[a] = next < (this.sizes[a] ?? 0) ? next : 0;
        if (this.at[a] !== 0) break;
      }
    }
  }

  /** Moves the axes of `mask` to row-major position `n` of their product. */
  moveTo(mask: Mask, n: number): void {
    for (const a of this.axes(mask).reverse()) {
      const size = this.sizes[a] ?? 1;
      this.at[a] = n % size;
      n = Math.floor(n / size);
    }
  }

  /** Row-major position among the axes of `mask`. */
  within(mask: Mask): () => number {
    const { at, sizes } = this;
    const axes = this.axes(mask);
    return () => {
      let position = 0;
      for (const a of axes) position = position * (sizes[a] ?? 1) + (at[a] ?? 0);
      return position;
    };
  }

  private axes(mask: Mask): number[] {
    return [...this.sizes.keys()].filter((a) => (mask >> a) & 1);
  }
}

class Interpreter {
  private readonly kernel: Kernel;
  private readonly point: Point;
  private readonly domains: readonly Mask[];
  private readonly buffers: readonly Elements[];
  private readonly params: readonly Value[];
  private readonly fault: FaultWord;
  /** How to read each value computed so far, at the current point. */
  private readonly reads: Read[] = [];

  constructor(
    kernel: Kernel,
    outer: number,
    buffers: readonly Uint8Array[],
    params: readonly (number | bigint | boolean)[],
    fault: FaultWord,
  ) {
    this.kernel = kernel;
    this.point = new Point(axisSizes(kernel, outer));
    this.domains = domainsOf(kernel);
    this.buffers = kernel.bufs.map((b, i) => {
      const bytes = buffers[i];
      if (bytes === undefined)
        throw new InternalError(`[interpret] expected ${kernel.bufs.length} buffers, got ${i}`);
      return elementsOf(b.storage, bytes);
    });
    this.params = kernel.params.map((type, i) => {
      const v = params[i];
      if (v === undefined)
        throw new InternalError(`[interpret] expected ${kernel.params.length} params, got ${i}`);
      return asType(type, v);
    });
    this.fault = fault;
  }

  run(): void {
    this.kernel.vals.forEach((v, id) => {
      const domain = this.domains[id] ?? 0;
      const compute = this.formula(v);
      const column: Value[] = [];
      this.point.each(domain, () => {
        column.push(compute());
      });
      const position = this.point.within(domain);
      this.reads.push(() => {
        const value = column[position()];
        if (value === undefined)
          throw new InternalError(`[interpret] value ${id} has no element at this point`);
        return value;
      });
    });
    for (const s of this.kernel.stores) {
      if (this.kernel.bufs[s.buf]?.access === "partial") this.storePartial(s);
      else this.store(s);
    }
  }

  private read(id: ValId): Read {
    const read = this.reads[id];
    if (read === undefined)
      throw new InternalError(`[interpret] value ${id} is used before it is computed`);
    return read;
  }

  private index(ix: Ix): () => number {
    const { at } = this.point;
    switch (ix.k) {
      case "affine":
        return () => {
          let sum = ix.off;
          for (const [axis, stride] of ix.terms) sum += stride * (at[axis] ?? 0);
          return sum;
        };
      case "div": {
        const of = this.index(ix.of);
        return () => Math.floor(of() / ix.by) * ix.stride;
      }
      case "mod": {
        const of = this.index(ix.of);
        return () => {
          const n = of();
          return (n - Math.floor(n / ix.by) * ix.by) * ix.stride;
        };
      }
      case "sum": {
        const parts = ix.of.map((p) => this.index(p));
        return () => parts.reduce((sum, part) => sum + part(), 0);
      }
      case "value": {
        const read = this.read(ix.of);
        return () => Number(read()) * ix.stride;
      }
    }
  }

  private holds(guards: readonly Guard[]): () => boolean {
    const tests = guards.map((g) => ({ ix: this.index(g.ix), lo: g.lo, hi: g.hi }));
    return () =>
      tests.every(({ ix, lo, hi }) => {
        const n = ix();
        return lo <= n && n < hi;
      });
  }

  /** Computes a value at the current point. */
  private formula(v: Val): Read {
    switch (v.op) {
      case "load": {
        const buffer = this.buffer(v.buf);
        const ix = this.index(v.ix);
        const holds = this.holds(v.guards);
        const fill = asType(v.dtype, v.fill);
        return () => {
          if (!holds()) return fill;
          const i = ix();
          this.checkRange(v.buf, i, buffer);
          return buffer.get(i);
        };
      }
      case "const": {
        const value = asType(v.dtype, v.value);
        return () => value;
      }
      case "param": {
        const value = this.params[v.index];
        if (value === undefined)
          throw new InternalError(`[interpret] there is no param ${v.index}`);
        return () => value;
      }
      case "coord": {
        const ix = this.index(v.ix);
        return () => settle[v.dtype](ix());
      }
      case "within": {
        const holds = this.holds(v.guards);
        return () => (holds() ? 1 : 0);
      }
      case "index": {
        const read = this.read(v.in);
        return () => {
          const raw = Number(read());
          const wrapped = raw < 0 ? raw + v.size : raw;
          if (wrapped >= 0 && wrapped < v.size) return wrapped;
          this.fault.code ||= v.code;
          return Math.max(0, Math.min(wrapped, v.size - 1));
        };
      }
      case "scalar": {
        const [a = () => 0, b = a, c = a] = v.in.map((id) => this.read(id));
        const from = v.fn === "select" ? v.dtype : valAt(this.kernel, v.in[0] ?? -1).dtype;
        const apply = scalarFunction(v.fn, from, v.dtype);
        return () => apply(a(), b(), c());
      }
      case "reduce": {
        const read = this.read(v.in);
        const at = v.at === null ? () => 0 : this.read(v.at);
        const acc = accumulator(v.how, valAt(this.kernel, v.in).dtype);
        return () => {
          acc.reset();
          this.point.each(v.over, () => acc.add(read(), at()));
          return acc.result();
        };
      }
      case "contract": {
        const a = this.read(v.a);
        const b = this.read(v.b);
        const times = product(v.dtype);
        const acc = accumulator("sum", v.dtype);
        return () => {
          acc.reset();
          this.point.each(v.over, () => acc.add(times(a(), b()), 0));
          return acc.result();
        };
      }
    }
  }

  private store(s: Store): void {
    const buffer = this.buffer(s.buf);
    const ix = this.index(s.ix);
    const read = this.read(s.value);
    this.point.each(s.over, () => {
      const i = ix();
      this.checkRange(s.buf, i, buffer);
      buffer.set(i, read());
    });
  }

  /**
   * A terminal reduction into a `partial` buffer: the points of the grid axes it runs over, in row-major order, are cut
   * into slabs of `slabRows`; slab `g` writes the reduction over its own points only, at `ix` in row `g`. A row is as
   * long as the product of the store's axes that are not reduced.
   */
  private storePartial(s: Store): void {
    const v = valAt(this.kernel, s.value);
    if (v.op !== "reduce")
      throw new InternalError("[interpret] only reductions are stored to partial buffers");
    const { sizes } = this.point;
    const grid = axesOf(this.kernel.axes, "grid") & v.over;
    const rowAxes = s.over & ~grid;
    const rowLength = pointsOf(sizes, rowAxes);
    const points = pointsOf(sizes, grid);
    const buffer = this.buffer(s.buf);
    const ix = this.index(s.ix);
    const read = this.read(v.in);
    const acc = accumulator(v.how, valAt(this.kernel, v.in).dtype);
    for (let slab = 0; slab * slabRows < points; slab++) {
      const end = Math.min(points, (slab + 1) * slabRows);
      this.point.each(rowAxes, () => {
        acc.reset();
        for (let n = slab * slabRows; n < end; n++) {
          this.point.moveTo(grid, n);
          this.point.each(v.over & ~grid, () => acc.add(read(), 0));
        }
        this.point.moveTo(grid, 0);
        const i = slab * rowLength + ix();
        this.checkRange(s.buf, i, buffer);
        buffer.set(i, acc.result());
      });
    }
  }

  private buffer(i: number): Elements {
    const b = this.buffers[i];
    if (b === undefined) throw new InternalError(`[interpret] there is no buffer ${i}`);
    return b;
  }

  private checkRange(buf: number, i: number, elements: Elements): void {
    if (i >= 0 && i < elements.length) return;
    throw new InternalError(
      `[interpret] index ${i} is outside buffer ${buf} of ${elements.length} elements`,
    );
  }
}

/**
 * Runs a kernel on the bytes of its buffers. `outer` is the size of axis 0 when that is a grid axis; index values out
 * of range leave their code in `fault`. Throws an InternalError where a kernel reads or writes outside its buffers.
 */
export const interpret = (
  kernel: Kernel,
  outer: number,
  buffers: readonly Uint8Array[],
  params: readonly (number | bigint | boolean)[],
  fault: FaultWord,
): void => {
  new Interpreter(kernel, outer, buffers, params, fault).run();
};

/** Which kernels are legal: everything that renderers may take for granted, checked. */

import { InternalError } from "../core/errors.js";
import { type ComputeType, computeTypeOf, type ScalarOp, scalarOps } from "../core/scalar.js";
import { axesOf, domainsOf, ixDomain, ixValues, operandsOf } from "./domains.js";
import type { Buf, Guard, Ix, Kernel, Mask, Role, Store, Val, ValId } from "./ir.js";

const roleOrder: { readonly [R in Role]: number } = { grid: 0, row: 1, contract: 2 };

const isInt = (t: ComputeType): boolean => t === "i32" || t === "u32" || t === "i64" || t === "u64";

const names = (mask: Mask): string => {
  const axes: number[] = [];
  for (let a = 0; a < 31; a++) if ((mask >> a) & 1) axes.push(a);
  return `{${axes.join(", ")}}`;
};

/** The result type the typing rule of `fn` demands; `stated` is what the instruction says. */
const resultType = (
  fn: ScalarOp,
  ins: readonly ComputeType[],
  stated: ComputeType,
): ComputeType => {
  const [a = stated, b = a] = ins;
  switch (scalarOps[fn].typing) {
    case "same":
      return a;
    case "compare":
      return "bool";
    case "select":
      return b;
    case "cast":
      return stated;
  }
};

class Checker {
  private readonly kernel: Kernel;
  private readonly domains: readonly Mask[];
  private readonly grid: Mask;
  private readonly row: Mask;
  private readonly contract: Mask;
  private where = "kernel";

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.checkAxes();
    kernel.vals.forEach((v, id) => {
      this.where = `value ${id} (${v.op})`;
      operandsOf(v, (o) => {
        this.must(o >= 0 && o < id, "operands before their users", `operand ${o}`);
      });
    });
    this.domains = domainsOf(kernel);
    this.grid = axesOf(kernel.axes, "grid");
    this.row = axesOf(kernel.axes, "row");
    this.contract = axesOf(kernel.axes, "contract");
  }

  run(): void {
    this.kernel.vals.forEach((v, id) => {
      this.where = `value ${id} (${v.op})`;
      this.checkVal(v);
    });
    this.where = "kernel";
    const contracts = this.kernel.vals.filter((v) => v.op === "contract").length;
    this.must(contracts <= 1, "at most one contract", `${contracts}`);
    this.kernel.stores.forEach((s, i) => {
      this.where = `store ${i}`;
      this.checkStore(s);
    });
    this.checkTerminals();
  }

  private fail(expected: string, got: string): never {
    throw new InternalError(`[kernel] ${this.where}: expected ${expected}, got ${got}`);
  }

  private must(holds: boolean, expected: string, got: string): void {
    if (!holds) this.fail(expected, got);
  }

  private sameType(got: ComputeType, expected: ComputeType, what: string): void {
    this.must(got === expected, `${what} ${expected}`, got);
  }

  private typeOf(id: ValId): ComputeType {
    return this.kernel.vals[id]?.dtype ?? this.fail("a value", `${id}`);
  }

  private domain(id: ValId): Mask {
    return this.domains[id] ?? 0;
  }

  private buf(i: number): Buf {
    return this.kernel.bufs[i] ?? this.fail(`a buffer below ${this.kernel.bufs.length}`, `${i}`);
  }

  private checkAxes(): void {
    const { axes } = this.kernel;
    this.must(axes.length <= 30, "at most 30 axes", `${axes.length}`);
    let last = 0;
    for (const { role, size } of axes) {
      const order = roleOrder[role];
      this.must(order >= last, "axes in the order grid, row, contract", role);
      this.must(Number.isInteger(size) && size >= 0, "a whole axis size", `${size}`);
      last = order;
    }
  }

  private checkIx(ix: Ix): void {
    switch (ix.k) {
      case "affine":
        this.must(Number.isInteger(ix.off), "a whole offset", `${ix.off}`);
        for (const [axis, stride] of ix.terms) {
          this.must(this.kernel.axes[axis] !== undefined, "an axis of the kernel", `axis ${axis}`);
          this.must(Number.isInteger(stride), "a whole stride", `${stride}`);
        }
        return;
      case "div":
      case "mod":
        this.must(Number.isInteger(ix.by) && ix.by > 0, "a positive divisor", `${ix.by}`);
        this.must(Number.isInteger(ix.stride), "a whole stride", `${ix.stride}`);
        this.checkIx(ix.of);
        return;
      case "sum":
        for (const part of ix.of) this.checkIx(part);
        return;
      case "value":
        this.sameType(this.typeOf(ix.of), "i32", "an index value of type");
        this.must(Number.isInteger(ix.stride), "a whole stride", `${ix.stride}`);
        return;
    }
  }

  private checkGuards(guards: readonly Guard[]): void {
    for (const g of guards) {
      this.checkIx(g.ix);
      this.must(
        Number.isInteger(g.lo) && Number.isInteger(g.hi),
        "whole bounds",
        `${g.lo}..${g.hi}`,
      );
    }
  }

  /** Where its least value can be told, an address must not be negative. Guarded ones are left to the interpreter. */
  private checkLeast(ix: Ix): void {
    if (ix.k !== "affine" || this.kernel.axes.some((a) => a.size === 0)) return;
    let least = ix.off;
    for (const [axis, stride] of ix.terms) {
      least += Math.min(0, stride * ((this.kernel.axes[axis]?.size ?? 1) - 1));
    }
    this.must(least >= 0, "addresses from 0", `${least}`);
  }

  private checkVal(v: Val): void {
    switch (v.op) {
      case "load": {
        const { access, storage } = this.buf(v.buf);
        this.must(access === "read", "a buffer to read", `one to ${access}`);
        this.sameType(v.dtype, computeTypeOf(storage), `${storage.name} loaded as`);
        this.checkIx(v.ix);
        this.checkGuards(v.guards);
        if (v.guards.length === 0) this.checkLeast(v.ix);
        return;
      }
      case "const":
        if (isInt(v.dtype))
          this.must(
            typeof v.value === "bigint" || Number.isInteger(v.value),
            "a whole constant",
            `${v.value}`,
          );
        return;
      case "param":
        this.sameType(
          v.dtype,
          this.kernel.params[v.index] ?? this.fail("a parameter", `${v.index}`),
          "the parameter's type",
        );
        return;
      case "coord":
        this.sameType(v.dtype, "i32", "type");
        this.checkIx(v.ix);
        return;
      case "within":
        this.sameType(v.dtype, "bool", "type");
        this.checkGuards(v.guards);
        return;
      case "index":
        this.sameType(v.dtype, "i32", "type");
        this.must(isInt(this.typeOf(v.in)), "an integer operand", this.typeOf(v.in));
        this.must(Number.isInteger(v.code) && v.code > 0, "a positive fault code", `${v.code}`);
        return;
      case "scalar":
        this.checkScalar(
          v.fn,
          v.in.map((id) => this.typeOf(id)),
          v.dtype,
        );
        return;
      case "reduce":
        this.checkReduce(v);
        return;
      case "contract":
        this.checkContract(v);
        return;
    }
  }

  private checkScalar(fn: ScalarOp, ins: readonly ComputeType[], dtype: ComputeType): void {
    const { arity, typing, on } = scalarOps[fn];
    this.must(ins.length === arity, `${arity} operands of ${fn}`, `${ins.length}`);
    this.sameType(dtype, resultType(fn, ins, dtype), `${fn} to give`);
    const [first = dtype, ...rest] = ins;
    if (typing === "select") {
      this.sameType(first, "bool", "a condition of type");
      for (const t of rest) this.sameType(t, dtype, "choices of type");
      return;
    }
    this.must(on.includes(first), `${fn} on ${on.join(", ")}`, first);
    for (const t of rest) this.sameType(t, first, `operands of ${fn} of type`);
    if (fn === "bitcast") {
      const wide = (t: ComputeType): boolean => t === "i64" || t === "u64" || t === "f64";
      this.must(
        first !== "bool" && dtype !== "bool" && wide(first) === wide(dtype),
        "types of one width",
        `${first} as ${dtype}`,
      );
    }
  }

  private checkReduce(v: Extract<Val, { op: "reduce" }>): void {
    const domain = this.domain(v.in);
    const positional = v.how === "argmax" || v.how === "argmin";
    this.must(
      v.over !== 0 && (v.over & ~domain) === 0,
      `axes among ${names(domain)}`,
      names(v.over),
    );
    this.must((v.over & this.contract) === 0, "no contract axes in a reduction", names(v.over));
    this.must(positional === (v.at !== null), "a position for argmax and argmin alone", v.how);
    this.sameType(v.dtype, positional ? "u32" : this.typeOf(v.in), "type");
    if (v.at !== null) {
      const at = this.typeOf(v.at);
      this.must(at === "i32" || at === "u32", "a position of type i32 or u32", at);
      this.must(
        (this.domain(v.at) & ~domain) === 0,
        "a position over the operand's axes",
        names(this.domain(v.at)),
      );
    }
    if ((v.over & this.grid) === 0) {
      this.must(
        (domain & this.row & ~v.over) === 0,
        `row reductions over all of ${names(domain & this.row)}`,
        names(v.over),
      );
    } else {
      this.must(
        this.contract !== 0 || (this.grid & ~v.over) === 0,
        `terminal reductions over all of ${names(this.grid)}`,
        names(v.over),
      );
      if (this.contract !== 0) this.checkEpilogueSum(v);
      this.must(!positional, "sum, prod, max or min as terminal reduction", v.how);
    }
  }

  /** The sum of what follows a contraction: over a whole side of the product, so that slabs are rows of its result. */
  private checkEpilogueSum(v: Extract<Val, { op: "reduce" }>): void {
    const product = this.kernel.vals.find((x) => x.op === "contract");
    if (product?.op !== "contract") return;
    this.must(
      v.how === "sum" && v.dtype === "f32" && product.dtype === "f32",
      "a float32 sum",
      v.how,
    );
    const [a, b] = [this.domain(product.a), this.domain(product.b)];
    const [rows, columns] = [a & ~b & this.grid, b & ~a & this.grid];
    const last = 31 - Math.clz32(v.over);
    const side = ((rows >> last) & 1) !== 0 ? rows : columns;
    this.must(
      ((side >> last) & 1) !== 0,
      `a sum whose last axis is on a side of the product, ${names(rows)} or ${names(columns)}`,
      names(v.over),
    );
  }

  private checkContract(v: Extract<Val, { op: "contract" }>): void {
    this.must(
      v.over === this.contract && v.over !== 0,
      `contraction over ${names(this.contract)}`,
      names(v.over),
    );
    for (const id of [v.a, v.b]) {
      this.sameType(this.typeOf(id), v.dtype, "operands of type");
      const domain = this.domain(id);
      this.must((v.over & ~domain) === 0, `operands over ${names(v.over)}`, names(domain));
      this.must((domain & this.row) === 0, "operands without row axes", names(domain & this.row));
      this.must(!this.reaches(id), "operands without reductions below them", `value ${id}`);
    }
    this.must(v.dtype !== "bool", "a contraction of numbers", v.dtype);
  }

  /** Whether a reduction or contraction lies at or below a value. */
  private reaches(id: ValId): boolean {
    const v = this.kernel.vals[id];
    if (v === undefined) return false;
    if (v.op === "reduce" || v.op === "contract") return true;
    let found = false;
    operandsOf(v, (o) => {
      found ||= this.reaches(o);
    });
    return found;
  }

  private checkStore(s: Store): void {
    const { access, storage } = this.buf(s.buf);
    const partial = access === "partial";
    this.must(access !== "read", "a buffer to write", "one to read");
    this.sameType(this.typeOf(s.value), computeTypeOf(storage), `${storage.name} stored from`);
    this.checkIx(s.ix);
    this.checkLeast(s.ix);
    this.must((s.over & this.contract) === 0, "no contract axes", names(s.over));
    const varies = this.domain(s.value) | ixDomain(s.ix, this.domains);
    this.must((varies & ~s.over) === 0, `a range that covers ${names(varies)}`, names(s.over));
    const missing = this.grid & ~s.over;
    this.must(partial || missing === 0, `all grid axes ${names(this.grid)}`, names(s.over));
    this.checkDistinct(s, partial);
  }

  /** Two points of one store must not share an address: at least, every axis must move it. */
  private checkDistinct(s: Store, partial: boolean): void {
    let dynamic = false;
    ixValues(s.ix, () => {
      dynamic = true;
    });
    if (dynamic) return;
    const range = partial && this.contract === 0 ? s.over & ~this.grid : s.over;
    let still = range & ~ixDomain(s.ix, this.domains);
    this.kernel.axes.forEach((axis, i) => {
      if (axis.size <= 1) still &= ~(1 << i);
    });
    this.must(still === 0, "every axis of the range in the address", `none of ${names(still)}`);
  }

  /** Results that are complete only after all grid points go to partial buffers and nowhere else. */
  private checkTerminals(): void {
    const terminal = (id: ValId): boolean => {
      const v = this.kernel.vals[id];
      return v?.op === "reduce" && (v.over & this.grid) !== 0;
    };
    this.kernel.vals.forEach((v, id) => {
      this.where = `value ${id} (${v.op})`;
      operandsOf(v, (o) => {
        this.must(!terminal(o), "terminal reductions to be stored only", `value ${o} as operand`);
      });
    });
    this.kernel.stores.forEach((s, i) => {
      this.where = `store ${i}`;
      const partial = this.buf(s.buf).access === "partial";
      this.must(
        partial === terminal(s.value),
        "terminal reductions in partial buffers, all else in others",
        `value ${s.value}`,
      );
    });
  }
}

/** Throws an InternalError that says which value or store breaks which rule; a legal kernel passes. */
export const check = (kernel: Kernel): void => {
  new Checker(kernel).run();
};

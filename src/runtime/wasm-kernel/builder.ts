/** What the body of a kernel is written with: positions, loads, scalar instructions, reductions and stores, checked as they are made. */
import type { DType } from "../../core/dtype.js";
import { ArgumentError, CotangentError, DTypeError, IndexError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { faults } from "../../core/routine.js";
import {
  type Combine,
  type ComputeType,
  computeTypeOf,
  type ScalarOp,
  scalarOps,
} from "../../core/scalar.js";
import { type Aval, sizeOf } from "../../graph/node.js";
import { domainOf } from "../../kernel/domains.js";
import { axisIx, constantIx, linearIx } from "../../kernel/index-math.js";
import type { Axis, Guard, Ix, Kernel, Mask, Role, Store, ValId } from "../../kernel/ir.js";
import { check } from "../../kernel/spec.js";
import { Values } from "../../schedule/expressions.js";
import { KernelPosition } from "./position.js";
import { areApart, axesIn, isDistinct } from "./stores.js";

/** A scalar that the kernel computes, at each point of the axes it varies over. */
export class KernelValue {
  readonly id: ValId;
  readonly type: ComputeType;

  constructor(id: ValId, type: ComputeType) {
    this.id = id;
    this.type = type;
  }
}

/** A place along one axis of an array: a position, a number, or a value, which wraps once if negative. */
export type KernelIndex = KernelPosition | KernelValue | number;

/** Instructions on scalars, beside conversions. */
export type KernelOp = Exclude<ScalarOp, "cast" | "bitcast">;

/** Options of {@link KernelBuilder.load}. */
export interface KernelLoadOptions {
  /** What positions outside of the array give; without it such positions are refused. */
  readonly fill?: number;
}

const fail = (kernel: string, expected: string, got: string, cure: string): ArgumentError =>
  new ArgumentError(`[wasmKernel] ${kernel}: expected ${expected}, got ${got}: ${cure}`);

/** Writes one kernel for inputs and outputs of known shapes and dtypes. */
export class KernelBuilder {
  /** Sizes of the grid. */
  readonly gridShape: readonly number[];
  /** What the call said as its template. */
  readonly template: Readonly<Record<string, DType | number | boolean>>;
  readonly #grid: readonly KernelPosition[];
  readonly #name: string;
  readonly #inputs: ReadonlyMap<string, Aval>;
  readonly #outputs: ReadonlyMap<string, Aval>;
  readonly #axes: Axis[] = [];
  readonly #values = new Values();
  readonly #domains: Mask[] = [];
  readonly #stores: Store[] = [];

  constructor(
    name: string,
    inputs: ReadonlyMap<string, Aval>,
    outputs: ReadonlyMap<string, Aval>,
    grid: readonly number[],
    template: Readonly<Record<string, DType | number | boolean>>,
  ) {
    this.#name = name;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.template = template;
    this.gridShape = grid;
    this.#grid = grid.map((size) => this.#axis(size, "grid"));
  }

  /** The position along an axis of the grid. */
  grid(axis: number): KernelPosition {
    const found = this.#grid[axis];
    if (found !== undefined) return found;
    throw fail(
      this.#name,
      `an axis of the grid below ${this.#grid.length}`,
      describe(axis),
      "the grid has the axes of the first output, or those of the call",
    );
  }

  #axis(size: number, role: Role): KernelPosition {
    const axis = this.#axes.push({ size, role }) - 1;
    return new KernelPosition(axisIx(axis), this.#axes);
  }

  #named(name: string): Aval {
    const found = this.#inputs.get(name) ?? this.#outputs.get(name);
    if (found !== undefined) return found;
    const known = [...this.#inputs.keys(), ...this.#outputs.keys()].join(", ");
    throw fail(this.#name, `one of ${known}`, describe(name), "use a name of the kernel");
  }

  /** The shape of an input or output. */
  shape(name: string): readonly number[] {
    return this.#named(name).shape;
  }

  /** The dtype of an input or output. */
  dtype(name: string): DType {
    return this.#named(name).dtype;
  }

  /** A loop inside of each point of the grid; several are nested. */
  loop(size: number): KernelPosition {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw fail(this.#name, "a whole size of a loop", describe(size), "count from 0");
    }
    return this.#axis(size, "row");
  }

  #value(id: ValId): KernelValue {
    const { vals } = this.#values;
    for (let i = this.#domains.length; i < vals.length; i++) {
      const v = vals[i];
      if (v !== undefined) this.#domains.push(domainOf(v, this.#domains));
    }
    return new KernelValue(id, this.#values.typeOf(id));
  }

  /** A position as a value of type `i32`. */
  position(at: KernelPosition): KernelValue {
    return this.#value(this.#values.coord(at.ix));
  }

  /** A constant. */
  constant(type: ComputeType, value: number | bigint | boolean): KernelValue {
    return this.#value(this.#values.constant(type, value));
  }

  /**
   * One instruction. Operands have one type, which numbers take on; of `select` the first is a bool.
   *
   * @throws ArgumentError for an unknown instruction, another number of operands, or types that it is not defined on
   */
  op(fn: KernelOp, ...args: readonly (KernelValue | number | boolean)[]): KernelValue {
    const info = Object.hasOwn(scalarOps, fn) ? scalarOps[fn] : undefined;
    if (info === undefined || info.typing === "cast") {
      throw fail(this.#name, "an instruction", describe(fn), "see KernelOp for all");
    }
    if (args.length !== info.arity) {
      throw fail(this.#name, `${info.arity} operands of ${fn}`, `${args.length}`, "pass as many");
    }
    const first = info.typing === "select" ? 1 : 0;
    const typed = args.slice(first).find((x) => x instanceof KernelValue);
    const type = typed?.type ?? "f32";
    const ids = args.map((x, i) => {
      const wanted = i < first ? "bool" : type;
      const value = x instanceof KernelValue ? x : this.constant(wanted, x);
      if (value.type !== wanted) {
        throw fail(this.#name, `${wanted} as operand ${i} of ${fn}`, value.type, "cast it");
      }
      return value.id;
    });
    if (!info.on.includes(type)) {
      throw fail(this.#name, `${fn} on ${info.on.join(", ")}`, type, "cast its operands");
    }
    return this.#value(this.#values.op(fn, ...ids));
  }

  /** `value` converted to another type. */
  cast(to: ComputeType, value: KernelValue): KernelValue {
    return this.#value(this.#values.cast(to, value.id));
  }

  /** The bits of `value` as another type of the same width. */
  bitcast(to: ComputeType, value: KernelValue): KernelValue {
    return this.#value(this.#values.bitcast(to, value.id));
  }

  /** Index expressions per axis, and the conditions under which they are inside. */
  #places(
    name: string,
    shape: readonly number[],
    at: readonly KernelIndex[],
    fill: number | undefined,
    storing: boolean,
  ): { readonly ixs: readonly Ix[]; readonly guards: readonly Guard[] } {
    if (!Array.isArray(at) || at.length !== shape.length) {
      const got = Array.isArray(at) ? `${at.length}` : describe(at);
      throw fail(this.#name, `${shape.length} indices into ${name}`, got, "one for each axis");
    }
    const guards: Guard[] = [];
    const ixs = at.map((i, d): Ix => {
      const length = shape[d] ?? 0;
      if (i instanceof KernelValue) {
        if (storing)
          throw fail(this.#name, `positions to store ${name} at`, "a value", "gather instead");
        if (!["i32", "u32", "i64", "u64"].includes(i.type))
          throw fail(this.#name, `an integer as index into ${name}`, i.type, "cast it");
        if (length === 0 && !this.#axes.some(({ size }) => size === 0)) {
          throw new IndexError(
            `[wasmKernel] ${this.#name}: expected no index into axis ${d} of ${name}, got one into no elements: check for emptiness first`,
          );
        }
        const of = this.#value(this.#values.index(i.id, length, faults.index)).id;
        return { k: "value", of, stride: 1 };
      }
      const whole = typeof i === "number" && Number.isSafeInteger(i);
      if (!whole && !(i instanceof KernelPosition))
        throw fail(this.#name, `a position as index ${d} into ${name}`, describe(i), "use one");
      const place = whole ? new KernelPosition(constantIx(i), this.#axes) : i;
      if (!(place instanceof KernelPosition)) return constantIx(0);
      const [least, most] = place.range;
      if (least >= 0 && most < length) return place.ix;
      if (fill === undefined && !this.#axes.some(({ size }) => size === 0)) {
        throw new IndexError(
          `[wasmKernel] ${this.#name}: expected indices below ${length} into axis ${d} of ${name}, got ${least} to ${most}: ` +
            (storing ? "make the grid fit" : "pass { fill } for what is outside"),
        );
      }
      guards.push({ ix: place.ix, lo: 0, hi: length });
      return place.ix;
    });
    return { ixs, guards };
  }

  /**
   * The element of an input at an index per axis, as the type that its dtype is computed in.
   *
   * @throws IndexError when positions go beyond the array and there is no `fill`
   */
  load(name: string, at: readonly KernelIndex[], options?: KernelLoadOptions): KernelValue {
    const input = this.#inputs.get(name);
    if (input === undefined) {
      const known = [...this.#inputs.keys()].join(", ");
      throw fail(this.#name, `an input among ${known}`, describe(name), "outputs cannot be read");
    }
    const { ixs, guards } = this.#places(name, input.shape, at, options?.fill, false);
    const buffer = [...this.#inputs.keys()].indexOf(name);
    const type = computeTypeOf(input.dtype);
    const ix = linearIx(ixs, input.shape);
    const loaded = this.#value(this.#values.load(type, buffer, ix, guards));
    const fill = options?.fill ?? 0;
    if (fill === 0 || guards.length === 0) return loaded;
    const inside = this.#value(this.#values.within(guards));
    return this.op("select", inside, loaded, fill);
  }

  /**
   * Sum, product, extremum or the position of one over all loops that `value` varies over, or over those of `over`.
   *
   * @param over positions that {@link loop} gave
   */
  reduce(how: Combine, value: KernelValue, ...over: readonly KernelPosition[]): KernelValue {
    let mask = 0;
    for (const p of over) mask |= axesIn(p.ix, []);
    const spread = this.#values.spread(value.id, mask);
    const positional = how === "argmax" || how === "argmin";
    const [first] = over;
    if (first === undefined || (positional && over.length !== 1)) {
      throw fail(
        this.#name,
        positional ? `one loop to reduce over by ${how}` : `loops to reduce over by ${how}`,
        `${over.length}`,
        "pass what loop() gave",
      );
    }
    const at = positional ? this.position(first).id : null;
    this.#value(spread);
    return this.#value(this.#values.reduce(how, spread, mask, at));
  }

  /**
   * Writes an element of an output at each point of the grid, and of the loops that index or value vary over.
   *
   * @throws IndexError when positions go beyond the output, ArgumentError when two points write the same element
   */
  store(name: string, at: readonly KernelIndex[], value: KernelValue | number): void {
    const output = this.#outputs.get(name);
    if (output === undefined) {
      const known = [...this.#outputs.keys()].join(", ");
      throw fail(this.#name, `an output among ${known}`, describe(name), "inputs stay as they are");
    }
    const type = computeTypeOf(output.dtype);
    const given = value instanceof KernelValue ? value : this.constant(type, value);
    if (given.type !== type) {
      throw fail(
        this.#name,
        `${type} to store in ${name} (${output.dtype.name})`,
        given.type,
        "cast it",
      );
    }
    const { ixs } = this.#places(name, output.shape, at, undefined, true);
    const ix = linearIx(ixs, output.shape);
    const grid = 2 ** this.#grid.length - 1;
    const over = grid | (this.#domains[given.id] ?? 0) | axesIn(ix, this.#domains);
    if (!isDistinct(ix, over, this.#axes)) {
      throw fail(
        this.#name,
        `an element of ${name} of its own for each point of the grid and of the loops around the store`,
        "one for several",
        "use every axis in the indices, or reduce over it first",
      );
    }
    const buf = this.#inputs.size + [...this.#outputs.keys()].indexOf(name);
    this.#stores.push({ buf, ix, value: given.id, over });
  }

  /** How many elements of an output are written. */
  #written(buf: number): number {
    let total = 0;
    for (const { buf: b, over } of this.#stores) {
      if (b !== buf) continue;
      total += this.#axes.reduce((n, { size }, a) => ((over >> a) & 1 ? n * size : n), 1);
    }
    return total;
  }

  /**
   * The kernel, when it is legal and every element of every output is written, or `partly` may be left.
   *
   * @throws ArgumentError that says what is missing or illegal
   */
  finish(partly: boolean): Kernel {
    const outputs = [...this.#outputs];
    for (const [i, [name, { shape }]] of outputs.entries()) {
      const own = this.#stores.filter(({ buf }) => buf === this.#inputs.size + i);
      if (!areApart(own, this.#axes, sizeOf(shape))) {
        throw fail(
          this.#name,
          `stores to elements of ${name} apart from each other`,
          "one element twice, or too many to look at",
          "write each element once, of outputs beyond 16 Mi elements by one store",
        );
      }
      const [written, size] = [this.#written(this.#inputs.size + i), sizeOf(shape)];
      if (written === size || (partly && written < size)) continue;
      throw fail(
        this.#name,
        `stores of all ${size} elements of ${name}, each once`,
        `${written}`,
        "fit the grid, or pass initValue for what is left",
      );
    }
    const kernel: Kernel = {
      axes: this.#axes,
      bufs: [
        ...[...this.#inputs.values()].map(({ dtype }) => ({
          storage: dtype,
          access: "read" as const,
        })),
        ...outputs.map(([, { dtype }]) => ({ storage: dtype, access: "write" as const })),
      ],
      params: [],
      vals: this.#values.vals,
      stores: this.#stores,
    };
    try {
      check(kernel);
    } catch (e) {
      if (!(e instanceof CotangentError)) throw e;
      throw fail(this.#name, "a legal kernel", e.message.replace("[kernel] ", ""), "see its rules");
    }
    return kernel;
  }
}

/** Refuses dtypes that kernels cannot compute with. */
export const requireReal = (kernel: string, name: string, dtype: DType): void => {
  if (dtype.kind !== "complex") return;
  throw new DTypeError(
    `[wasmKernel] ${kernel}: expected real numbers as ${name}, got ${dtype.name}: pass real and imaginary parts`,
  );
};

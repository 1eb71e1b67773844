/** Random legal kernels whose results do not depend on rounding: every renderer must agree with the interpreter bit for bit. */
import {
  bfloat16,
  bool,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
} from "../../src/core/dtype.js";
import type { ComputeType, ScalarOp } from "../../src/core/scalar.js";
import type { Axis, Guard, Ix, Mask, ValId } from "../../src/kernel/ir.js";
import { affine, grid, KernelBuilder, row } from "./kernels.js";
import { type Case, narrow, Random, randomBytes, randomNumber, type Slot } from "./random-data.js";

const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33] as const;

const storages: { readonly [T in ComputeType]: readonly [DType, ...DType[]] } = {
  bool: [bool],
  i32: [int32, int32, int16, int8],
  u32: [uint32, uint32, uint16, uint8],
  i64: [int64],
  u64: [uint64],
  f32: [float32, float32, float32, float16, bfloat16],
  f64: [float64],
};

/** Instructions whose results on small multiples of 1/4 are exact, by class of operands. */
const unary: { readonly [T in ComputeType]: readonly [ScalarOp, ...ScalarOp[]] } = {
  bool: ["not"],
  i32: ["neg", "abs", "sign", "not", "wrap_i8", "wrap_i16"],
  u32: ["neg", "sign", "not", "wrap_u8", "wrap_u16"],
  i64: ["neg", "abs", "sign", "not"],
  u64: ["neg", "sign", "not"],
  f32: ["neg", "abs", "sign", "floor", "ceil", "trunc", "round"],
  f64: ["neg", "abs", "sign", "floor", "ceil", "trunc", "round"],
};

const integers = [
  "add",
  "sub",
  "mul",
  "div",
  "rem",
  "min",
  "max",
  "and",
  "or",
  "xor",
  "shl",
  "shr",
] as const;
const binary: { readonly [T in ComputeType]: readonly [ScalarOp, ...ScalarOp[]] } = {
  bool: ["add", "mul", "and", "or", "xor", "min", "max", "sub"],
  i32: integers,
  u32: [...integers, "rotl"],
  i64: integers,
  u64: integers,
  f32: ["add", "sub", "mul", "min", "max"],
  f64: ["add", "sub", "mul", "min", "max"],
};

const compares = ["lt", "le", "gt", "ge", "eq", "ne"] as const;
const types = ["f32", "f32", "f32", "f32", "i32", "u32", "f64", "i64", "u64", "bool"] as const;

const isFloat = (t: ComputeType): boolean => t === "f32" || t === "f64";
/** Sums of magnitudes below this are exact in float32 for multiples of 1/4. */
const exact = 2 ** 20;

interface Term {
  readonly id: ValId;
  readonly type: ComputeType;
  /** Greatest magnitude of a float. */
  readonly bound: number;
  readonly domain: Mask;
}

class Generator {
  private readonly random: Random;
  private readonly axes: readonly Axis[];
  private readonly k: KernelBuilder;
  private readonly slots: Slot[] = [];
  private readonly params: (number | bigint | boolean)[] = [];
  private readonly gridMask: Mask;
  private readonly rowMask: Mask;

  constructor(random: Random) {
    this.random = random;
    const rows = random.chance(50) ? 1 + random.below(2) : 0;
    const grids = 1 + random.below(rows > 0 ? 2 : 3);
    // The interpreter visits every point: one or two axes are large.
    let points = 1;
    const size = (): number => {
      const n = points > 500 ? 1 + random.below(3) : random.pick(sizes);
      points *= n;
      return n;
    };
    this.axes = [
      ...Array.from({ length: grids }, () => grid(size())),
      ...Array.from({ length: rows }, () => row(size())),
    ];
    this.gridMask = (1 << grids) - 1;
    this.rowMask = ((1 << (grids + rows)) - 1) & ~this.gridMask;
    this.k = new KernelBuilder(...this.axes);
  }

  make(): Case {
    const { random } = this;
    const terms: Term[] = [];
    const count = 1 + random.below(3);
    for (let i = 0; i < count; i++) {
      let term = this.expression(random.pick(types), 1 + random.below(4));
      if (this.rowMask !== 0 && random.chance(70)) term = this.withReduction(term);
      terms.push(term);
      this.store(term);
    }
    if (random.chance(25)) this.terminal();
    const kernel = this.k.build();
    return {
      kernel,
      outer: this.size(0),
      buffers: this.slots.map((s) => randomBytes(random, s)),
      params: this.params,
    };
  }

  private size(axis: number): number {
    return this.axes[axis]?.size ?? 1;
  }

  private axesIn(mask: Mask): number[] {
    return [...this.axes.keys()].filter((a) => (mask >> a) & 1);
  }

  private shuffled(list: readonly number[]): number[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.random.below(i + 1);
      [out[i], out[j]] = [out[j] ?? 0, out[i] ?? 0];
    }
    return out;
  }

  /** An address that takes the axes in some order, perhaps strided, reversed or shifted. */
  private address(mask: Mask, plain: boolean): { ix: Ix; length: number } {
    const { random } = this;
    const axes = plain || random.chance(60) ? this.axesIn(mask) : this.shuffled(this.axesIn(mask));
    let stride = plain || random.chance(80) ? 1 : 2;
    let off = plain || random.chance(80) ? 0 : random.below(4);
    const terms: (readonly [number, number])[] = [];
    for (const a of axes.reverse()) {
      const reversed = !plain && random.chance(10);
      terms.push([a, reversed ? -stride : stride]);
      if (reversed) off += stride * (this.size(a) - 1);
      stride *= this.size(a);
    }
    return { ix: affine(off, ...terms.reverse()), length: off + stride + 3 };
  }

  private leaf(type: ComputeType): Term {
    const { random, k } = this;
    const kind = random.below(10);
    if (kind === 0) {
      const value = randomNumber(random, type);
      return { id: k.constant(type, value), type, bound: 4, domain: 0 };
    }
    if (kind === 1) {
      const value = randomNumber(random, type);
      this.params.push(type === "bool" ? value !== 0 : value);
      return { id: k.param(type), type, bound: 4, domain: 0 };
    }
    if (kind === 2 && type === "i32") {
      const axis = random.below(this.axes.length);
      return {
        id: k.val({ op: "coord", dtype: "i32", ix: affine(1, [axis, 3]) }),
        type,
        bound: 0,
        domain: 1 << axis,
      };
    }
    const all = this.gridMask | this.rowMask;
    let domain = all;
    if (random.chance(35)) domain &= random.below(all + 1);
    const { ix, length } = this.address(domain, random.chance(40));
    const storage = random.pick(storages[type]);
    const [axis] = this.shuffled(this.axesIn(domain));
    if (axis === undefined || random.chance(80)) {
      this.slots.push({ storage, length, input: true });
      return { id: k.load(ix, storage), type, bound: 4, domain };
    }
    // A pad: the last elements along one axis are not there.
    const guards: Guard[] = [
      { ix: affine(-1, [axis, 1]), lo: 0, hi: Math.max(1, this.size(axis) - 2) },
    ];
    this.slots.push({ storage, length, input: true });
    return {
      id: k.load(ix, storage, guards, type === "bool" ? 1 : 3),
      type,
      bound: narrow,
      domain,
    };
  }

  private expression(type: ComputeType, depth: number): Term {
    const { random, k } = this;
    if (depth === 0) return this.leaf(type);
    const kind = random.below(12);
    if (kind < 2) {
      const a = this.expression(type, depth - 1);
      return { ...a, id: k.scalar(random.pick(unary[type]), type, a.id), bound: a.bound + 1 };
    }
    if (kind === 2) {
      const c = this.condition(depth - 1);
      const a = this.expression(type, depth - 1);
      const b = this.expression(type, depth - 1);
      const id = k.scalar("select", type, c.id, a.id, b.id);
      return {
        id,
        type,
        bound: Math.max(a.bound, b.bound),
        domain: a.domain | b.domain | c.domain,
      };
    }
    if (kind === 3) return this.cast(type, depth);
    if (kind === 4 && type === "bool") return this.condition(depth);
    const a = this.expression(type, depth - 1);
    const b = this.expression(type, depth - 1);
    return this.binary(a, b);
  }

  private binary(a: Term, b: Term): Term {
    const { type } = a;
    let fn = this.random.pick(binary[type]);
    if (isFloat(type) && fn === "mul" && a.bound * b.bound * 16 > exact / 1024) fn = "min";
    const bound = fn === "mul" ? 4 * a.bound * b.bound : a.bound + b.bound;
    return { id: this.k.scalar(fn, type, a.id, b.id), type, bound, domain: a.domain | b.domain };
  }

  private condition(depth: number): Term {
    const type = this.random.pick(types);
    const a = this.expression(type, Math.max(0, depth - 1));
    const b = this.expression(type, Math.max(0, depth - 1));
    const id = this.k.scalar(this.random.pick(compares), "bool", a.id, b.id);
    return { id, type: "bool", bound: 1, domain: a.domain | b.domain };
  }

  private cast(to: ComputeType, depth: number): Term {
    // Integers may be large, so floats come from floats and bools only.
    const from = isFloat(to) ? this.random.pick(["f32", "f64", "bool"]) : this.random.pick(types);
    const a = this.expression(from, depth - 1);
    return {
      id: this.k.scalar("cast", to, a.id),
      type: to,
      bound: Math.max(1, a.bound),
      domain: a.domain,
    };
  }

  /** A row reduction of a term, alone or together with a value over the row. */
  private withReduction(term: Term): Term {
    const over = term.domain & this.rowMask;
    if (over === 0) return term;
    const reduced = this.reduced(term, over);
    if (this.random.chance(40)) return reduced;
    const type = reduced.type;
    const joined = this.binary(
      reduced,
      type === term.type && this.random.chance(50) ? term : this.expression(type, 1),
    );
    return this.random.chance(30) && (joined.domain & this.rowMask) !== 0
      ? this.reduced(joined, joined.domain & this.rowMask)
      : joined;
  }

  private reduced(term: Term, over: Mask): Term {
    const { random, k } = this;
    const domain = term.domain & ~over;
    if (term.type !== "bool" && random.chance(15)) {
      // Positions tell apart what is reduced and grow along it, so that the first extremum has the least.
      const at = k.val({ op: "coord", dtype: "i32", ix: this.address(over, true).ix });
      const id = k.reduce(random.pick(["argmax", "argmin"]), "u32", term.id, over, at);
      return { id, type: "u32", bound: 0, domain };
    }
    const points = this.axesIn(over).reduce((n, a) => n * this.size(a), 1);
    const fits = !isFloat(term.type) || term.bound * points < exact;
    const how = fits && random.chance(60) ? "sum" : random.pick(["max", "min"]);
    const bound = how === "sum" ? term.bound * points : term.bound;
    return { id: k.reduce(how, term.type, term.id, over), type: term.type, bound, domain };
  }

  private store(term: Term): void {
    const { random } = this;
    const over = this.gridMask | (term.domain & this.rowMask);
    const { ix, length } = this.address(over, random.chance(60));
    const wide = isFloat(term.type) && term.bound > narrow;
    const storage = wide
      ? term.type === "f32"
        ? float32
        : float64
      : random.pick(storages[term.type]);
    this.slots.push({ storage, length, input: false });
    this.k.store(term.id, over, ix, storage);
  }

  /** A reduction over all grid axes, into rows of slabs. */
  private terminal(): void {
    const x = this.leaf("f32");
    const y = this.leaf("f32");
    if ((this.gridMask & ~(x.domain | y.domain)) !== 0) return;
    const term = this.binary(x, y);
    const { k } = this;
    const kept = term.domain & this.rowMask;
    const axes = this.axesIn(kept);
    const points = this.axesIn(this.gridMask).reduce((n, a) => n * this.size(a), 1);
    const length = axes.reduce((n, a) => n * this.size(a), 1);
    let stride = 1;
    const terms: (readonly [number, number])[] = [];
    for (const a of axes.reverse()) {
      terms.push([a, stride]);
      stride *= this.size(a);
    }
    this.slots.push({ storage: float32, length: length * Math.ceil(points / 64), input: false });
    const how = this.random.pick(["sum", "sum", "max", "min"]);
    k.store(
      k.reduce(how, "f32", term.id, this.gridMask),
      kept,
      affine(0, ...terms.reverse()),
      float32,
      "partial",
    );
  }
}

/** The random kernel of this seed. */
export const randomCase = (seed: number): Case => new Generator(new Random(seed)).make();

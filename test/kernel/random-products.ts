/** Random legal contractions with prologues and epilogues, their results free of rounding. */
import {
  bfloat16,
  type DType,
  float16,
  float32,
  float64,
  int32,
  int64,
} from "../../src/core/dtype.js";
import type { ComputeType } from "../../src/core/scalar.js";
import {
  type Axis,
  type Guard,
  type Ix,
  type Mask,
  slabRows,
  type ValId,
} from "../../src/kernel/ir.js";
import { affine, contracted, grid, KernelBuilder } from "./kernels.js";
import { type Case, Random, randomBytes, randomNumber, type Slot } from "./random-data.js";

const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 33] as const;
/** Sides of products whose rows are summed up: several slabs, whole ones and not. */
const summedSizes = [5, 64, 64, 100, 128, 130, 192] as const;
const types = ["f32", "f32", "f32", "f32", "f64", "i32", "i64"] as const;
type Type = (typeof types)[number];

const storages: { readonly [T in Type]: readonly [DType, ...DType[]] } = {
  f32: [float32, float32, float16, bfloat16],
  f64: [float64],
  i32: [int32],
  i64: [int64],
};

const wide: { readonly [T in Type]: DType } = {
  f32: float32,
  f64: float64,
  i32: int32,
  i64: int64,
};

class Generator {
  private readonly random: Random;
  private readonly axes: readonly Axis[];
  private readonly k: KernelBuilder;
  private readonly slots: Slot[] = [];
  private readonly params: (number | bigint)[] = [];
  private readonly type: Type;
  /** Which side of the product epilogue sums run over, if there are any: a's axes or b's. */
  private readonly summed: 1 | 2 | null;
  /** Axes of the batch, of a alone, of b alone, and contracted. */
  private readonly groups: readonly [Mask, Mask, Mask, Mask];

  constructor(random: Random) {
    this.random = random;
    this.type = random.pick(types);
    const counts = [
      random.chance(30) ? 1 : 0,
      random.below(3) === 0 ? 2 : 1,
      random.chance(15) ? 2 : 1,
      random.chance(20) ? 2 : 1,
    ];
    this.summed = this.type === "f32" && random.chance(30) ? random.pick([1, 2]) : null;
    if (this.summed === null && random.chance(8)) counts[1] = 0;
    if (this.summed !== null) counts[this.summed] = 1;
    let points = 1;
    const axes: Axis[] = [];
    const groups: [Mask, Mask, Mask, Mask] = [0, 0, 0, 0];
    counts.forEach((count, g) => {
      for (let i = 0; i < count; i++) {
        // A slab of rows lies within one batch.
        const size =
          g === this.summed
            ? counts[0] === 0
              ? random.pick(summedSizes)
              : 64 * (1 + random.below(2))
            : points > 20_000
              ? 1 + random.below(2)
              : random.pick(sizes);
        points *= size;
        groups[g] = (groups[g] ?? 0) | (1 << axes.length);
        axes.push(g === 3 ? contracted(size) : grid(size));
      }
    });
    this.axes = axes;
    this.groups = groups;
    this.k = new KernelBuilder(...axes);
  }

  make(): Case {
    const { k, type, random } = this;
    const [batch, m, n, over] = this.groups;
    const broadcast = random.chance(25) ? 0 : batch;
    const a = this.operand(batch | m | over);
    const b = this.operand(broadcast | n | over);
    const product = k.val({ op: "contract", dtype: type, a, b, over });
    const all = batch | m | n;
    const stores = random.chance(15) ? 2 : 1;
    for (let i = 0; i < stores; i++) {
      const value = this.epilogue(product, all);
      const { ix, length } = this.address(all);
      this.slots.push({ storage: wide[type], length, input: false });
      k.store(value, all, ix, wide[type]);
    }
    if (this.summed !== null) this.sums(product, all);
    const buffers = this.slots.map((s) => randomBytes(random, s));
    return { kernel: k.build(), outer: this.axes[0]?.size ?? 1, buffers, params: this.params };
  }

  /** Sums over one side, and some batches, of one or two things computed from the product. */
  private sums(product: ValId, all: Mask): void {
    const { k, random, summed } = this;
    if (summed === null) return;
    const over = this.groups[summed] | (random.chance(50) ? this.groups[0] : 0);
    const kept = all & ~over;
    for (let i = random.chance(30) ? 2 : 1; i > 0; i--) {
      const value = this.wide(this.epilogue(product, all), all);
      const points = this.axesIn(over).reduce((n, a) => n * this.size(a), 1);
      const length = this.axesIn(kept).reduce((n, a) => n * this.size(a), 1);
      const terms: (readonly [number, number])[] = [];
      let stride = 1;
      for (const a of this.axesIn(kept).reverse()) {
        terms.unshift([a, stride]);
        stride *= this.size(a);
      }
      this.slots.push({
        storage: float32,
        length: Math.ceil(points / slabRows) * length,
        input: false,
      });
      const sum = k.reduce("sum", "f32", value, over);
      k.store(sum, kept, affine(0, ...terms), float32, "partial");
    }
  }

  /** The value, varying over all axes. */
  private wide(value: ValId, all: Mask): ValId {
    return this.k.scalar("add", "f32", value, this.load(all));
  }

  private axesIn(mask: Mask): number[] {
    return [...this.axes.keys()].filter((a) => (mask >> a) & 1);
  }

  private size(axis: number): number {
    return this.axes[axis]?.size ?? 1;
  }

  private address(mask: Mask): { ix: Ix; length: number } {
    const { random } = this;
    const axes = this.axesIn(mask);
    if (random.chance(40)) axes.sort(() => (random.chance(50) ? 1 : -1));
    let stride = random.chance(90) ? 1 : 2;
    let off = random.chance(80) ? 0 : random.below(4);
    const terms: (readonly [number, number])[] = [];
    for (const a of axes.reverse()) {
      const reversed = random.chance(5);
      terms.push([a, reversed ? -stride : stride]);
      if (reversed) off += stride * (this.size(a) - 1);
      stride *= this.size(a);
    }
    return { ix: affine(off, ...terms.reverse()), length: off + stride + 1 };
  }

  private load(mask: Mask): ValId {
    const { random, type } = this;
    const { ix, length } = this.address(mask);
    const storage = random.pick(storages[type]);
    const axes = this.axesIn(mask);
    const axis = axes[random.below(Math.max(1, axes.length))];
    const guards: Guard[] =
      axis === undefined || random.chance(85)
        ? []
        : [{ ix: affine(-1, [axis, 1]), lo: 0, hi: Math.max(1, this.size(axis) - 2) }];
    this.slots.push({ storage, length, input: true });
    return this.k.load(ix, storage, guards, guards.length > 0 ? random.below(2) : 0);
  }

  /** An operand as it is, or after one or two elementwise steps. */
  private operand(mask: Mask): ValId {
    const { k, random, type } = this;
    const x = this.load(mask);
    switch (random.below(6)) {
      case 0:
        return k.scalar("neg", type, x);
      case 1:
        return k.scalar("add", type, x, this.load(mask & random.below(1 << this.axes.length)));
      case 2: {
        const positive = k.scalar("gt", "bool", x, this.constant());
        return k.scalar("select", type, positive, x, this.constant());
      }
      default:
        return x;
    }
  }

  private constant(): ValId {
    return this.k.constant(this.type, randomNumber(this.random, this.type));
  }

  private epilogue(product: ValId, all: Mask): ValId {
    const { k, random, type } = this;
    let value = product;
    const steps = random.below(3);
    for (let i = 0; i < steps; i++) {
      switch (random.below(4)) {
        case 0:
          value = k.scalar(
            "add",
            type,
            value,
            this.load(all & random.below(1 << this.axes.length)),
          );
          break;
        case 1:
          value = k.scalar("max", type, value, this.constant());
          break;
        case 2:
          value = k.scalar("sub", type, this.load(all), value);
          break;
        default:
          this.params.push(randomNumber(random, type));
          value = k.scalar("min", type, value, k.param(type satisfies ComputeType));
      }
    }
    return value;
  }
}

/** The random contraction of this seed. */
export const randomProduct = (seed: number): Case => new Generator(new Random(seed)).make();

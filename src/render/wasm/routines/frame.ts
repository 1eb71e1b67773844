/** What the hand-written kernels share: a function of one tile with its arguments, buffers and fault word, and the loop over tiles. */
import { InternalError } from "../../../core/errors.js";
import { argBytes, type Features, type Rendered } from "../../contract.js";
import { Code } from "../block.js";
import { type Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Ops } from "../ops.js";

const noHost = (): never => {
  throw new InternalError("[routine] expected no host function to be called");
};

/** Products and sums round separately everywhere, so that every machine gives the reference's bits. */
const unfused = { relaxed: false };

/** One kernel function while it is being written. */
export class Frame {
  readonly func: Func;
  readonly code: Code;
  /** Instructions on single values. */
  readonly one: Ops;
  /** Instructions on vectors of four and of two lanes. */
  readonly four: Ops;
  readonly two: Ops;

  constructor(func: Func) {
    this.func = func;
    this.code = new Code(func, unfused);
    this.one = new Ops(this.code, 1, 4, unfused, noHost);
    this.four = new Ops(this.code, 4, 4, unfused, noHost);
    this.two = new Ops(this.code, 2, 8, unfused, noHost);
  }

  get scratch(): Ref {
    return this.code.param(2);
  }

  /** Address of buffer `i`. */
  buffer(i: number): Ref {
    return this.code.load("i32.load", this.code.param(0), argBytes.buffers + 4 * i);
  }

  constant(n: number): Ref {
    return this.code.i32(n);
  }

  add(a: Ref, b: Ref): Ref {
    return this.code.op("i32.add", a, b);
  }

  sub(a: Ref, b: Ref): Ref {
    return this.code.op("i32.sub", a, b);
  }

  times(a: Ref, n: number): Ref {
    return n === 1 ? a : this.code.op("i32.mul", a, this.code.i32(n));
  }

  /** base + index·bytes */
  at(base: Ref, index: Ref, bytes: number): Ref {
    return this.add(base, this.times(index, bytes));
  }

  min(a: Ref, b: Ref): Ref {
    return this.code.select(this.code.op("i32.lt_u", a, b), a, b);
  }

  /** Quotient and remainder of a non-negative index. */
  divmod(index: Ref, by: number): readonly [Ref, Ref] {
    if (by === 1) return [index, this.code.i32(0)];
    const divisor = this.code.i32(by);
    return [this.code.op("i32.div_u", index, divisor), this.code.op("i32.rem_u", index, divisor)];
  }

  /** Leaves `code` in the fault word unless one is there. */
  fault(code: number): void {
    const word = this.code.load("i32.load", this.code.param(0), argBytes.fault);
    const before = this.code.load("i32.load", word, 0, true);
    this.code.if(this.code.op("i32.eqz", before), () =>
      this.code.store("i32.store", word, this.code.i32(code)),
    );
  }

  /** The number of the tile to be computed. */
  get tile(): Ref {
    return this.code.param(1);
  }
}

export interface Work {
  readonly scratchBytes: number;
  readonly tiles: number;
  /** Nanoseconds per tile. */
  readonly tileCost: number;
  /** The code of one tile. */
  write(f: Frame): void;
}

export const renderWork = (work: Work, features: Features): Rendered => {
  const module = new Module(features);
  const tile = module.func(["i32", "i32", "i32"]);
  const frame = new Frame(tile);
  work.write(frame);
  frame.code.finish();
  // V8 replaces a running function only at its next call: the loop over tiles stays outside of their code.
  const k = module.func(["i32", "i32", "i32", "i32"]);
  k.block((done) => {
    k.loop((again) => {
      k.get(1).get(2).op("i32.ge_s").brIf(done);
      k.get(0).get(1).get(3).call(tile);
      k.get(1).i32(1).op("i32.add").set(1).br(again);
    });
  });
  module.export("k", k);
  return {
    bytes: module.finish(),
    scratchBytes: work.scratchBytes,
    tiles: () => work.tiles,
    tileCost: work.tileCost,
  };
};

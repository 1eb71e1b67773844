/** What the hand-written kernels share: a function of one tile with its arguments, buffers and fault word, and the loop over tiles. */
import { InternalError } from "../../../core/errors.js";
import { argBytes, type Features, type Phase, type Rendered } from "../../contract.js";
import { Code } from "../block.js";
import { type Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Ops } from "../ops.js";
import { phaseLoops } from "../phases.js";

const noHost = (): never => {
  throw new InternalError("[routine] expected no host function to be called");
};

/** Products and sums round separately by default, so that every machine gives the reference's bits. */
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

  constructor(func: Func, features: { readonly relaxed: boolean } = unfused) {
    this.func = func;
    this.code = new Code(func, features);
    this.one = new Ops(this.code, 1, 4, features, noHost);
    this.four = new Ops(this.code, 4, 4, features, noHost);
    this.two = new Ops(this.code, 2, 8, features, noHost);
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

  /** Address of the memory that phases share. */
  get shared(): Ref {
    return this.code.load("i32.load", this.code.param(0), argBytes.shared);
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

/** What is done once the phase before is done. */
export interface WorkPhase {
  readonly tiles: number;
  /** Nanoseconds per tile. */
  readonly tileCost: number;
  /** The code of one tile. */
  write(f: Frame): void;
}

export interface Work {
  readonly scratchBytes: number;
  /** Bytes of the memory that phases share. */
  readonly sharedBytes?: number;
  /** What a phase before the others puts at the beginning of that memory. */
  readonly tables?: Uint8Array;
  readonly phases: readonly [WorkPhase, ...WorkPhase[]];
}

const phaseOf = ({ tiles, tileCost }: WorkPhase): Phase => ({ tiles: () => tiles, tileCost });

export const renderWork = (work: Work, features: Features): Rendered => {
  const module = new Module(features);
  const { tables = null } = work;
  const fill: WorkPhase = {
    tiles: 1,
    tileCost: (tables?.length ?? 0) / 8,
    write({ func }) {
      if (tables === null) return;
      const segment = module.data(tables);
      func.get(0).op("i32.load", argBytes.shared).i32(0).i32(tables.length).init(segment);
    },
  };
  const phases: readonly WorkPhase[] = tables === null ? work.phases : [fill, ...work.phases];
  const [first = fill, ...later] = phases;
  const tiles = phases.map((phase) => {
    const tile = module.func(["i32", "i32", "i32"]);
    const frame = new Frame(tile);
    phase.write(frame);
    frame.code.finish();
    return tile;
  });
  module.export("k", phaseLoops(module, tiles));
  const { sharedBytes = tables?.length ?? 0 } = work;
  return {
    code: module,
    scratchBytes: work.scratchBytes,
    ...phaseOf(first),
    later: later.map(phaseOf),
    sharedBytes: () => sharedBytes,
  };
};

/** The vocabulary in which tiles of attention are written: integers that push themselves, blocks of an axis, calls. */
import { argBytes } from "../../contract.js";
import type { Func } from "../encoder.js";

/** Nanoseconds per product, and per score beside them. */
export const cost = { product: 0.04, score: 0.5, sum: 0.2 } as const;

export interface TilePhase {
  /** A function (args, tile, scratch). */
  readonly tile: Func;
  readonly tiles: number;
  readonly tileCost: number;
}

export interface Tiles {
  readonly phases: readonly [TilePhase, ...TilePhase[]];
  readonly scratchBytes: number;
  /** Bytes that one phase leaves for the next. */
  readonly sharedBytes: number;
}

/** Pushes an i32. */
export type Int = () => void;

/** Writes the code of one function whose parameters are the argument block, the tile and the scratch. */
export class Steps {
  readonly f: Func;

  constructor(f: Func) {
    this.f = f;
  }

  readonly args: Int = () => {
    this.f.get(0);
  };
  readonly tile: Int = () => {
    this.f.get(1);
  };

  /** Address of what phases share. */
  readonly shared: Int = () => {
    this.f.get(0).op("i32.load", argBytes.shared);
  };

  constant(n: number): Int {
    return () => {
      this.f.i32(n);
    };
  }

  /** The value now, kept in a local. */
  keep(value: Int): Int {
    const local = this.f.local("i32");
    value();
    this.f.set(local);
    return () => {
      this.f.get(local);
    };
  }

  #binary(op: string, a: Int, b: Int): Int {
    return () => {
      a();
      b();
      this.f.op(op);
    };
  }

  add(a: Int, b: Int): Int {
    return this.#binary("i32.add", a, b);
  }

  sub(a: Int, b: Int): Int {
    return this.#binary("i32.sub", a, b);
  }

  times(a: Int, n: number): Int {
    return n === 1 ? a : this.#binary("i32.mul", a, this.constant(n));
  }

  quotient(a: Int, n: number): Int {
    return n === 1 ? a : this.#binary("i32.div_u", a, this.constant(n));
  }

  rest(a: Int, n: number): Int {
    return n === 1 ? this.constant(0) : this.#binary("i32.rem_u", a, this.constant(n));
  }

  least(a: Int, b: Int): Int {
    return () => {
      a();
      b();
      a();
      b();
      this.f.op("i32.lt_s").select("i32");
    };
  }

  most(a: Int, b: Int): Int {
    return () => {
      a();
      b();
      a();
      b();
      this.f.op("i32.gt_s").select("i32");
    };
  }

  less(a: Int, b: Int): Int {
    return this.#binary("i32.lt_s", a, b);
  }

  /** A place in scratch. */
  scratch(offset: number): Int {
    return () => {
      this.f.get(2).i32(offset).op("i32.add");
    };
  }

  /** Address of element `index` of buffer `i`, elements of `bytes` bytes. */
  place(i: number, index: Int, bytes: number): Int {
    const base = (): void => {
      this.f.get(0).op("i32.load", argBytes.buffers + 4 * i);
    };
    return this.add(base, this.times(index, bytes));
  }

  call(callee: Func, ...args: readonly Int[]): void {
    for (const a of args) a();
    this.f.call(callee);
  }

  if(condition: Int, then: () => void): void {
    condition();
    this.f.if(then);
  }

  zero(address: Int, bytes: number): void {
    address();
    this.f.i32(0).i32(bytes).fill();
  }

  /** For every block from `start` to before `end`, at least one: `body` gets its start and its size. */
  blocks(start: Int, end: Int, size: number, body: (at: Int, count: Int) => void): void {
    const { f } = this;
    const at = f.local("i32");
    const now = (): void => {
      f.get(at);
    };
    start();
    f.set(at);
    f.loop((again) => {
      body(now, this.keep(this.least(this.constant(size), this.sub(end, now))));
      f.get(at).i32(size).op("i32.add").tee(at);
      end();
      f.op("i32.lt_s").brIf(again);
    });
  }
}

/** Whether code for joined vectors is right and fast, found by trying it on small kernels beside code without. */
import { type DType, float32, float64 } from "../../core/dtype.js";
import { elementBytes } from "../../kernel/domains.js";
import { hostMath } from "../../kernel/host-math.js";
import type { Ix, Kernel, Val } from "../../kernel/ir.js";
import { argBytes, type Features, type Render } from "../../render/contract.js";

/** A kernel and the elements of its buffers, the last of which is the result. */
interface Trial {
  readonly name: string;
  readonly kernel: Kernel;
  readonly outer: number;
  readonly lengths: readonly number[];
}

const affine = (...terms: readonly (readonly [axis: number, stride: number])[]): Ix => ({
  k: "affine",
  off: 0,
  terms,
});

/** [m, k] times [k, n], and then `follow`, given the product's place. */
const product = (
  name: string,
  storage: DType,
  [m, n, k]: readonly [number, number, number],
  follow: (product: number) => readonly Val[] = () => [],
): Trial => {
  const dtype = storage === float64 ? "f64" : "f32";
  const load = (buf: number, ix: Ix): Val => ({ op: "load", dtype, buf, ix, guards: [], fill: 0 });
  const vals: Val[] = [load(0, affine([0, k], [2, 1])), load(1, affine([2, n], [1, 1]))];
  vals.push({ op: "contract", dtype, a: 0, b: 1, over: 4 });
  vals.push(...follow(2));
  const kernel: Kernel = {
    axes: [
      { size: m, role: "grid" },
      { size: n, role: "grid" },
      { size: k, role: "contract" },
    ],
    bufs: [
      { storage, access: "read" },
      { storage, access: "read" },
      { storage, access: "write" },
    ],
    params: [],
    vals,
    stores: [{ buf: 2, ix: affine([0, n], [1, 1]), value: vals.length - 1, over: 3 }],
  };
  return { name, kernel, outer: m, lengths: [m * k, k * n, m * n] };
};

/** x · eʸ + y of so many points. */
const elementwise = (points: number): Trial => {
  const dtype = "f32";
  const at = affine([0, 1]);
  const load = (buf: number): Val => ({ op: "load", dtype, buf, ix: at, guards: [], fill: 0 });
  const scalar = (fn: "exp" | "mul" | "add", ...operands: readonly number[]): Val => ({
    op: "scalar",
    dtype,
    fn,
    in: operands,
  });
  const kernel: Kernel = {
    axes: [{ size: points, role: "grid" }],
    bufs: [
      { storage: float32, access: "read" },
      { storage: float32, access: "read" },
      { storage: float32, access: "write" },
    ],
    params: [],
    vals: [load(0), load(1), scalar("exp", 1), scalar("mul", 0, 2), scalar("add", 3, 1)],
    stores: [{ buf: 2, ix: at, value: 4, over: 1 }],
  };
  return {
    name: "an elementwise kernel",
    kernel,
    outer: points,
    lengths: [points, points, points],
  };
};

const relu = (product: number): readonly Val[] => [
  { op: "const", dtype: "f32", value: 0 },
  { op: "scalar", dtype: "f32", fn: "max", in: [product, product + 1] },
];

/** Sizes that leave something over in every direction. */
const trials = (): readonly Trial[] => [
  elementwise(1003),
  product("a float32 product", float32, [23, 57, 41]),
  product("a float32 product with a maximum", float32, [66, 41, 517], relu),
  product("a float64 product", float64, [13, 27, 19]),
];

const timed = (): Trial => product("a large product", float32, [60, 64, 256]);
/** Joined vectors have to be so much faster to be worth a flag. */
const leastGain = 1.2;
/** V8 compiles quickly first, and vectors are joined when it compiles well: code that is so much faster than at first. */
const settledGain = 1.4;
/** Milliseconds that are waited for that; that code may go on at one speed before that is taken for its best. */
const patience = 1000;
const still = 200;

/** A trial's kernel, compiled, in a memory of its own. */
interface Made {
  run(): void;
  /** The bits of the result. */
  result(): Uint32Array;
}

const make = ({ kernel, outer, lengths }: Trial, render: Render, features: Features): Made => {
  const rendered = render(kernel, features);
  const align = (bytes: number): number => Math.ceil(bytes / 64) * 64 + 64;
  const [args, fault] = [64, 32];
  const starts: number[] = [];
  let end = 1024;
  lengths.forEach((n, i) => {
    starts.push(end);
    end = align(end + n * elementBytes(kernel.bufs[i]?.storage ?? float32));
  });
  const scratch = end;
  const memory = new WebAssembly.Memory({
    initial: Math.ceil(align(scratch + rendered.scratchBytes) / 65536),
  });
  // What must not be read is NaN.
  new Uint8Array(memory.buffer).fill(0xff);
  let state = 7;
  kernel.bufs.forEach(({ storage, access }, i) => {
    if (access !== "read") return;
    const elements =
      storage === float64
        ? new Float64Array(memory.buffer, starts[i], lengths[i])
        : new Float32Array(memory.buffer, starts[i], lengths[i]);
    for (let j = 0; j < elements.length; j++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      elements[j] = (state / 0x7fffffff) * 4 - 2;
    }
  });
  const words = new Int32Array(memory.buffer);
  words.fill(0, 0, (args + argBytes.total(lengths.length, 0)) >>> 2);
  words[(args + argBytes.outer) >>> 2] = outer;
  words[(args + argBytes.fault) >>> 2] = fault;
  starts.forEach((start, i) => {
    words[(args + argBytes.buffers + 4 * i) >>> 2] = start;
  });
  const { k } = new WebAssembly.Instance(new WebAssembly.Module(rendered.code.bytes()), {
    env: { memory },
    m: { ...hostMath },
  }).exports;
  const tiles = rendered.tiles(outer);
  return {
    run: () => {
      if (typeof k === "function") k(args, 0, tiles, scratch);
    },
    result: () => {
      const last = lengths.length - 1;
      const bytes = (lengths[last] ?? 0) * elementBytes(kernel.bufs[last]?.storage ?? float32);
      return new Uint32Array(memory.buffer, starts[last], bytes / 4);
    },
  };
};

/** Runs a kernel again and again, and knows how long it took at first and at best. */
class Watch {
  readonly trial: Trial;
  readonly made: Made;
  private readonly first: number;
  private since: number = performance.now();
  best: number;

  constructor(trial: Trial, render: Render, features: Features) {
    this.trial = trial;
    this.made = make(trial, render, features);
    this.first = Math.min(this.time(), this.time(), this.time());
    this.best = this.first;
  }

  /** Whether it has been compiled well, by all appearances. */
  get settled(): boolean {
    return this.best * settledGain < this.first || performance.now() - this.since > still;
  }

  /** Runs for about a millisecond. */
  go(): void {
    const end = performance.now() + 1;
    do {
      const took = this.time();
      if (took < 0.9 * this.best) this.since = performance.now();
      this.best = Math.min(this.best, took);
    } while (performance.now() < end);
  }

  private time(): number {
    const start = performance.now();
    this.made.run();
    return performance.now() - start;
  }
}

/**
 * Why code rendered for joined vectors is not to be used, or null if it gives the same bits as other code and is faster.
 * `join` lets the compiler join vectors in what it compiles from then on.
 */
export const faultOfWide = (
  render: Render,
  features: Features,
  join: () => void,
): string | null => {
  const own: Features = { relaxed: features.relaxed, shared: false };
  const watch = (trial: Trial, wide: boolean): Watch => new Watch(trial, render, { ...own, wide });
  const all = [timed(), ...trials()];
  const narrow = all.map((trial) => watch(trial, false));
  const [before] = narrow;
  if (before === undefined) return null;
  const since = (start: number): number => performance.now() - start;
  for (const start = performance.now(); !before.settled && since(start) < patience; ) before.go();
  join();
  const wide = all.map((trial) => watch(trial, true));
  const gain = (): number => before.best / (wide[0]?.best ?? Number.POSITIVE_INFINITY);
  const done = (): boolean => gain() >= leastGain && wide.every((w) => w.settled);
  const start = performance.now();
  do {
    for (const [i, w] of wide.entries()) {
      w.go();
      const got = w.made.result();
      const at = narrow[i]?.made.result().findIndex((bits, j) => bits !== got[j]) ?? 0;
      if (at >= 0) return `${w.trial.name} is wrong at word ${at}`;
    }
  } while (!done() && since(start) < patience);
  return gain() >= leastGain ? null : `a product runs at ${gain().toFixed(2)} times the speed`;
};

/** Runs one kernel both ways, rendered and interpreted, on the same bytes. */

import assert from "node:assert/strict";
import v8 from "node:v8";
import type { DType } from "../../src/core/dtype.js";
import * as d from "../../src/core/dtype.js";
import {
  fromBfloat16Bits,
  fromFloat16Bits,
  toBfloat16Bits,
  toFloat16Bits,
} from "../../src/core/half.js";
import type { ComputeType, ScalarOp } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { elementBytes } from "../../src/kernel/domains.js";
import { hostMath } from "../../src/kernel/host-math.js";
import { interpret } from "../../src/kernel/interpret.js";
import type { Axis, Guard, Ix, Kernel, Store, Val, ValId } from "../../src/kernel/ir.js";
import { overwrites } from "../../src/kernel/overwrite.js";
import { check } from "../../src/kernel/spec.js";
import { argBytes, type Features } from "../../src/render/contract.js";
import { render } from "../../src/render/wasm/index.js";

// Node 20 has fused multiply-add behind a flag, which must be set before the first module is compiled.
v8.setFlagsFromString("--experimental-wasm-relaxed-simd");

type Scalar = number | bigint | boolean;

export const affine = (off: number, ...terms: readonly (readonly [number, number])[]): Ix => ({
  k: "affine",
  off,
  terms,
});

/** Writes a kernel value by value. */
export class Builder {
  readonly axes: Axis[];
  readonly bufs: { storage: DType; access: "read" | "write" | "partial" }[] = [];
  readonly params: ComputeType[] = [];
  readonly vals: Val[] = [];
  readonly stores: Store[] = [];

  constructor(...axes: readonly (readonly [Axis["role"], number])[]) {
    this.axes = axes.map(([role, size]) => ({ role, size }));
  }

  buf(storage: DType, access: "read" | "write" | "partial" = "read"): number {
    return this.bufs.push({ storage, access }) - 1;
  }

  val(v: Val): ValId {
    return this.vals.push(v) - 1;
  }

  load(storage: DType, ix: Ix, guards: readonly Guard[] = [], fill = 0): ValId {
    const buf = this.buf(storage);
    return this.loadFrom(buf, ix, guards, fill);
  }

  loadFrom(buf: number, ix: Ix, guards: readonly Guard[] = [], fill = 0): ValId {
    const storage = this.bufs[buf]?.storage ?? d.float32;
    return this.val({ op: "load", dtype: computeTypeOf(storage), buf, ix, guards, fill });
  }

  constant(dtype: ComputeType, value: number | bigint): ValId {
    return this.val({ op: "const", dtype, value });
  }

  op(fn: ScalarOp, dtype: ComputeType, ...args: readonly ValId[]): ValId {
    return this.val({ op: "scalar", fn, dtype, in: args });
  }

  reduce(how: "sum" | "prod" | "max" | "min", operand: ValId, over: readonly number[]): ValId {
    const dtype = this.vals[operand]?.dtype ?? "f32";
    return this.val({ op: "reduce", how, dtype, in: operand, at: null, over: mask(over) });
  }

  store(storage: DType, ix: Ix, value: ValId, over: readonly number[], partial = false): void {
    const buf = this.buf(storage, partial ? "partial" : "write");
    this.stores.push({ buf, ix, value, over: mask(over) });
  }

  kernel(): Kernel {
    const kernel = {
      axes: this.axes,
      bufs: this.bufs,
      params: this.params,
      vals: this.vals,
      stores: this.stores,
    };
    check(kernel);
    return kernel;
  }
}

export const mask = (axes: readonly number[]): number => axes.reduce((m, a) => m | (1 << a), 0);

/** Numbers that repeat for a seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes of `count` elements, each from `make`. */
export function bytesOf(storage: DType, count: number, make: (i: number) => number): Uint8Array {
  const size = elementBytes(storage);
  const bytes = new Uint8Array(count * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const x = make(i);
    const at = i * size;
    switch (storage.name) {
      case "bool":
        view.setUint8(at, x > 0.5 ? 1 : 0);
        break;
      case "int8":
      case "uint8":
        view.setInt8(at, x);
        break;
      case "int16":
      case "uint16":
        view.setInt16(at, x, true);
        break;
      case "float16":
        view.setUint16(at, toFloat16Bits(x), true);
        break;
      case "bfloat16":
        view.setUint16(at, toBfloat16Bits(x), true);
        break;
      case "int32":
      case "uint32":
        view.setInt32(at, x, true);
        break;
      case "int64":
      case "uint64":
        view.setBigInt64(at, BigInt(Math.trunc(x)), true);
        break;
      case "float64":
        view.setFloat64(at, x, true);
        break;
      default:
        view.setFloat32(at, x, true);
    }
  }
  return bytes;
}

/** The elements of bytes as numbers or bigints. */
export function elements(storage: DType, bytes: Uint8Array): (number | bigint)[] {
  const size = elementBytes(storage);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number): number | bigint => {
    switch (storage.name) {
      case "bool":
      case "uint8":
        return view.getUint8(at);
      case "int8":
        return view.getInt8(at);
      case "uint16":
        return view.getUint16(at, true);
      case "int16":
        return view.getInt16(at, true);
      case "float16":
        return fromFloat16Bits(view.getUint16(at, true));
      case "bfloat16":
        return fromBfloat16Bits(view.getUint16(at, true));
      case "int32":
        return view.getInt32(at, true);
      case "uint32":
        return view.getUint32(at, true);
      case "int64":
        return view.getBigInt64(at, true);
      case "uint64":
        return view.getBigUint64(at, true);
      case "float64":
        return view.getFloat64(at, true);
      default:
        return view.getFloat32(at, true);
    }
  };
  return Array.from({ length: bytes.length / size }, (_, i) => read(i * size));
}

const supported: Features = { relaxed: false, shared: false };
/** Fused multiply-adds, and code of the shape that V8 joins to longer vectors. */
const variants: Readonly<Record<string, Features>> = {
  plain: supported,
  relaxed: { ...supported, relaxed: true },
  wide: { ...supported, relaxed: true, wide: true },
};

/** Runs the rendered kernel: buffers lie one after another with poisoned gaps, outputs are written back. */
export function execute(
  kernel: Kernel,
  outer: number,
  buffers: readonly Uint8Array[],
  params: readonly Scalar[] = [],
  features: Features = supported,
  /** Buffers that lie where another one does. */
  over: ReadonlyMap<number, number> = new Map(),
): number {
  const rendered = render(kernel, features);
  const gap = 64;
  let at = 4096;
  const places: number[] = [];
  buffers.forEach((b, i) => {
    const same = over.get(i);
    const place = at + gap;
    if (same === undefined) at = Math.ceil((place + b.length + gap) / 64) * 64;
    places.push(place);
  });
  for (const [i, same] of over) places[i] = places[same] ?? 0;
  const scratch = at;
  const shared = Math.ceil((scratch + rendered.scratchBytes + gap) / 64) * 64;
  const sharedEnd = shared + (rendered.sharedBytes?.(outer) ?? 0);
  const total = sharedEnd + gap;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(total / 65536) });
  const all = new Uint8Array(memory.buffer).fill(0xa5);
  const view = new DataView(memory.buffer);
  const args = 1024;
  view.setInt32(args + argBytes.outer, outer, true);
  view.setInt32(args + argBytes.fault, 512, true);
  view.setInt32(512, 0, true);
  places.forEach((p, i) => {
    view.setInt32(args + argBytes.buffers + 4 * i, p, true);
  });
  kernel.params.forEach((t, i) => {
    const slot = args + argBytes.params(kernel.bufs.length) + 8 * i;
    const v = params[i] ?? 0;
    if (t === "f32") view.setFloat32(slot, Number(v), true);
    else if (t === "f64") view.setFloat64(slot, Number(v), true);
    else if (t === "i64" || t === "u64") view.setBigInt64(slot, BigInt(v), true);
    else view.setInt32(slot, Number(v), true);
  });
  buffers.forEach((b, i) => {
    all.set(b, places[i]);
  });
  const bytes = rendered.code.bytes();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory },
    m: { ...hostMath },
  });
  const { k } = instance.exports;
  assert.ok(typeof k === "function");
  view.setInt32(args + argBytes.shared, shared, true);
  for (const [number, phase] of [rendered, ...(rendered.later ?? [])].entries()) {
    view.setInt32(args + argBytes.phase, number, true);
    k(args, 0, phase.tiles(outer), scratch);
  }
  assert.ok(
    all.subarray(sharedEnd).every((b) => b === 0xa5),
    "wrote past the memory that phases share",
  );
  buffers.forEach((b, i) => {
    const place = places[i] ?? 0;
    b.set(all.subarray(place, place + b.length));
    for (let g = 1; g <= gap / 2; g++) {
      assert.equal(all[place - g], 0xa5, `buffer ${i} was written ${g} bytes before its start`);
      assert.equal(
        all[place + b.length + g - 1],
        0xa5,
        `buffer ${i} was written ${g} bytes after its end`,
      );
    }
  });
  return view.getInt32(512, true);
}

const close = (a: number | bigint, b: number | bigint, ulps: number, storage: DType): boolean => {
  if (Object.is(a, b)) return true;
  if (typeof a === "bigint" || typeof b === "bigint" || storage.kind !== "float") return a === b;
  if (a === b) return true;
  const digits = { float16: 10, bfloat16: 7, float64: 52 }[storage.name as string] ?? 23;
  const least = { float16: -14, float64: -1022 }[storage.name as string] ?? -126;
  const scale = Math.max(2 ** least, 2 ** Math.floor(Math.log2(Math.abs(b) || 2 ** least)));
  return Math.abs(a - b) <= ulps * scale * 2 ** -digits;
};

/**
 * Renders and interprets; outputs must agree to `ulps` units in the last place (0: exactly), absolute errors up to
 * `absolute` aside. Inputs come from `make(buffer, element)`, one size per buffer.
 */
export function agree(
  kernel: Kernel,
  outer: number,
  sizes: readonly number[],
  options: {
    readonly make?: (buffer: number, i: number) => number;
    readonly ulps?: number;
    readonly absolute?: number;
    readonly params?: readonly Scalar[];
    readonly label?: string;
  } = {},
): void {
  const next = random(sizes.reduce((a, b) => a * 31 + b, outer));
  const make = options.make ?? (() => (next() - 0.5) * 20);
  const inputs = kernel.bufs.map(({ storage, access }, b) =>
    bytesOf(storage, sizes[b] ?? 0, (i) => (access === "read" ? make(b, i) : 77)),
  );
  const expected = inputs.map((b) => b.slice());
  const fault = { code: 0 };
  interpret(kernel, outer, expected, options.params ?? [], fault);
  for (const [name, features] of Object.entries(variants)) {
    const got = inputs.map((b) => b.slice());
    const code = execute(kernel, outer, got, options.params, features);
    const label = `${options.label ?? ""} ${name}`;
    assert.equal(code, fault.code, `${label} fault`);
    compare(kernel, expected, got, label, options);
  }
  overwriting(kernel, outer, inputs, options);
}

/** Pairs of buffers tried so far that may lie over each other: a test that tries none tests nothing. */
export const tried = { overwrites: 0 };

/** The results are the same when outputs lie over inputs: for every pair that may, and for many at once. */
function overwriting(
  kernel: Kernel,
  outer: number,
  inputs: readonly Uint8Array[],
  options: Parameters<typeof agree>[3] & object,
): void {
  const pairs = overwrites(kernel).filter(
    ({ write, read }) => (inputs[read]?.length ?? 0) >= (inputs[write]?.length ?? 0),
  );
  const together = new Map<number, number>();
  for (const { write, read } of pairs)
    if (!together.has(write) && ![...together.values()].includes(read)) together.set(write, read);
  const layouts = [...pairs.map(({ write, read }) => new Map([[write, read]])), together];
  for (const over of layouts) {
    const before = inputs.map((b, i) => inputs[over.get(i) ?? i]?.slice(0, b.length) ?? b);
    const expected = before.map((b) => b.slice());
    interpret(kernel, outer, expected, options.params ?? [], { code: 0 });
    const got = before.map((b) => b.slice());
    const features = over.size > 1 ? variants.wide : variants.relaxed;
    execute(kernel, outer, got, options.params, features, over);
    tried.overwrites += over.size;
    for (const [write, read] of over) {
      // Behind a shorter output the input is as it was.
      expected[read] = inputs[read]?.slice() ?? new Uint8Array();
      expected[read]?.set(expected[write] ?? []);
    }
    compare(kernel, expected, got, `${options.label ?? ""} ${[...over].join(" ")}`, options);
  }
}

function compare(
  kernel: Kernel,
  expected: readonly Uint8Array[],
  got: readonly Uint8Array[],
  label: string,
  options: { readonly ulps?: number; readonly absolute?: number },
): void {
  kernel.bufs.forEach(({ storage }, b) => {
    const want = elements(storage, expected[b] ?? new Uint8Array());
    const have = elements(storage, got[b] ?? new Uint8Array());
    want.forEach((w, i) => {
      const h = have[i] ?? Number.NaN;
      const near =
        close(h, w, options.ulps ?? 0, storage) ||
        (options.absolute !== undefined && Math.abs(Number(h) - Number(w)) <= options.absolute);
      assert.ok(near, `${label} buffer ${b} [${i}]: rendered ${h}, interpreted ${w}`);
    });
  });
}

/** Matrix-product kernels from einsum notation, and their run on rendered Wasm, against the interpreter. */

import assert from "node:assert/strict";
import v8 from "node:v8";
import { type DType, float32 } from "../../src/core/dtype.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { elementBytes, pointsOf } from "../../src/kernel/domains.js";
import { hostMath } from "../../src/kernel/host-math.js";
import { interpret } from "../../src/kernel/interpret.js";
import type { Ix, Kernel, ValId } from "../../src/kernel/ir.js";
import { elementsOf } from "../../src/kernel/storage-values.js";
import { argBytes, type Features, type Rendered } from "../../src/render/contract.js";
import { renderContract } from "../../src/render/wasm/contract/index.js";
import { affine, contracted, grid, KernelBuilder } from "../kernel/kernels.js";

// Node 20 has relaxed-simd behind a flag, which must be set before the first module is compiled.
if (Number.parseInt(process.versions.node, 10) < 22) {
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

export type Sizes = Readonly<Record<string, number>>;

export interface Finish {
  readonly builder: KernelBuilder;
  /** A row-major index over some of the letters. */
  at(letters: string): Ix;
}

export interface ProductOptions {
  readonly a?: DType;
  readonly b?: DType;
  readonly out?: DType;
  /** Letters of the grid axes, outermost first; those of the result if not given. */
  readonly grid?: string;
  prologueA?(f: Finish, v: ValId): ValId;
  prologueB?(f: Finish, v: ValId): ValId;
  epilogue?(f: Finish, v: ValId): ValId;
}

/** Row-major strides of a tensor whose axes are these letters, as an index. */
const layout = (letters: string, axes: string, sizes: Sizes): Ix => {
  const terms: [number, number][] = [];
  let stride = 1;
  for (const l of [...letters].reverse()) {
    terms.push([axes.indexOf(l), stride]);
    stride *= sizes[l] ?? 1;
  }
  return affine(0, ...terms.filter(([, s]) => s !== 0));
};

/** The kernel of an einsum of two operands; letters give the memory layouts. */
export const productKernel = (spec: string, sizes: Sizes, o: ProductOptions = {}): Kernel => {
  const [ins = "", out = ""] = spec.split("->");
  const [a = "", b = ""] = ins.split(",");
  const gridAxes = o.grid ?? out;
  const summed = [...new Set(a + b)].filter((l) => !gridAxes.includes(l)).join("");
  const axes = gridAxes + summed;
  const k = new KernelBuilder(
    ...[...gridAxes].map((l) => grid(sizes[l] ?? 1)),
    ...[...summed].map((l) => contracted(sizes[l] ?? 1)),
  );
  const f: Finish = { builder: k, at: (letters) => layout(letters, axes, sizes) };
  const loadA = k.load(f.at(a), o.a ?? float32);
  const loadB = k.load(f.at(b), o.b ?? float32);
  const va = o.prologueA?.(f, loadA) ?? loadA;
  const vb = o.prologueB?.(f, loadB) ?? loadB;
  const mask = (letters: string): number =>
    [...letters].reduce((m, l) => m | (1 << axes.indexOf(l)), 0);
  const c = k.val({
    op: "contract",
    dtype: computeTypeOf(o.a ?? float32),
    a: va,
    b: vb,
    over: mask(summed),
  });
  return k
    .store(o.epilogue?.(f, c) ?? c, mask(gridAxes), f.at(out), o.out ?? o.a ?? float32)
    .build();
};

/** One past the greatest element each buffer is used at, found by the sizes of the axes. */
const lengths = (kernel: Kernel): number[] => {
  const reach = kernel.bufs.map(() => 0);
  const see = (buf: number, ix: Ix): void => {
    assert.equal(ix.k, "affine", "test kernels index affinely");
    if (ix.k !== "affine") return;
    let last = ix.off;
    for (const [axis, s] of ix.terms) last += Math.max(0, s * ((kernel.axes[axis]?.size ?? 1) - 1));
    reach[buf] = Math.max(reach[buf] ?? 0, last + 1);
  };
  const empty = pointsOf(
    kernel.axes.map((x) => x.size),
    -1,
  );
  for (const v of kernel.vals) if (v.op === "load") see(v.buf, v.ix);
  for (const s of kernel.stores) see(s.buf, s.ix);
  return empty === 0 ? reach.map((n) => Math.max(0, n)) : reach;
};

/** Small reproducible numbers, between -1 and 1, exact in every float type. */
export const fillBuffers = (
  kernel: Kernel,
  reach: readonly number[] = lengths(kernel),
): Uint8Array[] => {
  let state = 12345;
  return reach.map((n, i) => {
    const { storage, access } = kernel.bufs[i] ?? { storage: float32, access: "read" };
    const bytes = new Uint8Array(n * elementBytes(storage)).fill(access === "read" ? 0 : 0xff);
    if (access !== "read") return bytes;
    const elements = elementsOf(storage, bytes);
    const whole = storage.kind !== "float";
    for (let j = 0; j < n; j++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      const x = ((state >> 16) % 129) - 64;
      if (storage.name === "int64" || storage.name === "uint64") elements.set(j, BigInt(x & 63));
      else elements.set(j, whole ? x & 63 : x / 64);
    }
    return bytes;
  });
};

/** Module `blas`: plain loops that read and write what a library may, and insist on what it insists on. */
const loops = (memory: WebAssembly.Memory): WebAssembly.ModuleImports => {
  const gemm =
    (elements: Float32Array | Float64Array) =>
    (...args: readonly number[]): void => {
      const [ta = 0, tb = 0, m = 0, n = 0, k = 0, a = 0, lda = 0, b = 0, ldb = 0, c = 0, ldc = 0] =
        args;
      assert.ok(lda >= (ta ? m : k) && ldb >= (tb ? k : n) && ldc >= n, `leading of ${args}`);
      assert.ok(m > 0 && n > 0 && k > 0, `sizes of ${args}`);
      const at = (address: number): number => (address >>> 0) / elements.BYTES_PER_ELEMENT;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) {
            const x = elements[at(a) + (ta ? l * lda + i : i * lda + l)] ?? Number.NaN;
            sum += x * (elements[at(b) + (tb ? j * ldb + l : l * ldb + j)] ?? Number.NaN);
          }
          elements[at(c) + i * ldc + j] = sum;
        }
      }
    };
  return {
    f32: gemm(new Float32Array(memory.buffer)),
    f64: gemm(new Float64Array(memory.buffer)),
  };
};

const align = (n: number): number => (n + 63) & ~63;

const faultAt = 128;

/** A rendered kernel in a memory of its own, with its buffers bound. */
export const bind = (
  kernel: Kernel,
  buffers: readonly Uint8Array[],
  features: Features,
  rendered: Rendered = renderContract(kernel, features),
): {
  run(outer: number, from: number, to: number): void;
  read(i: number): Uint8Array;
  intact(): boolean;
  poison(): void;
  fault(): number;
  readonly rendered: Rendered;
} => {
  const at: number[] = [];
  let end = 1024;
  for (const b of buffers) {
    at.push(end);
    end = align(end + b.length) + 64;
  }
  const scratch = end;
  end += align(rendered.scratchBytes) + 64;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
  const all = new Uint8Array(memory.buffer);
  all.fill(0xff);
  buffers.forEach((b, i) => {
    all.set(b, at[i] ?? 0);
  });
  const args = new DataView(memory.buffer, 256, argBytes.total(buffers.length, 0));
  at.forEach((address, i) => {
    args.setInt32(argBytes.buffers + 4 * i, address, true);
  });
  args.setInt32(argBytes.fault, faultAt, true);
  all.fill(0, faultAt, faultAt + 4);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(rendered.code.bytes()), {
    env: { memory },
    m: hostMath,
    blas: loops(memory),
  });
  const k = instance.exports.k;
  assert.ok(typeof k === "function");
  return {
    rendered,
    run: (outer, from, to) => {
      args.setInt32(argBytes.outer, outer, true);
      k(256, from, to, scratch);
    },
    read: (i) => all.slice(at[i] ?? 0, (at[i] ?? 0) + (buffers[i]?.length ?? 0)),
    intact: () =>
      buffers.every((b, i) => {
        const from = (at[i] ?? 0) + b.length;
        return all.subarray(from, at[i + 1] ?? scratch).every((x) => x === 0xff);
      }) && all.subarray(scratch + align(rendered.scratchBytes)).every((x) => x === 0xff),
    fault: () => new Int32Array(memory.buffer, faultAt, 1)[0] ?? 0,
    poison: () => {
      all.fill(0xff, scratch, scratch + rendered.scratchBytes);
    },
  };
};

/** Runs the kernel both ways and compares every output; tiles run in pieces, last first. */
export const check = (
  kernel: Kernel,
  features: Features,
  tolerance: number,
  label: string,
  rendered?: Rendered,
  reach?: readonly number[],
): void => {
  const buffers = fillBuffers(kernel, reach);
  const outer = kernel.axes[0]?.role === "grid" ? kernel.axes[0].size : 1;
  const bound = bind(kernel, buffers, features, rendered);
  const tiles = bound.rendered.tiles(outer);
  for (let end = tiles; end > 0; ) {
    const from = Math.max(0, end - 3);
    bound.poison();
    bound.run(outer, from, end);
    end = from;
  }
  const fault = { code: 0 };
  interpret(kernel, outer, buffers, [], fault);
  assert.equal(bound.fault(), fault.code, `${label}: fault`);
  assert.ok(bound.intact(), `${label}: wrote outside its buffers`);
  buffers.forEach((want, i) => {
    const { storage, access } = kernel.bufs[i] ?? { storage: float32, access: "read" };
    if (access === "read") return;
    const expected = elementsOf(storage, want);
    const got = elementsOf(storage, bound.read(i));
    for (let j = 0; j < expected.length; j++) {
      const [w, g] = [Number(expected.get(j)), Number(got.get(j))];
      const close = Object.is(w, g) || Math.abs(w - g) <= tolerance * (1 + Math.abs(w));
      assert.ok(close, `${label}: element ${j} of buffer ${i} is ${g}, expected ${w}`);
    }
  });
};

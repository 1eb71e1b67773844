/** What every device must do: one suite, run on each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DType, float32 } from "../../src/core/dtype.js";
import type { Storage } from "../../src/core/storage.js";
import type { Device, Executable, Fault, Scalar } from "../../src/device/contract.js";
import { interpret } from "../../src/kernel/interpret.js";
import { isKernel } from "../../src/kernel/ir.js";
import { overwrites } from "../../src/kernel/overwrite.js";
import { elementsOf } from "../../src/kernel/storage-values.js";
import { columnSums, product, scaledAdd, softmaxRows, takeRows } from "../kernel/kernels.js";
import type { Case } from "../kernel/random-data.js";
import { randomCase } from "../kernel/random-kernels.js";
import { randomProduct } from "../kernel/random-products.js";

const uploadFloats = (d: Device, values: Iterable<number>): Storage =>
  d.upload(new Uint8Array(Float32Array.from(values).buffer));
const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
const upTo = (n: number, f: (i: number) => number = (i) => i): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => f(i));

/** One kernel on buffers of its own, each bound to its own slot. */
const single = (d: Device, c: Pick<Case, "kernel" | "outer" | "params">): Executable =>
  d.prepare(
    [
      {
        loaded: d.load(c.kernel),
        outer: c.outer,
        buffers: c.kernel.bufs.map((_, slot) => ({ slot, offset: 0 })),
        params: c.kernel.params.map((_, i) => i),
      },
    ],
    c.kernel.bufs.length,
  );

/** Compares a device with the interpreter; `ulps` of a float32 in units of the largest result. */
const agree = (d: Device, c: Case, tolerance: number, what: string): void => {
  const { kernel } = c;
  const expected = c.buffers.map((b) => b.slice());
  const fault = { code: 0 };
  interpret(kernel, c.outer, expected, c.params, fault);
  const slots = c.buffers.map((b) => d.upload(b));
  const list = single(d, c);
  const got: Fault | null = d.run(list, slots, c.params);
  list.release();
  assert.equal(got?.code ?? 0, fault.code, what);
  kernel.bufs.forEach((b, i) => {
    if (b.access === "read") return;
    assertClose(
      b.storage,
      slots[i]?.read() ?? new Uint8Array(),
      expected[i] ?? new Uint8Array(),
      tolerance,
      `${what}, buffer ${i}`,
    );
  });
};

/** Outputs that may lie over an input give the same there; says how many were tried. */
const agreeOver = (d: Device, c: Case, what: string): number => {
  const { kernel } = c;
  let tried = 0;
  for (const { write, read } of overwrites(kernel)) {
    const given = c.buffers[read] ?? new Uint8Array();
    const length = c.buffers[write]?.length ?? 0;
    if (given.length < length) continue;
    const before = c.buffers.map((b, i) => (i === write ? given.slice(0, length) : b.slice()));
    const slots = before.map((b) => d.upload(b));
    interpret(kernel, c.outer, before, c.params, { code: 0 });
    const shared = slots[read];
    if (shared !== undefined) slots[write] = shared;
    const list = single(d, c);
    d.run(list, slots, c.params);
    list.release();
    tried++;
    kernel.bufs.forEach((b, i) => {
      if (b.access === "read") return;
      const want = before[i] ?? new Uint8Array();
      const got = slots[i]?.read().subarray(0, want.length) ?? new Uint8Array();
      assertClose(b.storage, got.slice(), want, 0, `${what}, buffer ${i} (${write} over ${read})`);
    });
  }
  return tried;
};

const assertClose = (
  type: DType,
  got: Uint8Array,
  expected: Uint8Array,
  tolerance: number,
  what: string,
): void => {
  const g = elementsOf(type, got);
  const e = elementsOf(type, expected);
  assert.equal(g.length, e.length);
  for (let i = 0; i < e.length; i++) {
    const a = g.get(i);
    const b = e.get(i);
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const off = Math.abs(Number(a) - Number(b));
    assert.ok(
      off <= tolerance * Math.max(1, Math.abs(Number(b))),
      `${what}: element ${i} is ${a}, should be ${b}`,
    );
  }
};

/** `kernel` on inputs 0, 1/8, 2/8 …, outputs of `size` float32. */
const withFloats = (
  kernel: Case["kernel"],
  inputs: readonly number[],
  size: number,
  params: readonly Scalar[] = [],
): Case => ({
  kernel,
  outer: kernel.axes[0]?.size ?? 1,
  buffers: [
    ...inputs.map((n) => new Uint8Array(upTo(n, (i) => Math.sin(i)).buffer)),
    new Uint8Array(4 * size),
  ],
  params,
});

/** Registers the suite's tests for one kind of device. */
export const deviceSuite = (name: string, make: () => Device): void => {
  test(`${name}: uploads come back, also at odd sizes`, async () => {
    const d = make();
    for (const n of [0, 1, 3, 64, 1000]) {
      const bytes = Uint8Array.from({ length: n }, (_, i) => i);
      const s = d.upload(bytes);
      assert.equal(s.byteLength, n);
      assert.deepEqual(s.read(), bytes);
      assert.deepEqual(await s.readAsync(), bytes);
      assert.ok(d.owns(s));
      assert.ok(!make().owns(s));
    }
  });

  test(`${name}: what is read is a copy`, () => {
    const d = make();
    const s = d.upload(Uint8Array.of(1, 2));
    s.read().fill(9);
    assert.deepEqual(s.read(), Uint8Array.of(1, 2));
  });

  test(`${name}: memory is counted and comes back`, () => {
    const d = make();
    const before = d.memory().activeBytes;
    const s = d.allocate(4096);
    assert.ok(d.memory().activeBytes >= before + 4096);
    s.dispose();
    assert.equal(d.memory().activeBytes, before);
    assert.ok(d.memory().peakBytes >= before + 4096);
    assert.throws(() => s.read(), { name: "DeviceError" });
  });

  test(`${name}: a chain of kernels, an intermediate in a part of a buffer`, async () => {
    const d = make();
    const n = 37;
    const ref = (slot: number, offset = 0): { slot: number; offset: number } => ({ slot, offset });
    const loaded = d.load(scaledAdd(n));
    const list = d.prepare(
      [
        { loaded, outer: n, buffers: [ref(0), ref(1), ref(3, 256)], params: [0] },
        { loaded, outer: n, buffers: [ref(3, 256), ref(0), ref(2)], params: [1] },
      ],
      4,
    );
    const x = uploadFloats(d, upTo(n));
    const y = uploadFloats(
      d,
      upTo(n, () => 1),
    );
    const out = d.allocate(4 * n);
    const slots = [x, y, out, d.allocate(512)];
    assert.equal(d.run(list, slots, [2, 3]), null);
    assert.deepEqual(
      floatsOf(out.read()),
      upTo(n, (i) => 3 * (2 * i + 1) + i),
    );
    assert.equal(await d.submit(list, slots, [0, 1]), null);
    assert.deepEqual(
      floatsOf(out.read()),
      upTo(n, (i) => 1 + i),
    );
    list.release();
  });

  test(`${name}: one loaded kernel serves every outer size`, () => {
    const d = make();
    for (const n of [1, 2, 15, 16, 17, 100, 5000]) {
      agree(d, { ...withFloats(scaledAdd(3), [n, n], n, [0.5]), outer: n }, 1e-7, `n = ${n}`);
    }
  });

  test(`${name}: an index out of range is a fault, reported once`, () => {
    const d = make();
    const kernel = takeRows(3, 2, 4, 11);
    const indices = (...v: readonly number[]): Uint8Array =>
      new Uint8Array(Int32Array.from(v).buffer);
    const on = (...v: readonly number[]): Case => ({
      kernel,
      outer: 3,
      buffers: [new Uint8Array(upTo(8).buffer), indices(...v), new Uint8Array(24)],
      params: [],
    });
    agree(d, on(0, -1, 3), 0, "in range");
    agree(d, on(0, 4, -9), 0, "out of range");
    agree(d, on(1, 1, 1), 0, "in range again");
  });

  test(`${name}: row kernels, slabs and products`, () => {
    const d = make();
    for (const [m, n] of [
      [1, 1],
      [3, 5],
      [64, 33],
      [130, 4],
      [65, 127],
    ] as const) {
      agree(d, withFloats(softmaxRows(m, n), [m * n], m * n), 1e-6, `softmax ${m}×${n}`);
      agree(
        d,
        withFloats(columnSums(m, n), [m * n], n * Math.ceil(m / 64)),
        1e-5,
        `column sums ${m}×${n}`,
      );
      agree(d, withFloats(product(m, n, 17), [m * 17, 17 * n], m * n), 1e-5, `product ${m}×${n}`);
    }
  });

  test(`${name}: positions of ties where the vector axis is not the last`, () => {
    agree(make(), randomCase(6510), 0, "seed 6510");
  });

  test(`${name}: random products`, () => {
    const d = make();
    let tried = 0;
    for (let seed = 0; seed < 100; seed++) {
      agree(d, randomProduct(seed), 0, `seed ${seed}`);
      tried += agreeOver(d, randomProduct(seed), `seed ${seed}`);
    }
    assert.ok(tried > 0);
  });

  for (let from = 0; from < 300; from += 50) {
    test(`${name}: random kernels ${from} to ${from + 49}`, () => {
      const d = make();
      let tried = 0;
      for (let seed = from; seed < from + 50; seed++) {
        agree(d, randomCase(seed), 0, `seed ${seed}`);
        tried += agreeOver(d, randomCase(seed), `seed ${seed}`);
      }
      assert.ok(tried > 0);
    });
  }

  test(`${name}: scan, sort and scatter`, () => {
    const d = make();
    const run = (
      program: Parameters<Device["load"]>[0],
      buffers: readonly Storage[],
    ): Fault | null => {
      assert.ok(!isKernel(program));
      const refs = buffers.map((_, slot) => ({ slot, offset: 0 }));
      const list = d.prepare(
        [{ loaded: d.load(program), outer: 1, buffers: refs, params: [] }],
        refs.length,
      );
      return d.run(list, buffers, []);
    };
    const x = uploadFloats(d, [3, 1, 2, 5, 4, 6]);
    const out = d.allocate(24);
    const shape = { outer: 2, length: 3, inner: 1 };
    run(
      { routine: "scan", dtype: float32, how: "sum", ...shape, reverse: false, exclusive: false },
      [x, out],
    );
    assert.deepEqual([...floatsOf(out.read())], [3, 4, 6, 5, 9, 15]);
    const order = d.allocate(24);
    run({ routine: "sort", dtype: float32, ...shape }, [x, out, order]);
    assert.deepEqual([...floatsOf(out.read())], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([...new Uint32Array(order.read().slice().buffer)], [1, 2, 0, 1, 0, 2]);
    const at = d.upload(new Uint8Array(Int32Array.of(-1, 0, -1).buffer));
    const scatter = {
      routine: "scatter",
      dtype: float32,
      shape: [6],
      axes: [0],
      slice: [1],
      count: 3,
      mode: "add",
      code: 5,
    } as const;
    assert.equal(run(scatter, [x, uploadFloats(d, [10, 20, 30]), at, out]), null);
    assert.deepEqual([...floatsOf(out.read())], [23, 1, 2, 5, 4, 46]);
    const outside = d.upload(new Uint8Array(Int32Array.of(6, 0, 0).buffer));
    assert.deepEqual(run(scatter, [x, uploadFloats(d, [10, 20, 30]), outside, out]), { code: 5 });
  });
};

/** `node build/scripts/measure-kernels.js [name]`: times of rendered kernels, one thread, fused multiply-add on. */
import v8 from "node:v8";
import * as d from "../src/core/dtype.js";
import { elementBytes } from "../src/kernel/domains.js";
import { hostMath } from "../src/kernel/host-math.js";
import type { Kernel, ValId } from "../src/kernel/ir.js";
import { argBytes } from "../src/render/contract.js";
import { render } from "../src/render/wasm/index.js";
import { affine, Builder } from "../test/render/harness.js";

// Node 20 has fused multiply-add behind a flag, which must be set before the first module is compiled.
v8.setFlagsFromString("--experimental-wasm-relaxed-simd");

const rounds = 100;
const many = 2 ** 22;
const [m, n] = [4096, 1024];

/** Runs the whole grid `rounds` times on sines; prints the best and the median time. */
function measure(name: string, kernel: Kernel, outer: number, sizes: readonly number[]): void {
  if (!name.includes(process.argv[2] ?? "")) return;
  const rendered = render(kernel, { relaxed: true, shared: false });
  const shared = 65536;
  let at = Math.ceil((shared + (rendered.sharedBytes?.(outer) ?? 0)) / 64) * 64;
  const places = kernel.bufs.map(({ storage }, i) => {
    const place = at;
    at = Math.ceil((at + (sizes[i] ?? 0) * elementBytes(storage) + 640) / 64) * 64;
    return place;
  });
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((at + rendered.scratchBytes) / 65536) + 1,
  });
  const view = new DataView(memory.buffer);
  const args = 1024;
  view.setInt32(args + argBytes.outer, outer, true);
  view.setInt32(args + argBytes.fault, 512, true);
  view.setInt32(args + argBytes.shared, shared, true);
  places.forEach((p, i) => {
    view.setInt32(args + argBytes.buffers + 4 * i, p, true);
    if (kernel.bufs[i]?.storage !== d.float32) return;
    const floats = new Float32Array(memory.buffer, p, sizes[i] ?? 0);
    for (let j = 0; j < floats.length; j++) floats[j] = Math.sin(1.37 * j + i) * 3;
  });
  const module = new WebAssembly.Module(rendered.code.bytes());
  const { k } = new WebAssembly.Instance(module, { env: { memory }, m: { ...hostMath } }).exports;
  if (typeof k !== "function") return;
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    for (const [number, phase] of [rendered, ...(rendered.later ?? [])].entries()) {
      view.setInt32(args + argBytes.phase, number, true);
      k(args, 0, phase.tiles(outer), at);
    }
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const [best = 0, median = 0] = [times[0], times[rounds >> 1]];
  console.log(
    `${name.padEnd(34)} ${best.toFixed(2)} ms, median ${median.toFixed(2)}, ${rendered.code.bytes().length} bytes`,
  );
}

const flat = affine(0, [0, 1]);
const rows = affine(0, [0, n], [1, 1]);

{
  const b = new Builder(["grid", 0]);
  b.store(
    d.float32,
    flat,
    b.op("add", "f32", b.load(d.float32, flat), b.load(d.float32, flat)),
    [0],
  );
  measure("add, 4 Mi", b.kernel(), many, [many, many, many]);
}
for (const fn of ["exp", "tanh"] as const) {
  const b = new Builder(["grid", 0]);
  b.store(d.float32, flat, b.op(fn, "f32", b.load(d.float32, flat)), [0]);
  measure(`${fn}, 4 Mi`, b.kernel(), many, [many, many]);
}
for (const exact of [true, false]) {
  const b = new Builder(["grid", 0]);
  const x = b.load(d.float32, flat);
  const c = (value: number): ValId => b.constant("f32", value);
  const times = (a: ValId, f: ValId): ValId => b.op("mul", "f32", a, f);
  const plus = (a: ValId, f: ValId): ValId => b.op("add", "f32", a, f);
  const u = times(c(0.7978845608), plus(x, times(c(0.044715), times(times(x, x), x))));
  const e = b.op("exp", "f32", times(u, c(2)));
  const quotient = b.op("div", "f32", plus(e, c(-1)), plus(e, c(1)));
  const t = exact ? b.op("tanh", "f32", u) : quotient;
  b.store(d.float32, flat, times(times(c(0.5), x), plus(c(1), t)), [0]);
  measure(`tanh-GELU, 4 Mi (${exact ? "tanh" : "exp only"})`, b.kernel(), many, [many, many]);
}
for (const storage of [d.float32, d.float16]) {
  const b = new Builder(["grid", 0], ["row", n]);
  const x = b.load(storage, rows);
  const e = b.op("exp", "f32", b.op("sub", "f32", x, b.reduce("max", x, [1])));
  b.store(storage, rows, b.op("div", "f32", e, b.reduce("sum", e, [1])), [0, 1]);
  measure(`softmax ${m}×${n}, ${storage.name}`, b.kernel(), m, [m * n, m * n]);
}
{
  const b = new Builder(["grid", 0], ["row", n]);
  const [x, g, w] = [
    b.load(d.float32, rows),
    b.load(d.float32, rows),
    b.load(d.float32, affine(0, [1, 1])),
  ];
  const [mean, rstd] = [b.load(d.float32, flat), b.load(d.float32, flat)];
  const times = (a: ValId, f: ValId): ValId => b.op("mul", "f32", a, f);
  const minus = (a: ValId, f: ValId): ValId => b.op("sub", "f32", a, f);
  const centred = times(minus(x, mean), rstd);
  const gw = times(g, w);
  const count = b.constant("f32", 1 / n);
  const first = times(b.reduce("sum", gw, [1]), count);
  const second = times(b.reduce("sum", times(gw, centred), [1]), count);
  b.store(d.float32, rows, times(rstd, minus(minus(gw, first), times(centred, second))), [0, 1]);
  b.store(d.float32, affine(0, [1, 1]), b.reduce("sum", times(g, centred), [0]), [1], true);
  b.store(d.float32, affine(0, [1, 1]), b.reduce("sum", g, [0]), [1], true);
  const slabs = (m / 64) * n;
  measure(`layer norm backward ${m}×${n}`, b.kernel(), m, [
    m * n,
    m * n,
    n,
    m,
    m,
    m * n,
    slabs,
    slabs,
  ]);
}
{
  const b = new Builder(["grid", 0], ["row", n]);
  b.store(d.float32, affine(0, [1, 1]), b.reduce("sum", b.load(d.float32, rows), [0]), [1], true);
  measure(`sum over axis 0, ${m}×${n}, slabs`, b.kernel(), m, [m * n, (m / 64) * n]);
}
for (const how of ["sum", "max"] as const) {
  const b = new Builder(["grid", 0], ["row", n]);
  b.store(d.float32, flat, b.reduce(how, b.load(d.float32, rows), [1]), [0]);
  measure(`${how} over axis 1, ${m}×${n}`, b.kernel(), m, [m * n, m]);
}
for (const storage of [d.float32, d.float16, d.int8]) {
  const s = 2048;
  const t = storage === d.int8 ? "i32" : "f32";
  const b = new Builder(["grid", 0], ["grid", s]);
  const x = b.load(storage, affine(0, [0, s], [1, 1]));
  const y = b.load(storage, affine(0, [0, 1], [1, s]));
  b.store(storage, affine(0, [0, s], [1, 1]), b.op("add", t, x, y), [0, 1]);
  measure(`x + transposed y, ${s}², ${storage.name}`, b.kernel(), s, [s * s, s * s, s * s]);
}

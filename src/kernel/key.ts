/** The identity of a program for caches: equal keys mean equal rendered code. */
import type { AttentionSizes, QuantizedSizes, Routine } from "../core/routine.js";
import { textOfIx } from "./index-math.js";
import { type Guard, isKernel, type Kernel, type Val } from "./ir.js";

const guardsKey = (guards: readonly Guard[]): string => {
  let key = "";
  for (const g of guards) key += `?${textOfIx(g.ix)}:${g.lo}:${g.hi}`;
  return key;
};

/** The sign of zero and bigints are part of a constant. */
const constantKey = (v: number | bigint): string =>
  typeof v === "bigint" ? `${v}n` : Object.is(v, -0) ? "-0" : `${v}`;

const valKey = (v: Val): string => {
  switch (v.op) {
    case "load":
      return `l${v.buf}@${textOfIx(v.ix)}${guardsKey(v.guards)}=${constantKey(v.fill)}`;
    case "const":
      return `c${v.dtype}${constantKey(v.value)}`;
    case "param":
      return `p${v.index}`;
    case "coord":
      return `x${textOfIx(v.ix)}`;
    case "within":
      return `w${guardsKey(v.guards)}`;
    case "index":
      return `i${v.in},${v.size},${v.code}`;
    case "scalar":
      return `s${v.fn}${v.dtype}${v.in.join(",")}`;
    case "reduce":
      return `r${v.how}${v.in},${v.over},${v.at ?? ""}`;
    case "contract":
      return `k${v.a},${v.b},${v.over}`;
  }
};

const kernelKey = (k: Kernel): string => {
  let key = "";
  // The size of a leading grid axis is an argument of the code, not part of it.
  k.axes.forEach((axis, i) => {
    key += `${axis.role[0]}${i === 0 && axis.role === "grid" ? "" : axis.size}`;
  });
  for (const b of k.bufs) key += `;${b.storage.code}${b.access[0]}`;
  key += `|${k.params.join()}`;
  for (const v of k.vals) key += `;${valKey(v)}`;
  for (const s of k.stores) key += `;>${s.buf}@${textOfIx(s.ix)}=${s.value},${s.over}`;
  return key;
};

const attentionKey = (s: AttentionSizes): string => {
  const sizes = [s.outer, s.batch, s.heads, s.keyHeads, s.queries, s.keys, s.depth, s.width];
  const mask = s.mask === null ? "" : `${s.mask.dtype.code}:${s.mask.shape.join()}`;
  return `${s.dtype.code}:${sizes.join()}:${s.scale}${s.causal}${mask}`;
};

const quantizedKey = (s: QuantizedSizes): string => {
  const { mode, groupSize, bits } = s.format;
  const sizes = [s.outer, s.count, s.matrices, s.rows, s.depth, s.columns];
  return `${mode}${groupSize}:${bits}:${s.dtype.code}:${s.scales.code}${s.transpose}${s.picks}${sizes.join()}`;
};

const routineKey = (r: Routine): string => {
  switch (r.routine) {
    case "scatter":
      return `scatter${r.dtype.code}:${r.shape.join()}:${r.axes.join()}:${r.slice.join()}:${r.count}${r.mode}${r.code}`;
    case "scan":
      return `scan${r.dtype.code}${r.how}:${r.outer},${r.length},${r.inner}${r.reverse}${r.exclusive}`;
    case "sort":
      return `sort${r.dtype.code}:${r.outer},${r.length},${r.inner}${r.only ?? ""}:${r.kth ?? ""}`;
    case "matrix":
      return `${r.what}${r.dtype.code}:${r.count},${r.m},${r.n},${r.k}${r.option}${r.code}`;
    case "fourier":
      return `${r.what}${r.n}:${r.outer},${r.inner},${r.scale}${r.doubled}`;
    case "attention":
      return `attention${r.sinks}${attentionKey(r)}`;
    case "attentionGradient":
      return `attentionGradient${attentionKey(r)}`;
    case "quantizedProduct":
      return `quantizedProduct${quantizedKey(r)}`;
  }
};

/** A canonical text of everything that decides a program's code. */
export const programKey = (program: Kernel | Routine): string =>
  isKernel(program) ? kernelKey(program) : routineKey(program);

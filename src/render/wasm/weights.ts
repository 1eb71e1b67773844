/** Rough costs: what a value takes to compute, in vector instructions, for tile sizes, unrolling and stashing. */
import type { ScalarOp } from "../../core/scalar.js";
import { operandsOf } from "../../kernel/domains.js";
import type { Kernel, Mask, Val, ValId } from "../../kernel/ir.js";

const dear: { readonly [Op in ScalarOp]?: number } = {
  div: 4,
  rem: 12,
  sqrt: 4,
  rsqrt: 8,
  exp: 16,
  expm1: 24,
  log: 20,
  log1p: 24,
  log2: 20,
  log10: 20,
  sin: 24,
  cos: 24,
  tan: 30,
  asin: 20,
  acos: 20,
  atan: 20,
  sinh: 30,
  cosh: 24,
  tanh: 24,
  asinh: 60,
  acosh: 60,
  atanh: 60,
  erf: 28,
  erfinv: 60,
  sigmoid: 20,
  pow: 60,
  atan2: 30,
  round_f16: 14,
  round_bf16: 7,
};

/** Cost of one value, its operands being there. */
export const weightOf = (v: Val): number => {
  switch (v.op) {
    case "const":
    case "param":
      return 0;
    case "load":
      return v.guards.length === 0 ? 1 : 3;
    case "scalar": {
      const base = dear[v.fn] ?? 1;
      return v.dtype === "f64" || v.dtype === "i64" || v.dtype === "u64" ? 2 * base : base;
    }
    case "reduce":
      return v.at === null ? 1 : 4;
    default:
      return 2;
  }
};

/** All values that `roots` need, operands first; `stop` ends the descent (the value itself is included). */
export const coneOf = (
  kernel: Kernel,
  roots: readonly ValId[],
  stop: (id: ValId) => boolean = () => false,
): ValId[] => {
  const seen = new Set<ValId>();
  const visit = (id: ValId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const v = kernel.vals[id];
    if (v !== undefined && !stop(id)) operandsOf(v, visit);
  };
  for (const r of roots) visit(r);
  return [...seen].sort((a, b) => a - b);
};

/** Cost of the values of a cone that vary over `axes`. */
export const costOf = (
  kernel: Kernel,
  domains: readonly Mask[],
  cone: readonly ValId[],
  axes: Mask,
): number => {
  let cost = 0;
  for (const id of cone) {
    const v = kernel.vals[id];
    if (v !== undefined && ((domains[id] ?? 0) & axes) !== 0) cost += weightOf(v);
  }
  return cost;
};

/** Rough costs of computing one element, to decide between recomputing a value and storing it. */
import type { ScalarOp } from "../core/scalar.js";
import type { Lowering } from "../graph/lowering.js";

const dear: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  "exp",
  "expm1",
  "log",
  "log1p",
  "log2",
  "log10",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "erf",
  "erfinv",
  "sigmoid",
  "pow",
  "atan2",
]);
/** From this weight on a value is never computed twice. */
export const dearest = 12;
const middling: ReadonlySet<ScalarOp> = new Set<ScalarOp>(["div", "rem", "sqrt", "rsqrt"]);

/** In units of an addition. */
export const weightOf = (
  l: Lowering<unknown> | { readonly kind: "copy" },
  operands: number,
): number => {
  switch (l.kind) {
    case "copy":
    case "constant":
      return 0;
    case "scalar":
      return dear.has(l.fn) ? dearest : middling.has(l.fn) ? 4 : 1;
    case "expression":
      return 2;
    case "indexed":
      return operands === 0 ? 1 : 24;
    default:
      return 100;
  }
};

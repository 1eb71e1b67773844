/** Comparisons, which are flat, and the choice between two arrays, which routes tangents the same way as values. */
import { bool } from "../core/dtype.js";
import { DTypeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import type { ScalarOp } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, sameShape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { cast, promoted } from "./cast.js";
import { zerosLike } from "./constant.js";
import {
  complexEq,
  complexGe,
  complexGt,
  complexLe,
  complexLt,
  complexNe,
  complexSelect,
} from "./families/complex.js";
import { type ComplexRule, elementwise, toBool } from "./families/elementwise.js";
import { at, requireEqual, same } from "./families/operands.js";

const comparison = (
  name: string,
  fn: Exclude<ScalarOp, "cast" | "bitcast">,
  complex: ComplexRule,
): Primitive => elementwise({ name, fn, complex, result: toBool });

export const equalP: Primitive = comparison("equal", "eq", complexEq);
export const notEqualP: Primitive = comparison("notEqual", "ne", complexNe);
export const lessP: Primitive = comparison("less", "lt", complexLt);
export const lessEqualP: Primitive = comparison("lessEqual", "le", complexLe);
export const greaterP: Primitive = comparison("greater", "gt", complexGt);
export const greaterEqualP: Primitive = comparison("greaterEqual", "ge", complexGe);

type Binary = (a: Node, b: Node) => Node;
export const equal: Binary = promoted(equalP);
export const notEqual: Binary = promoted(notEqualP);
export const less: Binary = promoted(lessP);
export const lessEqual: Binary = promoted(lessEqualP);
export const greater: Binary = promoted(greaterP);
export const greaterEqual: Binary = promoted(greaterEqualP);

/** `condition ? a : b`, a bool condition and two arrays of one dtype. */
export const selectP: Primitive = define<undefined>({
  name: "select",
  rule: {
    family: "elementwise",
    derivative: [
      null,
      (g, site) => select(at(site.ins, 0), g, zerosLike(g)),
      (g, site) => select(at(site.ins, 0), zerosLike(g), g),
    ],
  },
  infer(ins): readonly Aval[] {
    const condition = at(ins, 0);
    const x = at(ins, 1);
    requireEqual("select", x, at(ins, 2));
    if (condition.dtype !== bool || !sameShape(condition.shape, x.shape)) {
      throw new DTypeError(
        `[select] expected a bool condition of shape [${x.shape.join(", ")}], ` +
          `got ${condition.dtype.name}[${condition.shape.join(", ")}]: cast and broadcast it`,
      );
    }
    return [x];
  },
  lift: same,
  lower: { kind: "scalar", fn: "select", complex: complexSelect },
});

/** `condition ? a : b` elementwise; all of one shape. */
export const select = (condition: Node, a: Node, b: Node): Node => {
  const dtype = promote(a.dtype, b.dtype);
  return bind(selectP, [cast(condition, bool), cast(a, dtype), cast(b, dtype)], undefined);
};

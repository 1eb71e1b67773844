/** The elementwise family: operands and result share one shape, element i of the result depends on element i of each operand. */

import { bool, type DType, dtypes, isInexact } from "../../core/dtype.js";
import { DTypeError } from "../../core/errors.js";
import { computeTypeOf, type ScalarOp, type Scalars, scalarOps } from "../../core/scalar.js";
import { bind } from "../../graph/bind.js";
import type { Parts } from "../../graph/lowering.js";
import type { Aval, Node } from "../../graph/node.js";
import { type Derivative, define, type Primitive, type Zero } from "../../graph/primitive.js";
import { at, requireEqual, same } from "./operands.js";

/** What an instruction does on complex operands. */
export type ComplexRule = (s: Scalars<unknown>, ins: readonly Parts<unknown>[]) => Parts<unknown>;

type Fn = Exclude<ScalarOp, "cast" | "bitcast">;

export interface Elementwise {
  readonly name: string;
  readonly fn: Fn;
  /** One entry per operand; absent for a function that is flat in all of them. */
  readonly derivative?: readonly (Derivative<undefined> | Zero)[];
  readonly complex?: ComplexRule;
  /** The derivative is linear over the reals only. */
  readonly realLinear?: true;
  /** The dtype of the result, where it is not that of the operands. */
  readonly result?: (operand: DType) => DType;
}

/** Dtypes on which the instruction is defined, by code. */
const domain = (fn: Fn, complex: boolean): readonly boolean[] =>
  dtypes.map((d) => (d.kind === "complex" ? complex : scalarOps[fn].on.includes(computeTypeOf(d))));

const refuse = (name: string, ok: readonly boolean[], dtype: DType): DTypeError => {
  const names = dtypes.filter((d) => ok[d.code] === true).map((d) => d.name);
  return new DTypeError(
    `[${name}] expected one of ${names.join(", ")}, got ${dtype.name}: cast it`,
  );
};

/** A primitive that is one instruction on operands of equal shape and dtype. */
export const elementwise = (e: Elementwise): Primitive => {
  const { name, fn, complex, result } = e;
  const ok = domain(fn, complex !== undefined);
  const { arity } = scalarOps[fn];
  return define<undefined>({
    name,
    rule:
      e.derivative === undefined
        ? { family: "flat" }
        : {
            family: "elementwise",
            derivative: e.derivative,
            ...(e.realLinear ? { realLinear: true } : {}),
          },
    infer(ins: readonly Aval[]): readonly Aval[] {
      const x = at(ins, 0);
      if (ok[x.dtype.code] !== true) throw refuse(name, ok, x.dtype);
      if (arity > 1) requireEqual(name, x, at(ins, 1));
      if (result !== undefined) return [{ shape: x.shape, dtype: result(x.dtype) }];
      return arity === 1 && ins.length === 1 ? ins : [x];
    },
    lift: same,
    lower: complex === undefined ? { kind: "scalar", fn } : { kind: "scalar", fn, complex },
  });
};

export interface FloatExpression {
  readonly name: string;
  /** One entry per operand. */
  readonly derivative: readonly (Derivative<undefined> | Zero)[];
  /** What it does on real operands, which are all float32 or all float64. */
  real(s: Scalars<unknown>, ...ins: readonly unknown[]): unknown;
  /** The same on complex operands; absent where there is no such function. */
  readonly complex?: ComplexRule;
}

/** A primitive that takes several instructions, on floating operands of equal shape and dtype. */
export const floatExpression = (e: FloatExpression): Primitive => {
  const { name, derivative, complex } = e;
  const ok = dtypes.map((d) => d.kind === "float" || (complex !== undefined && isInexact(d)));
  return define<undefined>({
    name,
    rule: { family: "elementwise", derivative },
    infer(ins: readonly Aval[]): readonly Aval[] {
      const x = at(ins, 0);
      if (ok[x.dtype.code] !== true) throw refuse(name, ok, x.dtype);
      for (const other of ins.slice(1)) requireEqual(name, x, other);
      return [x];
    },
    lift: same,
    lower: {
      kind: "expression",
      emit(s, ins) {
        if (complex !== undefined && at(ins, 0).im !== null) return complex(s, ins);
        return { re: e.real(s, ...ins.map(({ re }) => re)), im: null };
      },
    },
  });
};

/** The builder of a primitive with one operand and no attributes. */
export const unaryOf =
  (p: Primitive): ((x: Node) => Node) =>
  (x) =>
    bind(p, [x], undefined);

/** The result dtype of comparisons. */
export const toBool = (): DType => bool;

/** The laws can fail: each rejects a primitive with one planted fault, and accepts it without. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { float32, float64 } from "../../src/core/dtype.js";
import { installEvaluator } from "../../src/graph/evaluator.js";
import type { Node } from "../../src/graph/node.js";
import { type AnyPrimitive, define, type Primitive, type Rule } from "../../src/graph/primitive.js";
import * as p from "../../src/primitives/index.js";
import { naive } from "../support/naive.js";
import { draw } from "./draw.js";
import { laws } from "./laws.js";
import type { Sample } from "./sample.js";

installEvaluator(naive);

const sampleOf = (prim: AnyPrimitive, attrs: unknown, arity: number): Sample => ({
  name: prim.name,
  prim,
  attrs,
  ins: (seed) => Array.from({ length: arity }, (_, i) => draw(float64, [2, 3], {}, seed * 5 + i)),
  conventional: false,
});

const first = <T>(list: readonly T[]): T => {
  const [x] = list;
  assert.ok(x !== undefined);
  return x;
};

/** sin, with whatever is overridden. */
const sine = (fault: Partial<Omit<Primitive, "code">>): Sample =>
  sampleOf(
    define<undefined>({
      name: "planted",
      rule: p.sinP.rule,
      infer: (ins) => [first(ins)],
      lift: (attrs) => attrs,
      lower: { kind: "scalar", fn: "sin" },
      ...fault,
    }),
    undefined,
    1,
  );

/** A sum over the last of two axes, with whatever is overridden. */
const rowSum = (fault: Partial<Omit<Primitive<p.AxesAttrs>, "code">>): Sample =>
  sampleOf(
    define<p.AxesAttrs>({
      name: "planted",
      rule: p.sumP.rule,
      infer: (ins, attrs) => p.sumP.infer(ins, attrs),
      lift: (attrs) => ({ axes: attrs.axes.map((d) => d + 1) }),
      lower: { kind: "reduce", how: "sum", axes: (attrs) => attrs.axes },
      ...fault,
    }),
    { axes: [1] },
    1,
  );

const scaled = (k: number): Rule<undefined> => ({
  family: "elementwise",
  derivative: [(g, s) => p.scale(p.multiply(g, p.cos(first(s.ins))), k)],
});

/** x/2 + y, jointly linear. */
const twoTermed = (back: (ct: Node) => readonly (Node | null)[]): Sample =>
  sampleOf(
    define<undefined>({
      name: "planted",
      rule: { family: "linear", operands: "all", transpose: (ct) => back(ct) },
      infer: (ins) => [first(ins)],
      lift: (attrs) => attrs,
      lower: {
        kind: "expression",
        emit(s, [x, y]) {
          const half = s.op("mul", x?.re, s.constant("f64", 0.5));
          return { re: s.op("add", half, y?.re), im: null };
        },
      },
    }),
    undefined,
    2,
  );

/** y/x: linear in y, and a change of x enters as the change -(y/x)·dx of y. */
const solve = (sign: number): Sample =>
  sampleOf(
    define<undefined>({
      name: "planted",
      rule: {
        family: "affine",
        linear: 1,
        transpose: (ct, { ins }) => p.divide(ct, first(ins)),
        enters: ([t], { outs }) => {
          assert.ok(t);
          return p.scale(p.multiply(first(outs), t), sign);
        },
      },
      infer: (ins) => [first(ins)],
      lift: (attrs) => attrs,
      lower: {
        kind: "expression",
        emit: (s, [x, y]) => ({ re: s.op("div", y?.re, x?.re), im: null }),
      },
    }),
    undefined,
    2,
  );

const routine = (pull: (ct: Node) => Node): Sample =>
  sine({
    rule: {
      family: "routine",
      jvp: ([t], { ins }) => [t ? p.multiply(t, p.cos(first(ins))) : null],
      reverse: {
        why: "speed",
        pull: ([ct], { ins }) => [ct ? p.multiply(pull(ct), p.cos(first(ins))) : null],
      },
    },
  });

const sound: readonly (readonly [string, Sample])[] = [
  ["sin", sine({})],
  ["a sum", rowSum({})],
  ["a linear map", twoTermed((ct) => [p.scale(ct, 0.5), ct])],
  ["an affine map", solve(-1)],
  ["a routine", routine((ct) => ct)],
  ["a composite", sine({ rule: { family: "composite", decompose: (ins) => [p.sin(first(ins))] } })],
];

const faults: readonly (readonly [law: string, fault: string, Sample])[] = [
  ["derivative", "a wrong sign", sine({ rule: scaled(-1) })],
  ["derivative", "a wrong constant", sine({ rule: scaled(1.001) })],
  ["derivative", "a missing derivative", sine({ rule: { family: "flat" } })],
  [
    "derivative",
    "a derivative that forgets its own",
    sine({
      rule: {
        family: "elementwise",
        derivative: [(g, s) => p.multiply(g, p.stopGradient(p.cos(first(s.ins))))],
      },
    }),
  ],
  ["derivative", "a wrong entry of an affine operand", solve(1)],
  [
    "derivative",
    "a composite that computes something else",
    sine({ rule: { family: "composite", decompose: (ins) => [p.cos(first(ins))] } }),
  ],
  ["adjoint", "a wrong transpose", twoTermed((ct) => [ct, ct])],
  ["adjoint", "a transpose that loses an operand", twoTermed((ct) => [p.scale(ct, 0.5), null])],
  ["adjoint", "a reverse rule that drifted from the jvp", routine((ct) => p.scale(ct, 1.5))],
  ["batch", "axes that are not lifted", rowSum({ lift: (attrs) => attrs })],
  [
    "batch",
    "a batching rule with mixed-up rows",
    sine({
      batch: ([x]) =>
        x
          ? [
              p.sin(
                p.flip(
                  x,
                  x.shape.map((_, d) => d === 0),
                ),
              ),
            ]
          : null,
    }),
  ],
  [
    "batch",
    "a batching rule that forgets the axis",
    rowSum({ batch: ([x]) => (x ? [p.sum(x, [0, 2])] : null) }),
  ],
  [
    "inference",
    "a kept axis",
    rowSum({ infer: ([x]) => (x ? [{ shape: [2, 1], dtype: x.dtype }] : []) }),
  ],
  [
    "inference",
    "a wrong axis",
    rowSum({ infer: ([x]) => (x ? [{ shape: [3], dtype: x.dtype }] : []) }),
  ],
  [
    "inference",
    "a shape of other size",
    sine({ infer: ([x]) => (x ? [{ shape: [3, 3], dtype: x.dtype }] : []) }),
  ],
  [
    "inference",
    "a wrong dtype",
    sine({ infer: ([x]) => (x ? [{ shape: x.shape, dtype: float32 }] : []) }),
  ],
];

describe("sound primitives pass every law", () => {
  for (const [name, s] of sound)
    for (const [law, holds] of Object.entries(laws)) test(`${name}: ${law}`, () => holds(s));
});

describe("planted faults are rejected", () => {
  for (const [law, fault, s] of faults) {
    test(`${law}: ${fault}`, () => {
      const holds = laws[law];
      assert.ok(holds);
      assert.throws(() => holds(s));
    });
  }
});

/** Identities that matter to transforms only: fresh handles, walls for derivatives, order of evaluation. */
import { bind, bindAll } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, same } from "./families/operands.js";

/** A fresh node for the same value: what a transform gives the user's function. */
export const aliasP: Primitive = define<undefined>({
  name: "alias",
  rule: { family: "linear", operands: [0], transpose: (ct) => [ct] },
  infer: (ins) => [at(ins, 0)],
  lift: same,
  lower: { kind: "alias", input: () => 0 },
});

/** The value as a constant for every derivative. */
export const stopGradientP: Primitive = define<undefined>({
  name: "stopGradient",
  rule: { family: "flat" },
  infer: (ins) => [at(ins, 0)],
  lift: same,
  lower: { kind: "alias", input: () => 0 },
});

export interface DependsAttrs {
  /** How many operands are passed through; the others only have to come first. */
  readonly count: number;
}

/** Its first operands, not to be taken for the same values computed without waiting for the others. */
export const dependsP: Primitive<DependsAttrs> = define<DependsAttrs>({
  name: "depends",
  rule: {
    family: "composite",
    decompose: (ins, attrs) => ins.slice(0, attrs.count).map((n) => alias(n)),
  },
  infer: (ins, attrs) => ins.slice(0, attrs.count),
  lift: same,
  lower: { kind: "alias", input: (_attrs, out) => out },
  key: (attrs, sink) => sink.int(attrs.count),
});

export const alias = (x: Node): Node => bind(aliasP, [x], undefined);
export const stopGradient = (x: Node): Node => bind(stopGradientP, [x], undefined);

/** `values`, to be computed after `others`. */
export const depends = (values: readonly Node[], others: readonly Node[]): readonly Node[] =>
  values.length === 0 ? [] : bindAll(dependsP, [...values, ...others], { count: values.length });

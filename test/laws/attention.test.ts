/** The derivatives of attention's result alone, which its own rule gives, are those of its values. */
import { test } from "node:test";
import { bool, float32 } from "../../src/core/dtype.js";
import { installEvaluator } from "../../src/graph/evaluator.js";
import type { Node } from "../../src/graph/node.js";
import { define } from "../../src/graph/primitive.js";
import { type AttentionAttrs, attention, attentionP } from "../../src/primitives/index.js";
import { naive } from "../support/naive.js";
import { draw } from "./draw.js";
import { adjointLaw, derivativeLaw } from "./laws.js";
import { attentionSamples } from "./samples-attention.js";

installEvaluator(naive);

/** Attention without the scalars of its rows. */
const resultP = define<AttentionAttrs>({
  name: "attentionResult",
  rule: { family: "composite", decompose: (ins, attrs) => [attention(ins, attrs)] },
  infer: (ins, attrs) => attentionP.infer(ins, attrs).slice(0, 1),
  lift: (attrs) => attrs,
  lower: null,
});

const holds = (name: string, attrs: unknown, ins: (seed: number) => Node[]): void => {
  test(name, () => {
    const s = { name, prim: resultP, attrs, ins, conventional: false };
    derivativeLaw(s);
    adjointLaw(s);
  });
};

for (const s of attentionSamples) {
  if (s.prim === attentionP && s.ins(1)[0]?.dtype === float32) holds(s.name, s.attrs, s.ins);
}

const floats = { float: [-0.9, 0.9] } as const;

holds("rows that see nothing", { scale: 1, causal: true, mask: true, sinks: false }, (seed) => [
  draw(float32, [2, 2, 4, 2], floats, seed),
  draw(float32, [2, 2, 2, 2], floats, seed + 1),
  draw(float32, [2, 2, 2, 2], floats, seed + 2),
  draw(bool, [2, 1, 4, 1], {}, 5),
]);

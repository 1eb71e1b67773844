/** Samples of attention and its gradient: every operand they can have, in shapes with groups of heads and parts of keys. */
import { bfloat16, bool, type DType, float16, float32 } from "../../src/core/dtype.js";
import type { Node } from "../../src/graph/node.js";
import {
  type AttentionAttrs,
  type AttentionGradientAttrs,
  attentionGradientP,
  attentionP,
} from "../../src/primitives/index.js";
import { draw } from "./draw.js";
import type { Sample } from "./sample.js";

const floats = { float: [-0.9, 0.9] } as const;

/** Queries, keys and values: two heads of queries, one of keys. */
const operands = (dtype: DType, seed: number): Node[] => [
  draw(dtype, [1, 2, 2, 2], floats, seed),
  draw(dtype, [1, 1, 3, 2], floats, seed + 1),
  draw(dtype, [1, 1, 3, 1], floats, seed + 2),
];

const plain: AttentionAttrs = { scale: 0.7, causal: false, mask: false, sinks: false };

type Extra = (seed: number) => Node[];

const forward = (
  what: string,
  dtype: DType,
  attrs: Partial<AttentionAttrs>,
  extra: Extra = () => [],
): Sample => ({
  name: `attention ${dtype.name} ${what}`,
  prim: attentionP,
  attrs: { ...plain, ...attrs },
  ins: (seed) => [...operands(dtype, 7 * seed), ...extra(7 * seed + 3)],
  // The largest score counts as fixed.
  conventional: true,
});

const gradient = (
  what: string,
  dtype: DType,
  attrs: Partial<AttentionGradientAttrs>,
  extra: Extra = () => [],
): Sample => ({
  name: `attentionGradient ${dtype.name} ${what}`,
  prim: attentionGradientP,
  attrs: { scale: 0.7, causal: false, mask: false, ...attrs },
  ins: (seed) => [
    ...operands(dtype, 7 * seed),
    ...extra(7 * seed + 3),
    draw(float32, [1, 2, 2], { float: [0.5, 0.9] }, 7 * seed + 4),
    draw(float32, [1, 2, 2], { float: [1.5, 2.5] }, 7 * seed + 5),
    draw(dtype, [1, 2, 2, 1], floats, 7 * seed + 6),
    draw(float32, [1, 2, 2], floats, 7 * seed + 7),
  ],
  conventional: false,
});

const added = (seed: number): Node => draw(float32, [1, 2, 1, 3], floats, seed);
const sinks = (seed: number): Node => draw(float32, [2], floats, seed + 1);

export const attentionSamples: readonly Sample[] = [
  ...[float32, float16, bfloat16].flatMap((dtype) => [
    forward("plain", dtype, {}),
    gradient("plain", dtype, {}),
  ]),
  forward("causal", float32, { causal: true }),
  forward("added mask and sinks", float32, { mask: true, sinks: true }, (seed) => [
    added(seed),
    sinks(seed),
  ]),
  forward("boolean mask", float32, { mask: true }, (seed) => [draw(bool, [1, 1, 2, 3], {}, seed)]),
  gradient("causal", float32, { causal: true }),
];

/** The registry: every primitive there is, and the builders that apply them to nodes. */
import type { AnyPrimitive } from "../graph/primitive.js";
import * as arithmetic from "./arithmetic.js";
import * as bits from "./bits.js";
import * as broadcastSum from "./broadcast-sum.js";
import * as casts from "./cast.js";
import * as compareSelect from "./compare-select.js";
import * as concatenates from "./concatenate.js";
import * as constants from "./constant.js";
import * as expLog from "./exp-log.js";
import * as gatherScatter from "./gather-scatter.js";
import * as hyperbolic from "./hyperbolic.js";
import * as matmuls from "./matmul.js";
import * as padSlice from "./pad-slice.js";
import * as permutes from "./permute.js";
import * as stopGradients from "./stop-gradient.js";
import * as trig from "./trig.js";

const clusters: readonly Readonly<Record<string, unknown>>[] = [
  arithmetic, bits, broadcastSum, casts, compareSelect, concatenates, constants, expLog,
  gatherScatter, hyperbolic, matmuls, padSlice, permutes, stopGradients, trig,
];
const isPrimitive = (x: unknown): x is AnyPrimitive =>
  typeof x === "object" && x !== null && "rule" in x && "lower" in x && "code" in x;

/** All primitives. */
export const primitives: readonly AnyPrimitive[] = clusters.flatMap((c) => Object.values(c).filter(isPrimitive));
export * from "./arithmetic.js";
export * from "./bits.js";
export * from "./broadcast-sum.js";
export * from "./cast.js";
export * from "./compare-select.js";
export * from "./concatenate.js";
export * from "./constant.js";
export * from "./exp-log.js";
export * from "./gather-scatter.js";
export * from "./hyperbolic.js";
export * from "./matmul.js";
export * from "./pad-slice.js";
export * from "./permute.js";
export * from "./stop-gradient.js";
export * from "./trig.js";

/** The quantization formats: which modes, group sizes and numbers of bits there are, and reading them from options. */
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import type { QuantizationMode, QuantizedFormat } from "../core/routine.js";
import { showShape } from "../core/shape.js";
import type { Node } from "../graph/node.js";
import { nodeOf, type Operand } from "../ops/operand.js";
import * as p from "../primitives/index.js";

export type { QuantizationMode };

export interface QuantizationFormat {
  /** Neighbours on the last axis that share a scale. */
  readonly groupSize?: number | null;
  readonly bits?: number | null;
  readonly mode?: QuantizationMode;
}

/** A format with everything known. */
export type Format = QuantizedFormat;

interface Allowed {
  /** The default comes first. */
  readonly groupSizes: readonly number[];
  readonly bits: readonly number[];
}

const allowed: Readonly<Record<QuantizationMode, Allowed>> = {
  affine: { groupSizes: [64, 32, 128], bits: [4, 1, 2, 3, 5, 6, 8] },
  mxfp4: { groupSizes: [32], bits: [4] },
  mxfp8: { groupSizes: [32], bits: [8] },
  nvfp4: { groupSizes: [16], bits: [4] },
};

const isMode = (x: unknown): x is QuantizationMode =>
  typeof x === "string" && Object.hasOwn(allowed, x);

const choose = (op: string, what: string, given: unknown, choices: readonly number[]): number => {
  const value = given ?? choices[0];
  if (typeof value === "number" && choices.includes(value)) return value;
  throw new ArgumentError(
    `[${op}] expected ${what} ${choices.toSorted((a, b) => a - b).join(", ")}, got ${describe(given)}`,
  );
};

/** The format that options name; `mode` is taken when they name none. */
export const readFormat = (
  op: string,
  o: QuantizationFormat,
  mode: QuantizationMode = "affine",
): Format => {
  const given = o.mode ?? mode;
  if (!isMode(given)) {
    throw new ArgumentError(
      `[${op}] expected mode ${Object.keys(allowed).join(", ")}, got ${describe(given)}`,
    );
  }
  const { groupSizes, bits } = allowed[given];
  return {
    mode: given,
    groupSize: choose(op, `for mode ${given} a groupSize of`, o.groupSize, groupSizes),
    bits: choose(op, `for mode ${given} bits of`, o.bits, bits),
  };
};

/** The largest number of an nvfp4 group: the largest scale (448) times the largest element (6). */
const nvfp4Largest = 2688;

/** The factor on the scales of nvfp4 that a global scale stands for, or null without one. */
export const readGlobalScale = (
  op: string,
  format: Format,
  given: Operand | null | undefined,
): Node | null => {
  if (given === null || given === undefined) return null;
  if (format.mode !== "nvfp4") {
    throw new ArgumentError(
      `[${op}] expected a global scale only with mode nvfp4, got one with ${format.mode}: leave it out`,
    );
  }
  const n = nodeOf(op, given);
  if (n.dtype.name !== "float32") {
    throw new DTypeError(
      `[${op}] expected a float32 global scale, got ${n.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  if (n.shape.some((length) => length !== 1))
    throw new ShapeError(`[${op}] expected one global scale, got shape ${showShape(n.shape)}`);
  const one = p.reshape(n, []);
  return p.divide(p.constantLike(one, nvfp4Largest), one);
};

/** Rows that can be quantized: real and floating, whole groups on the last axis. */
export const requireGroups = (op: string, n: Node, format: Format): Node => {
  if (n.dtype.kind !== "float") {
    throw new DTypeError(
      `[${op}] expected a real floating array, got ${n.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  const length = n.shape.at(-1) ?? 0;
  if (n.shape.length === 0 || length % format.groupSize !== 0) {
    throw new ShapeError(
      `[${op}] expected a last axis that is a multiple of groupSize ${format.groupSize}, got shape ${showShape(n.shape)}: pad it or take another groupSize`,
    );
  }
  return n;
};

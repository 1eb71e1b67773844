/** Activation functions with options, as layers. */
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { full } from "../../ops/create.js";
import {
  type AlphaOptions,
  celu,
  elu,
  gelu,
  geluApprox,
  geluFastApprox,
  glu,
  hardShrink,
  type LambdOptions,
  leakyRelu,
  type NegativeSlopeOptions,
  prelu,
  type SoftmaxAxisOptions,
  type StepOptions,
  softshrink,
  step,
} from "../activations.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";

/** One option that is a number, also given by position. */
const readNumber = (op: string, name: string, given: unknown, otherwise: number): number => {
  const o = readPositional<Record<string, unknown>>(op, name, given, undefined, [name]);
  const value = o[name] ?? otherwise;
  if (typeof value === "number") return value;
  throw new ArgumentError(
    `[${op}] expected a number as ${name}, got ${describe(value)}: ${otherwise} is the default`,
  );
};

/**
 * max(negativeSlope · x, x): {@link leakyRelu} as a layer.
 *
 * @param negativeSlope 0.01 by default; also as `{ negativeSlope }`
 * @example new nn.LeakyReLU(0.5).forward(mx.array([-1, 2])).tolist() // [-0.5, 2]
 * @see mlx.nn.LeakyReLU
 */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(negativeSlope?: number | NegativeSlopeOptions) {
    super();
    this.negativeSlope = readNumber("LeakyReLU", "negativeSlope", negativeSlope, 0.01);
  }

  forward(x: NDArray): NDArray {
    return leakyRelu(x, this.negativeSlope);
  }

  protected override extraRepr(): string {
    return shown({ negativeSlope: this.negativeSlope });
  }
}

/**
 * x above 0, alpha · (exp(x) - 1) below: {@link elu} as a layer.
 *
 * @param alpha 1 by default; also as `{ alpha }`
 * @example new nn.ELU(1).forward(mx.array([0, 2])).tolist() // [0, 2]
 * @see mlx.nn.ELU
 */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha?: number | AlphaOptions) {
    super();
    this.alpha = readNumber("ELU", "alpha", alpha, 1);
  }

  forward(x: NDArray): NDArray {
    return elu(x, this.alpha);
  }

  protected override extraRepr(): string {
    return shown({ alpha: this.alpha });
  }
}

/**
 * max(x, 0) + alpha · (exp(min(x, 0) / alpha) - 1): {@link celu} as a layer.
 *
 * @param alpha 1 by default; also as `{ alpha }`
 * @example new nn.CELU(1).forward(mx.array([0, 2])).tolist() // [0, 2]
 * @see mlx.nn.CELU
 */
export class CELU extends Module {
  readonly alpha: number;

  constructor(alpha?: number | AlphaOptions) {
    super();
    this.alpha = readNumber("CELU", "alpha", alpha, 1);
  }

  forward(x: NDArray): NDArray {
    return celu(x, this.alpha);
  }

  protected override extraRepr(): string {
    return shown({ alpha: this.alpha });
  }
}

/**
 * x, but 0 within lambd of 0: {@link hardShrink} as a layer.
 *
 * @param lambd 0.5 by default; also as `{ lambd }`
 * @example new nn.HardShrink(0.5).forward(mx.array([-1, 0.25, 2])).tolist() // [-1, 0, 2]
 * @see mlx.nn.HardShrink
 */
export class HardShrink extends Module {
  readonly lambd: number;

  constructor(lambd?: number | LambdOptions) {
    super();
    this.lambd = readNumber("HardShrink", "lambd", lambd, 0.5);
  }

  forward(x: NDArray): NDArray {
    return hardShrink(x, this.lambd);
  }

  protected override extraRepr(): string {
    return shown({ lambd: this.lambd });
  }
}

/**
 * x moved toward 0 by lambd, 0 within: {@link softshrink} as a layer.
 *
 * @param lambd 0.5 by default; also as `{ lambd }`
 * @example new nn.Softshrink(0.5).forward(mx.array([-1, 0.25, 2])).tolist() // [-0.5, 0, 1.5]
 * @see mlx.nn.Softshrink
 */
export class Softshrink extends Module {
  readonly lambd: number;

  constructor(lambd?: number | LambdOptions) {
    super();
    this.lambd = readNumber("Softshrink", "lambd", lambd, 0.5);
  }

  forward(x: NDArray): NDArray {
    return softshrink(x, this.lambd);
  }

  protected override extraRepr(): string {
    return shown({ lambd: this.lambd });
  }
}

/**
 * 1 from the threshold on, else 0, as int32: {@link step} as a layer.
 *
 * @param threshold 0 by default; also as `{ threshold }`
 * @example new nn.Step(0).forward(mx.array([-1, 0])).tolist() // [0, 1]
 * @see mlx.nn.Step
 */
export class Step extends Module {
  readonly threshold: number;

  constructor(threshold?: number | StepOptions) {
    super();
    this.threshold = readNumber("Step", "threshold", threshold, 0);
  }

  forward(x: NDArray): NDArray {
    return step(x, this.threshold);
  }

  protected override extraRepr(): string {
    return shown({ threshold: this.threshold });
  }
}

/**
 * The first half along an axis times the sigmoid of the second: {@link glu} as a layer.
 *
 * @param axis the last by default; also as `{ axis }`
 * @example new nn.GLU().forward(mx.array([1, 0])).tolist() // [0.5]
 * @see mlx.nn.GLU
 */
export class GLU extends Module {
  readonly axis: number;

  constructor(axis?: number | SoftmaxAxisOptions) {
    super();
    this.axis = readNumber("GLU", "axis", axis, -1);
  }

  forward(x: NDArray): NDArray {
    return glu(x, this.axis);
  }

  protected override extraRepr(): string {
    return shown({ axis: this.axis });
  }
}

const approximations = ["none", "precise", "tanh", "fast"] as const;

/** How {@link GELU} is computed: with the error function, through tanh (by either name), or as x · sigmoid(1.702 · x). */
export type GeluApproximation = (typeof approximations)[number];

/** Options of {@link GELU}. */
export interface GeluOptions {
  readonly approx?: GeluApproximation;
}

/**
 * x · Φ(x), or an approximation of it.
 *
 * @param approx "none" by default; also as `{ approx }`
 * @throws ArgumentError for another approximation
 * @example new nn.GELU("tanh").forward(mx.array([0])).tolist() // [0]
 * @see mlx.nn.GELU
 */
export class GELU extends Module {
  readonly approx: GeluApproximation;

  constructor(approx?: GeluApproximation | GeluOptions) {
    super();
    const o = readPositional<GeluOptions>("GELU", "approx", approx, undefined, ["approx"]);
    this.approx = o.approx ?? "none";
    if (approximations.includes(this.approx)) return;
    throw new ArgumentError(
      `[GELU] expected approx ${approximations.map((a) => `"${a}"`).join(", ")}, got ${describe(this.approx)}: pass one of these`,
    );
  }

  forward(x: NDArray): NDArray {
    if (this.approx === "none") return gelu(x);
    return this.approx === "fast" ? geluFastApprox(x) : geluApprox(x);
  }

  protected override extraRepr(): string {
    return shown({ approx: this.approx });
  }
}

/** Options of {@link PReLU}. */
export interface PReluOptions {
  /** One for all by default, or as many as the last axis has. */
  readonly numParameters?: number;
  /** What they start from, 0.25 by default. */
  readonly init?: number;
}

/**
 * x above 0, weight · x below, with a weight that is trained.
 *
 * @param numParameters 1 by default; also as `{ numParameters, init }`
 * @throws ArgumentError for a number that is not positive and whole
 * @example new nn.PReLU().forward(mx.array([-2, 2])).tolist() // [-0.5, 2]
 * @see mlx.nn.PReLU
 */
export class PReLU extends Module {
  weight: NDArray;

  constructor(numParameters?: number | PReluOptions, options?: PReluOptions) {
    super();
    const names = ["numParameters", "init"] as const;
    const o = readPositional<PReluOptions>("PReLU", "numParameters", numParameters, options, names);
    const count = requireCount("PReLU", "numParameters", o.numParameters ?? 1);
    this.weight = full([count], o.init ?? 0.25);
  }

  forward(x: NDArray): NDArray {
    return prelu(x, this.weight);
  }
}

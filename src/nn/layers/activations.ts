/** Activation functions without options, as layers. */

import type { NDArray } from "../../graph/array.js";
import {
  hardswish,
  hardTanh,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  relu2,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softsign,
  tanh,
} from "../activations.js";
import { Module } from "../module/module.js";

/**
 * The logistic function: {@link sigmoid} as a layer.
 *
 * @example new nn.Sigmoid().forward(mx.array([0])).tolist() // [0.5]
 * @see mlx.nn.Sigmoid
 */
export class Sigmoid extends Module {
  forward(x: NDArray): NDArray {
    return sigmoid(x);
  }
}

/**
 * Hyperbolic tangent: {@link tanh} as a layer.
 *
 * @example new nn.Tanh().forward(mx.array([0])).tolist() // [0]
 * @see mlx.nn.Tanh
 */
export class Tanh extends Module {
  forward(x: NDArray): NDArray {
    return tanh(x);
  }
}

/**
 * max(x, 0): {@link relu} as a layer.
 *
 * @example new nn.ReLU().forward(mx.array([-1, 2])).tolist() // [0, 2]
 * @see mlx.nn.ReLU
 */
export class ReLU extends Module {
  forward(x: NDArray): NDArray {
    return relu(x);
  }
}

/**
 * max(x, 0)²: {@link relu2} as a layer.
 *
 * @example new nn.ReLU2().forward(mx.array([-1, 2])).tolist() // [0, 4]
 * @see mlx.nn.ReLU2
 */
export class ReLU2 extends Module {
  forward(x: NDArray): NDArray {
    return relu2(x);
  }
}

/**
 * min(max(x, 0), 6): {@link relu6} as a layer.
 *
 * @example new nn.ReLU6().forward(mx.array([-1, 8])).tolist() // [0, 6]
 * @see mlx.nn.ReLU6
 */
export class ReLU6 extends Module {
  forward(x: NDArray): NDArray {
    return relu6(x);
  }
}

/**
 * Scaled elu: {@link selu} as a layer.
 *
 * @example new nn.SELU().forward(mx.array([0])).tolist() // [0]
 * @see mlx.nn.SELU
 */
export class SELU extends Module {
  forward(x: NDArray): NDArray {
    return selu(x);
  }
}

/**
 * x · sigmoid(x): {@link silu} as a layer.
 *
 * @example new nn.SiLU().forward(mx.array([0])).tolist() // [0]
 * @see mlx.nn.SiLU
 */
export class SiLU extends Module {
  forward(x: NDArray): NDArray {
    return silu(x);
  }
}

/**
 * x · tanh(softplus(x)): {@link mish} as a layer.
 *
 * @example new nn.Mish().forward(mx.array([0])).tolist() // [0]
 * @see mlx.nn.Mish
 */
export class Mish extends Module {
  forward(x: NDArray): NDArray {
    return mish(x);
  }
}

/**
 * x · min(max(x + 3, 0), 6) / 6: {@link hardswish} as a layer.
 *
 * @example new nn.Hardswish().forward(mx.array([3])).tolist() // [3]
 * @see mlx.nn.Hardswish
 */
export class Hardswish extends Module {
  forward(x: NDArray): NDArray {
    return hardswish(x);
  }
}

/**
 * x clipped to [-1, 1]: {@link hardTanh} as a layer.
 *
 * @example new nn.HardTanh().forward(mx.array([-2, 0.5])).tolist() // [-1, 0.5]
 * @see mlx.nn.HardTanh
 */
export class HardTanh extends Module {
  forward(x: NDArray): NDArray {
    return hardTanh(x);
  }
}

/**
 * log(1 + exp(x)): {@link softplus} as a layer.
 *
 * @example new nn.Softplus().forward(mx.array([0])).shape // [1]
 * @see mlx.nn.Softplus
 */
export class Softplus extends Module {
  forward(x: NDArray): NDArray {
    return softplus(x);
  }
}

/**
 * x / (1 + |x|): {@link softsign} as a layer.
 *
 * @example new nn.Softsign().forward(mx.array([1])).tolist() // [0.5]
 * @see mlx.nn.Softsign
 */
export class Softsign extends Module {
  forward(x: NDArray): NDArray {
    return softsign(x);
  }
}

/**
 * log(sigmoid(x)): {@link logSigmoid} as a layer.
 *
 * @example new nn.LogSigmoid().forward(mx.array([0])).shape // [1]
 * @see mlx.nn.LogSigmoid
 */
export class LogSigmoid extends Module {
  forward(x: NDArray): NDArray {
    return logSigmoid(x);
  }
}

/**
 * Softmax along the last axis: {@link softmax} as a layer.
 *
 * @example new nn.Softmax().forward(mx.array([0, 0])).tolist() // [0.5, 0.5]
 * @see mlx.nn.Softmax
 */
export class Softmax extends Module {
  forward(x: NDArray): NDArray {
    return softmax(x);
  }
}

/**
 * Softmax of -x along the last axis: {@link softmin} as a layer.
 *
 * @example new nn.Softmin().forward(mx.array([0, 0])).tolist() // [0.5, 0.5]
 * @see mlx.nn.Softmin
 */
export class Softmin extends Module {
  forward(x: NDArray): NDArray {
    return softmin(x);
  }
}

/**
 * Logarithm of softmax along the last axis: {@link logSoftmax} as a layer.
 *
 * @example new nn.LogSoftmax().forward(mx.array([0, 0])).shape // [2]
 * @see mlx.nn.LogSoftmax
 */
export class LogSoftmax extends Module {
  forward(x: NDArray): NDArray {
    return logSoftmax(x);
  }
}

/** Per-sample gradients: `vmap` of `grad` gives one gradient per example where `grad` alone gives their mean. */
import * as mx from "cotangent";

interface Parameters {
  w: mx.NDArray;
  b: mx.NDArray;
}

/** Squared error of a tiny network on one example: x of shape [3], y of shape []. */
const loss = ({ w, b }: Parameters, x: mx.NDArray, y: mx.NDArray): mx.NDArray =>
  mx.square(mx.sum(mx.tanh(mx.matmul(x, w).add(b))).subtract(y));

const keys = mx.random.split(mx.random.key(7), 3);
const parameters: Parameters = {
  w: mx.random.normal({ shape: [3, 2], key: keys.get(0) }),
  b: mx.zeros([2]),
};
const xs = mx.random.normal({ shape: [5, 3], key: keys.get(1) });
const ys = mx.random.normal({ shape: [5], key: keys.get(2) });

// The parameters are shared (null), the examples are mapped over their first axis.
const each = mx.vmap(mx.grad(loss), { inAxes: [null, 0, 0] })(parameters, xs, ys);
console.log(`gradients of w: ${each.w.shape.join(" × ")}, of b: ${each.b.shape.join(" × ")}`);

// Their norms show which examples pull hardest: what clipping per sample needs.
const squares = mx.sum(mx.square(each.w), [1, 2]).add(mx.sum(mx.square(each.b), 1));
console.log(`norms ${mx.sqrt(squares)}`);

// Their mean is the gradient of the mean loss, and each is what grad gives for that example.
const meanLoss = (p: Parameters): mx.NDArray =>
  mx.mean(mx.vmap((x: mx.NDArray, y: mx.NDArray) => loss(p, x, y))(xs, ys));
const whole = mx.grad(meanLoss)(parameters);
console.log(`mean is the whole: ${mx.allclose(mx.mean(each.w, 0), whole.w).item()}`);
const single = mx.grad(loss)(parameters, xs.get(2), ys.get(2));
console.log(`third is its own:  ${mx.allclose(each.w.get(2), single.w).item()}`);

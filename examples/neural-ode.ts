/**
 * A neural ordinary differential equation (Chen et al., 2018): the way of a spiral learned through the steps of a
 * Runge–Kutta solver in a `scan`, whose adjoint is `vjp`'s.
 */
import * as mx from "cotangent";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";

const steps = 40;
const dt = 0.1;

/** States [steps, n, 2] after each step from `start` [n, 2] along dy/dt = f(y), by the classic method of order four. */
const solve = (f: (y: mx.NDArray) => mx.NDArray, start: mx.NDArray): mx.NDArray => {
  const step = (y: mx.NDArray): [mx.NDArray, mx.NDArray] => {
    const k1 = f(y);
    const k2 = f(y.add(k1.multiply(dt / 2)));
    const k3 = f(y.add(k2.multiply(dt / 2)));
    const k4 = f(y.add(k3.multiply(dt)));
    const next = y.add(
      k1
        .add(k4)
        .add(k2.add(k3).multiply(2))
        .multiply(dt / 6),
    );
    return [next, next];
  };
  const [, states] = mx.scan(step, start, null, { length: steps });
  return states;
};

/** What is to be found: a spiral inwards. */
const matrix = mx.array([
  [-0.1, 2],
  [-2, -0.1],
]);
const truth = (y: mx.NDArray): mx.NDArray => mx.matmul(y.power(3), matrix);

class Field extends nn.Module {
  layers = new nn.Sequential(new nn.Linear(2, 48), nn.tanh, new nn.Linear(48, 2));
  forward(y: mx.NDArray): mx.NDArray {
    return this.layers.forward(y.power(3));
  }
}

mx.random.seed(0);
const starts = mx.random.uniform({ low: -1, high: 1, shape: [16, 2] });
const wanted = solve(truth, starts);
const field = new Field();
const opt = new optim.Adam(optim.cosineDecay(1e-2, 400));
const both = nn.valueAndGrad(field, () =>
  mx.square(solve((y) => field.forward(y), starts).subtract(wanted)).mean(),
);
const state = [field, opt.state];
const train = mx.compile(
  () => {
    const [value, grads] = both();
    opt.update(field, grads);
    return value;
  },
  { inputs: state, outputs: state },
);
for (let i = 0; i <= 400; i++) {
  const value = train();
  if (i % 100 === 0) console.log(`step ${i}: error ${Number(value.item()).toFixed(5)}`);
}

// The adjoint of the whole solution against a difference of two solutions.
const start = mx.array([[0.8, -0.3]]);
const end = (y: mx.NDArray): mx.NDArray =>
  solve((z) => field.forward(z), y)
    .get(-1)
    .sum();
const [, [gradient]] = mx.vjp(end, [start], [mx.array(1)]);
const h = 1e-2;
const along = mx.array([[h, 0]]);
const difference = end(start.add(along))
  .subtract(end(start.subtract(along)))
  .divide(2 * h);
console.log(
  `adjoint ${Number(gradient.get(0, 0).item()).toFixed(3)}, difference ${Number(difference.item()).toFixed(3)}`,
);

/** Gaussian-process regression: hyperparameters by the gradient of the likelihood, through Cholesky's factor. */
import * as mx from "cotangent";
import * as optim from "cotangent/optimizers";

/** exp of these: amplitude, length scale, noise. */
interface Logs {
  amplitude: mx.NDArray;
  scale: mx.NDArray;
  noise: mx.NDArray;
}

/** The covariance of values at points [n] and [m]: [n, m]. */
const kernel = ({ amplitude, scale }: Logs, a: mx.NDArray, b: mx.NDArray): mx.NDArray => {
  const distance = a.expandDims(1).subtract(b).divide(mx.exp(scale));
  return mx.exp(mx.square(distance).multiply(-0.5)).multiply(mx.exp(amplitude.multiply(2)));
};

const covariance = (p: Logs, x: mx.NDArray): mx.NDArray =>
  kernel(p, x, x).add(
    mx.eye(x.size, { dtype: x.dtype }).multiply(mx.exp(p.noise.multiply(2)).add(1e-6)),
  );

/** Minus the logarithm of the likelihood of values y at x: ½ yᵀ K⁻¹ y + ½ ln det K + n/2 ln 2π. */
const loss = (p: Logs, x: mx.NDArray, y: mx.NDArray): mx.NDArray => {
  const factor = mx.linalg.cholesky(covariance(p, x));
  const white = mx.linalg.solveTriangular(factor, y.expandDims(1), { upper: false });
  const logDet = mx.log(mx.diagonal(factor)).sum();
  return mx
    .square(white)
    .sum()
    .multiply(0.5)
    .add(logDet)
    .add(0.5 * x.size * Math.log(2 * Math.PI));
};

/** Mean and standard deviation of the function at other points. */
const predict = (p: Logs, x: mx.NDArray, y: mx.NDArray, at: mx.NDArray): mx.NDArray[] => {
  const factor = mx.linalg.cholesky(covariance(p, x));
  const solve = (b: mx.NDArray): mx.NDArray =>
    mx.linalg.solveTriangular(factor, b, { upper: false });
  const cross = solve(kernel(p, x, at));
  const mean = mx.matmul(cross.transpose(), solve(y.expandDims(1))).squeeze(1);
  const variance = mx.exp(p.amplitude.multiply(2)).subtract(mx.square(cross).sum(0));
  return [mean, mx.sqrt(mx.maximum(variance, 0))];
};

const x = mx.random.uniform({ low: -3, high: 3, shape: [40], key: mx.random.key(1) });
const noise = mx.random.normal({ shape: [40], key: mx.random.key(2) });
const y = mx.sin(x.multiply(2)).add(noise.multiply(0.1));
const params: Logs = { amplitude: mx.array(0), scale: mx.array(0), noise: mx.array(0) };
const opt = new optim.Adam(0.05);
const step = mx.compile(
  () => {
    const [value, grads] = mx.valueAndGrad(loss)(params, x, y);
    opt.update(params, grads);
    return value;
  },
  { inputs: [params, opt.state], outputs: [params, opt.state] },
);
for (let i = 0; i < 200; i++) {
  const value = step();
  if (i % 50 === 0) console.log(`step ${i}: ${Number(value.item()).toFixed(3)} nats`);
}
console.log(`at last ${Number(loss(params, x, y).item()).toFixed(3)} nats`);
const exp = (a: mx.NDArray): string => Number(mx.exp(a).item()).toFixed(3);
console.log(
  `amplitude ${exp(params.amplitude)}, length ${exp(params.scale)}, noise ${exp(params.noise)}`,
);
const at = mx.linspace(-2.5, 2.5, 11);
const [mean, deviation] = predict(params, x, y, at);
if (mean === undefined || deviation === undefined) throw new RangeError("two arrays");
const error = mx.abs(mean.subtract(mx.sin(at.multiply(2)))).max();
console.log(
  `largest error ${Number(error.item()).toFixed(3)}, largest deviation ${Number(deviation.max().item()).toFixed(3)}`,
);

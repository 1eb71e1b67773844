/** Logistic regression: two clouds of points, told apart by gradient descent on the mean cross entropy. */
import * as mx from "cotangent";

const features = 10;
const samples = 400;

const keys = mx.random.split(mx.random.key(0), 3);
const direction = mx.random.normal({ shape: [features], key: keys.get(0) });
const x = mx.random.normal({ shape: [samples, features], key: keys.get(1) });
const noise = mx.random.normal({ shape: [samples], scale: 0.3, key: keys.get(2) });
const y = mx.greater(mx.matmul(x, direction).add(noise), 0).astype(mx.float32);
const half = samples / 2;
const train = { x: x.get(mx.slice(null, half)), y: y.get(mx.slice(null, half)) };
const test = { x: x.get(mx.slice(half, null)), y: y.get(mx.slice(half, null)) };

interface Parameters {
  w: mx.NDArray;
  b: mx.NDArray;
}

const score = ({ w, b }: Parameters, x: mx.NDArray): mx.NDArray => mx.matmul(x, w).add(b);

/** log(1 + exp(s)) − y · s, written so that nothing overflows. */
const loss = (p: Parameters): mx.NDArray => {
  const s = score(p, train.x);
  return mx.mean(mx.logaddexp(s, 0).subtract(s.multiply(train.y)));
};

const accuracy = (p: Parameters, { x, y }: typeof test): number =>
  Number(mx.mean(mx.equal(mx.greater(score(p, x), 0), y)).item());

let parameters: Parameters = { w: mx.zeros([features]), b: mx.array(0) };
const lossAndGradient = mx.valueAndGrad(loss);
for (let step = 0; step <= 100; step++) {
  const [value, gradient] = lossAndGradient(parameters);
  if (step % 25 === 0) console.log(`step ${step}: loss ${Number(value.item()).toFixed(4)}`);
  parameters = {
    w: parameters.w.subtract(gradient.w.multiply(1)),
    b: parameters.b.subtract(gradient.b.multiply(1)),
  };
  mx.eval(parameters);
}
console.log(`accuracy on the training half: ${accuracy(parameters, train).toFixed(3)}`);
console.log(`accuracy on the other half: ${accuracy(parameters, test).toFixed(3)}`);

/** Hessian-vector products without ever making the Hessian: forward over reverse, and reverse over forward. */
import * as mx from "cotangent";

/** Rosenbrock's valley: Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])². */
const rosenbrock = (x: mx.NDArray): mx.NDArray => {
  const [here, next] = [x.get(mx.slice(null, -1)), x.get(mx.slice(1, null))];
  const valley = mx.square(next.subtract(mx.square(here))).multiply(100);
  return mx.sum(valley.add(mx.square(mx.subtract(1, here))));
};

/** How the gradient changes along v: the cheapest way, two passes. */
const forwardOverReverse = (f: typeof rosenbrock, x: mx.NDArray, v: mx.NDArray): mx.NDArray => {
  const [, [product]] = mx.jvp((x) => mx.grad(f)(x), [x], [v]);
  return product;
};

/** The gradient of the slope along v. */
const reverseOverForward = (f: typeof rosenbrock, x: mx.NDArray, v: mx.NDArray): mx.NDArray => {
  const slope = (x: mx.NDArray): mx.NDArray => {
    const [, [along]] = mx.jvp(f, [x], [v]);
    return along;
  };
  return mx.grad(slope)(x);
};

const x = mx.array([-1, 0.5, 2, 1]);
const v = mx.array([1, 0, -1, 2]);
const products = [forwardOverReverse(rosenbrock, x, v), reverseOverForward(rosenbrock, x, v)];
console.log(`forward over reverse ${products[0]}`);
console.log(`reverse over forward ${products[1]}`);

// All columns of the Hessian at once: the same product, mapped over the unit vectors.
const hessian = mx.vmap((v: mx.NDArray) => forwardOverReverse(rosenbrock, x, v))(mx.eye(4));
console.log(`Hessian\n${hessian}`);
console.log(`times v              ${mx.matmul(hessian, v)}`);

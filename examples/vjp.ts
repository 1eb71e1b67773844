/** Vector-Jacobian products with `mx.vjp`: one primal, several primals and outputs, and control flow that looks at values. */
import * as mx from "cotangent";

// One primal, one output: y = x · sin(x), so dy/dx = sin(x) + x · cos(x).
const x = mx.array([1, 2, 3]);
const [[y], [dx]] = mx.vjp((x) => x.multiply(mx.sin(x)), [x], [mx.ones([3])]);
console.log(`y     ${y}`);
console.log(`dy/dx ${dx}`);

// Several primals and several outputs: one cotangent per output goes in, one product per primal comes out.
const a = mx.array([
  [1, 2],
  [3, 4],
]);
const b = mx.array([10, 20]);
const unused = mx.array([0, 0]);
const [outputs, vjps] = mx.vjp(
  (a, b, _) => [mx.matmul(a, b), a.sum()],
  [a, b, unused],
  [mx.array([1, -1]), mx.array(100)],
);
console.log(`a·b   ${outputs[0]}`);
console.log(`Σa    ${outputs[1]}`);
console.log(`to a  ${vjps[0].reshape([4])}`);
console.log(`to b  ${vjps[1]}`);
console.log(`to unused ${vjps[2]}`);

// Values are there while the function runs, so it may decide by them.
const halvings = (x: mx.NDArray): mx.NDArray => {
  let result = x;
  while (Number(mx.max(result).item()) > 1) result = result.divide(2);
  return result;
};
const [[small], [slope]] = mx.vjp(halvings, [mx.array([3, 5])], [mx.ones([2])]);
console.log(`${small}, each ${slope} of what went in`);

// What does not fit the contract is refused with the reason.
try {
  mx.vjp((x: mx.NDArray) => mx.sin(x), [x], [mx.ones([2])]);
} catch (error) {
  if (error instanceof mx.TransformError) console.log(error.message);
}

/** Gradients of matrices that every round multiplies by: one product over all rounds instead of a sum of small ones. */
import { type Node, sizeOf } from "../../graph/node.js";
import { matmul, matmulP, permute, reshape } from "../../primitives/index.js";
import { pick } from "../leaves.js";
import { replayBatched } from "../replay.js";
import { isView } from "../simplify.js";

/** A factor of a product: what it is a view of is what has to be there for each round. */
interface Factor {
  readonly value: Node;
  readonly base: Node;
}

/** What a round contributes to the cotangent of a constant, by number. */
export interface Product {
  readonly constant: number;
  readonly left: Factor;
  readonly right: Factor;
}

const factorOf = (value: Node): Factor => {
  let base = value;
  for (let prim = base.prim; prim !== null && isView(prim); prim = base.prim) {
    const [inner] = base.ins;
    if (inner === undefined || sizeOf(inner.shape) > sizeOf(base.shape)) break;
    base = inner;
  }
  return { value, base };
};

/** The product that `pulled` is, where keeping its factors takes no more than adding it up. */
export const productOf = (constant: number, pulled: Node | null): Product | null => {
  if (pulled?.prim !== matmulP || pulled.shape.length !== 2) return null;
  const [left, right] = [factorOf(pick(pulled.ins, 0)), factorOf(pick(pulled.ins, 1))];
  const size = sizeOf(left.base.shape) + sizeOf(right.base.shape);
  return size <= sizeOf(pulled.shape) ? { constant, left, right } : null;
};

/** The sum over rounds, from stacks of what the factors are views of. */
export const sumOfProducts = (
  { left, right }: Product,
  length: number,
  stackOf: (base: Node) => Node,
): Node => {
  const whole = ({ value, base }: Factor): Node => {
    const [all] = replayBatched([value], [base], [stackOf(base)], length);
    return all ?? stackOf(base);
  };
  const [a, b] = [whole(left), whole(right)];
  const [m, k] = [pick(a.shape, 1), pick(a.shape, 2)];
  const rows = reshape(permute(a, [1, 0, 2]), [m, length * k]);
  return matmul(rows, reshape(b, [length * k, pick(b.shape, 2)]));
};

/** What a sample of a primitive is. */
import type { Node } from "../../src/graph/node.js";
import type { AnyPrimitive } from "../../src/graph/primitive.js";

export interface Sample {
  readonly name: string;
  readonly prim: AnyPrimitive;
  readonly attrs: unknown;
  /** Operands; another seed gives others of the same shapes. */
  ins(seed: number): Node[];
  /** Its derivative is not that of its values, on purpose: a tie, a wall. */
  readonly conventional: boolean;
  /** Reverse mode is refused, which is tested with it. */
  readonly forwardOnly?: boolean;
}

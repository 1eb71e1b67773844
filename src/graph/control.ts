/** Control flow over recorded graphs: what the application of a loop or a branch runs. */
import type { Recorded } from "./recorded.js";

/**
 * Leaves of the graphs come in this order: constants (the same in every round), what a round hands to the next (carries),
 * slices.
 * - scan: operands are constants, initial carries, stacks of `length` slices along axis 0. The body's roots are new
 *   carries, then one slice of each stack among the results; results are the last carries and these stacks. `reverse`
 *   begins with the last slices. `length` is at least 1.
 * - while: operands are constants and initial carries, for the test as for the body. While the test's root is true for the
 *   carries, the body's roots replace them; results are the last.
 * - cond: operands are a condition, then constants for both sides. Results are the roots of the first side where the
 *   condition is true, else of the second.
 */
export type Control =
  | {
      readonly control: "scan";
      readonly body: Recorded;
      readonly constants: number;
      readonly carries: number;
      readonly length: number;
      readonly reverse: boolean;
    }
  | {
      readonly control: "while";
      readonly test: Recorded;
      readonly body: Recorded;
      readonly carries: number;
    }
  | { readonly control: "cond"; readonly sides: readonly [Recorded, Recorded] };

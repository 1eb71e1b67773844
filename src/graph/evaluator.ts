/** The seam between arrays and engine: whoever can turn pending nodes into data installs itself here. */
import { InternalError } from "../core/errors.js";
import type { Node } from "./node.js";

export interface Evaluator {
  /** Gives every node of `roots` its data, or throws and leaves them as they were. */
  evaluate(roots: readonly Node[]): void;
  /** The same without holding up the event loop more than needed. */
  evaluateAsync(roots: readonly Node[]): Promise<void>;
  /** Finds and frees values that nothing refers to, where the platform can. */
  collect(): void;
}

let installed: Evaluator | null = null;

export const installEvaluator = (e: Evaluator): void => {
  installed = e;
};

export const evaluator = (): Evaluator => {
  if (installed === null)
    throw new InternalError("[eval] no engine is installed: import the package, not its parts");
  return installed;
};

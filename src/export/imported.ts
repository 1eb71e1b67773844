/** Functions read from files: called as what they were exported as, and taking part in transforms. */
import { ArgumentError, ShapeError } from "../core/errors.js";
import { NDArray } from "../graph/array.js";
import type { Node, Shape } from "../graph/node.js";
import {
  type FunctionSignature,
  matching,
  readInputs,
  signatureOf,
  signatureText,
} from "./signature.js";

/** One function of a file. */
export interface StoredFunction extends FunctionSignature {
  /** The results for values of the types of the signature; null where other lengths have no known results. */
  apply(values: readonly Node[]): readonly Node[] | null;
}

/** Arrays one by one or as one list, then maybe an object of arrays by name. */
export type ImportedArguments = readonly (
  | NDArray
  | readonly NDArray[]
  | Readonly<Record<string, NDArray>>
)[];

/**
 * A function from a file. It takes the arrays it was exported with, by position and by name, and gives a list of arrays.
 * Throws an ArgumentError that lists what it can be called with for any others.
 */
export type ImportedFunction = (...args: ImportedArguments) => NDArray[];

/** Functions of one file as one function. */
export const importedFunction = (
  file: string,
  functions: readonly StoredFunction[],
  shapeless: boolean,
): ImportedFunction => {
  const op = "importFunction";
  return (...args) => {
    const { inputs } = readInputs(op, args);
    for (const f of functions) {
      const arrays = matching(f, inputs, shapeless);
      if (arrays === null) continue;
      const outs = f.apply(arrays.map((a) => a.node));
      if (outs !== null) return outs.map((n) => new NDArray(n));
      throw new ShapeError(
        `[${op}] expected lengths that the function of ${file} can be derived for, got ${signatureText(signatureOf(inputs))}: export it for these`,
      );
    }
    const known = functions.map(signatureText).join(" or ");
    throw new ArgumentError(
      `[${op}] expected arguments ${known} for the function of ${file}, got ${signatureText(signatureOf(inputs))}: cast, reshape, or export it for these`,
    );
  };
};

export const shapesText = (nodes: readonly { readonly shape: Shape }[]): string =>
  nodes.map((n) => n.shape.join()).join(";");

/** Keeps what `make` gave for the shapes asked for last. */
export const byShapes = <T>(
  make: (shapes: readonly Shape[]) => T,
): ((nodes: readonly Node[]) => T) => {
  const capacity = 64;
  const known = new Map<string, { readonly made: T }>();
  return (nodes) => {
    const key = shapesText(nodes);
    const found = known.get(key);
    if (found !== undefined) return found.made;
    const made = make(nodes.map((n) => n.shape));
    for (const oldest of known.keys()) {
      if (known.size < capacity) break;
      known.delete(oldest);
    }
    known.set(key, { made });
    return made;
  };
};

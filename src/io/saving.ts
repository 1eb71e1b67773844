/** The arguments that all savers share: where to, and arrays by name. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";

/** An array to be written under a name. */
export interface Named {
  readonly name: string;
  readonly node: Node;
}

/** The path, with the format's ending added where it lacks it. */
export const pathToSave = (op: string, path: unknown, ending: string): string => {
  if (typeof path !== "string" || path === "") {
    throw new ArgumentError(
      `[${op}] expected the path of a file, got ${describe(path)}: pass a string`,
    );
  }
  return path.endsWith(ending) ? path : `${path}${ending}`;
};

/** The arrays of an object. */
export const namedArrays = (op: string, arrays: unknown): Named[] => {
  if (!isPlainObject(arrays)) {
    throw new ArgumentError(
      `[${op}] expected an object of arrays, got ${describe(arrays)}: pass { name: array }`,
    );
  }
  return Object.entries(arrays).map(([name, value]) => {
    if (value instanceof NDArray) return { name, node: value.node };
    throw new ArgumentError(
      `[${op}] expected an array under ${JSON.stringify(name)}, got ${describe(value)}: flatten trees with treeFlatten first`,
    );
  });
};

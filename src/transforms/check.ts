/** Argument checks that vjp, jvp and grad share, and the static types of their results. */
import { ArgumentError, TransformError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { isNDArray, NDArray } from "../graph/array.js";
import { type Aval, type Node, sameShape } from "../graph/node.js";
import { rejectPromise } from "../graph/trace.js";
import { zerosLike } from "../primitives/index.js";

/** What a function given to vjp or jvp may return. The empty tuple makes inference keep the length of a list. */
export type Outputs = NDArray | readonly NDArray[] | readonly [];

/** One array per array of `T`: tuples keep their length, a single array counts as one. */
export type Arrays<T> = T extends NDArray
  ? [NDArray]
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: NDArray }
    : NDArray[];

/** One argument per array of `T`, to be passed in. */
export type ArrayArguments<T> = T extends NDArray
  ? readonly [NDArray]
  : T extends readonly unknown[]
    ? { readonly [K in keyof T]: NDArray }
    : readonly NDArray[];

const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** Refuses anything but a list of arrays. */
export const requireArrays = (op: string, what: string, list: unknown): readonly Node[] => {
  if (!Array.isArray(list)) {
    throw new ArgumentError(
      `[${op}] expected ${what} as a list of arrays, got ${describe(list)}: put it into brackets`,
    );
  }
  return list.map((x: unknown, i) => {
    if (isNDArray(x)) return x.node;
    throw new ArgumentError(
      `[${op}] expected arrays as ${what}, got ${describe(x)} at position ${i}: wrap it with mx.array`,
    );
  });
};

/** The function's results as a list. */
export const readOutputs = (op: string, result: unknown): Node[] => {
  rejectPromise(op, result);
  if (isNDArray(result)) return [result.node];
  if (Array.isArray(result)) {
    return result.map((x: unknown, i) => {
      if (isNDArray(x)) return x.node;
      throw new TransformError(
        `[${op}] expected the function to return an array or a list of arrays, got ${describe(x)} at position ${i}: return arrays only`,
      );
    });
  }
  throw new TransformError(
    `[${op}] expected the function to return an array or a list of arrays, got ${describe(result)}: return its results`,
  );
};

/** Which words an error about vectors (cotangents of outputs, tangents of primals) uses. */
export interface Wording {
  readonly op: string;
  readonly vector: "cotangent" | "tangent";
  readonly of: "output" | "primal";
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** Refuses vectors that differ from what they belong to in number, shape or dtype. */
export const requireVectors = (
  { op, vector, of }: Wording,
  vectors: readonly Node[],
  values: readonly Aval[],
): void => {
  const cure = `pass one ${vector} per ${of}, in its shape and dtype`;
  if (vectors.length !== values.length) {
    throw new TransformError(
      `[${op}] expected ${count(values.length, vector)} for ${count(values.length, of)}, got ${vectors.length}: ${cure}`,
    );
  }
  for (const [i, v] of vectors.entries()) {
    const x = values[i];
    if (x === undefined) continue;
    if (!sameShape(v.shape, x.shape)) {
      throw new TransformError(
        `[${op}] ${vector} ${i} has shape ${show(v.shape)}, but ${of} ${i} has shape ${show(x.shape)}: ${cure}`,
      );
    }
    if (v.dtype !== x.dtype) {
      throw new TransformError(
        `[${op}] ${vector} ${i} has dtype ${v.dtype.name}, but ${of} ${i} has dtype ${x.dtype.name}: ${cure}`,
      );
    }
  }
};

export const handle = (n: Node): NDArray => new NDArray(n);

/** Handles on nodes, zeros where there is none. */
export const handlesOrZeros = (nodes: readonly (Node | null)[], like: readonly Aval[]): NDArray[] =>
  like.map((x, i) => handle(nodes[i] ?? zerosLike(x)));

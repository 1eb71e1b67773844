/** What a function in a file can be called with: how many arrays, which names, and their types. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { type Aval, sameShape } from "../graph/node.js";
import type { Inputs } from "./trace.js";

/** The types of a function's inputs: positional ones, then those with names. */
export interface FunctionSignature {
  readonly positional: number;
  readonly keywords: readonly string[];
  readonly inputs: readonly Aval[];
}

const isArrays = (x: unknown): x is NDArray[] => Array.isArray(x) && x.every(isNDArray);

/**
 * Arrays one by one or as one list, then maybe an object of arrays by name. Entries of the object that are among `options`
 * are left out unless they are arrays.
 *
 * @throws ArgumentError for anything else
 */
export const readInputs = (
  op: string,
  args: readonly unknown[],
  options: readonly string[] = [],
): { readonly inputs: Inputs; readonly given: Readonly<Record<string, unknown>> } => {
  const last = args.at(-1);
  const object = isPlainObject(last) ? last : null;
  const first = object === null ? args : args.slice(0, -1);
  const [list] = first;
  const positional = first.length === 1 && isArrays(list) ? list : first;
  const found: NDArray[] = [];
  for (const [i, x] of positional.entries()) {
    if (isNDArray(x)) found.push(x);
    else {
      throw new ArgumentError(
        `[${op}] expected arrays, then maybe an object of arrays, got ${describe(x)} at position ${i}: wrap it with mx.array`,
      );
    }
  }
  const keywords: (readonly [string, NDArray])[] = [];
  const given: Record<string, unknown> = {};
  for (const [name, x] of Object.entries(object ?? {})) {
    if (isNDArray(x)) keywords.push([name, x]);
    else if (options.includes(name)) given[name] = x;
    else {
      const known = options.length > 0 ? `, or one of the options ${options.join(", ")}` : "";
      throw new ArgumentError(
        `[${op}] expected an array as ${JSON.stringify(name)}${known}, got ${describe(x)}: wrap it with mx.array`,
      );
    }
  }
  return { inputs: { positional: found, keywords }, given };
};

/** Inputs by the names and in the order of a signature; null where they are others. */
const ordered = (signature: FunctionSignature, inputs: Inputs): NDArray[] | null => {
  const { positional, keywords } = signature;
  if (inputs.positional.length !== positional || inputs.keywords.length !== keywords.length)
    return null;
  const byName = new Map(inputs.keywords);
  const named = keywords.map((name) => byName.get(name)).filter((a) => a !== undefined);
  return named.length === keywords.length ? [...inputs.positional, ...named] : null;
};

/** The arrays in the order of the signature, if they are what it asks for; of other lengths if it is `shapeless`. */
export const matching = (
  signature: FunctionSignature,
  inputs: Inputs,
  shapeless: boolean,
): NDArray[] | null => {
  const arrays = ordered(signature, inputs);
  const fits = arrays?.every(({ node }, i) => {
    const want = signature.inputs[i];
    if (want === undefined || want.dtype !== node.dtype) return false;
    return shapeless ? want.shape.length === node.shape.length : sameShape(want.shape, node.shape);
  });
  return fits === true ? arrays : null;
};

const typeText = ({ dtype, shape }: Aval): string => `${dtype.name}[${shape.join(", ")}]`;

/** `(float32[2], float32[3], { k: int32[] })`. */
export const signatureText = ({ positional, keywords, inputs }: FunctionSignature): string => {
  const texts = inputs.map(typeText);
  const named = keywords.map((name, i) => `${name}: ${texts[positional + i] ?? ""}`);
  const all = texts.slice(0, positional);
  if (named.length > 0) all.push(`{ ${named.join(", ")} }`);
  return `(${all.join(", ")})`;
};

/** The signature of given arrays. */
export const signatureOf = ({ positional, keywords }: Inputs): FunctionSignature => ({
  positional: positional.length,
  keywords: keywords.map(([name]) => name),
  inputs: [...positional, ...keywords.map(([, a]) => a)].map((a) => a.node),
});

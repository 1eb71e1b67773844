/** From an MLX call (function name, args, kwargs) to ours: snake → camel, optional arguments in one trailing object. */
import { type GoldenValue, isGoldenArray, isGoldenList, isIntegerName, tagOf } from "../format.js";
import { call, callMember, camel, construct, dtype, Inexpressible } from "../library.js";
import { constructorArguments } from "./constructors.js";

export interface Call {
  readonly fn: string;
  readonly args: readonly unknown[];
  /** The golden arguments, for rules that look at markers; same order as `args`. */
  readonly golden: readonly GoldenValue[];
  readonly kwargs: ReadonlyMap<string, unknown>;
}

/** Required parameters that the golden files give by keyword. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  dequantize: ["scales"],
  quantized_matmul: ["scales"],
  gather_qmm: ["scales"],
  "random.split": ["key"],
};

/** Optional parameters that the golden files give by position: [number of required ones, names]. */
const OPTIONAL: Readonly<Record<string, readonly [number, readonly string[]]>> = {
  roll: [2, ["axis"]],
  tri: [1, ["m", "k"]],
  tril: [1, ["k"]],
  triu: [1, ["k"]],
  unflatten: [3, []],
};

/** Methods of Python with a variable number of integers; ours take one list. */
const LISTED_METHODS: readonly string[] = ["array.reshape", "array.transpose"];

/** Assignments cast the value to the array's dtype, so a whole float is expressible there. */
function castsToArray(fn: string): boolean {
  return fn === "array.__setitem__" || fn.startsWith("array.at.");
}

/** The one rule by which cases are left out: a whole Python float meeting an integer array. */
export function assertExpressible(fn: string, args: readonly GoldenValue[]): void {
  if (castsToArray(fn)) return;
  const wholeFloat = args.some((arg) => isMarked(arg, "float") && Number.isInteger(Number(arg.v)));
  const integerArray = args.some((arg) => isGoldenArray(arg) && isIntegerName(arg.dtype));
  if (wholeFloat && integerArray) throw new Inexpressible();
}

function isMarked<T extends "int" | "float">(
  value: GoldenValue | undefined,
  tag: T,
): value is Extract<GoldenValue, { readonly $: T }> {
  return tagOf(value) === tag;
}

function leaves(value: GoldenValue): readonly GoldenValue[] {
  return isGoldenList(value) ? value.flatMap(leaves) : [value];
}

/**
 * JavaScript numbers are float32 where nothing else decides (and whole ones int32 in `arange`), Python tells
 * int from float: a case that relies on it states the dtype, as a user porting the line does.
 */
function statedDType(fn: string, golden: readonly GoldenValue[]): unknown {
  const values = { array: golden.slice(0, 1), full: golden.slice(1, 2), arange: golden }[fn];
  if (values === undefined) return undefined;
  const all = values.flatMap(leaves);
  if (all.some((leaf) => isGoldenArray(leaf) || isMarkedComplex(leaf))) return undefined;
  if (all.some((leaf) => isMarked(leaf, "float"))) return dtype("float32");
  const ints = all.filter((leaf) => isMarked(leaf, "int"));
  if (ints.length === 0) return undefined;
  const wide = ints.some((leaf) => Number(leaf.v) !== (Number(leaf.v) | 0));
  return dtype(wide ? "int64" : "int32");
}

function isMarkedComplex(value: GoldenValue): boolean {
  return tagOf(value) === "complex";
}

function options(entries: readonly (readonly [string, unknown])[]): readonly unknown[] {
  return entries.length === 0 ? [] : [Object.fromEntries(entries)];
}

function argumentsOf({ fn, args, golden, kwargs }: Call): readonly unknown[] {
  const positional = [...args];
  const named: (readonly [string, unknown])[] = [];
  for (const name of POSITIONAL[fn] ?? []) {
    if (kwargs.has(name)) positional.push(kwargs.get(name));
  }
  const [required, names] = OPTIONAL[fn] ?? [positional.length, []];
  for (const [i, value] of positional.splice(required).entries()) {
    named.push([names[i] ?? `positional${required + i}`, value]);
  }
  for (const [name, value] of kwargs) {
    if (!POSITIONAL[fn]?.includes(name)) named.push([camel(name), value]);
  }
  if (!kwargs.has("dtype")) {
    const stated = statedDType(fn, golden);
    if (stated !== undefined) named.push(["dtype", stated]);
  }
  return [...positional, ...options(named)];
}

/** An index of the golden files as components of `get`, `set` and `at`. */
function components(index: unknown): readonly unknown[] {
  return Array.isArray(index) ? index : [index];
}

/** Makes the call; what it gives may still be lazy. */
export function perform(request: Call): unknown {
  const { fn } = request;
  const [self, first, second] = request.args;
  if (fn === "array.__getitem__") return callMember(self, "get", components(first));
  if (fn === "array.__setitem__") {
    // Python assigns through the name; here a fresh handle keeps the caller's array as it was.
    const target = callMember(self, "get", ["..."]);
    callMember(target, "set", [components(first), second]);
    return target;
  }
  if (fn.startsWith("array.at.")) {
    const at = callMember(self, "at", components(first));
    return callMember(at, fn.slice("array.at.".length), [second]);
  }
  if (LISTED_METHODS.includes(fn)) {
    const rest = request.args.slice(1);
    const list = rest.length > 0 && !Array.isArray(rest[0]) ? [rest] : rest;
    return callMember(self, fn.slice("array.".length), list);
  }
  if (/^(?:nn|optimizers)\.[A-Z]/.test(fn))
    return construct(fn, constructorArguments(fn, request.kwargs));
  if (fn.startsWith("array.")) {
    const rest = argumentsOf({
      ...request,
      args: request.args.slice(1),
      golden: request.golden.slice(1),
    });
    return callMember(self, fn.slice("array.".length), rest);
  }
  if (fn === "where" && !request.golden.slice(1).some(isGoldenArray)) {
    const [condition, ...scalars] = request.args;
    return call(fn, [condition, ...scalars.map((value) => asInt32(value))]);
  }
  return call(fn, argumentsOf(request));
}

/** `where(cond, 1, 2)`: two Python ints are int32. */
function asInt32(value: unknown): unknown {
  return Number.isInteger(value) ? call("array", [value, dtype("int32")]) : value;
}

/** The library under test, seen without static knowledge of what it exports: look-ups, calls, values in and out. */
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optimizers from "../../src/optimizers/index.js";
import type { Result } from "./compare.js";
import {
  asDTypeName,
  type DTypeName,
  type GoldenArray,
  type GoldenValue,
  isDTypeName,
  isIntegerName,
  isList,
} from "./format.js";

/** Thrown when a case needs something the library does not have yet; the case is then pending by that name. */
export class Pending extends Error {
  readonly what: string;

  constructor(what: string) {
    super(`not built yet: ${what}`);
    this.what = what;
  }
}

/** Thrown when a golden case cannot be expressed here, by the stated rule. */
export class Inexpressible extends Error {}

type Callable = (...args: readonly unknown[]) => unknown;

/** What the runner relies on in an array handle. */
interface ArrayLike {
  readonly shape: readonly number[];
  readonly dtype: { readonly name: string };
  readonly dataSync: Callable;
}

export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}

export function property(owner: unknown, name: string): unknown {
  if (!isObject(owner)) return undefined;
  return Reflect.get(owner, name);
}

export function isArray(value: unknown): value is ArrayLike {
  const dtype = property(value, "dtype");
  return (
    isObject(value) &&
    isObject(dtype) &&
    isDTypeName(property(dtype, "name")) &&
    isCallable(property(value, "dataSync"))
  );
}

/** `value_and_grad` → `valueAndGrad`; the leading letter of classes stays. */
export function camel(name: string): string {
  return name.replace(/(?<=[a-zA-Z0-9])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const packages: Readonly<Record<string, object>> = { nn, optimizers };

/** The function or class MLX calls `name` (dotted below mlx.core), or Pending. */
export function lookup(name: string): unknown {
  // mlx.utils is part of the main entry here.
  const parts = name
    .replace(/^utils\./, "")
    .split(".")
    .map(camel);
  const [head = "", ...rest] = parts;
  let value: unknown =
    rest.length > 0 ? (packages[head] ?? property(mx, head)) : property(mx, head);
  for (const part of rest) value = property(value, part);
  if (value === undefined) throw new Pending(name);
  return value;
}

export function has(name: string): boolean {
  try {
    lookup(name);
    return true;
  } catch {
    return false;
  }
}

export function call(name: string, args: readonly unknown[]): unknown {
  const fn = lookup(name);
  if (!isCallable(fn)) throw new Error(`${name} is exported but is not a function`);
  return fn(...args);
}

export function construct(name: string, args: readonly unknown[]): object {
  const made: unknown = Reflect.construct(asConstructor(lookup(name), name), args);
  if (!isObject(made)) throw new Error(`new ${name}(…) is not an object`);
  return made;
}

function asConstructor(value: unknown, name: string): Callable {
  if (!isCallable(value)) throw new Error(`${name} is exported but is not a class`);
  return value;
}

/** A method or property of a value; Pending under `array.<name>` when it has none. */
export function callMember(owner: unknown, name: string, args: readonly unknown[]): unknown {
  const member = property(owner, camel(name));
  if (member === undefined) throw new Pending(`array.${name}`);
  return isCallable(member) ? Reflect.apply(member, owner, [...args]) : member;
}

/** True for the errors the library throws on purpose. */
export function isNamedError(error: unknown): boolean {
  return error instanceof mx.CotangentError;
}

export function dtype(name: DTypeName): unknown {
  return lookup(name);
}

function typedValues(array: GoldenArray): ArrayBufferView {
  const { values } = array;
  if (!(values instanceof Float64Array)) return values;
  switch (array.dtype) {
    case "bool":
    case "uint8":
      return Uint8Array.from(values);
    case "int8":
      return Int8Array.from(values);
    case "int16":
      return Int16Array.from(values);
    case "uint16":
      return Uint16Array.from(values);
    case "int32":
      return Int32Array.from(values);
    case "uint32":
      return Uint32Array.from(values);
    case "float64":
      return values;
    default:
      return Float32Array.from(values);
  }
}

export function toArray(golden: GoldenArray): unknown {
  const type = dtype(golden.dtype);
  if (golden.values.length === 0) return call("zeros", [golden.shape, type]);
  if (golden.dtype === "complex64") {
    const parts = Array.from({ length: golden.values.length / 2 }, (_, i) => ({
      re: Number(golden.values[2 * i]),
      im: Number(golden.values[2 * i + 1]),
    }));
    return callMember(call("array", [parts, type]), "reshape", [golden.shape]);
  }
  return callMember(call("array", [typedValues(golden), type]), "reshape", [golden.shape]);
}

/** A golden value as the argument a user would write here. */
export function toArgument(value: GoldenValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if ("length" in value) return value.map(toArgument);
  switch (value.$) {
    case "array":
      return toArray(value);
    case "dtype":
      return dtype(value.name);
    case "int":
    case "float":
      return value.v;
    case "complex":
      return { re: value.re, im: value.im };
    case "slice":
      return call("slice", [value.start, value.stop, value.step]);
    case "ellipsis":
      return "...";
    case "tree":
      return Object.fromEntries([...value.entries].map(([key, item]) => [key, toArgument(item)]));
    case "ref":
      throw new Error("golden file: a ref outside a program");
  }
}

function readArray(array: ArrayLike): GoldenArray {
  const name = asDTypeName(array.dtype.name);
  const data: unknown = array.dataSync();
  const shape = [...array.shape];
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return { $: "array", dtype: name, shape, values: data };
  }
  if (!ArrayBuffer.isView(data) || data instanceof DataView) {
    throw new Error("dataSync() did not give a TypedArray");
  }
  if (!isNumeric(data)) throw new Error(`dataSync() gave a ${data.constructor.name}`);
  const values = Float64Array.from(data);
  const expected = shape.reduce((a, b) => a * b, 1) * (name === "complex64" ? 2 : 1);
  if (values.length !== expected) {
    throw new Error(`dataSync() gave ${values.length} elements for shape [${shape}] of ${name}`);
  }
  if (isIntegerName(name) && values.some((v) => !Number.isInteger(v))) {
    throw new Error(`dataSync() gave fractions for ${name}`);
  }
  return { $: "array", dtype: name, shape, values };
}

function isNumeric(view: object): view is ArrayLikeOfNumbers {
  return typeof Reflect.get(view, 0) === "number" || Reflect.get(view, "length") === 0;
}

interface ArrayLikeOfNumbers {
  readonly length: number;
  readonly [i: number]: number;
}

/** Keys of trees follow the naming rule as well. */
export function camelKeys(value: GoldenValue): GoldenValue {
  if (typeof value !== "object" || value === null) return value;
  if ("length" in value) return value.map(camelKeys);
  if (value.$ !== "tree") return value;
  const entries = [...value.entries].map(([key, item]) => [camel(key), camelKeys(item)] as const);
  return { $: "tree", entries: new Map(entries) };
}

/** A result of the library as plain data; arrays are evaluated here. */
export function toResult(value: unknown): Result {
  if (
    value === null ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "boolean" ||
    typeof value === "string"
  ) {
    return { kind: "scalar", value };
  }
  if (isArray(value)) return { kind: "array", array: readArray(value) };
  if (isList(value)) return { kind: "list", items: value.map(toResult) };
  if (!isObject(value)) return { kind: "other", text: String(value) };
  const keys = Object.keys(value);
  const re = property(value, "re");
  const im = property(value, "im");
  if (keys.length === 2 && typeof re === "number" && typeof im === "number") {
    return { kind: "complex", re, im };
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return {
      kind: "tree",
      entries: new Map(keys.map((key) => [key, toResult(property(value, key))])),
    };
  }
  const name = property(value, "name");
  return { kind: "other", text: typeof name === "string" ? name : String(value) };
}

/** The arrays of a result in order: what vjp and jvp take and give. */
export function flatArrays(value: unknown): unknown[] {
  if (isArray(value)) return [value];
  if (isList(value)) return value.flatMap(flatArrays);
  if (isObject(value)) return Object.values(value).flatMap(flatArrays);
  throw new Error(`expected arrays, got ${String(value)}`);
}

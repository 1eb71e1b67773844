/** Spoils calls that work, one argument or option at a time; each must be refused by name, or it may stay valid. */
import * as mx from "../../src/index.js";

/** What a spoilt call did: `null` when it was refused in the house's words. */
export interface Complaint {
  readonly call: string;
  readonly what: string;
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype;

const text = (x: unknown): string => {
  if (x instanceof mx.NDArray) return `array[${x.shape.join()}]${x.dtype.name}`;
  if (typeof x === "function") return "function";
  if (Array.isArray(x)) return `[${x.map(text).join()}]`;
  if (isRecord(x)) return `{${Object.keys(x).join()}}`;
  return typeof x === "string" ? `"${x}"` : String(x);
};

/** Values that no argument like `value` may take. */
export const garbageFor = (value: unknown): readonly unknown[] => {
  if (value instanceof mx.NDArray) return ["text", null, {}, () => 1];
  if (value instanceof mx.DType) return ["no dtype", 5, {}];
  if (typeof value === "number") return ["2", {}, () => 1];
  if (typeof value === "boolean") return ["yes", {}, 3];
  if (typeof value === "string") return ["bogus", 5, {}];
  if (typeof value === "function") return ["text", null, {}];
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((x) => typeof x === "number"))
      return ["text", {}, [0.5], [Number.NaN], ["a"]];
    return ["text", 5, null];
  }
  return [];
};

/** Calls a function and computes what it gave; null if it was refused as it should. */
export const outcome = (
  fn: (...args: readonly unknown[]) => unknown,
  self: unknown,
  args: readonly unknown[],
  mayWork: boolean,
): string | null => {
  try {
    const result: unknown = Reflect.apply(fn, self, [...args]);
    mx.eval(result);
    return mayWork ? null : "was accepted";
  } catch (e) {
    if (!(e instanceof mx.CotangentError) || e.code === "internal") {
      return `threw ${e instanceof Error ? (e.stack ?? e.message).split("\n").slice(0, 3).join(" ") : String(e)}`;
    }
    if (!/^\[[\w. ]+\] /.test(e.message)) return `does not name the operation: ${e.message}`;
    return null;
  }
};

const replaced = (args: readonly unknown[], at: number, value: unknown): unknown[] =>
  args.map((x, i) => (i === at ? value : x));

const oddArrays = (x: mx.NDArray): readonly mx.NDArray[] => [
  x.reshape([...x.shape, 1, 1, 1]),
  x.flatten().get(0),
  x.flatten().get("0:0"),
  ...[mx.bool, mx.int64, mx.float16, mx.complex64]
    .filter((dtype) => dtype !== x.dtype)
    .map((dtype) => x.astype(dtype)),
];

/** All spoilt forms of a call with what has to be said about each: [call, accepted on purpose, complaint]. */
export const complaintsOf = (
  name: string,
  fn: (...args: readonly unknown[]) => unknown,
  self: unknown,
  args: readonly unknown[],
  tolerated: (call: string) => boolean,
): Complaint[] => {
  const found: Complaint[] = [];
  const attempt = (label: string, spoilt: readonly unknown[], mayWork: boolean): void => {
    const call = `${name} ${label}`;
    const what = outcome(fn, self, spoilt, mayWork);
    if (what !== null && !(what === "was accepted" && tolerated(call))) found.push({ call, what });
  };
  for (const [i, value] of args.entries()) {
    if (isRecord(value) && i === args.length - 1) {
      attempt(`${i} unknown option`, replaced(args, i, { ...value, noSuchOption: 1 }), false);
      for (const [option, given] of Object.entries(value)) {
        for (const bad of garbageFor(given)) {
          attempt(`${option}=${text(bad)}`, replaced(args, i, { ...value, [option]: bad }), false);
        }
        if (/^ax[ie]s?\d?$|Axis$/.test(option)) {
          for (const bad of [99, -99, 0.5, Number.NaN])
            attempt(`${option}=${bad}`, replaced(args, i, { ...value, [option]: bad }), false);
        }
      }
      continue;
    }
    for (const bad of garbageFor(value))
      attempt(`${i}=${text(bad)}`, replaced(args, i, bad), false);
    if (typeof value === "number")
      for (const bad of [Number.NaN, 0.5, -99, 1e12])
        attempt(`${i}=${bad}`, replaced(args, i, bad), true);
    if (value instanceof mx.NDArray)
      for (const bad of oddArrays(value))
        attempt(`${i}=${text(bad)}`, replaced(args, i, bad), true);
  }
  if (args.length > 0) attempt("without arguments", [], false);
  return found;
};

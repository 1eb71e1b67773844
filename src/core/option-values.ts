/** Which kind of value an option takes, by its name: names mean the same in every function. */
import { describe } from "./guards.js";

interface Kind {
  readonly what: string;
  readonly fits: (x: unknown) => boolean;
}

const flag: Kind = { what: "true or false", fits: (x) => typeof x === "boolean" };
const number: Kind = { what: "a number", fits: (x) => typeof x === "number" };
const optional: Kind = { what: "a number or null", fits: (x) => x === null || number.fits(x) };
const axis: Kind = {
  what: "an axis, a list of axes or null",
  fits: (x) => x === null || typeof x === "number" || Array.isArray(x),
};
const whole: Kind = { what: "a whole number", fits: Number.isInteger };

const named = (kind: Kind, names: string): (readonly [string, Kind])[] =>
  names.split(" ").map((name) => [name, kind] as const);

const kinds: ReadonlyMap<string, Kind> = new Map([
  ...named(
    flag,
    "allowColMajor computeUv endpoint equalNan flip forceFused full inclusive keepdims precise reverse shapeless " +
      "sortedIndices sparse traditional transpose upper withLogits",
  ),
  ...named(
    number,
    "alpha atol beta ddof decimals delta lambd margin maxVal minVal nan negativeSlope rtol threshold",
  ),
  ...named(optional, "neginf numSamples posinf"),
  ...named(axis, "axis"),
  ...named(whole, "axis1 axis2 endAxis k startAxis"),
]);

/** What is wrong with the value of option `name`, as expectation and finding; null where it may stand. */
export const wrongValue = (name: string, value: unknown): string | null => {
  const kind = kinds.get(name);
  if (kind === undefined || value === undefined || kind.fits(value)) return null;
  return `expected ${name} as ${kind.what}, got ${describe(value)}`;
};

/** Checks of arguments that no type vouches for at run time: functions, numbers, lists of whole numbers. */
import { ArgumentError } from "./errors.js";
import { describe } from "./guards.js";

/** @throws ArgumentError for what cannot be called */
export const requireFunction = (op: string, fn: unknown): void => {
  if (typeof fn === "function") return;
  throw new ArgumentError(`[${op}] expected a function, got ${describe(fn)}: pass one`);
};

/** @throws ArgumentError unless every named value is a number */
export const requireNumbers = (op: string, values: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "number") continue;
    throw new ArgumentError(
      `[${op}] expected a number as ${name}, got ${describe(value)}: pass one`,
    );
  }
};

/** A list of whole numbers as it was given. @throws ArgumentError for anything else */
export const requireIntegers = (op: string, name: string, given: unknown): readonly number[] => {
  if (Array.isArray(given) && given.every((n): n is number => Number.isInteger(n))) return given;
  throw new ArgumentError(
    `[${op}] expected ${name} as a list of whole numbers, got ${describe(given)}: pass one like [0, 1]`,
  );
};

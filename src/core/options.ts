/** Reads a trailing options object, or the first option given by position, and rejects unknown option names. */
import { ArgumentError } from "./errors.js";
import { describe, isPlainObject } from "./guards.js";
import { wrongValue } from "./option-values.js";

const check = (op: string, given: Record<string, unknown>, allowed: readonly string[]): void => {
  for (const name of Object.keys(given)) {
    if (allowed.includes(name)) {
      const wrong = wrongValue(name, given[name]);
      if (wrong === null) continue;
      throw new ArgumentError(`[${op}] ${wrong}: pass such a value or leave it out`);
    }
    const list = allowed.length === 0 ? "none" : allowed.join(", ");
    const close = allowed.find((a) => a.toLowerCase() === name.toLowerCase().replaceAll("_", ""));
    const cure = close === undefined ? "remove it" : `did you mean ${close}?`;
    throw new ArgumentError(
      `[${op}] expected options among: ${list}, got unknown option "${name}": ${cure}`,
    );
  }
};

/**
 * The trailing options object of `op`, checked. `undefined` gives no options. The object itself is returned, not a copy.
 *
 * @throws ArgumentError when it is not a plain object or has a name outside `allowed`
 * @example
 * const { axis = null, keepdims = false } = readOptions<SumOptions>("sum", options, ["axis", "keepdims"]);
 */
export const readOptions = <T extends object>(
  op: string,
  given: unknown,
  allowed: readonly (keyof T & string)[],
): Partial<T> => {
  if (given === undefined) return {};
  if (!isPlainObject(given)) {
    throw new ArgumentError(
      `[${op}] expected an options object, got ${describe(given)}: pass { ${allowed.join(", ")} }`,
    );
  }
  check(op, given, allowed);
  // Names were checked; the static type of the caller's signature vouches for the values.
  return given as Partial<T>;
};

/**
 * The same where the first optional parameter may also be given by position: `sum(x, 1)`, `sum(x, [0, 1], { keepdims: true })`.
 * `given` is taken as options when it is a plain object, else as the value of option `first`, with `rest` the options.
 *
 * @throws ArgumentError for an unknown name, for `first` given twice, or for a value after the options object
 * @example
 * const { axis = null, keepdims = false } = readPositional<SumOptions>("sum", "axis", given, rest, ["axis", "keepdims"]);
 */
export const readPositional = <T extends object>(
  op: string,
  first: keyof T & string,
  given: unknown,
  rest: unknown,
  allowed: readonly (keyof T & string)[],
): Partial<T> => {
  if (isPlainObject(given)) {
    if (rest !== undefined) {
      throw new ArgumentError(
        `[${op}] expected nothing after the options object, got ${describe(rest)}: put it into the options`,
      );
    }
    return readOptions<T>(op, given, allowed);
  }
  const options = readOptions<T>(op, rest, allowed);
  if (given === undefined) return options;
  if (options[first] !== undefined) {
    throw new ArgumentError(
      `[${op}] expected ${first} once, got it by position and as an option: remove one`,
    );
  }
  const wrong = wrongValue(first, given);
  if (wrong !== null) {
    throw new ArgumentError(`[${op}] ${wrong}: pass such a value or leave it out`);
  }
  const positional: Record<string, unknown> = { ...options, [first]: given };
  return positional as Partial<T>;
};

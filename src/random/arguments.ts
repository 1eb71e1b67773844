/** Reads the parameters of random functions, each of which may be given by position, in MLX's order, or by name. */
import { ArgumentError } from "../core/errors.js";
import { describe, isComplex, isPlainObject } from "../core/guards.js";
import { readOptions } from "../core/options.js";

/** Options are plain objects other than complex numbers. */
const isOptions = (x: unknown): x is Record<string, unknown> => isPlainObject(x) && !isComplex(x);

/**
 * `args` are values of `names` in order, possibly followed by an options object.
 *
 * @throws ArgumentError for an unknown name, one given twice, or something after the options
 */
export const readArguments = <T extends object>(
  op: string,
  names: readonly (keyof T & string)[],
  args: readonly unknown[],
): Partial<T> => {
  const given: Record<string, unknown> = {};
  let options: Record<string, unknown> | undefined;
  args.forEach((value, i) => {
    if (value === undefined) return;
    if (options !== undefined) {
      throw new ArgumentError(
        `[${op}] expected nothing after the options object, got ${describe(value)}`,
      );
    }
    const name = names[i];
    if (isOptions(value)) options = value;
    else if (name !== undefined) given[name] = value;
  });
  for (const name of Object.keys(options ?? {})) {
    if (name in given) {
      throw new ArgumentError(
        `[${op}] expected ${name} once, got it by position and as an option: remove one`,
      );
    }
  }
  return readOptions<T>(op, { ...given, ...options }, names);
};

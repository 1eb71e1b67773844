/** Options of a command from the words of the command line, each checked. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./failure.js";

type Spec = NonNullable<ParseArgsConfig["options"]>;

/** Reads the values of one command's options by name and type. */
export interface Reader {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  /** A whole number in a range. */
  count(name: string, missing: number, least?: number, most?: number): number;
  number(name: string, missing: number, least: number, most: number): number;
}

/** @throws UsageError for options that the command does not have, and for values outside their ranges */
export const readArguments = (args: readonly string[], options: Spec): Reader => {
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    const all: Spec = { ...options, help: { type: "boolean" }, json: { type: "boolean" } };
    parsed = parseArgs({ args: [...args], options: all, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const number = (name: string, missing: number, least: number, most: number): number => {
    const given = text(name);
    if (given === undefined) return missing;
    const value = given.trim() === "" ? Number.NaN : Number(given);
    if (value >= least && value <= most) return value;
    throw new UsageError(`--${name} expects a number from ${least} to ${most}, got "${given}"`);
  };
  return {
    positionals,
    flag: (name) => values[name] === true,
    text,
    texts: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    count: (name, missing, least = 1, most = 1e9) => {
      const value = number(name, missing, least, most);
      if (Number.isInteger(value)) return value;
      throw new UsageError(`--${name} expects a whole number, got "${text(name)}"`);
    },
    number,
  };
};

/** The one file or folder that a command takes. */
export const onePath = (reader: Reader, what: string): string => {
  const [path, ...more] = reader.positionals;
  if (path === undefined) throw new UsageError(`expects ${what}, got none`);
  if (more.length > 0) throw new UsageError(`expects ${what}, got ${reader.positionals.length}`);
  return path;
};

/** Text to tokens and back: what generation needs of a tokenizer, and Hugging Face's `tokenizer.json` read by its own library. */
import { DeviceError, FormatError } from "../core/errors.js";
import { isPlainObject } from "../core/guards.js";
import { fileExists, readTextFile } from "../io/folder.js";
import { packageExports } from "../io/package.js";

export interface Tokenizer {
  encode(text: string): number[];
  decode(tokens: readonly number[]): string;
}

type TokenizerClass = new (tokenizer: object, config: object) => unknown;

const isTokenizerClass = (x: unknown): x is TokenizerClass => typeof x === "function";

const op = "loadTokenizer";

const callable = (x: unknown, name: string): ((...args: unknown[]) => unknown) => {
  const method: unknown = typeof x === "object" && x !== null ? Reflect.get(x, name) : undefined;
  if (typeof method === "function") return (...args) => Reflect.apply(method, x, args);
  throw new DeviceError(
    `[${op}] expected a tokenizer with a method ${name}: update @huggingface/tokenizers`,
  );
};

const numbers = (x: unknown): number[] => {
  const list: unknown = Array.isArray(x) ? x : Reflect.get(Object(x), "ids");
  if (Array.isArray(list) && list.every((t) => typeof t === "number")) return list;
  throw new DeviceError(`[${op}] expected numbers from the tokenizer, got something else`);
};

const parsed = (what: string, text: string): object => {
  try {
    const value: unknown = JSON.parse(text);
    if (isPlainObject(value)) return value;
  } catch (error) {
    throw new FormatError(`[${op}] expected JSON in ${what}, got: ${String(error)}`);
  }
  throw new FormatError(`[${op}] expected an object in ${what}, got something else`);
};

/**
 * The tokenizer of a `tokenizer.json` (and `tokenizer_config.json`), by the package `@huggingface/tokenizers`.
 *
 * @param tokenizer the content of `tokenizer.json`
 * @throws DeviceError without the package, FormatError for a file that it cannot read
 */
export const makeTokenizer = async (tokenizer: object, config: object = {}): Promise<Tokenizer> => {
  const name = "@huggingface/tokenizers";
  const { Tokenizer: Reader } = await packageExports(op, name);
  if (!isTokenizerClass(Reader))
    throw new DeviceError(`[${op}] expected ${name} to have a Tokenizer`);
  let made: unknown;
  try {
    made = new Reader(tokenizer, config);
  } catch (error) {
    throw new FormatError(
      `[${op}] expected a tokenizer.json, got one that is refused: ${String(error)}`,
    );
  }
  const encode = callable(made, "encode");
  const decode = callable(made, "decode");
  return {
    encode: (text) => numbers(encode(text)),
    // The library refuses to decode nothing.
    decode: (tokens) =>
      tokens.length === 0 ? "" : String(decode([...tokens], { skip_special_tokens: true })),
  };
};

/**
 * The tokenizer in a folder as Hugging Face lays it out.
 *
 * @throws FormatError, ArgumentError when there is no `tokenizer.json`
 */
export const loadTokenizer = async (folder: string): Promise<Tokenizer> => {
  const file = `${folder}/tokenizer.json`;
  const config = `${folder}/tokenizer_config.json`;
  const text = readTextFile(op, file);
  return makeTokenizer(
    parsed(file, text),
    fileExists(op, config) ? parsed(config, readTextFile(op, config)) : {},
  );
};

/** Text from tokens that come one by one: characters are given when all their bytes are there. */
export const textStream = (
  tokenizer: Tokenizer,
): { push: (token: number) => string; rest: () => string } => {
  let pending: number[] = [];
  let shown = "";
  const next = (final: boolean): string => {
    const text = tokenizer.decode(pending);
    if (text.endsWith("\uFFFD") && !final) return "";
    const fresh = text.slice(shown.length);
    shown = text;
    // Tokens before a line break no longer change what follows: decoding stays cheap.
    if (text.endsWith("\n")) {
      pending = [];
      shown = "";
    }
    return fresh;
  };
  return {
    push: (token) => {
      pending.push(token);
      return next(false);
    },
    rest: () => next(true),
  };
};

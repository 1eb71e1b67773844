/** The text to learn: found, checked, turned into tokens, split, and cut into batches that follow from seed and step. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { InputError, reasonOf } from "./failure.js";

export interface Text {
  /** The file's name, for people. */
  readonly name: string;
  readonly content: string;
  /** SHA-256 of the bytes: tells whether a checkpoint belongs to this text. */
  readonly digest: string;
}

/** The declarations of JavaScript's built-in objects, part of the installed TypeScript. */
const defaultPath = (): string => {
  const fail = (): never => {
    throw new InputError("cannot find TypeScript's lib.es5.d.ts: run npm ci, or pass --text FILE");
  };
  const folderOf = (from: string | URL, name: string): string => {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      return "";
    }
  };
  const compiler = folderOf(import.meta.url, "typescript");
  if (compiler === "") return fail();
  // Native compilers keep their files in a package for the platform.
  const native = folderOf(
    join(compiler, "package.json"),
    `@typescript/typescript-${process.platform}-${process.arch}`,
  );
  const candidates = [compiler, native].map((folder) => join(folder, "lib", "lib.es5.d.ts"));
  return candidates.find((candidate) => existsSync(candidate)) ?? fail();
};

/**
 * Reads a text.
 *
 * @param path its file; null for the default text
 * @throws InputError when it cannot be read, is empty, or is not UTF-8
 */
export const readText = (path: string | null): Text => {
  const file = path ?? defaultPath();
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new InputError(`cannot read the text ${file}: ${reasonOf(error)}`);
  }
  if (bytes.length === 0) throw new InputError(`the text ${file} is empty: pass one with words`);
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`the text ${file} is not UTF-8: convert it, or pass another with --text`);
  }
  return {
    name: basename(file),
    content,
    digest: createHash("sha256").update(bytes).digest("hex"),
  };
};

/** The characters a model knows, each with its number. */
export class Vocabulary {
  /** In the order of their numbers. */
  readonly characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(characters: Iterable<string>) {
    this.characters = [...characters];
    this.#numbers = new Map(this.characters.map((character, i) => [character, i]));
  }

  /** The characters of a text, by code point. */
  static of(content: string): Vocabulary {
    return new Vocabulary([...new Set(content)].sort());
  }

  get size(): number {
    return this.characters.length;
  }

  /** Throws a RangeError for a character that is not among them. */
  encode(content: string): Int32Array {
    return Int32Array.from(content, (character) => {
      const n = this.#numbers.get(character);
      if (n === undefined) throw new RangeError(`${JSON.stringify(character)} is not known`);
      return n;
    });
  }

  decode(tokens: Iterable<number>): string {
    let text = "";
    for (const token of tokens) text += this.characters[token] ?? "\uFFFD";
    return text;
  }
}

/** Sequences of tokens, one row each, and for every token the one that follows. */
export interface Batch {
  /** [batch, context], row-major. */
  readonly inputs: Int32Array;
  /** [batch, context], row-major. */
  readonly targets: Int32Array;
}

/** A generator of uniform numbers in [0, 1) that depends on the two seeds only. */
const uniform = (seed: number, step: number): (() => number) => {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(step + 1, 0xc2b2ae35)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

export class Corpus {
  readonly vocabulary: Vocabulary;
  readonly #training: Int32Array;
  readonly #validation: Int32Array;
  readonly #context: number;

  /**
   * The last tenth of the text, at least one sequence, is kept for validation.
   *
   * @throws InputError when the text is too short for one sequence of each kind
   */
  constructor(text: Text, context: number) {
    this.vocabulary = Vocabulary.of(text.content);
    const tokens = this.vocabulary.encode(text.content);
    const least = 2 * (context + 1);
    if (tokens.length < least)
      throw new InputError(
        `${text.name} has ${tokens.length} characters, but a context of ${context} needs at least ${least}: ` +
          "pass a longer text or a smaller --context",
      );
    const kept = Math.max(Math.floor(tokens.length / 10), context + 1);
    this.#training = tokens.subarray(0, tokens.length - kept);
    this.#validation = tokens.subarray(tokens.length - kept);
    this.#context = context;
  }

  /** The batch of a step, counted from 0. */
  training(seed: number, step: number, batch: number): Batch {
    const next = uniform(seed, step);
    const starts = this.#training.length - this.#context;
    return this.#cut(
      this.#training,
      Array.from({ length: batch }, () => Math.floor(next() * starts)),
    );
  }

  /** The same batch every time: sequences spread evenly over the part kept for validation. */
  validation(batch: number): Batch {
    const last = this.#validation.length - this.#context - 1;
    return this.#cut(
      this.#validation,
      Array.from({ length: batch }, (_, i) => Math.floor((last * i) / batch)),
    );
  }

  #cut(tokens: Int32Array, starts: readonly number[]): Batch {
    const context = this.#context;
    const inputs = new Int32Array(starts.length * context);
    const targets = new Int32Array(starts.length * context);
    for (const [row, start] of starts.entries()) {
      inputs.set(tokens.subarray(start, start + context), row * context);
      targets.set(tokens.subarray(start + 1, start + 1 + context), row * context);
    }
    return { inputs, targets };
  }
}

/** Streams of examples: one way to walk whatever gives them, shuffled within a buffer, and ahead of their use. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { TrainingError } from "./errors.js";

/** Examples, to be walked once. */
export type Examples = AsyncIterable<unknown> | Iterable<unknown>;

const isAsync = (x: unknown): x is AsyncIterable<unknown> =>
  typeof x === "object" && x !== null && Symbol.asyncIterator in x;

const isSync = (x: unknown): x is Iterable<unknown> =>
  typeof x === "object" && x !== null && Symbol.iterator in x;

const isStream = (x: unknown): x is ReadableStream<unknown> =>
  typeof ReadableStream === "function" && x instanceof ReadableStream;

/** Not every browser's streams can be iterated. */
async function* readAll(stream: ReadableStream<unknown>): AsyncIterable<unknown> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

const walk = (source: unknown): Examples => {
  if (isStream(source)) return readAll(source);
  if (isAsync(source) || isSync(source)) return source;
  throw new ArgumentError(
    `[dataset] expected an iterable of examples, got ${describe(source)}: pass arrays, an iterable, a stream or a function that gives one`,
  );
};

/** Whether a source starts anew when it is walked again; iterators and streams do not. */
const isOnce = (source: unknown): boolean => {
  if (isStream(source)) return true;
  if (isAsync(source)) return Object.is(source[Symbol.asyncIterator](), source);
  return isSync(source) && Object.is(source[Symbol.iterator](), source);
};

/** @throws ArgumentError for what cannot be walked; TrainingError when it is walked again and cannot be */
export const examplesOf = (source: unknown): ((epoch: number) => Examples) => {
  if (typeof source === "function")
    return (epoch) => walk(Reflect.apply(source, undefined, [epoch]));
  const examples = walk(source);
  if (!isOnce(source)) return () => examples;
  let used = false;
  return () => {
    if (used) {
      throw new TrainingError(
        "[dataset] expected a source that can be walked again, got one that is used up after one epoch: pass a function that gives a new one",
      );
    }
    used = true;
    return examples;
  };
};

/** Numbers in [0, 1), the same for the same seed (xorshift32): only the order of examples depends on them. */
const numbers = (seed: number): (() => number) => {
  let x = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
};

/** Each example in turn is drawn from a buffer of the next ones. */
export async function* shuffled(
  examples: Examples,
  size: number,
  seed: number,
): AsyncIterable<unknown> {
  const draw = numbers(seed);
  const buffer: unknown[] = [];
  const pick = (): unknown => {
    const i = Math.floor(draw() * buffer.length);
    const last = buffer.pop();
    if (i === buffer.length) return last;
    const found = buffer[i];
    buffer[i] = last;
    return found;
  };
  for await (const example of examples) {
    buffer.push(example);
    if (buffer.length > size) yield pick();
  }
  while (buffer.length > 0) yield pick();
}

/** The same values, up to `count` of them asked for before they are needed. */
export async function* ahead<T>(source: AsyncIterable<T>, count: number): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  const waiting: Promise<IteratorResult<T>>[] = [];
  const ask = (): void => {
    const next = iterator.next();
    // An error is reported when its turn comes.
    next.catch(() => undefined);
    waiting.push(next);
  };
  try {
    for (;;) {
      while (waiting.length <= count) ask();
      const first = await waiting.shift();
      if (first === undefined || first.done === true) return;
      yield first.value;
    }
  } finally {
    await Promise.allSettled(waiting);
    await iterator.return?.();
  }
}

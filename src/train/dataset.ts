/** Batches of a data set, epoch by epoch, in an order that a key decides. */
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { showShape } from "../core/shape.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf, mapLeaves, type Tree } from "../graph/tree.js";
import { array } from "../ops/creation-host.js";
import { Slice } from "../ops/index-language.js";
import { getItem } from "../ops/indexing.js";
import { take } from "../ops/take.js";
import { key as keyOf, permutation, randint, split } from "../random/index.js";
import { ahead, type Examples, examplesOf, shuffled } from "./examples.js";
import { type BatchOf, stackExamples } from "./stack.js";

export interface DatasetOptions {
  /** Shuffles, in another order every epoch: a key or a seed. In the order of the source by default. */
  readonly shuffle?: NDArray | number | bigint | null;
  /** Leaves out a last batch that is not full. */
  readonly dropLast?: boolean;
  /** Batches of an iterable that are made before they are asked for; 2 by default. */
  readonly prefetch?: number;
  /** Examples among which those of an iterable are shuffled; 1024 by default. */
  readonly shuffleBuffer?: number;
}

/** Batches, for as many epochs as wanted. */
export interface Dataset<B> {
  /** Batches per epoch, null where that is not known beforehand. */
  readonly length: number | null;
  readonly batchSize: number;
  /**
   * The batches of one epoch: the same ones in the same order whenever it is asked for.
   *
   * @param skip batches at the start to leave out
   */
  epoch(epoch: number, skip?: number): AsyncIterable<B>;
  /** The batches of the first epoch. */
  [Symbol.asyncIterator](): AsyncIterator<B>;
}

const NAMES = ["shuffle", "dropLast", "prefetch", "shuffleBuffer"] as const;

const positive = (what: string, x: number, least = 1): number => {
  if (Number.isInteger(x) && x >= least) return x;
  throw new ArgumentError(`[dataset] expected a whole number from ${least} as ${what}, got ${x}`);
};

/** The key of an epoch: each has its own, whatever came before. */
const epochKey = (root: NDArray, epoch: number): NDArray => {
  const keys = split(root, epoch + 2);
  return take(keys, epoch + 1, 0);
};

abstract class Base<B> implements Dataset<B> {
  abstract readonly length: number | null;
  readonly batchSize: number;
  protected readonly key: NDArray | null;
  protected readonly dropLast: boolean;

  constructor(batchSize: number, o: Partial<DatasetOptions>) {
    this.batchSize = positive("batchSize", batchSize);
    const shuffle = o.shuffle ?? null;
    this.key = shuffle === null || isNDArray(shuffle) ? shuffle : keyOf(shuffle);
    this.dropLast = o.dropLast ?? false;
  }

  abstract epoch(epoch: number, skip?: number): AsyncIterable<B>;

  [Symbol.asyncIterator](): AsyncIterator<B> {
    return this.epoch(0)[Symbol.asyncIterator]();
  }
}

/** Rows of arrays that are there as a whole. */
class ArrayDataset<B> extends Base<B> {
  readonly length: number;
  readonly #tree: B;
  readonly #rows: number;

  constructor(tree: B, batchSize: number, o: Partial<DatasetOptions>) {
    super(batchSize, o);
    this.#tree = tree;
    const arrays = leavesOf<NDArray>(tree, isNDArray);
    const [first] = arrays;
    const rows = first?.shape[0];
    const odd = arrays.find((a) => a.shape[0] === undefined || a.shape[0] !== rows);
    if (first === undefined || rows === undefined || odd !== undefined) {
      throw new ShapeError(
        `[dataset] expected arrays with one number of rows, got shapes ${showShape(first?.shape ?? [])} and ${showShape(odd?.shape ?? [])}: give examples along the first axis`,
      );
    }
    this.#rows = rows;
    this.length = this.dropLast ? Math.floor(rows / batchSize) : Math.ceil(rows / batchSize);
  }

  /** The rows of an epoch, in order. */
  async #order(key: NDArray, epoch: number): Promise<Uint32Array> {
    const rows = await permutation(this.#rows, { key: epochKey(key, epoch) }).data();
    return Uint32Array.from(rows, Number);
  }

  override async *epoch(epoch: number, skip = 0): AsyncIterable<B> {
    const order = this.key === null ? null : await this.#order(this.key, epoch);
    for (let i = skip; i < this.length; i++) {
      const from = i * this.batchSize;
      const to = Math.min(this.#rows, from + this.batchSize);
      const rows = order === null ? null : array(order.slice(from, to));
      const batch: unknown = mapLeaves(this.#tree, isNDArray, (a: NDArray) =>
        rows === null ? getItem(a, [new Slice(from, to, null)]) : take(a, rows, 0),
      );
      // Arrays in the places of arrays.
      yield batch as B;
    }
  }
}

/** Examples that come one by one. */
class StreamDataset<B> extends Base<B> {
  readonly length = null;
  readonly #examples: (epoch: number) => Examples;
  readonly #prefetch: number;
  readonly #buffer: number;

  constructor(source: unknown, batchSize: number, o: Partial<DatasetOptions>) {
    super(batchSize, o);
    this.#examples = examplesOf(source);
    this.#prefetch = positive("prefetch", o.prefetch ?? 2, 0);
    this.#buffer = positive("shuffleBuffer", o.shuffleBuffer ?? 1024);
  }

  async *#batches(epoch: number, skip: number): AsyncIterable<B> {
    let examples = this.#examples(epoch);
    if (this.key !== null) {
      const seed = Number(
        randint(0, 2 ** 31 - 1, { key: epochKey(this.key, epoch), shape: [] }).item(),
      );
      examples = shuffled(examples, this.#buffer, seed);
    }
    let batch: unknown[] = [];
    let left = skip;
    const full = (): boolean => batch.length === this.batchSize;
    for await (const example of examples) {
      batch.push(example);
      if (!full()) continue;
      const whole = batch;
      batch = [];
      if (left > 0) left--;
      // Arrays in the places of the examples' leaves.
      else yield stackExamples(whole) as B;
    }
    if (batch.length > 0 && !this.dropLast && left === 0) yield stackExamples(batch) as B;
  }

  override epoch(epoch: number, skip = 0): AsyncIterable<B> {
    return ahead(this.#batches(epoch, skip), this.#prefetch);
  }
}

/** What gives examples: an iterable or a stream, or a function of the epoch that gives one. */
export type ExampleSource<E> =
  | AsyncIterable<E>
  | Iterable<E>
  | ReadableStream<E>
  | ((epoch: number) => AsyncIterable<E> | Iterable<E> | ReadableStream<E>);

const isTreeOfArrays = (x: unknown): x is Tree<NDArray> => {
  if (isNDArray(x)) return true;
  if (Array.isArray(x)) return x.length > 0 && x.every(isTreeOfArrays);
  return isPlainObject(x) && Object.values(x).every(isTreeOfArrays);
};

/**
 * Batches of a data set.
 *
 * A tree of arrays is cut along its first axis, which is the same for all. Of an iterable, an async iterable or a stream the
 * examples – trees of numbers, typed arrays and arrays – are stacked. Some of these can be walked once only: for several
 * epochs pass a function that gives a new one.
 *
 * @param source arrays, or what gives examples
 * @param batchSize examples in a batch; the last batch of an epoch may have fewer
 * @throws ArgumentError, ShapeError when the arrays have different numbers of rows
 * @example
 * const data = train.dataset({ x: mx.arange(10), y: mx.ones([10]) }, 4, { shuffle: 0 });
 * for await (const { x, y } of data.epoch(0)) mx.eval(x.multiply(y));
 * data.length; // 3
 */
export function dataset<const B extends Tree<NDArray>>(
  source: B,
  batchSize: number,
  options?: DatasetOptions,
): Dataset<B>;
export function dataset<E>(
  source: ExampleSource<E>,
  batchSize: number,
  options?: DatasetOptions,
): Dataset<BatchOf<E>>;
export function dataset(
  source: unknown,
  batchSize: number,
  options?: DatasetOptions,
): Dataset<unknown> {
  const o = readOptions<DatasetOptions>("dataset", options, NAMES);
  if (isTreeOfArrays(source)) return new ArrayDataset<unknown>(source, batchSize, o);
  if (source === null || (typeof source !== "object" && typeof source !== "function")) {
    throw new ArgumentError(
      `[dataset] expected arrays, an iterable or a function that gives one, got ${describe(source)}`,
    );
  }
  return new StreamDataset<unknown>(source, batchSize, o);
}

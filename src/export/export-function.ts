/** Exporting functions: traced for given arrays, written into one file, or told to a callback. */
/// <reference lib="esnext.disposable" preserve="true" />
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { writeAtomically } from "../io/files.js";
import { type ExportCallback, tell } from "./callback.js";
import { fileParts } from "./format.js";
import {
  type FunctionSignature,
  matching,
  readInputs,
  signatureOf,
  signatureText,
} from "./signature.js";
import { type Inputs, traceFunction } from "./trace.js";
import { type WrittenFunction, writeGraph } from "./write-graph.js";

/** A function that can be exported: arrays, and maybe an object of arrays by name, to an array or a list of arrays. */
export type Exportable = (...args: never[]) => NDArray | readonly NDArray[];

/** Example arrays, one by one or as one list, then maybe an object of arrays by name and options. */
export type ExportArguments = readonly (
  | NDArray
  | readonly NDArray[]
  | Readonly<Record<string, NDArray | boolean | string | null | undefined>>
)[];

/** Options of {@link exporter}. */
export interface ExporterOptions {
  /** Whether the functions may be called with arrays of other lengths. */
  readonly shapeless?: boolean;
  /** A text to keep beside the functions. */
  readonly metadata?: string | null;
}

/** What is gathered for one file. */
class Gathered {
  readonly #op: string;
  readonly #fun: Exportable;
  readonly shapeless: boolean;
  readonly functions: WrittenFunction[] = [];
  readonly #signatures: FunctionSignature[] = [];
  readonly #places = new Map<Node, number>();

  constructor(op: string, fun: Exportable, shapeless: boolean) {
    this.#op = op;
    this.#fun = fun;
    this.shapeless = shapeless;
  }

  get constants(): readonly Node[] {
    return [...this.#places.keys()];
  }

  add(inputs: Inputs): void {
    const op = this.#op;
    const known = this.#signatures.find((s) => matching(s, inputs, this.shapeless) !== null);
    if (known !== undefined) {
      throw new ArgumentError(
        `[${op}] expected inputs of another kind at each call, got ${signatureText(signatureOf(inputs))} again: export each kind once`,
      );
    }
    const traced = traceFunction(op, this.#fun, inputs, this.shapeless);
    const places = new Map(this.#places);
    const written = writeGraph(op, traced, (n) => {
      const place = places.get(n) ?? places.size;
      places.set(n, place);
      return place;
    });
    for (const [n, place] of places) this.#places.set(n, place);
    this.functions.push(written);
    this.#signatures.push(signatureOf(inputs));
  }
}

const readMetadata = (op: string, given: unknown): string => {
  if (given === undefined || given === null) return "";
  if (typeof given === "string") return given;
  throw new ArgumentError(
    `[${op}] expected metadata as a string, got ${describe(given)}: pass JSON.stringify(…) of it`,
  );
};

const readFlag = (op: string, given: unknown): boolean => {
  if (given === undefined || typeof given === "boolean") return given ?? false;
  throw new ArgumentError(
    `[${op}] expected shapeless as true or false, got ${describe(given)}: pass one of these`,
  );
};

const readPath = (op: string, path: unknown): string => {
  if (typeof path === "string" && path !== "") return path;
  throw new ArgumentError(
    `[${op}] expected the path of a file, got ${describe(path)}: pass a string`,
  );
};

const readFunction = (op: string, fun: Exportable): Exportable => {
  if (typeof fun === "function") return fun;
  throw new ArgumentError(`[${op}] expected a function, got ${describe(fun)}: pass one`);
};

const write = (op: string, path: string, gathered: Gathered, metadata: string): void => {
  const { shapeless, functions, constants } = gathered;
  writeAtomically(op, path, fileParts(op, { shapeless, metadata, functions }, constants));
};

/**
 * Writes `fun` to a file, as the graph it makes of arrays like the given ones: arrays one by one or as one list, then maybe
 * an object of arrays by name, which `fun` gets as its last argument. {@link importFunction} reads it back. Arrays that `fun`
 * takes from elsewhere are written along with it. The file is replaced in one step: on any failure it is as it was.
 *
 * The object may also say `shapeless: true` (the function may be called with arrays of other lengths, as far as what it does
 * follows from lengths) and `metadata`, a text to keep beside it. With a callback instead of a path nothing is written: it is
 * told of inputs, outputs, constants and primitives one after another.
 *
 * @param file path of the file, or a callback
 * @throws TransformError when `fun` looks at values, returns anything but arrays, or holds custom rules, which files cannot
 * @throws ArgumentError for arguments that are no arrays, metadata for a callback, and where the file cannot be written
 * @example
 * const w = mx.array([[1, 2], [3, 4]]);
 * mx.exportFunction("dense.fn", (x: mx.NDArray) => mx.maximum(x.matmul(w), 0), mx.ones([3, 2]));
 * const [y] = mx.importFunction("dense.fn")(mx.ones([3, 2]));
 * y?.get(0).tolist(); // [4, 6]
 * @see mlx.core.export_function
 */
export function exportFunction(
  file: string | ExportCallback,
  fun: Exportable,
  ...args: ExportArguments
): void {
  const op = "exportFunction";
  const { inputs, given } = readInputs(op, args, ["shapeless", "metadata"]);
  const metadata = readMetadata(op, given.metadata);
  const gathered = new Gathered(op, readFunction(op, fun), readFlag(op, given.shapeless));
  if (typeof file === "function") {
    if (metadata !== "") {
      throw new ArgumentError(
        `[${op}] expected no metadata for a callback, got a text: leave it out, or pass a path`,
      );
    }
    gathered.add(inputs);
    for (const f of gathered.functions) tell(file, f, gathered.constants);
    return;
  }
  const path = readPath(op, file);
  gathered.add(inputs);
  write(op, path, gathered, metadata);
}

/**
 * Gathers what one function does for several kinds of arrays. Made by {@link exporter}.
 *
 * @see mlx.core.FunctionExporter
 */
export interface FunctionExporter {
  /** Traces the function for arrays like these. */
  (...args: ExportArguments): void;
  /** Writes the file. */
  close(): void;
  /** {@link close}, where the runtime has the symbol. */
  [Symbol.dispose](): void;
}

/**
 * Writes one function for several kinds of arrays into one file: call what it returns once for each kind, with arrays as
 * {@link exportFunction} takes them, then `close()` it, which writes the file.
 *
 * @throws ArgumentError for the same kind twice, or a call after the file was written
 * @example
 * const save = mx.exporter("sum.fn", (...xs: mx.NDArray[]) => xs.reduce((a, b) => a.add(b)));
 * save(mx.array(1));
 * save(mx.array(1), mx.array(2));
 * save.close();
 * const sum = mx.importFunction("sum.fn");
 * sum(mx.array(3), mx.array(4))[0]?.item(); // 7
 * @see mlx.core.exporter
 */
export function exporter(
  file: string,
  fun: Exportable,
  options?: ExporterOptions,
): FunctionExporter {
  const op = "exporter";
  const given = readOptions<ExporterOptions>(op, options, ["shapeless", "metadata"]);
  const path = readPath(op, file);
  const metadata = readMetadata(op, given.metadata);
  const gathered = new Gathered(op, readFunction(op, fun), readFlag(op, given.shapeless));
  let closed = false;
  const call = (...args: ExportArguments): void => {
    if (closed) {
      throw new ArgumentError(
        `[${op}] expected calls before close(), got one after it: make another exporter`,
      );
    }
    gathered.add(readInputs(op, args).inputs);
  };
  const close = (): void => {
    if (closed) return;
    write(op, path, gathered, metadata);
    closed = true;
  };
  return Object.assign(call, { close, [Symbol.dispose]: close });
}

/** The array users hold: a handle on one graph node, with its shape, its dtype and ways to read its values. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { DType } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import type { Scalar } from "../core/guards.js";
import { formatArray } from "../core/print.js";
import type { Storage } from "../core/storage.js";
import { flat, type HostArray, reader } from "../core/values.js";
import { evaluator } from "./evaluator.js";
import { disposed, holeError, isHole } from "./hole.js";
import { Node, noNodes, type Shape, sizeOf } from "./node.js";
import { made, rebound } from "./scope.js";

/** What `tolist()` gives: a value for a 0-d array, else lists nested as deep as there are axes. */
export type NestedList = Scalar | NestedList[];

/**
 * Gives every node its data, in one evaluation.
 *
 * @throws TransformError for a placeholder of vmap, compile or a loop
 */
export const evaluateNodes = (op: string, nodes: readonly Node[]): void => {
  const pending = nodes.filter((n) => n.data === null);
  for (const n of pending) if (isHole(n)) throw holeError(op, n);
  if (pending.length > 0) evaluator().evaluate(pending);
};

/** The same, leaving the event loop free. */
export const evaluateNodesAsync = async (op: string, nodes: readonly Node[]): Promise<void> => {
  const pending = nodes.filter((n) => n.data === null);
  for (const n of pending) if (isHole(n)) throw holeError(op, n);
  if (pending.length > 0) await evaluator().evaluateAsync(pending);
};

/** The computed value of a node, for reading. */
const evaluated = (op: string, node: Node): Storage => {
  if (node.data === null) evaluateNodes(op, [node]);
  if (node.data === null) throw holeError(op, node);
  return node.data;
};

const evaluatedAsync = async (op: string, node: Node): Promise<Storage> => {
  if (node.data === null) await evaluateNodesAsync(op, [node]);
  if (node.data === null) throw holeError(op, node);
  return node.data;
};

/** A copy of the bytes of a node. What is asked for now is read, whatever becomes of the value until then. */
const bytesOf = async (op: string, node: Node): Promise<Uint8Array> => {
  node.uses++;
  try {
    return await (await evaluatedAsync(op, node)).readAsync();
  } finally {
    node.uses--;
  }
};

const nest = (shape: Shape, at: (i: number) => Scalar): NestedList => {
  let next = 0;
  const level = (d: number): NestedList => {
    const length = shape[d];
    if (length === undefined) return at(next++);
    const list: NestedList[] = [];
    for (let i = 0; i < length; i++) list.push(level(d + 1));
    return list;
  };
  return level(0);
};

const requireSingle = (a: NDArray, op: string): void => {
  if (a.size !== 1) {
    throw new ArgumentError(
      `[${op}] expected an array with one element, got shape [${a.shape.join(", ")}]: index it first, or use tolist()`,
    );
  }
};

/**
 * An n-dimensional array of one {@link DType}, computed when its values are asked for.
 * Made by `array`, `zeros`, … and by operations, never by `new`.
 *
 * @example
 * const x = mx.array([[1, 2], [3, 4]]);
 * x.shape;           // [2, 2]
 * x.sum().item();    // 10
 * @see mlx.core.array
 */
export class NDArray {
  /** The value this handle stands for; in-place operations put another node here. */
  node: Node;
  /** {@link dispose}, where the runtime has the symbol, so that `using x = …` works there. */
  declare [Symbol.dispose]: () => void;

  constructor(node: Node) {
    this.node = node;
    node.handles++;
    made(this);
  }

  /** Length along each axis. */
  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): DType {
    return this.node.dtype;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.node.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.node.shape);
  }

  /** Bytes per element. */
  get itemsize(): number {
    return this.node.dtype.size;
  }

  /** Bytes of all elements. */
  get nbytes(): number {
    return this.size * this.itemsize;
  }

  /** Computes the value now. Returns this array. */
  eval(): this {
    evaluated("eval", this.node);
    return this;
  }

  /**
   * The only element: a number, a boolean for bool, a bigint for (u)int64, `{ re, im }` for complex64.
   *
   * @throws ArgumentError when the array has another number of elements than one
   * @throws TransformError inside `vmap` and `compile`, where there are no values
   * @see mlx.core.array.item
   */
  item(): Scalar {
    requireSingle(this, "item");
    return reader(this.dtype, evaluated("item", this.node).read())(0);
  }

  /** {@link item} on every device, without holding up the event loop. */
  async itemAsync(): Promise<Scalar> {
    requireSingle(this, "itemAsync");
    const { node } = this;
    return reader(node.dtype, await bytesOf("itemAsync", node))(0);
  }

  /**
   * The elements as nested lists, of the kinds that {@link item} gives.
   *
   * @see mlx.core.array.tolist
   */
  tolist(): NestedList {
    return nest(this.shape, reader(this.dtype, evaluated("tolist", this.node).read()));
  }

  /** {@link tolist} on every device, without holding up the event loop. */
  async tolistAsync(): Promise<NestedList> {
    const { node } = this;
    return nest(node.shape, reader(node.dtype, await bytesOf("tolistAsync", node)));
  }

  /**
   * The elements in row-major order, as a typed array of their own: `Float32Array` for bfloat16 and, real and imaginary
   * parts interleaved, complex64; `Float16Array` for float16 where there is one, else `Float32Array`; `Uint8Array` for bool.
   */
  dataSync(): HostArray {
    return flat(this.dtype, evaluated("dataSync", this.node).read());
  }

  /** {@link dataSync} on every device, without holding up the event loop. */
  async data(): Promise<HostArray> {
    const { node } = this;
    return flat(node.dtype, await bytesOf("data", node));
  }

  /** MLX's text: `array([1, 2, 3], dtype=float32)`. Computes the value. */
  toString(): string {
    const { node } = this;
    return formatArray(
      node.shape,
      node.dtype,
      reader(node.dtype, evaluated("toString", node).read()),
    );
  }

  /**
   * Gives the memory of the value back now, instead of when it is unreachable, unless another array is the same value.
   * This array is unusable afterwards.
   */
  dispose(): void {
    const { node } = this;
    if (--node.handles <= 0) node.data?.dispose();
    this.node = new Node(null, noNodes, disposed, node.shape, node.dtype, 0);
  }
}

/** Makes `a` stand for another value, as in-place operations do. */
export const rebind = (a: NDArray, node: Node): void => {
  a.node.handles--;
  node.handles++;
  a.node = node;
  rebound(a);
};

const method = (key: symbol, value: (this: NDArray) => unknown): void => {
  Object.defineProperty(NDArray.prototype, key, { value, configurable: true, writable: true });
};

if (typeof Symbol.dispose === "symbol") {
  method(Symbol.dispose, function () {
    this.dispose();
  });
}

// Inspecting must not throw nor compute inside transforms: placeholders show their type only.
method(Symbol.for("nodejs.util.inspect.custom"), function () {
  const { node } = this;
  if (node.data === null && isHole(node))
    return `array(<no value>, shape=[${node.shape.join(", ")}], dtype=${node.dtype.name})`;
  return this.toString();
});

export const isNDArray = (x: unknown): x is NDArray => x instanceof NDArray;

/** The graph: nodes that name a primitive, its inputs and attributes, and carry shape, dtype and, once evaluated, data. */
import type { DType } from "../core/dtype.js";
import type { Storage } from "../core/storage.js";
import type { AnyPrimitive } from "./primitive.js";

export type Shape = readonly number[];

/** An abstract value: all that shape and dtype inference may see. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: DType;
}

let counter = 0;

/** Ids increase in creation order, which is a topological order of the graph. */
export const nextId = (): number => ++counter;

/**
 * One value of the graph. It is one of:
 * - an application: `prim` is set, `ins` and `attrs` are its operands (an evaluated tracer keeps them next to `data`);
 * - data: `prim` is null and `data` is set;
 * - a hole: both are null. A placeholder of `vmap`/`compile`, or of a linear map being transposed.
 */
export class Node implements Aval {
  readonly id: number = nextId();
  prim: AnyPrimitive | null;
  ins: readonly Node[];
  attrs: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
  /** All results of a primitive with several, this one among them; null when this is the only one. */
  outs: readonly Node[] | null = null;
  /** Position in `outs`. */
  index = 0;
  /** Id of the innermost active trace this value depends on, 0 for none. */
  trace: number;
  data: Storage | null = null;
  /** Arrays in users' hands that stand for this value, those they dropped included: `dispose` frees with the last. */
  handles = 0;
  /**
   * Applications that take this value and may still have to be computed, those that were dropped included: with no
   * handles either, nobody but they can need its memory. Whoever holds a node otherwise for later counts as one.
   */
  uses = 0;
  /** Scratch of one graph walk: valid while `mark` equals the walk's epoch. */
  mark = 0;
  slot = -1;

  constructor(
    prim: AnyPrimitive | null,
    ins: readonly Node[],
    attrs: unknown,
    shape: Shape,
    dtype: DType,
    trace: number,
  ) {
    this.prim = prim;
    this.ins = ins;
    this.attrs = attrs;
    this.shape = shape;
    this.dtype = dtype;
    this.trace = trace;
  }
}

let epochs = 0;

/** A fresh value for `Node.mark`: starts one walk. */
export const nextEpoch = (): number => ++epochs;

export const noNodes: readonly Node[] = [];

/** All results of the application that made `n`. */
export const outsOf = (n: Node): readonly Node[] => n.outs ?? [n];

export const sizeOf = (shape: Shape): number => {
  let size = 1;
  for (const d of shape) size *= d;
  return size;
};

export const sameShape = (a: Shape, b: Shape): boolean => {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** To be called for each application of a primitive. */
export const use = (ins: readonly Node[]): void => {
  for (let i = 0; i < ins.length; i++) {
    const x = ins[i];
    if (x !== undefined) x.uses++;
  }
};

/** An application will never be computed again. */
export const unuse = (ins: readonly Node[]): void => {
  for (let i = 0; i < ins.length; i++) {
    const x = ins[i];
    if (x !== undefined) x.uses--;
  }
};

/**
 * Cuts an evaluated value off the graph that made it, so that the graph can be collected. Applications with several
 * results stay counted as users of their operands: whoever knows that all results are there takes them off.
 */
export const detach = (n: Node): void => {
  if (n.outs === null) unuse(n.ins);
  n.prim = null;
  n.ins = noNodes;
  n.attrs = undefined;
  n.outs = null;
};

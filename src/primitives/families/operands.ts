/** Helpers that every primitive uses: its operands, its compute types, its keys. */
import { DTypeError, InternalError, ShapeError } from "../../core/errors.js";
import type { KeySink } from "../../graph/lowering.js";
import { type Aval, type Shape, sameShape } from "../../graph/node.js";

/** Element `i` of a list that has one there by the primitive's contract. */
export const at = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  if (x === undefined) throw new InternalError(`[primitive] no element ${i} among ${list.length}`);
  return x;
};

/** Identity: the lift of attributes that do not name axes. */
export const same = <A>(attrs: A): A => attrs;

/** Refuses operands of different shapes or dtypes: the op layer broadcasts and casts before it binds. */
export const requireEqual = (name: string, a: Aval, b: Aval): void => {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(
      `[${name}] expected operands of one shape, got [${a.shape.join(", ")}] and [${b.shape.join(", ")}]: broadcast them first`,
    );
  }
  if (a.dtype !== b.dtype) {
    throw new DTypeError(
      `[${name}] expected operands of one dtype, got ${a.dtype.name} and ${b.dtype.name}: cast them first`,
    );
  }
};

/** Length along axis `d`. */
export const lengthOf = (shape: Shape, d: number): number => at(shape, d);

/** Writes a list of numbers so that lists of different lengths differ. */
export const writeList = (sink: KeySink, list: readonly number[]): void => {
  sink.int(list.length);
  sink.ints(list);
};

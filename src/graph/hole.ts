/** What to say about a node that cannot be evaluated: a placeholder, or an array that was disposed of. */
import { ArgumentError, type CotangentError, DeviceError, TransformError } from "../core/errors.js";
import type { Node } from "./node.js";

/** Marks (as `attrs`) the hole that a disposed array points to. */
export const disposed: unique symbol = Symbol("disposed");

/** Marks the hole that is left of a value whose memory an evaluation took over. */
export const overwritten: unique symbol = Symbol("overwritten");

/** True for a node that has neither data nor a way to compute it. */
export const isHole = (n: Node): boolean => n.prim === null && n.data === null;

/** The error for evaluating a hole, or something that depends on one. */
export const holeError = (op: string, n: Node): CotangentError => {
  const what = `${n.dtype.name}[${n.shape.join(", ")}]`;
  if (n.attrs === disposed) {
    return new ArgumentError(
      `[${op}] expected an array that is alive, got one of type ${what} that was disposed: dispose it after its last use`,
    );
  }
  if (n.attrs === overwritten) {
    return new DeviceError(
      `[${op}] expected an array of type ${what} that is still there, got one that an evaluation had begun to overwrite ` +
        "when it failed: start again from a copy",
    );
  }
  return new TransformError(
    `[${op}] expected an array with a value, got a placeholder of type ${what} of vmap, compile or a loop: ` +
      "do not read values inside those transforms, and return results instead of storing them outside",
  );
};

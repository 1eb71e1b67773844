/** Which transforms are running, and which evaluated values have to keep their graph until those end. */
import { TransformError } from "../core/errors.js";
import { detach, type Node } from "./node.js";

/** One running transform. Ids grow, so an outer trace has a smaller id than the traces inside it. */
interface Frame {
  readonly id: number;
  /** Values computed while it ran that depend on it: they lose their graph when it ends. */
  readonly kept: Node[];
}

let counter = 0;
const frames: Frame[] = [];

const frameOf = (traceId: number): Frame | null => {
  for (let i = frames.length - 1; i >= 0; i--) {
    const f = frames[i];
    if (f !== undefined && f.id === traceId) return f;
  }
  return null;
};

/** Whether any transform is running. */
export const isTracing = (): boolean => frames.length > 0;

/** The id of the trace a value belongs to, 0 once that trace has ended. */
export const activeTrace = (n: Node): number => {
  if (n.trace === 0 || frameOf(n.trace) !== null) return n.trace;
  // What a trace's values depended on besides were inner traces, which ended before it.
  if (n.prim !== null) n.trace = 0;
  return 0;
};

/**
 * To be called for every node that received data: cuts it off its graph, unless a running transform may still have to
 * differentiate through it; then that happens when the transform ends.
 */
export const keepOrDetach = (n: Node): void => {
  const frame = n.trace === 0 ? null : frameOf(n.trace);
  if (frame === null) detach(n);
  else frame.kept.push(n);
};

/** Runs `body` as a new innermost trace and gives it the trace's id. A trace belongs to one synchronous call. */
export const withTrace = <T>(body: (traceId: number) => T): T => {
  const frame: Frame = { id: ++counter, kept: [] };
  frames.push(frame);
  try {
    return body(frame.id);
  } finally {
    frames.pop();
    for (const n of frame.kept) detach(n);
  }
};

/** The id for a fresh handle on `n` inside trace `traceId`: an outer trace that `n` belongs to comes first. */
export const traceWithin = (n: Node, traceId: number): number => activeTrace(n) || traceId;

/**
 * Refuses the result of an asynchronous function: it would go on after its trace has ended.
 *
 * @throws TransformError
 */
export const rejectPromise = (op: string, result: unknown): void => {
  if (
    typeof result === "object" &&
    result !== null &&
    "then" in result &&
    typeof result.then === "function"
  ) {
    throw new TransformError(
      `[${op}] expected a function that returns its result, got one that returns a promise: ` +
        "make it synchronous, and await before or after the transform",
    );
  }
};

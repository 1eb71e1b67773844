/** The structure of a recorded graph as numbers: equal ones compute the same. */
import { isComplex, type Scalar } from "../core/guards.js";
import type { KeySink } from "./lowering.js";
import { type Node, outsOf } from "./node.js";
import type { Recorded } from "./recorded.js";

const known = new WeakMap<Recorded, readonly number[]>();

const wordsOf = ({ leaves, roots, order }: Recorded): readonly number[] => {
  const words: number[] = [leaves.length];
  const places = new Map<Node, number>();
  const floats = new Float64Array(1);
  const bits = new Int32Array(floats.buffer);
  const place = (n: Node): void => {
    places.set(n, places.size);
  };
  const int = (x: number): void => {
    words.push(x);
  };
  const text = (s: string): void => {
    words.push(s.length);
    for (let i = 0; i < s.length; i++) words.push(s.charCodeAt(i));
  };
  const sink: KeySink = {
    int,
    ints: (xs) => {
      int(xs.length);
      for (const x of xs) int(x);
    },
    text,
  };
  const type = ({ dtype, shape }: Node): void => {
    words.push(dtype.code, shape.length, ...shape);
  };
  const value = (v: Scalar): void => {
    if (isComplex(v)) {
      value(v.re);
      value(v.im);
    } else if (typeof v === "number") {
      floats[0] = v;
      words.push(bits[0] ?? 0, bits[1] ?? 0);
    } else text(`${typeof v} ${v}`);
  };
  for (const n of leaves) {
    type(n);
    place(n);
  }
  for (const n of order) {
    const { prim } = n;
    if (prim === null || places.has(n)) continue;
    words.push(prim.code, n.ins.length);
    for (const x of n.ins) words.push(places.get(x) ?? -1);
    for (const out of outsOf(n)) {
      type(out);
      place(out);
    }
    prim.key?.(n.attrs, sink);
    // Inside of loops and branches constants are part of the plan.
    if (prim.lower?.kind === "constant") value(prim.lower.value(n.attrs));
  }
  words.push(roots.length);
  for (const n of roots) words.push(places.get(n) ?? -1);
  return words;
};

/** Writes the structure of a recorded graph. */
export const writeStructure = (record: Recorded, sink: KeySink): void => {
  let words = known.get(record);
  if (words === undefined) {
    words = wordsOf(record);
    known.set(record, words);
  }
  sink.ints(words);
};

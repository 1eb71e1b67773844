/** Collects what has to be computed for some nodes, and the structural key under which a plan for it is cached. */
import { holeError } from "../graph/hole.js";
import type { KeySink } from "../graph/lowering.js";
import type { Node } from "../graph/node.js";
import { nextEpoch, noNodes, outsOf } from "../graph/node.js";
import type { Recorded } from "../graph/recorded.js";

/** Applications in topological order, the evaluated nodes they start from, and the requested nodes. */
export interface Pending {
  readonly order: readonly Node[];
  readonly leaves: readonly Node[];
  readonly roots: readonly Node[];
  /** Equal words mean that one plan serves both; `hash` is a hash of them. */
  readonly words: Int32Array;
  readonly hash: number;
  /** Calls of large recorded graphs in `order`, operands before users: evaluated by plans of their own before the rest. */
  readonly calls: readonly Node[];
  /** The graph that a plan is made of, where it is not `order` between these leaves and roots: that of a call. */
  readonly template: Pick<Pending, "leaves" | "roots"> | null;
}

/** Recorded graphs up to this many applications become part of the plan around them and fuse with it. */
const inlined = 32;

/** The recorded graph that `n` is the call of, unless a result of that call has been computed already. */
const callOf = (n: Node): Recorded | null => {
  const record = n.prim?.record?.(n.attrs);
  return record !== undefined && outsOf(n).every((o) => o.data === null) ? record : null;
};

/** Whether `n` is the result of a recorded call whose operands are there. */
export const isReadyCall = (n: Node): boolean =>
  n.data === null && callOf(n) !== null && n.ins.every((x) => x.data !== null);

/** The whole recorded call that `n` is a result of; nothing of its graph is walked. */
export const pendingCall = (n: Node): Pending | null => {
  const record = callOf(n);
  if (record === null) return null;
  return {
    order: record.order,
    leaves: n.ins,
    roots: outsOf(n),
    words: Int32Array.of(-3, record.id),
    hash: Math.imul(record.id, 0x9e3779b1) | 0,
    calls: noNodes,
    template: record,
  };
};

let buffer = new Int32Array(1024);
let length = 0;
const floatBits = new Float64Array(1);
const intBits = new Int32Array(floatBits.buffer);

const push = (x: number): void => {
  if (length === buffer.length) {
    const larger = new Int32Array(buffer.length * 2);
    larger.set(buffer);
    buffer = larger;
  }
  buffer[length++] = x;
};

const sink: KeySink = {
  int(x) {
    if (x === (x | 0)) push(x);
    else {
      floatBits[0] = x;
      push(0x7fffffff);
      push(intBits[0] ?? 0);
      push(intBits[1] ?? 0);
    }
  },
  ints(xs) {
    push(xs.length);
    for (const x of xs) sink.int(x);
  },
  text(s) {
    push(s.length);
    for (let i = 0; i < s.length; i++) push(s.charCodeAt(i));
  },
};

const write = (n: Node): void => {
  const prim = n.prim;
  push(prim === null ? 0 : prim.code);
  push(n.dtype.code | (n.index << 8));
  push(n.shape.length);
  for (const d of n.shape) push(d);
  if (prim === null) return;
  push(n.ins.length);
  for (const x of n.ins) push(x.slot);
  // The value of a constant is an argument of the kernels, so plans do not depend on it.
  if (prim.lower?.kind !== "constant") prim.key?.(n.attrs, sink);
};

/** Walks from `roots`, none of which has data, down to evaluated nodes. Throws on placeholders. */
export const collect = (roots: readonly Node[]): Pending => {
  const epoch = nextEpoch();
  const order: Node[] = [];
  const leaves: Node[] = [];
  const calls: Node[] = [];
  const stack: Node[] = [];
  length = 0;
  let place = 0;
  const enter = (n: Node): void => {
    n.mark = epoch;
    n.slot = -1;
    stack.push(n);
  };
  for (const root of roots) {
    if (root.mark !== epoch) enter(root);
    for (let n = stack.at(-1); n !== undefined; n = stack.at(-1)) {
      if (n.slot >= 0) {
        stack.pop();
        continue;
      }
      if (n.data !== null) {
        leaves.push(n);
      } else {
        if (n.prim === null) throw holeError("eval", n);
        let waiting = false;
        for (let i = n.ins.length - 1; i >= 0; i--) {
          const x = n.ins[i];
          if (x === undefined || (x.mark === epoch && x.slot >= 0)) continue;
          enter(x);
          waiting = true;
        }
        if (waiting) continue;
        order.push(n);
        const called = callOf(n);
        if (called !== null && (called.alone === true || called.order.length > inlined))
          calls.push(n);
      }
      n.slot = place++;
      if (n.data !== null) {
        push(-1);
        push(n.dtype.code);
        push(n.shape.length);
        for (const d of n.shape) push(d);
      } else write(n);
      stack.pop();
    }
  }
  push(-2);
  for (const root of roots) push(root.slot);
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (buffer[i] ?? 0), 0x01000193);
  return { order, leaves, roots, words: buffer.slice(0, length), hash, calls, template: null };
};

/** Whether the words of `p` are exactly `words`. */
export const sameWords = (p: Pending, words: Int32Array): boolean => {
  if (p.words.length !== words.length) return false;
  for (let i = 0; i < words.length; i++) if (p.words[i] !== words[i]) return false;
  return true;
};

/** A recorded function call with rules of its own: what custom functions and checkpoints put into the graph. */
import { bindAll } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import { define, type Primitive, type Tangents } from "../graph/primitive.js";

/**
 * The operands of a call are its arguments and then its results, as the function itself computed them; the call passes
 * the latter on. So values, and every rule that is not given here, are those of the function.
 */
export interface CallAttrs {
  /** Number of arguments. */
  readonly args: number;
  /** Cotangents of the arguments; null to differentiate through the function. */
  readonly pull: ((cts: Tangents, args: readonly Node[], outs: readonly Node[]) => Tangents) | null;
  /** Tangents of the results; null to differentiate through the function. */
  readonly jvp: ((ts: Tangents, args: readonly Node[], outs: readonly Node[]) => Tangents) | null;
  /** The results with a mapped axis at 0; null to map the function. */
  readonly batch:
    | ((args: readonly Node[], mapped: readonly boolean[], size: number) => readonly Node[])
    | null;
  /** Set where the rules are those of the function, done again: leaving the call out changes no derivative. */
  readonly repeats?: true;
  /** The same rules on arguments with one more leading axis. */
  readonly lift: (size: number) => CallAttrs;
}

export const callP: Primitive<CallAttrs> = define<CallAttrs>({
  name: "call",
  rule: {
    family: "composite",
    decompose: (ins, attrs) => ins.slice(attrs.args),
    jvp(ts, { ins, outs, attrs }) {
      if (attrs.jvp === null) return ts.slice(attrs.args);
      return attrs.jvp(ts.slice(0, attrs.args), ins.slice(0, attrs.args), outs);
    },
    reverse: {
      why: "control",
      pull(cts, { ins, outs, attrs }) {
        const args = ins.slice(0, attrs.args);
        if (attrs.pull === null) return [...args.map(() => null), ...cts];
        return [...attrs.pull(cts, args, outs), ...outs.map(() => null)];
      },
    },
  },
  infer: (ins, attrs) => ins.slice(attrs.args),
  lift: (attrs, size) => attrs.lift(size),
  batch(ins, mapped, size, attrs) {
    if (attrs.batch === null || !mapped.slice(0, attrs.args).includes(true)) return null;
    return attrs.batch(ins.slice(0, attrs.args), mapped.slice(0, attrs.args), size);
  },
  lower: { kind: "alias", input: (attrs, out) => attrs.args + out },
  key: (attrs, sink) => sink.int(attrs.args),
});

/** Results of a call of `args` that computed `outs`. */
export const call = (
  args: readonly Node[],
  outs: readonly Node[],
  attrs: CallAttrs,
): readonly Node[] => (outs.length === 0 ? [] : bindAll(callP, [...args, ...outs], attrs));

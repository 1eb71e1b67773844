/** A call of a recorded graph: what compiled functions put into the graph. */
import type { Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import type { Recorded } from "../graph/recorded.js";

export interface CompiledAttrs {
  readonly record: Recorded;
  /** The results for operands in place of the leaves, as nodes of their own. */
  readonly substitute: (ins: readonly Node[]) => readonly Node[];
  /** The same graph with one more leading axis on everything. */
  readonly lift: (size: number) => CompiledAttrs;
}

/** Its rules are those of the recorded graph. */
export const compiledP: Primitive<CompiledAttrs> = define<CompiledAttrs>({
  name: "compiled",
  rule: { family: "composite", decompose: (ins, attrs) => attrs.substitute(ins) },
  infer: (_ins, attrs) => attrs.record.roots,
  lift: (attrs, size) => attrs.lift(size),
  lower: null,
  record: (attrs) => attrs.record,
  key: (attrs, sink) => sink.int(attrs.record.id),
});

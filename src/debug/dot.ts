/** Pictures of graphs: what arrays will be computed from, in Graphviz's DOT language. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, type Scalar } from "../core/guards.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { isHole } from "../graph/hole.js";
import { type Node, outsOf } from "../graph/node.js";
import { strictLeaves } from "../graph/tree.js";
import { writeAtomically } from "../io/files.js";

/** Where text can be written to, piece by piece. */
export interface TextSink {
  write(text: string): unknown;
}

/** Arrays by the names they have in the picture. */
export type NodeNames = Readonly<Record<string, NDArray>>;

const op = "exportToDot";

const isSink = (x: unknown): x is TextSink =>
  typeof x === "object" && x !== null && "write" in x && typeof x.write === "function";

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;

const typeOf = (n: Node): string => `${n.dtype.name} [${n.shape.join(", ")}]`;

/** All nodes the roots are made from, inputs before what uses them; results of one application are neighbours. */
const inOrder = (roots: readonly Node[]): Node[] => {
  const found = new Set<Node>();
  const stack = [...roots];
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (found.has(n)) continue;
    found.add(n);
    stack.push(...n.ins);
  }
  return [...found].sort((a, b) => a.id - b.id);
};

/** The box an array is drawn in: all results of one application share that of the first. */
const boxOf = (n: Node): Node => outsOf(n)[0] ?? n;

const show = (value: Scalar): string =>
  typeof value === "object" ? `${value.re} + ${value.im}i` : String(value);

const kindOf = (n: Node): string => {
  if (n.prim !== null) {
    const { name, lower } = n.prim;
    return lower?.kind === "constant" ? `${name} ${show(lower.value(n.attrs))}` : name;
  }
  return isHole(n) ? "placeholder" : "data";
};

function* lines(roots: readonly Node[], names: ReadonlyMap<Node, string>): Generator<string> {
  yield "digraph {";
  yield '  node [fontname="Helvetica", fontsize=11];';
  yield '  edge [fontname="Helvetica", fontsize=9, arrowsize=0.7];';
  const nodes = inOrder(roots);
  const drawn = new Map<Node, string>();
  const wanted = new Set(roots);
  for (const n of nodes) {
    const box = boxOf(n);
    if (drawn.has(box)) continue;
    const id = `n${drawn.size}`;
    drawn.set(box, id);
    const outs = outsOf(box);
    const title = outs.flatMap((out) => names.get(out) ?? []).join(", ");
    const label = [
      title === "" ? kindOf(box) : `${title} = ${kindOf(box)}`,
      ...new Set(outs.map(typeOf)),
    ].join("\n");
    const leaf = box.prim === null;
    const asked = outs.some((out) => wanted.has(out));
    const look = leaf
      ? 'shape=ellipse, style=filled, fillcolor="#eef3f8"'
      : `shape=box, style="rounded${asked ? ",bold" : ""}"`;
    yield `  ${id} [label=${quote(label)}, ${look}];`;
  }
  const edges = new Set<Node>();
  for (const n of nodes) {
    const box = boxOf(n);
    if (edges.has(box)) continue;
    edges.add(box);
    for (const input of box.ins) {
      const from = outsOf(input).length > 1 ? ` [label=${quote(String(input.index))}]` : "";
      yield `  ${drawn.get(boxOf(input))} -> ${drawn.get(box)}${from};`;
    }
  }
  yield "}";
}

/**
 * Writes the graph that arrays are computed from, in Graphviz's DOT language: a box per application of a primitive, with
 * the shape and dtype of its result, an ellipse per array that is there. What has been evaluated has no graph any more, so
 * draw before evaluating.
 *
 * @param file the path of a file, which is replaced in one step, or an object with a method `write(text)`
 * @param args the arrays, also in lists; a plain object as last argument gives names: `{ x, y }`
 * @throws ArgumentError when there are no arrays, and where the file cannot be written
 * @example
 * const x = mx.array([1, 2]);
 * const y = mx.sin(x).multiply(x);
 * let dot = "";
 * mx.exportToDot({ write: (text: string) => { dot += text; } }, y, { x, y });
 * dot.startsWith("digraph"); // true
 * @see mlx.core.export_to_dot
 */
export const exportToDot = (
  file: string | TextSink,
  ...args: readonly (NDArray | readonly NDArray[] | NodeNames)[]
): void => {
  const last = args.at(-1);
  const given: unknown = isPlainObject(last) ? last : {};
  const outputs = isPlainObject(last) ? args.slice(0, -1) : args;
  const roots = strictLeaves(op, "arrays", outputs, isNDArray).map((a) => a.node);
  if (roots.length === 0) {
    throw new ArgumentError(
      `[${op}] expected at least one array to draw, got none: pass the arrays after the file`,
    );
  }
  const names = new Map<Node, string>();
  for (const [name, a] of Object.entries(isPlainObject(given) ? given : {})) {
    if (!isNDArray(a)) {
      throw new ArgumentError(
        `[${op}] expected an array under ${JSON.stringify(name)}, got ${describe(a)}: the last argument names arrays`,
      );
    }
    names.set(a.node, name);
  }
  const text = [...lines(roots, names), ""].join("\n");
  if (typeof file === "string") writeAtomically(op, file, [new TextEncoder().encode(text)]);
  else if (isSink(file)) file.write(text);
  else {
    throw new ArgumentError(
      `[${op}] expected a path or an object with write(text), got ${describe(file)}: pass "graph.dot"`,
    );
  }
};

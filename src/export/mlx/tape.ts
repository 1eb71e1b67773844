/** Reads functions that MLX exports: each is a tape of primitives, which are done here by operations that mean the same. */
import { CotangentError, FormatError } from "../../core/errors.js";
import { NDArray } from "../../graph/array.js";
import { bindAll } from "../../graph/bind.js";
import { type Aval, Node, noNodes, type Shape, sameShape, sizeOf, use } from "../../graph/node.js";
import type { ByteSource } from "../../io/source.js";
import { type CompiledAttrs, cast, compiledP } from "../../primitives/index.js";
import { hole } from "../../transforms/leaves.js";
import { record } from "../../transforms/record.js";
import { simplify } from "../../transforms/simplify.js";
import { byShapes, type StoredFunction } from "../imported.js";
import type { FileContents } from "../read-file.js";
import { Cursor } from "./cursor.js";
import { elementwise } from "./elementwise.js";
import type { Application, MlxPrimitive } from "./primitive.js";
import { products } from "./products.js";
import { shapes } from "./shapes.js";
import { sums } from "./sums.js";

const op = "importFunction";

const primitives: ReadonlyMap<string, MlxPrimitive> = new Map(
  [elementwise, shapes, sums, products].flatMap((table) => Object.entries(table)),
);

type Id = bigint;

/** One application on the tape. */
interface Step {
  readonly name: string;
  readonly offset: number;
  readonly apply: Application;
  readonly ins: readonly Id[];
  readonly outs: readonly Id[];
  readonly types: readonly Aval[];
}

interface Tape {
  readonly keywords: readonly string[];
  readonly inputs: readonly Id[];
  readonly types: readonly Aval[];
  readonly outputs: readonly Id[];
  readonly steps: readonly Step[];
  /** The constants that the tape takes up. */
  readonly constants: ReadonlyMap<Id, Node>;
}

const typeText = ({ dtype, shape }: Aval): string => `${dtype.name}[${shape.join(", ")}]`;

/** A constant whose bytes are read when needed. */
const readConstant = (c: Cursor): Node => {
  const { shape, dtype } = c.type("a constant");
  const length = sizeOf(shape) * dtype.size;
  const from = c.at;
  c.skip(length, `the ${length} bytes of a constant`);
  const node = new Node(null, noNodes, undefined, shape, dtype, 0);
  node.data = c.source.storage(op, from, length);
  return node;
};

const readStep = (c: Cursor, id: Id): Step => {
  const ins = c.list("operands", 8, () => c.id("an operand"));
  for (const field of ["the stream", "the device", "the device's number"]) c.int(field);
  const offset = c.at;
  const name = c.text("the name of a primitive");
  const read = primitives.get(name);
  if (read === undefined) {
    throw new FormatError(
      `[${op}] expected primitives that exist here, got ${JSON.stringify(name.slice(0, 60))} at offset ${offset} of ${c.source.name}: export the function without it`,
    );
  }
  const apply = read(c, name);
  const siblings = c.count("a number of results");
  if (siblings === 0) {
    return { name, offset, apply, ins, outs: [id], types: [c.type("a result")] };
  }
  const outs = c.list("results", 8, () => c.id("a result"));
  const forms = c.list("shapes of results", 8, () => c.shape("a shape"));
  const types = c
    .list("dtypes of results", 5, () => c.dtype("a dtype"))
    .map((dtype, i): Aval => ({ dtype, shape: forms[i] ?? [] }));
  if (types.length !== outs.length || forms.length !== outs.length || !outs.includes(id))
    throw c.fail(`as many shapes and dtypes as results of ${name}`, "others");
  return { name, offset, apply, ins, outs, types };
};

/** One function; `constants` are those of the functions before it. */
const readTape = (c: Cursor, constants: Map<Id, Node>): Tape => {
  const keywords = c.list("keywords", 8, () => c.text("a keyword"));
  const inputs = c.list("inputs", 8, () => c.id("an input"));
  const types = c.list("types of inputs", 13, () => c.type("an input"));
  if (types.length !== inputs.length || keywords.length > inputs.length)
    throw c.fail("as many types as inputs", `${types.length} for ${inputs.length}`);
  if (new Set(inputs).size !== inputs.length || new Set(keywords).size !== keywords.length)
    throw c.fail("inputs and keywords that differ", "one twice");
  const outputs = c.list("outputs", 8, () => c.id("an output"));
  const steps: Step[] = [];
  const taken = new Map<Id, Node>();
  const known = new Set(inputs);
  // 9 bytes: an id, and whether it is a primitive.
  c.list("applications", 9, () => {
    const id = c.id("a value");
    if (c.flag("whether it is a primitive")) {
      const step = readStep(c, id);
      for (const x of step.ins)
        if (!known.has(x)) throw c.fail(`operands of ${step.name} that come before it`, "others");
      for (const out of step.outs) known.add(out);
      steps.push(step);
    } else if (c.flag("whether it is a constant")) {
      const constant = constants.get(id) ?? readConstant(c);
      constants.set(id, constant);
      taken.set(id, constant);
      known.add(id);
    } else if (!known.has(id)) throw c.fail("an input of the function", "another value");
  });
  if (!outputs.every((id) => known.has(id))) throw c.fail("outputs that were computed", "others");
  return { keywords, inputs, types, outputs, steps, constants: taken };
};

/** A graph, and the values behind those of its inputs. */
interface Played {
  readonly attrs: CompiledAttrs;
  readonly captured: readonly Node[];
}

/** The graph of a tape for inputs of `given` shapes, which are those of the file when it is `fixed`. */
const play = (tape: Tape, given: readonly Shape[], fixed: boolean, file: string): Played => {
  const values = new Map<Id, Node>();
  const leaves: Node[] = [];
  const leaf = (id: Id, { dtype }: Aval, shape: Shape): void => {
    const n = hole({ shape, dtype });
    leaves.push(n);
    values.set(id, n);
  };
  for (const [i, id] of tape.inputs.entries()) {
    const type = tape.types[i];
    if (type !== undefined) leaf(id, type, given[i] ?? type.shape);
  }
  for (const [id, constant] of tape.constants) leaf(id, constant, constant.shape);
  for (const { name, offset, apply, ins, outs, types } of tape.steps) {
    const fail = (why: string): FormatError =>
      new FormatError(
        `[${op}] expected a possible ${name} at offset ${offset} of ${file}, got ${why}: the file is corrupt, or not one that MLX 0.32 exports`,
      );
    const operands = ins.map((id) => {
      const n = values.get(id);
      if (n === undefined) throw fail("an unknown operand");
      return new NDArray(n);
    });
    let found: readonly NDArray[];
    try {
      const result = apply(operands, { outs: types, fixed });
      found = result instanceof NDArray ? [result] : result;
    } catch (e) {
      throw fail(e instanceof Error ? e.message : String(e));
    }
    for (const [i, id] of outs.entries()) {
      const type = types[i];
      const n = found[i]?.node;
      if (type === undefined || n === undefined) throw fail(`${found.length} results`);
      const result = cast(n, type.dtype);
      if (fixed && !sameShape(result.shape, type.shape))
        throw fail(`a result of type ${typeText(result)} where the file says ${typeText(type)}`);
      if (!values.has(id)) values.set(id, result);
    }
  }
  const outs = tape.outputs.map((id) => values.get(id)).filter((n) => n !== undefined);
  const graph = simplify(leaves, outs);
  const captured = [...tape.constants.values(), ...graph.captured];
  // Later calls need them.
  use(captured);
  return { attrs: record(graph.leaves, graph.roots), captured };
};

const storedFunction = (tape: Tape, shapeless: boolean, file: string): StoredFunction => {
  const own = tape.types.map((t) => t.shape);
  const exported = play(tape, own, true, file);
  const playedFor = byShapes((given): Played | null => {
    if (given.every((s, i) => sameShape(s, own[i] ?? []))) return exported;
    try {
      return play(tape, given, false, file);
    } catch (e) {
      if (e instanceof CotangentError) return null;
      throw e;
    }
  });
  return {
    positional: tape.inputs.length - tape.keywords.length,
    keywords: tape.keywords,
    inputs: tape.types,
    apply(given) {
      if (tape.outputs.length === 0) return [];
      const played = shapeless ? playedFor(given) : exported;
      if (played === null) return null;
      return bindAll(compiledP, [...given, ...played.captured], played.attrs);
    },
  };
};

/** The whole file, with a text behind its header or, before MLX 0.32, without. */
const readAll = (c: Cursor, withText: boolean): FileContents & { readonly tapes: Tape[] } => {
  const version = c.text("MLX's version");
  if (!/^\d+\.\d+/.test(version)) throw c.fail("MLX's version", "something else", 8);
  const count = c.int("the number of functions");
  if (count < 0) throw c.fail("a number of functions from 0", `${count}`, c.at - 4);
  const shapeless = c.flag("whether it is shapeless");
  const metadata = withText ? c.text("the metadata") : "";
  const constants = new Map<Id, Node>();
  const tapes: Tape[] = [];
  for (let i = 0; i < count; i++) tapes.push(readTape(c, constants));
  if (c.at !== c.source.size) throw c.fail("the end of the file", "more bytes");
  return { functions: [], shapeless, metadata, tapes };
};

/**
 * All functions of a file of MLX's format.
 *
 * @throws FormatError naming file, offset and cause, or the primitive that is not there
 */
export const readMlxFormat = (source: ByteSource): FileContents => {
  const file = source.name;
  let first: unknown = null;
  let furthest = -1;
  for (const withText of [true, false]) {
    const cursor = new Cursor(source);
    try {
      const { tapes, shapeless, metadata } = readAll(cursor, withText);
      return {
        functions: tapes.map((tape) => storedFunction(tape, shapeless, file)),
        shapeless,
        metadata,
      };
    } catch (e) {
      // Of two ways to read it, the one that got further says what is wrong.
      if (cursor.at <= furthest) continue;
      furthest = cursor.at;
      first = e;
    }
  }
  throw first;
};

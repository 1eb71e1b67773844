/** A function from its JSON: every application is checked by its primitive before it is made. */
import { isPlainObject } from "../core/guards.js";
import { bindAll } from "../graph/bind.js";
import { type Aval, type Node, sameShape, use } from "../graph/node.js";
import type { AnyPrimitive } from "../graph/primitive.js";
import { type CompiledAttrs, compiledP, primitives } from "../primitives/index.js";
import { hole } from "../transforms/leaves.js";
import { record } from "../transforms/record.js";
import { reshaped } from "../transforms/reshaped.js";
import type { Count } from "../transforms/simplify.js";
import { dtypeNamed, isCount, isShape, readAttributes } from "./attributes.js";
import { byShapes, type StoredFunction } from "./imported.js";

/** Says what is wrong with a file: what was expected of it, and the value that is there or what became of it. */
export type Refuse = (expected: string, got: unknown, because?: string) => Error;

const byName: ReadonlyMap<unknown, AnyPrimitive> = new Map(
  primitives.map((prim) => [prim.name, prim]),
);

/** A type, or null for anything else. */
export const readType = (x: unknown): Aval | null => {
  if (!isPlainObject(x)) return null;
  const dtype = dtypeNamed(x.dtype);
  return dtype === undefined || !isShape(x.shape) ? null : { dtype, shape: x.shape };
};

const isCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every(isCount);
const isStrings = (x: unknown): x is string[] =>
  Array.isArray(x) && x.every((s) => typeof s === "string");

const sameType = (a: Aval, b: Aval): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

const typeText = ({ dtype, shape }: Aval): string => `${dtype.name}[${shape.join(", ")}]`;

/** What a composite is made of has to be possible too. */
const decompose = (prim: AnyPrimitive, ins: readonly Node[], attrs: unknown): void => {
  if (prim.rule.family === "composite") prim.rule.decompose(ins, attrs);
  if (prim.lower?.kind === "composition") prim.lower.decompose(ins, attrs);
};

/** The results of one application. */
const readApplication = (
  x: unknown,
  i: number,
  values: readonly Node[],
  refuse: Refuse,
): readonly Node[] => {
  const what = `application ${i}`;
  if (!isPlainObject(x)) throw refuse(`an object as ${what}`, x);
  const prim = byName.get(x.primitive);
  if (prim === undefined || prim === compiledP)
    throw refuse(`a known primitive in ${what}`, x.primitive);
  const { operands, results } = x;
  if (!isCounts(operands) || !operands.every((k) => k < values.length))
    throw refuse(`numbers of values before it as operands of ${what}`, operands);
  const ins = operands.map((k) => values[k]).filter((n) => n !== undefined);
  const read = readAttributes(prim, x.attributes, ins);
  if ("wrong" in read) throw refuse(`${read.wrong} in ${what}, ${prim.name}`, x.attributes);
  let outs: readonly Node[];
  try {
    outs = bindAll(prim, ins, read.attrs);
    decompose(prim, ins, read.attrs);
  } catch (e) {
    const because = e instanceof Error ? e.message : String(e);
    throw refuse(`a possible ${what}, ${prim.name}`, x.attributes, because);
  }
  if (!Array.isArray(results) || results.length !== outs.length)
    throw refuse(`${outs.length} results of ${what}, ${prim.name}`, results);
  for (const [k, out] of outs.entries()) {
    const said = readType(results[k]);
    if (said === null || !sameType(said, out)) {
      const got = said === null ? results[k] : typeText(said);
      throw refuse(`${typeText(out)} as result ${k} of ${what}, ${prim.name}`, got);
    }
  }
  return outs;
};

const readCounts = (
  x: unknown,
  values: readonly Node[],
  refuse: Refuse,
): ReadonlyMap<Node, Count> => {
  const counts = new Map<Node, Count>();
  if (!Array.isArray(x)) throw refuse("a list of counts", x);
  for (const [i, given] of x.entries()) {
    const what = `count ${i}`;
    if (!isPlainObject(given)) throw refuse(`an object as ${what}`, given);
    const { constant, of: number, axes, less, reciprocal } = given;
    const n = isCount(constant) ? values[constant] : undefined;
    if (n?.prim?.name !== "constant") throw refuse(`a constant in ${what}`, constant);
    const of = isCount(number) ? values[number] : null;
    if (of === undefined || (of === null && number !== null))
      throw refuse(`a value or null in ${what}`, number);
    if (!isCounts(axes) || !axes.every((d) => of === null || d < of.shape.length))
      throw refuse(`axes in ${what}`, axes);
    if (typeof less !== "number" || !Number.isFinite(less))
      throw refuse(`a number to subtract in ${what}`, less);
    if (typeof reciprocal !== "boolean") throw refuse(`true or false in ${what}`, reciprocal);
    counts.set(n, { of, axes, less, reciprocal });
  }
  return counts;
};

/**
 * One function of a file.
 *
 * @param constants all constants of the file
 * @throws what `refuse` makes for anything that is not as it should be
 */
export const readFunction = (
  x: unknown,
  constants: readonly Node[],
  shapeless: boolean,
  refuse: Refuse,
): StoredFunction => {
  if (!isPlainObject(x)) throw refuse("an object as a function", x);
  const { positional, keywords, inputs, applications, outputs } = x;
  if (!isCount(positional)) throw refuse("a number of positional inputs", positional);
  if (!isStrings(keywords) || new Set(keywords).size !== keywords.length)
    throw refuse("different names as keywords", keywords);
  if (!Array.isArray(inputs) || inputs.length !== positional + keywords.length)
    throw refuse(`${positional + keywords.length} inputs`, inputs);
  const types = inputs.map((t: unknown) => {
    const type = readType(t);
    if (type === null) throw refuse("a dtype and a shape of each input", t);
    return type;
  });
  if (!isCounts(x.constants)) throw refuse("numbers of constants", x.constants);
  const captured = x.constants.map((k) => {
    const n = constants[k];
    if (n === undefined) throw refuse(`constants below ${constants.length}`, k);
    return n;
  });
  const leaves = [...types, ...captured].map((t) => hole({ shape: t.shape, dtype: t.dtype }));
  const values: Node[] = [...leaves];
  if (!Array.isArray(applications)) throw refuse("a list of applications", applications);
  for (const [i, a] of applications.entries()) {
    for (const out of readApplication(a, i, values, refuse)) values.push(out);
  }
  if (!isCounts(outputs) || !outputs.every((k) => k < values.length))
    throw refuse("numbers of values as outputs", outputs);
  const roots = outputs.map((k) => values[k]).filter((n) => n !== undefined);
  const counts = readCounts(x.counts, values, refuse);
  const attrs = record(leaves, roots);
  // Later calls need them.
  use(captured);
  const attrsFor = byShapes((shapes): CompiledAttrs | null =>
    shapes.every((s, i) => sameShape(s, types[i]?.shape ?? []))
      ? attrs
      : reshaped(attrs.record, counts, shapes),
  );
  return {
    positional,
    keywords,
    inputs: types,
    apply(given) {
      if (roots.length === 0) return [];
      const own = shapeless ? attrsFor(given) : attrs;
      return own === null ? null : bindAll(compiledP, [...given, ...captured], own);
    },
  };
};

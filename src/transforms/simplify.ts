/** Simplifies a traced graph: what does not depend on the arguments is computed once, equal applications are merged. */
import { DeviceError } from "../core/errors.js";
import { isComplex } from "../core/guards.js";
import { reader } from "../core/values.js";
import { evaluateNodes } from "../graph/array.js";
import { bind, bindAll } from "../graph/bind.js";
import { isHole } from "../graph/hole.js";
import type { KeySink } from "../graph/lowering.js";
import { type Node, noNodes, outsOf, sameShape } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import type { AnyPrimitive } from "../graph/primitive.js";
import {
  type ConstantValue,
  callP,
  constant,
  constantP,
  dependsP,
  type ElementCount,
  iotaP,
} from "../primitives/index.js";
import { hole, pick } from "./leaves.js";

/** A graph whose leaves are fresh holes: first those of the arguments, then one per value in `captured`. */
export interface Simplified {
  readonly leaves: readonly Node[];
  readonly roots: readonly Node[];
  readonly captured: readonly Node[];
  /** Constants that follow from lengths of axes; of null where the value they are counted in is not in the graph. */
  readonly counts: ReadonlyMap<Node, Count>;
}

export interface Count extends Omit<ElementCount, "of"> {
  readonly of: Node | null;
}

/** Applications that depend on one of `holes`, and results of those. */
export const dependents = (order: readonly Node[], holes: readonly Node[]): Set<Node> => {
  const found = new Set<Node>(holes);
  for (const n of order) if (n.ins.some((x) => found.has(x))) found.add(n);
  return found;
};

export const isView = (prim: AnyPrimitive): boolean =>
  prim.lower?.kind === "view" || prim.lower?.kind === "alias";

const isElementwise = (n: Node): boolean =>
  (n.prim?.lower?.kind === "scalar" || n.prim?.lower?.kind === "expression") &&
  n.ins.every((x) => sameShape(x.shape, n.shape));

/**
 * What readers compute for themselves at next to no cost: constants, positions, masks made of them. Anything else that
 * does not depend on arguments is computed when the function is traced.
 */
export const cheapNodes = (order: readonly Node[], dependent: ReadonlySet<Node>): Set<Node> => {
  const cheap = new Set<Node>();
  for (const n of order) {
    if (n.prim === null || dependent.has(n)) continue;
    const source = n.prim === constantP || n.prim === iotaP;
    if (source) cheap.add(n);
    else if ((isView(n.prim) || isElementwise(n)) && n.ins.every((x) => cheap.has(x))) cheap.add(n);
  }
  return cheap;
};

/** The value under views of it. */
const underViews = (n: Node): Node => {
  let x = n;
  while (x.data === null && x.prim !== null && isView(x.prim)) {
    const [inner] = x.ins;
    if (inner === undefined || x.prim === callP || x.prim === dependsP) return x;
    x = inner;
  }
  return x;
};

/** Computes everything dear that the dependent part of the graph, or a root, takes as it is. */
const computeInvariants = (
  order: readonly Node[],
  roots: readonly Node[],
  dependent: ReadonlySet<Node>,
): void => {
  const cheap = cheapNodes(order, dependent);
  const wanted = new Set<Node>();
  const want = (x: Node): void => {
    if (dependent.has(x) || cheap.has(x) || x.data !== null || isHole(x)) return;
    const inner = underViews(x);
    if (inner.data === null && !isHole(inner) && !cheap.has(inner)) wanted.add(inner);
  };
  for (const n of order) if (dependent.has(n)) for (const x of n.ins) want(x);
  for (const n of roots) want(n);
  if (wanted.size > 0) evaluateNodes("compile", [...wanted]);
};

/** Equals a constant everywhere: the same computation on one element, or null. */
const scalarForms = (order: readonly Node[], dependent: ReadonlySet<Node>): Map<Node, Node> => {
  const forms = new Map<Node, Node>();
  for (const n of order) {
    const { prim } = n;
    if (prim === null || dependent.has(n)) continue;
    if (prim === constantP) {
      const value = prim.lower?.kind === "constant" ? prim.lower.value(n.attrs) : 0;
      forms.set(n, constant(value, n.dtype));
      continue;
    }
    const ins = n.ins.map((x) => forms.get(x)).filter((x) => x !== undefined);
    if (ins.length !== n.ins.length || ins.length === 0) continue;
    if (isElementwise(n)) forms.set(n, bind(prim, ins, n.attrs));
    else if (prim.lower?.kind === "view" && prim.name !== "pad") forms.set(n, pick(ins, 0));
  }
  return forms;
};

/** Computations on constants alone, as constants. */
const foldConstants = (
  order: readonly Node[],
  roots: readonly Node[],
  dependent: ReadonlySet<Node>,
): Map<Node, Node> => {
  const folded = new Map<Node, Node>();
  const forms = scalarForms(order, dependent);
  const fold: [Node, Node][] = [];
  const used = new Set<Node>(roots);
  for (const n of order) if (dependent.has(n)) for (const x of n.ins) used.add(x);
  for (const n of used) {
    const form = forms.get(n);
    if (form !== undefined && n.prim !== constantP) fold.push([n, form]);
  }
  if (fold.length === 0) return folded;
  evaluateNodes(
    "compile",
    fold.map(([, form]) => form),
  );
  for (const [n, form] of fold) {
    try {
      if (form.data === null) continue;
      folded.set(n, constant(reader(form.dtype, form.data.read())(0), n.dtype, n.shape));
    } catch (e) {
      // A device that cannot be read synchronously: the computation stays.
      if (!(e instanceof DeviceError)) throw e;
    }
  }
  return folded;
};

const identities = new WeakMap<object, number>();
let identified = 0;
const identityOf = (x: unknown): number => {
  if (typeof x !== "object" || x === null) return 0;
  const known = identities.get(x) ?? ++identified;
  identities.set(x, known);
  return known;
};

const textOf = (v: ConstantValue): string =>
  isComplex(v) ? `${textOf(v.re)}i${textOf(v.im)}` : `${typeof v}${Object.is(v, -0) ? "-0" : v}`;

/** Equal texts mean that applications of equal operands are equal. */
export const applicationKey = (n: Node, prim: AnyPrimitive, ins: readonly Node[]): string => {
  const words: (number | string)[] = [prim.code, ins.length];
  for (const x of ins) words.push(x.id);
  for (const o of outsOf(n)) words.push(o.dtype.code, o.shape.length, ...o.shape);
  const sink: KeySink = {
    int: (x) => words.push(x),
    ints: (xs) => words.push(xs.length, ...xs),
    text: (s) => words.push(JSON.stringify(s)),
  };
  if (prim.lower?.kind === "constant") words.push(textOf(prim.lower.value(n.attrs)));
  // The attributes of a recorded call are functions, and such calls may be inside of loops.
  else if (prim === callP || prim.lower?.kind === "control") words.push(identityOf(n.attrs));
  else prim.key?.(n.attrs, sink);
  return words.join();
};

const countOf = (attrs: unknown): ElementCount | null => {
  // Only constants are asked.
  const given = attrs as { readonly count?: ElementCount };
  return given.count ?? null;
};

/** The values whose lengths are counted in the graph, as far as they are made of `holes` and known values. */
const countedIn = (roots: readonly Node[], holes: readonly Node[]): Node[] => {
  const found = new Set<Node>();
  for (let size = -1; size < found.size; ) {
    size = found.size;
    for (const n of applicationsOf([...roots, ...found])) {
      const of = n.prim === constantP ? countOf(n.attrs)?.of : undefined;
      if (of === undefined || found.has(of)) continue;
      const foreign = (x: Node): boolean => isHole(x) && !holes.includes(x);
      if (!foreign(of) && !applicationsOf([of]).some((m) => m.ins.some(foreign))) found.add(of);
    }
  }
  return [...found];
};

/**
 * The graph between `holes` and `roots` without what need not be computed at each call.
 *
 * @param anyShape keeps constants apart that may change with lengths of axes
 */
export const simplify = (
  holes: readonly Node[],
  roots: readonly Node[],
  anyShape: boolean = false,
): Simplified => {
  const wanted = anyShape ? [...roots, ...countedIn(roots, holes)] : roots;
  const traced = applicationsOf(wanted);
  const dependent = dependents(traced, holes);
  computeInvariants(traced, roots, dependent);
  const folded = anyShape ? new Map<Node, Node>() : foldConstants(traced, roots, dependent);

  const leaves = holes.map((h) => hole(h));
  const captured: Node[] = [];
  const now = new Map<Node, Node>();
  for (const [i, h] of holes.entries()) now.set(h, pick(leaves, i));
  const merged = new Map<string, readonly Node[]>();
  const share = (key: string, make: () => readonly Node[]): readonly Node[] => {
    const old = merged.get(key);
    if (old !== undefined) return old;
    const made = make();
    merged.set(key, made);
    return made;
  };
  const leafOf = (n: Node): Node => {
    const leaf = hole(n);
    leaves.push(leaf);
    captured.push(n);
    now.set(n, leaf);
    return leaf;
  };
  // Leaves come first: every application is younger than what it is made of.
  const order = applicationsOf(wanted);
  const needed = new Set<Node>();
  const need = (n: Node): void => {
    if (needed.has(n) || now.has(n)) return;
    if (n.prim === null || n.data !== null) leafOf(n);
    else needed.add(n);
  };
  for (const n of wanted) need(n);
  for (let i = order.length - 1; i >= 0; i--) {
    const n = pick(order, i);
    if (needed.has(n) && !folded.has(n)) for (const x of n.ins) need(x);
  }
  const resolve = (n: Node): Node => now.get(n) ?? n;
  const counted: [Node, ElementCount][] = [];
  for (const given of order) {
    if (!needed.has(given) || now.has(given)) continue;
    const n = folded.get(given) ?? given;
    const { prim } = n;
    if (prim === null) continue;
    const ins = n.ins.length === 0 ? noNodes : n.ins.map(resolve);
    const count = prim === constantP ? countOf(n.attrs) : null;
    const key = `${applicationKey(n, prim, ins)}/${count === null ? 0 : identityOf(count)}`;
    const made = share(key, () => bindAll(prim, ins, n.attrs));
    if (count !== null) counted.push([pick(made, 0), count]);
    for (const [i, o] of outsOf(given).entries()) now.set(o, pick(made, i));
  }
  const counts = new Map(
    counted.map(([n, count]) => [n, { ...count, of: now.get(count.of) ?? null }]),
  );
  return { leaves, roots: roots.map(resolve), captured, counts };
};

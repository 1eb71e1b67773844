/** Reverse mode of scans: a scan backwards, over the values that the forward scan is made to keep for it. */
import { isInexact } from "../../core/dtype.js";
import type { Node } from "../../graph/node.js";
import { applicationsOf } from "../../graph/order.js";
import type { Site, Tangents } from "../../graph/primitive.js";
import { add, cast, constantLike, zerosLike } from "../../primitives/index.js";
import { hole, pick } from "../leaves.js";
import { substitute } from "../replay.js";
import { reverse } from "../reverse.js";
import { dependents } from "../simplify.js";
import { walk } from "../walk.js";
import { copyOf } from "./closed.js";
import { productOf, sumOfProducts } from "./products.js";
import { savedFor } from "./saved.js";
import {
  listOf,
  makeScan,
  type Operands,
  operandsOf,
  type Results,
  resultsOf,
  type Scan,
  type ScanAttrs,
} from "./scan-graph.js";
import { supersede } from "./supersede.js";

/** Of each leaf whether the results change with what is `wanted`: carries do when they are made from others that do. */
const activeLeaves = (
  control: Scan,
  leaves: readonly Node[],
  roots: readonly Node[],
  wanted: (operand: number) => boolean,
): boolean[] => {
  const active = leaves.map((x, i) => isInexact(x.dtype) && wanted(i));
  for (let grew = true; grew; ) {
    grew = false;
    const slots = walk(
      roots,
      leaves.filter((_, i) => active[i] === true),
      false,
    ).roots;
    for (let k = 0; k < control.carries; k++) {
      const i = control.constants + k;
      if (active[i] === true || pick(slots, k) < 0 || !isInexact(pick(leaves, i).dtype)) continue;
      active[i] = true;
      grew = true;
    }
  }
  return active;
};

/** Cotangents of one round. */
interface Pulled {
  /** What comes in: for each root its cotangent, null for those that get none. */
  readonly given: readonly (Node | null)[];
  /** What goes out, for each leaf. */
  readonly made: readonly (Node | null)[];
}

/** The reverse pass of one round. A carry has a cotangent when its last value has one, or a later round gives it one. */
const pullRound = (
  control: Scan,
  leaves: readonly Node[],
  roots: readonly Node[],
  cts: Tangents,
  active: readonly boolean[],
): Pulled => {
  const { constants, carries } = control;
  const on = leaves.filter((_, i) => active[i] === true);
  const reached = walk(roots, on, false).roots;
  const has = roots.map(
    (r, i) => pick(reached, i) >= 0 && isInexact(r.dtype) && (cts[i] ?? null) !== null,
  );
  for (;;) {
    const given = roots.map((r, i) => (has[i] === true ? hole(r) : null));
    const found = reverse(roots, given, on);
    let next = 0;
    const made = leaves.map((_, i) => (active[i] === true ? (found[next++] ?? null) : null));
    let grew = false;
    for (let k = 0; k < carries; k++) {
      if (has[k] === true || pick(made, constants + k) === null) continue;
      has[k] = true;
      grew = true;
    }
    if (!grew) return { given, made };
  }
};

/** Cotangents of the operands of a scan. */
export const pullScan = (
  cts: Tangents,
  { ins, outs, attrs: { control, rules } }: Site<ScanAttrs>,
  wanted: (operand: number) => boolean,
): Tangents => {
  const { leaves, roots } = copyOf(control.body);
  const active = activeLeaves(control, leaves, roots, wanted);
  const { given, made } = pullRound(control, leaves, roots, cts, active);
  const of = operandsOf(control, leaves);
  const pulled = operandsOf(control, made);
  const values = operandsOf(control, ins);
  const arriving = resultsOf(control, given);
  const cotangents = resultsOf(
    control,
    roots.map((_, i) => cts[i] ?? null),
  );

  const wholes = made.filter((g) => g !== null);
  if (wholes.length === 0) return [];
  const unknown = given.filter((g) => g !== null);
  const order = applicationsOf(wholes);
  const moving = dependents(order, [...of.carries, ...of.slices]);
  const fixed = dependents(order, of.constants);
  const still = (n: Node): boolean => fixed.has(n) && !moving.has(n);
  const saved = savedFor(wholes, unknown, (n) => of.slices.includes(n), still).filter(
    (n) => !of.slices.includes(n) && !of.constants.includes(n),
  );
  const once = saved.filter(still);
  const each = saved.filter((n) => !still(n));

  const kept = keep(control, rules, leaves, roots, values, outs, each);
  const onceValues = substitute(once, of.constants, values.constants);
  // Carries of the way back: cotangents of carries, and sums over rounds for constants.
  const carried = of.carries.map((_, k) => k).filter((k) => (arriving.carries[k] ?? null) !== null);
  const products = of.constants
    .map((x, i) =>
      pulled.constants[i]?.dtype === x.dtype ? productOf(i, pulled.constants[i]) : null,
    )
    .filter((p) => p !== null);
  const there = [...of.slices, ...each];
  const factors = [...new Set(products.flatMap((p) => [p.left.base, p.right.base]))];
  const extra = factors.filter((n) => !there.includes(n));
  const summed = of.constants
    .map((_, i) => i)
    .filter((i) => pick(pulled.constants, i) !== null && !products.some((p) => p.constant === i));
  const sums = summed.map((i) => hole(pick(of.constants, i)));
  const sliced = of.slices.map((_, i) => i).filter((i) => pick(pulled.slices, i) !== null);
  const stacks = arriving.slices.map((_, i) => i).filter((i) => pick(arriving.slices, i) !== null);
  const zeroed = (n: Node | null, like: Node): Node =>
    n === null ? zerosLike(like) : cast(n, like.dtype);
  const results = makeScan(
    {
      leaves: {
        constants: [...of.constants, ...once],
        carries: [...carried.map((k) => arriving.carries[k] ?? hole(pick(of.carries, k))), ...sums],
        slices: [
          ...stacks.map((i) => arriving.slices[i] ?? hole(pick(roots, i))),
          ...of.slices,
          ...each,
        ],
      },
      roots: {
        carries: [
          ...carried.map((k) => zeroed(pick(pulled.carries, k), pick(of.carries, k))),
          ...summed.map((i, s) =>
            add(pick(sums, s), zeroed(pick(pulled.constants, i), pick(sums, s))),
          ),
        ],
        slices: [
          ...sliced.map((i) => zeroed(pick(pulled.slices, i), pick(of.slices, i))),
          ...extra,
        ],
      },
      values: {
        constants: [...values.constants, ...onceValues],
        carries: [
          ...carried.map((k) => zeroed(cotangents.carries[k] ?? null, pick(of.carries, k))),
          ...sums.map((s) => constantLike(s, 0)),
        ],
        slices: [
          ...stacks.map((i) =>
            zeroed(cotangents.slices[i] ?? null, pick(outs, control.carries + i)),
          ),
          ...values.slices,
          ...kept,
        ],
      },
      length: control.length,
      reverse: !control.reverse,
    },
    rules,
  );
  const stacksThere = [...values.slices, ...kept];
  const stackOf = (n: Node): Node => {
    const at = there.indexOf(n);
    return at < 0 ? pick(results.slices, sliced.length + extra.indexOf(n)) : pick(stacksThere, at);
  };
  const answer: Operands<Node | null> = {
    constants: of.constants.map((_, i) => {
      const product = products.find((p) => p.constant === i);
      if (product !== undefined) return sumOfProducts(product, control.length, stackOf);
      const s = summed.indexOf(i);
      return s < 0 ? null : pick(results.carries, carried.length + s);
    }),
    carries: of.carries.map((_, k) => {
      const c = carried.indexOf(k);
      return c < 0 ? null : pick(results.carries, c);
    }),
    slices: of.slices.map((_, i) => {
      const s = sliced.indexOf(i);
      return s < 0 ? null : pick(results.slices, s);
    }),
  };
  return listOf(answer);
};

/** Makes the forward scan keep a stack of each of `each`, and gives these. */
const keep = (
  control: Scan,
  rules: ScanAttrs["rules"],
  leaves: readonly Node[],
  roots: readonly Node[],
  values: Operands<Node>,
  outs: readonly Node[],
  each: readonly Node[],
): readonly Node[] => {
  const own: Results<Node> = resultsOf(control, roots);
  const extra = each.filter((n) => !own.slices.includes(n));
  let slices = resultsOf(control, outs).slices;
  if (extra.length > 0) {
    const more = makeScan(
      {
        leaves: operandsOf(control, leaves),
        roots: { carries: own.carries, slices: [...own.slices, ...extra] },
        values,
        length: control.length,
        reverse: control.reverse,
      },
      rules,
    );
    const whole = [...more.carries, ...more.slices];
    supersede(outs, whole.slice(0, outs.length));
    slices = more.slices;
  }
  const all = [...own.slices, ...extra];
  return each.map((n) => pick(slices, all.indexOf(n)));
};

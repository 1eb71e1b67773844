/** How branches are differentiated and mapped: side by side, or, where each item decides for itself, by computing both. */
import { isInexact } from "../../core/dtype.js";
import { type Node, sameShape } from "../../graph/node.js";
import type { Site, Tangents } from "../../graph/primitive.js";
import { alias, broadcast, cast, select, zerosLike } from "../../primitives/index.js";
import { forward } from "../forward.js";
import { hole, pick } from "../leaves.js";
import { repeat, replayBatched, substitute } from "../replay.js";
import { reverse } from "../reverse.js";
import { copyOf, type Side } from "./closed.js";
import { type Cond, type CondAttrs, type CondRules, makeCond } from "./cond-graph.js";
import { savedFor } from "./saved.js";
import { canDependOn, supersede } from "./supersede.js";

/** One thing for each side. */
type Both<T> = readonly [T, T];

const both = <T, R>([a, b]: Both<T>, f: (x: T, side: 0 | 1) => R): [R, R] => [f(a, 0), f(b, 1)];

const sidesOf = ({ sides }: Cond): Both<Side> => both(sides, copyOf);

/** For each result what a side makes of it, zeros like `types` where only the other side makes something. */
const aligned = (
  made: Both<readonly (Node | null)[]>,
  types: readonly Node[],
): { readonly which: readonly number[]; readonly roots: Both<readonly Node[]> } => {
  const which = types.map((_, i) => i).filter((i) => made.some((m) => (m[i] ?? null) !== null));
  const roots = both(made, (list) =>
    which.map((i) => {
      const y = list[i] ?? null;
      const like = pick(types, i);
      return y === null ? zerosLike(like) : cast(y, like.dtype);
    }),
  );
  return { which, roots };
};

const jvpCond = (ts: Tangents, { ins, outs, attrs }: Site<CondAttrs>): Tangents => {
  const { control, rules } = attrs;
  const [condition, ...values] = ins;
  if (condition === undefined) return [];
  const given = values.map((_, i) => ts[i + 1] ?? null);
  const sides = sidesOf(control);
  const holes = both(sides, () => given.map((t) => t && hole(t)));
  const made = both(sides, ({ leaves, roots }, s) => forward(roots, leaves, holes[s]));
  const { which, roots } = aligned(made, outs);
  if (which.length === 0) return [];
  const present = (list: readonly (Node | null)[]): Node[] => list.filter((x) => x !== null);
  const results = makeCond(
    {
      condition,
      sides: both(sides, (side, s) => ({
        leaves: [...side.leaves, ...present(holes[s])],
        roots: [...side.roots, ...roots[s]],
      })),
      values: [...values, ...present(given)],
    },
    rules,
  );
  if (canDependOn(outs, ts)) supersede(outs, results.slice(0, outs.length));
  return outs.map((_, i) => {
    const k = which.indexOf(i);
    return k < 0 ? null : pick(results, outs.length + k);
  });
};

/** What the sides keep as one result: null for a side that has nothing of that type. */
interface Pair {
  readonly like: Node;
  readonly of: Both<Node | null>;
}

const pairsOf = ([a, b]: Both<readonly Node[]>): readonly Pair[] => {
  const rest = [...b];
  const pairs = a.map((x): Pair => {
    const at = rest.findIndex((y) => y.dtype === x.dtype && sameShape(x.shape, y.shape));
    return { like: x, of: [x, at < 0 ? null : (rest.splice(at, 1)[0] ?? null)] };
  });
  return [...pairs, ...rest.map((y): Pair => ({ like: y, of: [null, y] }))];
};

/** The side that was taken backwards, over the values that the branch is made to keep for it. */
const pullCond = (
  cts: Tangents,
  { ins, outs, attrs: { control, rules } }: Site<CondAttrs>,
  wanted: (operand: number) => boolean,
): Tangents => {
  const [condition, ...values] = ins;
  if (condition === undefined) return [];
  const sides = sidesOf(control);
  const arriving = outs.map((y, i) => (isInexact(y.dtype) ? (cts[i] ?? null) : null));
  const given = both(sides, () => arriving.map((c, i) => c && hole(pick(outs, i))));
  const on = values.map((x, i) => isInexact(x.dtype) && wanted(i + 1));
  const made = both(sides, ({ leaves, roots }, s) => {
    const found = reverse(
      roots,
      given[s],
      leaves.filter((_, i) => on[i] === true),
    );
    let next = 0;
    return on.map((is) => (is ? (found[next++] ?? null) : null));
  });
  const { which, roots } = aligned(made, values);
  if (which.length === 0) return [];
  const saved = both(sides, ({ leaves }, s) => {
    const unknown = given[s].filter((c) => c !== null);
    const free = (n: Node): boolean => leaves.includes(n);
    return savedFor(roots[s], unknown, free, () => false).filter((n) => !free(n));
  });
  const pairs = pairsOf(saved);
  let kept: readonly Node[] = [];
  if (pairs.length > 0) {
    const more = makeCond(
      {
        condition,
        sides: both(sides, (side, s) => ({
          leaves: side.leaves,
          roots: [...side.roots, ...pairs.map((p) => p.of[s] ?? zerosLike(p.like))],
        })),
        values,
      },
      rules,
    );
    supersede(outs, more.slice(0, outs.length));
    kept = more.slice(outs.length);
  }
  const typed = arriving.map((c, i) => c && cast(c, pick(outs, i).dtype));
  const results = makeCond(
    {
      condition,
      sides: both(sides, ({ leaves }, s) => ({
        leaves: [
          ...leaves,
          ...given[s].filter((c) => c !== null),
          ...pairs.map((p) => p.of[s] ?? hole(p.like)),
        ],
        roots: roots[s],
      })),
      values: [...values, ...typed.filter((c) => c !== null), ...kept],
    },
    rules,
  );
  return [
    null,
    ...values.map((_, i) => {
      const k = which.indexOf(i);
      return k < 0 ? null : pick(results, k);
    }),
  ];
};

const batchCond = (
  ins: readonly Node[],
  mapped: readonly boolean[],
  size: number,
  control: Cond,
): readonly Node[] => {
  const [condition, ...values] = ins;
  if (condition === undefined) return [];
  const [decides = false, ...wide] = mapped;
  const sides = sidesOf(control);
  const on = <T>(list: readonly T[]): T[] => list.filter((_, i) => wide[i] === true);
  const made = both(sides, ({ leaves, roots }) => {
    const lifted = leaves.map((x) => hole({ shape: [size, ...x.shape], dtype: x.dtype }));
    const results = replayBatched(roots, on(leaves), on(lifted), size);
    return { leaves: leaves.map((x, i) => (wide[i] === true ? pick(lifted, i) : x)), results };
  });
  const up = control.sides[0].roots.map(
    (_, i) => decides || made.some((m) => (m.results[i] ?? null) !== null),
  );
  const rooted = both(made, ({ leaves, results }, s) => ({
    leaves,
    roots: results.map((y, i) => {
      const own = pick(sides[s].roots, i);
      return y ?? (up[i] === true ? repeat(own, size) : own);
    }),
  }));
  if (!decides) {
    const results = makeCond({ condition, sides: rooted, values }, condRules);
    return results.map((y, i) => (up[i] === true ? y : repeat(y, size)));
  }
  const [first, second] = both(rooted, ({ leaves, roots }) =>
    substitute(roots, leaves, values).map((y) => alias(y)),
  );
  return first.map((y, i) => select(broadcast(condition, y.shape, [0]), y, pick(second, i)));
};

export const condRules: CondRules = { jvp: jvpCond, pull: pullCond, batch: batchCond };

/** How loops with a test are differentiated and mapped: each time by another such loop. */
import { bool, isInexact } from "../../core/dtype.js";
import { TransformError } from "../../core/errors.js";
import { bind } from "../../graph/bind.js";
import type { Node } from "../../graph/node.js";
import type { Site, Tangents } from "../../graph/primitive.js";
import { anyP, bitwiseAnd, broadcast, cast, select, zerosLike } from "../../primitives/index.js";
import { forward } from "../forward.js";
import { hole, pick } from "../leaves.js";
import { repeat, replayBatched, substitute } from "../replay.js";
import { walk } from "../walk.js";
import { copyOf } from "./closed.js";
import { canDependOn, supersede } from "./supersede.js";
import { makeWhile, splitAt, type While, type WhileAttrs, type WhileRules } from "./while-graph.js";

/** Values and tangents together; the test sees the values. */
const jvpWhile = (
  ts: Tangents,
  { ins, outs, attrs: { control, rules } }: Site<WhileAttrs>,
): Tangents => {
  const { carries } = control;
  const body = copyOf(control.body);
  const test = copyOf(control.test);
  const [constants, own] = splitAt(body.leaves, carries);
  const [fixedTs, initialTs] = splitAt(
    ins.map((_, i) => ts[i] ?? null),
    carries,
  );
  const fixed = fixedTs.map((t) => t && hole(t));
  const carried = own.map((x, k) => (initialTs[k] == null ? null : hole(x)));
  let made: (Node | null)[] = [];
  for (let grew = true; grew; ) {
    grew = false;
    made = forward(body.roots, body.leaves, [...fixed, ...carried]);
    for (const [k, x] of own.entries()) {
      if (carried[k] !== null || (made[k] ?? null) === null) continue;
      carried[k] = hole(x);
      grew = true;
    }
  }
  const on = own.map((_, k) => k).filter((k) => carried[k] !== null);
  const typed = (t: Node | null | undefined, like: Node): Node =>
    t == null ? zerosLike(like) : cast(t, like.dtype);
  const present = (list: readonly (Node | null)[]): Node[] => list.filter((x) => x !== null);
  const [testConstants, testOwn] = splitAt(test.leaves, carries);
  const [values, initial] = splitAt(ins, carries);
  const results = makeWhile(
    {
      test: {
        leaves: [
          ...testConstants,
          ...present(fixed).map((x) => hole(x)),
          ...testOwn,
          ...on.map((k) => hole(pick(own, k))),
        ],
        roots: test.roots,
      },
      body: {
        leaves: [...constants, ...present(fixed), ...own, ...present(carried)],
        roots: [...body.roots, ...on.map((k) => typed(made[k], pick(own, k)))],
      },
      values: [
        ...values,
        ...present(fixedTs),
        ...initial,
        ...on.map((k) => typed(initialTs[k], pick(own, k))),
      ],
      carries: carries + on.length,
    },
    rules,
  );
  if (canDependOn(outs, ts)) supersede(outs, results.slice(0, carries));
  return own.map((_, k) => {
    const c = on.indexOf(k);
    return c < 0 ? null : pick(results, carries + c);
  });
};

const pullWhile = (
  cts: Tangents,
  { attrs: { control } }: Site<WhileAttrs>,
  wanted: (operand: number) => boolean,
): Tangents => {
  const { leaves, roots } = control.body;
  const constants = leaves.length - control.carries;
  const active = leaves.map((x, i) => isInexact(x.dtype) && wanted(i));
  for (let grew = true; grew; ) {
    grew = false;
    const on = leaves.filter((_, i) => active[i] === true);
    const reached = walk(roots, on, false).roots;
    for (const [k, r] of roots.entries()) {
      if (active[constants + k] === true || pick(reached, k) < 0 || !isInexact(r.dtype)) continue;
      active[constants + k] = true;
      grew = true;
    }
  }
  if (roots.some((_, k) => active[constants + k] === true && (cts[k] ?? null) !== null)) {
    throw new TransformError(
      "[whileLoop] expected forward mode, got a loop whose number of rounds is not known before it runs in reverse mode " +
        "(vjp, grad): use scan with a length, or jvp",
    );
  }
  return [];
};

const any = (flags: Node): Node => bind(anyP, [flags], { axes: [0] });

/** `flags`, one per item, for every element of `x`. */
const perItem = (flags: Node, x: Node): Node => broadcast(flags, x.shape, [0]);

/** All items together. Where each has a test of its own, those that are done keep their values until all are. */
const batchWhile = (
  ins: readonly Node[],
  mapped: readonly boolean[],
  size: number,
  { test, body, carries }: While,
): readonly Node[] => {
  const checks = copyOf(test);
  const rounds = copyOf(body);
  const constants = body.leaves.length - carries;
  const wide = ins.map((_, i) => mapped[i] === true);
  const lift = ({ shape, dtype }: Node): Node => hole({ shape: [size, ...shape], dtype });
  const lifted = { test: checks.leaves.map(lift), body: rounds.leaves.map(lift) };
  const on = <T>(list: readonly T[]): T[] => list.filter((_, i) => wide[i] === true);
  let flags: Node | null = null;
  let made: (Node | null)[] = [];
  for (let grew = true; grew; ) {
    grew = false;
    [flags = null] = replayBatched(checks.roots, on(checks.leaves), on(lifted.test), size);
    made = replayBatched(rounds.roots, on(rounds.leaves), on(lifted.body), size);
    for (let k = 0; k < carries; k++) {
      const i = constants + k;
      if (wide[i] === true || (made[k] === null && flags === null)) continue;
      wide[i] = true;
      grew = true;
    }
  }
  const leavesOf = (given: readonly Node[], up: readonly Node[]): Node[] =>
    given.map((x, i) => (wide[i] === true ? pick(up, i) : x));
  const values = ins.map((x, i) => (wide[i] === true && mapped[i] !== true ? repeat(x, size) : x));
  const roots = rounds.roots.map((r, k) => made[k] ?? (wide[constants + k] ? repeat(r, size) : r));
  const own = {
    test: leavesOf(checks.leaves, lifted.test),
    body: leavesOf(rounds.leaves, lifted.body),
  };
  const out = (results: readonly Node[]): Node[] =>
    results.map((y, k) => (wide[constants + k] === true ? y : repeat(y, size)));
  if (flags === null) {
    return out(
      makeWhile(
        {
          test: { leaves: own.test, roots: checks.roots },
          body: { leaves: own.body, roots },
          values,
          carries,
        },
        whileRules,
      ),
    );
  }
  // Which items go on is handed on too, so that the test is done once per round.
  const going = hole({ shape: [size], dtype: bool });
  const kept = roots.map((y, k) => {
    const x = pick(own.body, constants + k);
    return select(perItem(going, y), y, x);
  });
  const [still] = substitute([flags], own.test, [...own.body.slice(0, constants), ...kept]);
  const seen = own.test.map((x) => hole(x));
  const goingSeen = hole(going);
  const [first] = substitute([flags], own.test, values);
  if (still === undefined || first === undefined) return [];
  const results = makeWhile(
    {
      test: { leaves: [...seen, goingSeen], roots: [any(goingSeen)] },
      body: { leaves: [...own.body, going], roots: [...kept, bitwiseAnd(going, still)] },
      values: [...values, first],
      carries: carries + 1,
    },
    whileRules,
  );
  return out(results.slice(0, carries));
};

export const whileRules: WhileRules = { jvp: jvpWhile, pull: pullWhile, batch: batchWhile };

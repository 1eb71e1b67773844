/** How scans are differentiated and mapped: each time by another scan. */
import type { Node } from "../../graph/node.js";
import type { Site, Tangents } from "../../graph/primitive.js";
import { cast, moveAxis, zerosLike } from "../../primitives/index.js";
import { forward } from "../forward.js";
import { hole, pick } from "../leaves.js";
import { repeat, replayBatched } from "../replay.js";
import { copyOf } from "./closed.js";
import {
  makeScan,
  operandsOf,
  resultsOf,
  type Scan,
  type ScanAttrs,
  type ScanRules,
} from "./scan-graph.js";
import { pullScan } from "./scan-reverse.js";
import { canDependOn, supersede } from "./supersede.js";

const present = <T>(list: readonly (T | null)[]): T[] => list.filter((x) => x !== null);

/** The scan of values and tangents together. */
const jvpScan = (
  ts: Tangents,
  { ins, outs, attrs: { control, rules } }: Site<ScanAttrs>,
): Tangents => {
  const { leaves, roots } = copyOf(control.body);
  const of = operandsOf(control, leaves);
  const values = operandsOf(control, ins);
  const given = operandsOf(
    control,
    ins.map((_, i) => ts[i] ?? null),
  );
  const holes = {
    constants: given.constants.map((t) => t && hole(t)),
    // Cotangents and tangents of a carry have its dtype, so that they can be handed on.
    carries: given.carries.map((t, k) => t && hole(pick(of.carries, k))),
    slices: given.slices.map(
      (t, i) => t && hole({ shape: pick(of.slices, i).shape, dtype: t.dtype }),
    ),
  };
  let made: (Node | null)[] = [];
  for (let grew = true; grew; ) {
    grew = false;
    made = forward(roots, leaves, [...holes.constants, ...holes.carries, ...holes.slices]);
    for (const [k, x] of of.carries.entries()) {
      if (holes.carries[k] != null || (made[k] ?? null) === null) continue;
      holes.carries[k] = hole(x);
      grew = true;
    }
  }
  const tangents = resultsOf(control, made);
  const own = resultsOf(control, roots);
  const carried = of.carries.map((_, k) => k).filter((k) => holes.carries[k] !== null);
  const sliced = own.slices.map((_, i) => i).filter((i) => tangents.slices[i] !== null);
  const typed = (t: Node | null | undefined, like: Node): Node =>
    t == null ? zerosLike(like) : cast(t, like.dtype);
  const results = makeScan(
    {
      leaves: {
        constants: [...of.constants, ...present(holes.constants)],
        carries: [...of.carries, ...present(holes.carries)],
        slices: [...of.slices, ...present(holes.slices)],
      },
      roots: {
        carries: [
          ...own.carries,
          ...carried.map((k) => typed(tangents.carries[k], pick(of.carries, k))),
        ],
        slices: [...own.slices, ...present(tangents.slices)],
      },
      values: {
        constants: [...values.constants, ...present(given.constants)],
        carries: [
          ...values.carries,
          ...carried.map((k) => typed(given.carries[k], pick(of.carries, k))),
        ],
        slices: [...values.slices, ...present(given.slices)],
      },
      length: control.length,
      reverse: control.reverse,
    },
    rules,
  );
  if (canDependOn(outs, ts))
    supersede(outs, [
      ...results.carries.slice(0, control.carries),
      ...results.slices.slice(0, own.slices.length),
    ]);
  return [
    ...of.carries.map((_, k) => {
      const c = carried.indexOf(k);
      return c < 0 ? null : pick(results.carries, control.carries + c);
    }),
    ...own.slices.map((_, i) => {
      const s = sliced.indexOf(i);
      return s < 0 ? null : pick(results.slices, own.slices.length + s);
    }),
  ];
};

/** The scan of all items together; a carry has one value per item when anything it is made from has. */
const batchScan = (
  ins: readonly Node[],
  mapped: readonly boolean[],
  size: number,
  control: Scan,
): readonly Node[] => {
  const { leaves, roots } = copyOf(control.body);
  const { constants, carries } = control;
  const wide = leaves.map((_, i) => mapped[i] === true);
  const lifted = leaves.map((x) => hole({ shape: [size, ...x.shape], dtype: x.dtype }));
  let made: (Node | null)[] = [];
  for (let grew = true; grew; ) {
    grew = false;
    const on = <T>(list: readonly T[]): T[] => list.filter((_, i) => wide[i] === true);
    made = replayBatched(roots, on(leaves), on(lifted), size);
    for (let k = 0; k < carries; k++) {
      if (wide[constants + k] === true || made[k] === null) continue;
      wide[constants + k] = true;
      grew = true;
    }
  }
  const own = operandsOf(
    control,
    leaves.map((x, i) => (wide[i] === true ? pick(lifted, i) : x)),
  );
  const values = operandsOf(
    control,
    ins.map((x, i) => {
      const stack = i >= constants + carries;
      if (mapped[i] === true) return stack ? moveAxis(x, 0, 1) : x;
      return wide[i] === true ? repeat(x, size) : x;
    }),
  );
  const results = makeScan(
    {
      leaves: own,
      roots: resultsOf(
        control,
        roots.map((r, i) => {
          if (i >= carries || wide[constants + i] !== true) return made[i] ?? r;
          return made[i] ?? repeat(r, size);
        }),
      ),
      values,
      length: control.length,
      reverse: control.reverse,
    },
    scanRules,
  );
  return [
    ...results.carries.map((y, k) => (wide[constants + k] === true ? y : repeat(y, size))),
    ...results.slices.map((y, i) =>
      made[carries + i] === null ? repeat(y, size) : moveAxis(y, 1, 0),
    ),
  ];
};

export const scanRules: ScanRules = { jvp: jvpScan, pull: pullScan, batch: batchScan };

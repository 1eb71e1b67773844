/** Row reductions of frames side by side: one accumulator each. */
import type { ValId } from "../../kernel/ir.js";
import { type Accumulator, Fold, type Reduce } from "./fold.js";
import type { Frame } from "./frame.js";
import { has } from "./plan.js";
import { Position } from "./position.js";
import type { Values } from "./values.js";

/** One frame's accumulators. `along`: the vector axis is reduced away, so that lanes are combined too. */
export function accumulators(
  values: Values,
  frames: readonly Frame[],
  id: ValId,
  v: Reduce,
  slots: number,
  wide: boolean,
): Accumulator {
  const along = values.plan.lanes > 1 && has(v.over, values.plan.vector) && values.varies(v.in);
  const spread = along || values.varies(id) || values.varies(v.in);
  const make = (frame: Frame): Accumulator =>
    v.how === "argmax" || v.how === "argmin"
      ? new Position(values, frame, id, v, along, spread, slots)
      : new Fold(values, frame, id, v, along, spread, slots, wide && v.how === "sum");
  const each = frames.map(make);
  const perFrame = along ? slots : 1;
  return {
    update(frame, slot) {
      each[Math.floor(slot / perFrame)]?.update(frame, slot % perFrame);
    },
    flush() {
      for (const a of each) a.flush();
    },
    finish() {
      for (const a of each) a.finish();
    },
  };
}

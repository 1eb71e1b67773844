/** Row reductions of frames side by side: one accumulator each. */
import type { ValId } from "../../kernel/ir.js";
import { type Accumulator, Fold, type Reduce } from "./fold.js";
import type { Frame } from "./frame.js";
import { has } from "./plan.js";
import { Position } from "./position.js";
import type { Values } from "./values.js";

/** The accumulators of one reduction, frame by frame. */
export interface Accumulators {
  readonly each: readonly Accumulator[];
  /** Takes in the operand at a frame inside the row loops, which its slot tells. */
  update(frame: Frame): void;
  flush(): void;
  finish(): void;
}

/**
 * One accumulator per frame. `joins`: they join what others collected; else, where the vector axis is reduced away,
 * they combine lanes too.
 */
export function accumulators(
  values: Values,
  frames: readonly Frame[],
  id: ValId,
  v: Reduce,
  slots: number,
  wide: boolean,
  joins = false,
): Accumulators {
  const lanes = values.plan.lanes > 1 && has(v.over, values.plan.vector) && values.varies(v.in);
  const along = lanes && !joins;
  const spread = along || values.varies(id) || (values.varies(v.in) && !joins);
  const make = (frame: Frame): Accumulator =>
    v.how === "argmax" || v.how === "argmin"
      ? new Position(values, frame, id, v, along, spread, slots)
      : new Fold(values, frame, id, v, along, spread, slots, wide && v.how === "sum");
  const each = frames.map(make);
  const perFrame = along ? slots : 1;
  return {
    each,
    update(frame) {
      each[Math.floor(frame.slot / perFrame)]?.update(frame, frame.slot % perFrame);
    },
    flush() {
      for (const a of each) a.flush();
    },
    finish() {
      for (const a of each) a.finish();
    },
  };
}

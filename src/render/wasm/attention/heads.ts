/** Where the mask and the sink of a head are. */
import type { AttentionSizes } from "../../../core/routine.js";
import type { Int, Steps } from "./steps.js";

/** Address of the mask of a head, counted over everything; buffer `buffer` holds the mask. */
export const maskAt = (x: Steps, s: AttentionSizes, buffer: number, head: Int): Int => {
  const [b = 1, h = 1, r = 1, c = 1] = s.mask?.shape ?? [];
  const entry = x.quotient(head, s.heads);
  const own = b === s.batch ? entry : x.quotient(entry, s.batch);
  const place = h === 1 ? own : x.add(x.times(own, h), x.rest(head, s.heads));
  return x.place(buffer, place, r * c * (s.mask?.dtype.size ?? 0));
};

/** Address of the sink of a head. */
export const sinkAt = (x: Steps, s: AttentionSizes, buffer: number, head: Int): Int => {
  const outer = x.quotient(head, s.heads * s.batch);
  return x.place(buffer, x.add(x.times(outer, s.heads), x.rest(head, s.heads)), 4);
};

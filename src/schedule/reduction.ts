/** Small facts about reductions: what an empty one gives, and which position an arg-reduction reports. */
import type { Combine } from "../core/scalar.js";
import { linearIx } from "../kernel/index-math.js";
import type { Ix } from "../kernel/ir.js";

/** The result over no elements; max and min over none are rejected by the op layer, save on bool (any, all). */
export const reductionIdentity = (how: Combine): number => {
  switch (how) {
    case "prod":
    case "min":
      return 1;
    default:
      return 0;
  }
};

/** Row-major position among the reduced dimensions. */
export const reductionPosition = (
  at: readonly Ix[],
  shape: readonly number[],
  axes: readonly number[],
): Ix => {
  const ixs: Ix[] = [];
  const sizes: number[] = [];
  for (const a of [...axes].sort((x, y) => x - y)) {
    const ix = at[a];
    if (ix === undefined) continue;
    ixs.push(ix);
    sizes.push(shape[a] ?? 1);
  }
  return linearIx(ixs, sizes);
};

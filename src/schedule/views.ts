/** Index transforms of views: which element of the operand an element of the result is. */
import type { Shape } from "../graph/node.js";
import {
  addIx,
  divIx,
  linearIx,
  modIx,
  offsetIx,
  rangeIx,
  scaleIx,
  unravelIx,
  zeroIx,
} from "../kernel/index-math.js";
import type { Axis, Guard, Ix } from "../kernel/ir.js";
import type { Step } from "./graph.js";

/** A guard that can fail; null for one that always holds. */
const guard = (ix: Ix, lo: number, hi: number, axes: readonly Axis[]): Guard | null => {
  if (ix.k === "affine") {
    const [least, greatest] = rangeIx(ix, axes);
    if (least >= lo && greatest < hi) return null;
  }
  return { ix, lo, hi };
};

/** Positions of unequal dimensions only are computed through the flat position; equal leading and trailing ones pass. */
const reshaped = (
  at: readonly Ix[],
  from: Shape,
  to: Shape,
  axes: readonly Axis[],
): readonly Ix[] => {
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head++;
  let tail = 0;
  while (
    tail < from.length - head &&
    tail < to.length - head &&
    from[from.length - 1 - tail] === to[to.length - 1 - tail]
  )
    tail++;
  const outer = to.slice(head, to.length - tail);
  const position = linearIx(at.slice(head, to.length - tail), outer);
  const inner = unravelIx(position, from.slice(head, from.length - tail), axes);
  return [...at.slice(0, head), ...inner, ...at.slice(to.length - tail)];
};

/**
 * The operand's indices for the result's indices `at`; conditions under which there is an element at all are added to
 * `guards` (outside them it is zero).
 */
export const throughView = (
  step: Step,
  at: readonly Ix[],
  axes: readonly Axis[],
  guards: Guard[],
): readonly Ix[] => {
  const { view, input, output } = step;
  switch (view.op) {
    case "broadcast":
      return input.map((size, i) => (size === 1 ? zeroIx : (at[view.dims[i] ?? 0] ?? zeroIx)));
    case "reshape":
      return reshaped(at, input, output, axes);
    case "permute": {
      const out: Ix[] = input.map(() => zeroIx);
      view.axes.forEach((axis, d) => {
        out[axis] = at[d] ?? zeroIx;
      });
      return out;
    }
    case "slice":
      return input.map((_, d) =>
        offsetIx(scaleIx(at[d] ?? zeroIx, view.step[d] ?? 1), view.start[d] ?? 0),
      );
    case "pad":
      return input.map((size, d) => {
        const from = offsetIx(at[d] ?? zeroIx, -(view.low[d] ?? 0));
        const spacing = (view.interior[d] ?? 0) + 1;
        // The range comes first: the remainder below is only meaningful inside it.
        const inside = guard(from, 0, (size - 1) * spacing + 1, axes);
        if (inside !== null) guards.push(inside);
        if (spacing > 1) {
          const onGrid = guard(modIx(from, spacing, axes), 0, 1, axes);
          if (onGrid !== null) guards.push(onGrid);
        }
        return divIx(from, spacing, axes);
      });
    case "window":
      return input.map((_, d) => {
        if (d !== view.axis) return at[d < view.axis ? d : d + 1] ?? zeroIx;
        const [i, j] = [at[d] ?? zeroIx, at[d + 1] ?? zeroIx];
        return addIx(scaleIx(i, view.stride), scaleIx(j, view.dilation));
      });
  }
};

/** Packing: computes a block of an operand into scratch, in the order in which register tiles read it. */
import type { Kernel, ValId } from "../../../kernel/ir.js";
import type { Code } from "../block.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { coordsOf } from "./address.js";
import type { Evaluator } from "./evaluate.js";
import { bytesOf, lanesOf } from "./micro.js";
import { below, type Group, type Product, strideOf } from "./product.js";

/** Rows: one line of k after another, `pitch` bytes apart. Panels: lines of `panel` columns, one for each k. */
export interface Packing {
  readonly panel: number | null;
  readonly pitch: number;
}

/** Shuffles 4×4 words or 2×2 double words: out[i][j] = in[j][i]. */
export const transpose = (code: Code, rows: readonly Ref[]): readonly Ref[] => {
  const pick = (words: readonly number[], width: number, a: Ref, b: Ref): Ref => {
    const bytes = words.flatMap((w) => Array.from({ length: width }, (_, i) => w * width + i));
    return code.lane("i8x16.shuffle", bytes, a, b);
  };
  const [a = 0, b = 0, c = 0, d = 0] = rows;
  if (rows.length === 2) return [pick([0, 2], 8, a, b), pick([1, 3], 8, a, b)];
  const low = [pick([0, 4, 1, 5], 4, a, b), pick([0, 4, 1, 5], 4, c, d)] as const;
  const high = [pick([2, 6, 3, 7], 4, a, b), pick([2, 6, 3, 7], 4, c, d)] as const;
  return [
    pick([0, 2], 8, low[0], low[1]),
    pick([1, 3], 8, low[0], low[1]),
    pick([0, 2], 8, high[0], high[1]),
    pick([1, 3], 8, high[0], high[1]),
  ];
};

/** How many of the loads below a value find neighbouring points of `axis` side by side. */
export const contiguous = (kernel: Kernel, id: ValId, axis: number): number => {
  let score = 0;
  for (const v of below(kernel, id).map((i) => kernel.vals[i])) {
    if (v?.op !== "load") continue;
    const stride = v.ix.k === "affine" ? strideOf(v.ix, axis) : 2;
    score += stride === 1 ? 4 : stride === 0 ? 0 : stride === 2 ? 1 : -1;
  }
  return score;
};

/** The axis that vectors can run along: the last of a group, if its lines hold whole vectors. */
export const lineAxis = (p: Product, group: Group, lanes: number): number | null => {
  const axis = group.axes.at(-1);
  if (axis === undefined) return null;
  const whole = group.axes.length === 1 || (p.kernel.axes[axis]?.size ?? 1) % lanes === 0;
  return whole ? axis : null;
};

/** A function (args, to, batch, first, count, k, depth) that packs operand `id` over `group` × k. */
export const emitPack = (
  module: Module,
  p: Product,
  id: ValId,
  group: Group,
  packing: Packing,
  evaluator: Evaluator,
): Func => {
  const { type } = evaluator;
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const body = evaluator.body(func);
  const { code } = body;
  const lanes = lanesOf(type);
  const bytes = bytesOf(type);
  const [to = 0, batch = 0, first = 0, count = 0, k0 = 0, depth = 0] = [1, 2, 3, 4, 5, 6].map((i) =>
    code.param(i),
  );
  const lineX = group.axes.length > 1 && packing.panel === null ? null : lineAxis(p, group, lanes);
  const lineK = lineAxis(p, p.k, lanes);
  const can = (axis: number | null): axis is number =>
    axis !== null && evaluator.vectors([id], axis, null, axis === lineK || packing.panel !== null);
  const scores = [lineX, lineK].map((axis) =>
    can(axis) ? contiguous(p.kernel, id, axis) : Number.NEGATIVE_INFINITY,
  );
  const [scoreX = 0, scoreK = 0] = scores;
  const ends = packing.panel === null;
  const along =
    Math.max(scoreX, scoreK) === Number.NEGATIVE_INFINITY
      ? null
      : scoreX > scoreK || (scoreX === scoreK && !ends)
        ? "x"
        : "k";
  const axis = along === "x" ? lineX : along === "k" ? lineK : null;

  const fixed = coordsOf(code, p, p.batch, batch);
  const value = (x: Ref, k: Ref, lane: number | null): Ref => {
    const coords = [
      ...fixed,
      ...coordsOf(code, p, group, code.op("i32.add", first, x)),
      ...coordsOf(code, p, p.k, code.op("i32.add", k0, k)),
    ];
    return body.at(coords, lane).value(id);
  };
  const times = (a: Ref, by: number): Ref => code.op("i32.mul", a, code.i32(by));
  const plus = (a: Ref, b: Ref): Ref => code.op("i32.add", a, b);
  const step = (a: Ref, by: number): Ref => (by === 0 ? a : plus(a, code.i32(by)));
  const { panel, pitch } = packing;
  /** Where element (x, k) goes. */
  const place = (x: Ref, k: Ref): Ref => {
    if (panel === null) return plus(plus(to, times(x, pitch)), times(k, bytes));
    const shift = code.i32(Math.log2(panel));
    const at = plus(
      times(code.op("i32.shr_u", x, shift), pitch),
      times(code.op("i32.and", x, code.i32(panel - 1)), bytes),
    );
    return plus(plus(to, at), times(k, panel * bytes));
  };
  const scalar = (x: Ref, k: Ref): void =>
    code.store(`${type}.store`, place(x, k), value(x, k, null));
  const down = (n: Ref): Ref => code.op("i32.and", n, code.i32(-lanes));
  const zero = code.i32(0);
  const four = [0, 1, 2, 3].slice(0, lanes);

  /** Columns beyond the last: zeros, so that no arithmetic on leftovers of earlier work is slow. */
  if (panel !== null) {
    const rest = code.op("i32.and", count, code.i32(panel - 1));
    code.if(rest, () => {
      const last = place(code.op("i32.and", count, code.i32(-panel)), zero);
      const zeros = code.v128(new Uint8Array(16));
      code.loop(zero, times(depth, panel * bytes), 16, (i) => {
        code.store("v128.store", plus(last, i), zeros);
      });
    });
  }

  if (along === null || axis === null) {
    code.loop(zero, count, 1, (x) => code.loop(zero, depth, 1, (k) => scalar(x, k)));
  } else if (panel === null && along === "k") {
    const whole = down(depth);
    code.loop(zero, count, 1, (x) => {
      const line = place(x, zero);
      code.loop(zero, whole, lanes, (k) => {
        code.store("v128.store", plus(line, times(k, bytes)), value(x, k, axis));
      });
      code.loop(whole, depth, 1, (k) => scalar(x, k));
    });
  } else {
    // Lines of memory are followed: along k column by column, along x row by row.
    const [wholeX, wholeK] = [down(count), down(depth)];
    if (along === "k") {
      code.loop(zero, wholeX, lanes, (x) => {
        code.loop(zero, wholeK, lanes, (k) => {
          const vectors = four.map((i) => value(step(x, i), k, axis));
          transpose(code, vectors).forEach((v, u) => {
            code.store("v128.store", place(x, k), v, u * (panel ?? 0) * bytes);
          });
        });
      });
    } else {
      code.loop(zero, wholeK, lanes, (k) => {
        code.loop(zero, wholeX, lanes, (x) => {
          const vectors = four.map((u) => value(x, step(k, u), axis));
          const rows = panel === null ? transpose(code, vectors) : vectors;
          rows.forEach((v, i) => {
            code.store("v128.store", place(x, k), v, i * (panel === null ? pitch : panel * bytes));
          });
        });
      });
    }
    code.loop(wholeX, count, 1, (x) => code.loop(zero, wholeK, 1, (k) => scalar(x, k)));
    code.loop(wholeK, depth, 1, (k) => code.loop(zero, count, 1, (x) => scalar(x, k)));
  }
  code.finish();
  return func;
};

/** The product with a quantized matrix: bilinear in x and in scales and biases; its kernel decodes what it reads. */
import { type DType, float32, float64, int32, uint32 } from "../../core/dtype.js";
import { DTypeError, InternalError, ShapeError } from "../../core/errors.js";
import type { QuantizedFormat } from "../../core/routine.js";
import { bind } from "../../graph/bind.js";
import { type Aval, type Node, type Shape, sameShape, sizeOf } from "../../graph/node.js";
import { define, type Primitive, type Tangents } from "../../graph/primitive.js";
import { add, multiply } from "../arithmetic.js";
import { broadcast, reshape, sum } from "../broadcast-sum.js";
import { cast } from "../cast.js";
import { zerosLike } from "../constant.js";
import { at, same } from "../families/operands.js";
import { gather, gatherP } from "../gather-scatter.js";
import { matmul } from "../matmul.js";
import { moveAxis, transposeLast } from "../permute.js";
import { grouped, unpackCodes } from "./codes.js";
import { dequantized, type Packed } from "./decode.js";

export interface QuantizedProductAttrs {
  readonly format: QuantizedFormat;
  /** The product with the transpose of the quantized matrix. */
  readonly transpose: boolean;
  /** Whether int32 numbers of the matrices that take part come last. */
  readonly picks: boolean;
}

interface Operands {
  readonly x: Node;
  readonly packed: Packed;
  readonly picks: Node | null;
}

const operandsOf = (ins: readonly Node[], attrs: QuantizedProductAttrs): Operands => {
  const affine = attrs.format.mode === "affine";
  return {
    x: at(ins, 0),
    packed: { words: at(ins, 1), scales: at(ins, 2), biases: affine ? at(ins, 3) : null },
    picks: attrs.picks ? at(ins, ins.length - 1) : null,
  };
};

interface Sizes {
  readonly lead: Shape;
  readonly count: number;
  readonly matrices: number;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

const sizesOf = (ins: readonly Aval[], attrs: QuantizedProductAttrs): Sizes => {
  const [count = 0, rows = 0, depth = 0] = at(ins, 0).shape.slice(-3);
  const [matrices = 0, down = 0, groups = 0] = at(ins, 2).shape.slice(-3);
  const along = groups * attrs.format.groupSize;
  const lead = at(ins, 0).shape.slice(0, -3);
  if (depth !== (attrs.transpose ? along : down))
    throw new InternalError(
      `[quantizedProduct] expected rows of ${along} or ${down}, got ${depth}`,
    );
  return { lead, count, matrices, rows, depth, columns: attrs.transpose ? down : along };
};

/** The matrices that take part, of a stack [..., matrices, rows, columns]. */
const picked = (stack: Node, picks: Node | null): Node => {
  if (picks === null) return stack;
  const matrix = stack.shape.slice(-2);
  const batch = picks.shape.length - 1;
  return reshape(gather(stack, [picks], [0], [1, ...matrix], batch), [...picks.shape, ...matrix]);
};

const pickedAll = ({ packed, picks }: Operands): Packed => ({
  words: picked(packed.words, picks),
  scales: picked(packed.scales, picks),
  biases: packed.biases === null ? null : picked(packed.biases, picks),
});

const decompose = (ins: readonly Node[], attrs: QuantizedProductAttrs): readonly Node[] => {
  const operands = operandsOf(ins, attrs);
  const { x } = operands;
  const w = cast(dequantized(pickedAll(operands), attrs.format, null), x.dtype);
  return [matmul(x, attrs.transpose ? transposeLast(w) : w)];
};

/** It is linear in x, and in scales and biases together. */
const jvp = (ts: Tangents, ins: readonly Node[], attrs: QuantizedProductAttrs): Tangents => {
  const [tx = null, , ts2 = null] = ts;
  const tb = attrs.format.mode === "affine" ? (ts[3] ?? null) : null;
  const others = ins.slice(1);
  let sum = tx === null ? null : bind(quantizedProductP, [tx, ...others], attrs);
  if (ts2 !== null || tb !== null) {
    const [scales, biases] = [at(ins, 2), at(ins, 3)];
    const change = [ts2 ?? zerosLike(scales), tb ?? zerosLike(biases)];
    const operands = [at(ins, 0), at(ins, 1), ...change, ...ins.slice(4)];
    const part = bind(quantizedProductP, operands, attrs);
    sum = sum === null ? part : add(sum, part);
  }
  return [sum];
};

/** The cotangents of scales and biases: those of all numbers, summed up over groups. */
const pullGroups = (
  ct: Node,
  { x, packed, picks }: Operands,
  attrs: QuantizedProductAttrs,
): Tangents => {
  const { words, scales, biases } = packed;
  if (biases === null) return [null];
  const whole = attrs.transpose ? matmul(transposeLast(ct), x) : matmul(transposeLast(x), ct);
  const cts = grouped(cast(whole, float32), attrs.format.groupSize);
  const codes = unpackCodes(picked(words, picks), attrs.format.bits);
  const last = cts.shape.length - 1;
  const totals = [multiply(cts, cast(grouped(codes, attrs.format.groupSize), float32)), cts];
  return totals.map((t, i) => {
    const target = i === 0 ? scales : biases;
    const total = cast(sum(t, [last]), target.dtype);
    return picks === null ? total : unpicked(total, target, picks);
  });
};

/** The transpose of {@link picked}. */
const unpicked = (ct: Node, stack: Node, picks: Node): Node => {
  const { rule } = gatherP;
  if (rule.family !== "linear") throw new InternalError("[gather] expected a linear primitive");
  const matrix = stack.shape.slice(-2);
  const batch = picks.shape.length - 1;
  const blocks = reshape(ct, [...picks.shape, 1, ...matrix]);
  const attrs = { axes: [0], slice: [1, ...matrix], batch };
  const [back = null] = rule.transpose(blocks, [stack, picks], [null, picks], attrs);
  return back ?? zerosLike(stack);
};

/** Mapped over x alone: more rows; over picks: more products. The matrices are not copied. */
const batch = (
  ins: readonly Node[],
  mapped: readonly boolean[],
  size: number,
  attrs: QuantizedProductAttrs,
): readonly Node[] | null => {
  const inner = attrs.picks ? mapped.slice(1, -1) : mapped.slice(1);
  if (inner.includes(true)) return null;
  const x = at(ins, 0);
  const others = ins.slice(1);
  const picksMapped = attrs.picks && mapped.at(-1) === true;
  if (!picksMapped) {
    const place = x.shape.length - 3;
    const [count = 0, rows = 0, depth = 0] = x.shape.slice(-3);
    const lead = x.shape.slice(1, -3);
    const folded = reshape(moveAxis(x, 0, place), [...lead, count, size * rows, depth]);
    const y = bind(quantizedProductP, [folded, ...others], attrs);
    const columns = y.shape.at(-1) ?? 0;
    return [moveAxis(reshape(y, [...lead, count, size, rows, columns]), place, 0)];
  }
  // Before the leading axes of the matrices nothing can be folded into products.
  if (x.shape.length - (mapped[0] === true ? 1 : 0) > 3) return null;
  const picks = at(ins, ins.length - 1);
  const [count = 0, rows = 0, depth = 0] = x.shape.slice(-3);
  const all = mapped[0] === true ? x : copies(x, size);
  const y = bind(
    quantizedProductP,
    [
      reshape(all, [size * count, rows, depth]),
      ...others.slice(0, -1),
      reshape(picks, [size * count]),
    ],
    attrs,
  );
  return [reshape(y, [size, count, ...y.shape.slice(1)])];
};

const copies = (x: Node, size: number): Node =>
  broadcast(
    x,
    [size, ...x.shape],
    x.shape.map((_, d) => d + 1),
  );

const requireFloat = (dtype: DType): void => {
  if (dtype.kind === "float" && dtype !== float64) return;
  throw new DTypeError(
    `[quantizedProduct] expected float32 or a half, got ${dtype.name}: compose it of other primitives`,
  );
};

/** Every operand has the shape that follows from those of x and of the scales. */
const requireShapes = (
  ins: readonly Aval[],
  { format, picks }: QuantizedProductAttrs,
  lead: Shape,
  count: number,
): void => {
  const scales = at(ins, 2).shape;
  const words = (at(scales, scales.length - 1) * format.groupSize * format.bits) / 32;
  const fits =
    sameShape(scales.slice(0, -3), lead) &&
    sameShape(at(ins, 1).shape, [...scales.slice(0, -1), words]) &&
    (format.mode !== "affine" || sameShape(at(ins, 3).shape, scales)) &&
    at(ins, 0).shape.at(-3) === count &&
    (!picks || sameShape(at(ins, ins.length - 1).shape, [...lead, count]));
  if (fits) return;
  throw new ShapeError(
    `[quantizedProduct] expected operands that fit each other, got shapes ${ins.map((x) => `[${x.shape.join(", ")}]`).join(", ")}`,
  );
};

/**
 * Operands x [..., products, rows, depth], words, scales and, in mode affine, biases [..., matrices, rows of w, …], then
 * picks [..., products] (int32, in range) if any; without them there are as many matrices as products.
 * Result [..., products, rows, columns] in the dtype of x.
 */
export const quantizedProductP: Primitive<QuantizedProductAttrs> = define<QuantizedProductAttrs>({
  name: "quantizedProduct",
  rule: {
    family: "composite",
    decompose,
    jvp: (ts, { ins, attrs }) => jvp(ts, ins, attrs),
    reverse: {
      why: "speed",
      pull([ct = null], { ins, attrs }) {
        if (ct === null) return ins.map(() => null);
        const operands = operandsOf(ins, attrs);
        const back = { ...attrs, transpose: !attrs.transpose };
        const [first = null, second = null] = pullGroups(ct, operands, attrs);
        const cts = [bind(quantizedProductP, [ct, ...ins.slice(1)], back), null, first];
        if (operands.packed.biases !== null) cts.push(second);
        if (attrs.picks) cts.push(null);
        return cts;
      },
    },
  },
  infer(ins, attrs) {
    const [x, words] = [at(ins, 0), at(ins, 1)];
    requireFloat(x.dtype);
    if (words.dtype !== uint32 || (attrs.picks && at(ins, ins.length - 1).dtype !== int32))
      throw new DTypeError("[quantizedProduct] expected words of uint32 and picks of int32");
    const { lead, count, matrices, rows, columns } = sizesOf(ins, attrs);
    requireShapes(ins, attrs, lead, attrs.picks ? count : matrices);
    return [{ shape: [...lead, count, rows, columns], dtype: x.dtype }];
  },
  lift: same,
  batch,
  lower: {
    kind: "routine",
    describe(attrs, operands) {
      const { lead, ...sizes } = sizesOf(operands, attrs);
      const [x, , scales] = operands;
      return {
        routine: "quantizedProduct",
        ...attrs,
        ...sizes,
        dtype: x?.dtype ?? float32,
        scales: scales?.dtype ?? float32,
        outer: sizeOf(lead),
      };
    },
  },
  key({ format, transpose, picks }, sink) {
    sink.text(format.mode);
    sink.ints([format.groupSize, format.bits, transpose ? 1 : 0, picks ? 1 : 0]);
  },
});

/** Products on operands as {@link quantizedProductP} takes them. */
export const quantizedProduct = (
  x: Node,
  { words, scales, biases }: Packed,
  picks: Node | null,
  attrs: Omit<QuantizedProductAttrs, "picks">,
): Node =>
  bind(
    quantizedProductP,
    [x, words, scales, ...(biases === null ? [] : [biases]), ...(picks === null ? [] : [picks])],
    { ...attrs, picks: picks !== null },
  );

/** The same by other primitives, in any floating dtype. */
export const composedQuantizedProduct = (
  x: Node,
  packed: Packed,
  picks: Node | null,
  attrs: Omit<QuantizedProductAttrs, "picks">,
): Node => {
  const { words, scales, biases } = packed;
  const ins = [
    x,
    words,
    scales,
    ...(biases === null ? [] : [biases]),
    ...(picks === null ? [] : [picks]),
  ];
  return at(decompose(ins, { ...attrs, picks: picks !== null }), 0);
};

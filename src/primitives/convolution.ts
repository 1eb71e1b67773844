/** Convolution over any number of axes: bilinear; its value is a product of windows and weights, its transposes likewise. */
import { DTypeError, ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { multiply } from "./arithmetic.js";
import { broadcast, reshape, sum } from "./broadcast-sum.js";
import { constant } from "./constant.js";
import { at, writeList } from "./families/operands.js";
import { matmul } from "./matmul.js";
import { flip, padTo, slice } from "./pad-slice.js";
import { moveAxis, permute, transposeLast } from "./permute.js";
import { windows } from "./window.js";

/**
 * out[n, t, o] = Σ over k, c of in[n, (t · stride + k · dilation - low) / spread, c] · weight[o, k, c], where that
 * position is a whole number in range. The lists have an entry per spatial axis.
 */
export interface ConvolutionAttrs {
  /** Leading axes that input, weight and result share. */
  readonly batch: number;
  /** Channels fall into so many groups; outputs of a group see the inputs of the same group. */
  readonly groups: number;
  /** Weights are read backwards: convolution in the mathematical sense. */
  readonly flip: boolean;
  readonly stride: readonly number[];
  /** Zeros before the input; a negative number leaves out as many elements. */
  readonly low: readonly number[];
  /** Distance of the weights on the input. */
  readonly dilation: readonly number[];
  /** Distance of the input's elements, zeros between them. */
  readonly spread: readonly number[];
  /** Spatial sizes of the result. */
  readonly out: readonly number[];
}

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** The stretch of the spread and padded input that windows of `kernel` see. */
const stretch = (x: Node, kernel: Shape, attrs: ConvolutionAttrs): Node => {
  const start = x.shape.map(() => 0);
  const kept = [...x.shape];
  const low = x.shape.map(() => 0);
  const interior = x.shape.map(() => 0);
  const shape = [...x.shape];
  for (const [i, size] of kernel.entries()) {
    const d = attrs.batch + 1 + i;
    const spread = at(attrs.spread, i);
    const need =
      (at(attrs.out, i) - 1) * at(attrs.stride, i) + (size - 1) * at(attrs.dilation, i) + 1;
    const from = -at(attrs.low, i);
    const first = Math.max(0, Math.ceil(from / spread));
    const end = Math.min(at(x.shape, d), Math.ceil((from + need) / spread));
    const count = Math.max(0, end - first);
    kept[d] = count;
    start[d] = count === 0 ? 0 : first;
    low[d] = count === 0 ? 0 : first * spread - from;
    interior[d] = count > 1 ? spread - 1 : 0;
    shape[d] = need;
  }
  return padTo(slice(x, start, kept), low, interior, shape);
};

/** Windows of the input: [...batch, n, ...out, ...kernel, c]. */
const patches = (x: Node, kernel: Shape, attrs: ConvolutionAttrs): Node => {
  const first = attrs.batch + 1;
  let y = stretch(x, kernel, attrs);
  for (const [i, size] of kernel.entries()) {
    const [count, stride] = [at(attrs.out, i), at(attrs.stride, i)];
    y = windows(y, first + 2 * i, count, size, stride, at(attrs.dilation, i));
  }
  const n = kernel.length;
  const order = [
    ...range(0, first),
    ...range(0, n).map((i) => first + 2 * i),
    ...range(0, n).map((i) => first + 2 * i + 1),
    first + 2 * n,
  ];
  return permute(y, order);
};

const kernelOf = (weight: Aval, batch: number): Shape => weight.shape.slice(batch + 1, -1);

/** Weights in the order in which windows meet them. */
const facing = (weight: Node, attrs: ConvolutionAttrs): Node => {
  if (!attrs.flip) return weight;
  const last = weight.shape.length - 1;
  return flip(
    weight,
    weight.shape.map((_, d) => d > attrs.batch && d < last),
  );
};

/** [...batch, ...rows, groups · c] as [...batch, groups, rows, c], `rows` axes being folded into one. */
const byGroup = (x: Node, batch: number, groups: number, columns: number): Node => {
  const lead = x.shape.slice(0, batch);
  const rows = x.shape.slice(batch, -columns);
  const [channels = 1] = x.shape.slice(-1);
  const inner = x.shape.slice(-columns, -1);
  const split = reshape(x, [...lead, ...rows, ...inner, groups, channels / groups]);
  const g = batch + rows.length + inner.length;
  return reshape(moveAxis(split, g, batch), [
    ...lead,
    groups,
    sizeOf(rows),
    sizeOf(inner) * (channels / groups),
  ]);
};

/** Whether every channel is convolved on its own: no contraction, a sum over the window. */
const isDepthwise = (weight: Aval, attrs: ConvolutionAttrs): boolean =>
  attrs.groups > 1 && weight.shape.at(-1) === 1 && weight.shape[attrs.batch] === attrs.groups;

/** Weights of a depthwise convolution over the windows. */
const overWindows = (weight: Node, shape: Shape, batch: number): Node => {
  const kernel = kernelOf(weight, batch);
  const flat = reshape(weight, weight.shape.slice(0, -1));
  const last = moveAxis(flat, batch, batch + kernel.length);
  const dims = [...range(0, batch), ...range(shape.length - kernel.length - 1, kernel.length + 1)];
  return broadcast(last, shape, dims);
};

const compute = (x: Node, weight: Node, attrs: ConvolutionAttrs): Node => {
  const { batch, groups, out } = attrs;
  const kernel = kernelOf(weight, batch);
  const w = facing(weight, attrs);
  const p = patches(x, kernel, attrs);
  if (isDepthwise(weight, attrs)) {
    const product = multiply(p, overWindows(w, p.shape, batch));
    return sum(product, range(p.shape.length - 1 - kernel.length, kernel.length));
  }
  const lead = x.shape.slice(0, batch);
  const outputs = at(w.shape, batch) / groups;
  const depth = sizeOf(kernel) * at(w.shape, w.shape.length - 1);
  const a = byGroup(p, batch, groups, kernel.length + 1);
  const b = reshape(w, [...lead, groups, outputs, depth]);
  const product = matmul(a, transposeLast(b));
  const n = at(x.shape, batch);
  const split = reshape(product, [...lead, groups, n, ...out, outputs]);
  const order = moveAxis(split, batch, batch + 1 + out.length);
  return reshape(order, [...lead, n, ...out, groups * outputs]);
};

/** Where an input element meets the result: a convolution with weights turned round, stride and spread exchanged. */
const inputTranspose = (ct: Node, weight: Node, self: Aval, attrs: ConvolutionAttrs): Node => {
  const { batch, groups } = attrs;
  if (sizeOf(self.shape) === 0) return constant(0, ct.dtype, self.shape);
  const lead = weight.shape.slice(0, batch);
  const kernel = kernelOf(weight, batch);
  const outputs = at(weight.shape, batch) / groups;
  const inputs = at(weight.shape, weight.shape.length - 1);
  // [groups, outputs, ...kernel, inputs] with outputs and inputs exchanged.
  const split = reshape(weight, [...lead, groups, outputs, ...kernel, inputs]);
  const from = batch + 1;
  const to = from + 1 + kernel.length;
  const order = range(0, split.shape.length).map((d) => (d === from ? to : d === to ? from : d));
  const turned = reshape(permute(split, order), [...lead, groups * inputs, ...kernel, outputs]);
  return convolution(ct, turned, {
    batch,
    groups,
    flip: !attrs.flip,
    stride: attrs.spread,
    low: kernel.map((k, i) => at(attrs.dilation, i) * (k - 1) - at(attrs.low, i)),
    dilation: attrs.dilation,
    spread: attrs.stride,
    out: self.shape.slice(batch + 1, -1),
  });
};

/** The windows of the input against the cotangent. */
const weightTranspose = (ct: Node, x: Node, self: Aval, attrs: ConvolutionAttrs): Node => {
  const { batch, groups } = attrs;
  const kernel = kernelOf(self, batch);
  const p = patches(x, kernel, attrs);
  if (isDepthwise(self, attrs)) {
    const spatial = kernel.length;
    const dims = [...range(0, batch + 1 + spatial), p.shape.length - 1];
    const product = multiply(p, broadcast(ct, p.shape, dims));
    const total = sum(product, range(batch, 1 + spatial));
    return facing(reshape(moveAxis(total, batch + spatial, batch), self.shape), attrs);
  }
  const a = byGroup(ct, batch, groups, 1);
  const b = byGroup(p, batch, groups, kernel.length + 1);
  return facing(reshape(matmul(transposeLast(a), b), self.shape), attrs);
};

export const convolutionP: Primitive<ConvolutionAttrs> = define<ConvolutionAttrs>({
  name: "convolution",
  rule: { family: "bilinear", transpose: [inputTranspose, weightTranspose] },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    const w = at(ins, 1);
    const { batch, groups, out } = attrs;
    const lead = x.shape.slice(0, batch);
    const fits =
      x.shape.length === w.shape.length &&
      x.shape.length === batch + out.length + 2 &&
      sameShape(lead, w.shape.slice(0, batch)) &&
      x.shape.at(-1) === at(w.shape, w.shape.length - 1) * groups &&
      at(w.shape, batch) % groups === 0;
    if (!fits) {
      throw new ShapeError(
        `[convolution] expected shapes [n, ..., c] and [outputs, ..., c / ${groups}], got [${x.shape.join(", ")}] and [${w.shape.join(", ")}]: channels come last`,
      );
    }
    if (x.dtype !== w.dtype || x.dtype.kind !== "float") {
      throw new DTypeError(
        `[convolution] expected two arrays of one floating dtype, got ${x.dtype.name} and ${w.dtype.name}: cast them`,
      );
    }
    return [{ shape: [...lead, at(x.shape, batch), ...out, at(w.shape, batch)], dtype: x.dtype }];
  },
  lift: (attrs) => ({ ...attrs, batch: attrs.batch + 1 }),
  batch(ins, mapped, size, attrs) {
    if (attrs.batch > 0 || mapped[0] === mapped[1]) return null;
    const x = at(ins, 0);
    const w = at(ins, 1);
    if (mapped[0] === true) {
      // Unmapped weights: the mapped axis joins the items.
      const [, n = 1, ...rest] = x.shape;
      const y = convolution(reshape(x, [size * n, ...rest]), w, attrs);
      return [reshape(y, [size, n, ...y.shape.slice(1)])];
    }
    if (attrs.groups > 1) return null;
    // An unmapped input: the mapped axis joins the output channels.
    const [, outputs = 1, ...rest] = w.shape;
    const y = convolution(x, reshape(w, [size * outputs, ...rest]), attrs);
    const split = reshape(y, [...y.shape.slice(0, -1), size, outputs]);
    return [moveAxis(split, split.shape.length - 2, 0)];
  },
  lower: {
    kind: "composition",
    decompose: (ins, attrs) => [compute(at(ins, 0), at(ins, 1), attrs)],
  },
  key(attrs, sink) {
    sink.ints([attrs.batch, attrs.groups, attrs.flip ? 1 : 0]);
    for (const list of [attrs.stride, attrs.low, attrs.dilation, attrs.spread, attrs.out])
      writeList(sink, list);
  },
});

/** Input [...batch, n, ...spatial, c], weight [...batch, o, ...kernel, c / groups]: [...batch, n, ...out, o], of real floats. */
export const convolution = (x: Node, weight: Node, attrs: ConvolutionAttrs): Node =>
  bind(convolutionP, [x, weight], attrs);

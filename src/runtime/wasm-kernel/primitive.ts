/** A kernel of the user's as a primitive: it has no derivative of its own, and is mapped by being run for each lane. */
import { TransformError } from "../../core/errors.js";
import { computeTypeOf } from "../../core/scalar.js";
import { bindAll } from "../../graph/bind.js";
import type { GivenKernel } from "../../graph/lowering.js";
import { type Aval, type Node, sizeOf } from "../../graph/node.js";
import { define, type Primitive } from "../../graph/primitive.js";
import { axisIx } from "../../kernel/index-math.js";
import type { Kernel } from "../../kernel/ir.js";
import { concatenate, expandDims, reshape, sliceAxis } from "../../primitives/index.js";

export interface GivenAttrs {
  /** Its name, for messages. */
  readonly name: string;
  /** Unique: equal ids mean one kernel. */
  readonly id: number;
  readonly outs: readonly Aval[];
  readonly kernels: readonly GivenKernel[];
}

/** A kernel that fills an array of `elements` with a number. */
export const fillKernel = ({ dtype, shape }: Aval, value: number): Kernel => {
  const type = computeTypeOf(dtype);
  const wide = type === "i64" || type === "u64";
  return {
    axes: [{ size: sizeOf(shape), role: "grid" }],
    bufs: [{ storage: dtype, access: "write" }],
    params: [],
    vals: [{ op: "const", dtype: type, value: wide ? BigInt(value) : value }],
    stores: [{ buf: 0, ix: axisIx(0), value: 0, over: 1 }],
  };
};

const withoutRule = (name: string): TransformError =>
  new TransformError(
    `[wasmKernel] expected a derivative of ${name}, got a kernel without one: pass { vjp } when it is made`,
  );

/** Lane `i` of values that have one more leading axis. */
const lane = (x: Node, i: number): Node => reshape(sliceAxis(x, 0, i, i + 1), x.shape.slice(1));

export const givenP: Primitive<GivenAttrs> = define<GivenAttrs>({
  name: "wasmKernel",
  rule: {
    family: "routine",
    jvp(_ts, { attrs }) {
      throw withoutRule(attrs.name);
    },
  },
  infer: (_ins, attrs) => attrs.outs,
  lift(attrs) {
    throw withoutRule(attrs.name);
  },
  batch(ins, mapped, size, attrs) {
    const lanes = Array.from({ length: size }, (_, i) =>
      bindAll(
        givenP,
        ins.map((x, k) => (mapped[k] === true ? lane(x, i) : x)),
        attrs,
      ),
    );
    return attrs.outs.map((_, k) =>
      concatenate(
        lanes.flatMap((outs) => outs.slice(k, k + 1)).map((n) => expandDims(n, [0])),
        0,
      ),
    );
  },
  lower: { kind: "kernels", describe: (attrs) => attrs.kernels },
  key: (attrs, sink) => sink.int(attrs.id),
});

/** Loops and branches over recorded graphs; their rules are made of the graphs' own, and come with the attributes. */
import { InternalError } from "../core/errors.js";
import type { Control } from "../graph/control.js";
import type { KeySink } from "../graph/lowering.js";
import type { Aval, Node } from "../graph/node.js";
import { define, type Primitive, type Site, type Tangents } from "../graph/primitive.js";
import { writeStructure } from "../graph/structure.js";

type Of<K extends Control["control"]> = Extract<Control, { readonly control: K }>;

/** What to do with an application of `C`. */
export interface ControlRules<C extends Control> {
  jvp(ts: Tangents, at: Site<ControlAttrs<C>>): Tangents;
  pull(cts: Tangents, at: Site<ControlAttrs<C>>, wanted: (operand: number) => boolean): Tangents;
  batch(
    ins: readonly Node[],
    mapped: readonly boolean[],
    size: number,
    control: C,
  ): readonly Node[];
}

export interface ControlAttrs<C extends Control> {
  readonly control: C;
  readonly rules: ControlRules<C>;
}

const writeFlag = (sink: KeySink, flag: boolean): void => sink.int(flag ? 1 : 0);

const defineControl = <C extends Control>(
  name: string,
  infer: (control: C) => readonly Aval[],
  key: (control: C, sink: KeySink) => void,
): Primitive<ControlAttrs<C>> =>
  define<ControlAttrs<C>>({
    name,
    rule: {
      family: "routine",
      jvp: (ts, site) => site.attrs.rules.jvp(ts, site),
      reverse: {
        why: "control",
        pull: (cts, site, wanted) => site.attrs.rules.pull(cts, site, wanted),
      },
    },
    infer: (_ins, attrs) => infer(attrs.control),
    lift() {
      throw new InternalError(`[${name}] is mapped by its batching rule`);
    },
    batch: (ins, mapped, size, attrs) => attrs.rules.batch(ins, mapped, size, attrs.control),
    lower: { kind: "control", describe: (attrs) => attrs.control },
    key: (attrs, sink) => key(attrs.control, sink),
  });

/** A graph run over slices of its operands, handing values on from one to the next. */
export const scanP: Primitive<ControlAttrs<Of<"scan">>> = defineControl<Of<"scan">>(
  "scan",
  ({ body, carries, length }) =>
    body.roots.map(({ shape, dtype }, i) =>
      i < carries ? { shape, dtype } : { shape: [length, ...shape], dtype },
    ),
  ({ body, constants, carries, length, reverse }, sink) => {
    sink.int(constants);
    sink.int(carries);
    sink.int(length);
    writeFlag(sink, reverse);
    writeStructure(body, sink);
  },
);

/** A graph run on its own results as long as another graph of them is true. */
export const whileLoopP: Primitive<ControlAttrs<Of<"while">>> = defineControl<Of<"while">>(
  "whileLoop",
  ({ body }) => body.roots,
  ({ test, body, carries }, sink) => {
    sink.int(carries);
    writeStructure(test, sink);
    writeStructure(body, sink);
  },
);

/** One of two graphs. */
export const condP: Primitive<ControlAttrs<Of<"cond">>> = defineControl<Of<"cond">>(
  "cond",
  ({ sides }) => sides[0].roots,
  ({ sides }, sink) => {
    for (const side of sides) writeStructure(side, sink);
  },
);

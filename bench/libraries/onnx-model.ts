/** Writes ONNX models of a few operators, after the format's protobuf schema (onnx.proto, IR version 8, opset 17). */
import protobuf from "protobufjs/minimal.js";

export interface Operator {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface Operand {
  readonly name: string;
  readonly shape: readonly number[];
}

const FLOAT = 1;

const attribute = (w: protobuf.Writer, name: string, value: number | readonly number[]): void => {
  w.uint32(42).fork().uint32(10).string(name);
  if (typeof value !== "number") {
    for (const i of value) w.uint32(64).int64(i);
    w.uint32(160).int32(7);
  } else if (Number.isInteger(value)) {
    w.uint32(24).int64(value).uint32(160).int32(2);
  } else {
    w.uint32(21).float(value).uint32(160).int32(1);
  }
  w.ldelim();
};

const typed = (w: protobuf.Writer, field: number, operand: Operand): void => {
  w.uint32((field << 3) | 2)
    .fork()
    .uint32(10)
    .string(operand.name);
  w.uint32(18).fork().uint32(10).fork().uint32(8).int32(FLOAT).uint32(18).fork();
  for (const n of operand.shape) w.uint32(10).fork().uint32(8).int64(n).ldelim();
  w.ldelim().ldelim().ldelim().ldelim();
};

const constant = (w: protobuf.Writer, name: string, value: number): void => {
  const raw = new Uint8Array(new Float32Array([value]).buffer);
  w.uint32(42)
    .fork()
    .uint32(16)
    .int32(FLOAT)
    .uint32(66)
    .string(name)
    .uint32(74)
    .bytes(raw)
    .ldelim();
};

/** A model that applies the operators in order to inputs and scalar constants. */
export const model = (
  operators: readonly Operator[],
  inputs: readonly Operand[],
  output: Operand,
  constants: Readonly<Record<string, number>> = {},
): Uint8Array => {
  const w = protobuf.Writer.create();
  w.uint32(8).int64(8);
  w.uint32(58).fork();
  for (const op of operators) {
    w.uint32(10).fork();
    for (const name of op.inputs) w.uint32(10).string(name);
    w.uint32(18).string(op.output).uint32(34).string(op.type);
    for (const [name, value] of Object.entries(op.attributes ?? {})) attribute(w, name, value);
    w.ldelim();
  }
  w.uint32(18).string("graph");
  for (const [name, value] of Object.entries(constants)) constant(w, name, value);
  for (const operand of inputs) typed(w, 11, operand);
  typed(w, 12, output);
  w.ldelim();
  w.uint32(66).fork().uint32(10).string("").uint32(16).int64(17).ldelim();
  return w.finish();
};

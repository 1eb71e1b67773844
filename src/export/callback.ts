/** Tells a callback what an exported function consists of, piece by piece. */
import type { DType } from "../core/dtype.js";
import { NDArray } from "../graph/array.js";
import type { Node, Shape } from "../graph/node.js";
import { dtypeNamed } from "./attributes.js";
import type { TypeOf, WrittenFunction } from "./write-graph.js";

/** A value: its name in this export, its shape and dtype. */
export type ExportedValue = readonly [name: string, shape: Shape, dtype: DType];

/** One piece of an exported function. */
export type ExportedPiece =
  | { readonly type: "inputs"; readonly inputs: readonly ExportedValue[] }
  | {
      readonly type: "keywordInputs";
      readonly keywords: readonly (readonly [keyword: string, name: string])[];
    }
  | { readonly type: "outputs"; readonly outputs: readonly ExportedValue[] }
  | {
      readonly type: "constants";
      readonly constants: readonly (readonly [name: string, value: NDArray])[];
    }
  | {
      readonly type: "primitive";
      readonly name: string;
      readonly inputs: readonly ExportedValue[];
      readonly outputs: readonly ExportedValue[];
      /** Its static attributes, as files have them. */
      readonly arguments: Readonly<Record<string, unknown>>;
    };

/** Is called for each piece: inputs, their names, outputs, constants, then every primitive, operands before users. */
export type ExportCallback = (piece: ExportedPiece) => void;

/** A, B, …, Z, AA, AB, … */
const nameOf = (i: number): string => {
  const last = String.fromCharCode(65 + (i % 26));
  return i < 26 ? last : nameOf(Math.floor(i / 26) - 1) + last;
};

/** All pieces of a function, in order. */
export const tell = (
  callback: ExportCallback,
  f: WrittenFunction,
  constants: readonly Node[],
): void => {
  const values: ExportedValue[] = [];
  const name = ({ dtype, shape }: TypeOf): ExportedValue[] => {
    const d = dtypeNamed(dtype);
    if (d !== undefined) values.push([nameOf(values.length), shape, d]);
    return values.slice(-1);
  };
  const inputs = f.inputs.flatMap(name);
  const fixed = f.constants
    .map((place) => constants[place])
    .filter((n) => n !== undefined)
    .flatMap((n) =>
      name({ dtype: n.dtype.name, shape: n.shape }).map(([own]) => [own, new NDArray(n)] as const),
    );
  const results = f.applications.map((a) => a.results.flatMap(name));
  const at = (i: number): ExportedValue[] => values.slice(i, i + 1);
  callback({ type: "inputs", inputs });
  callback({
    type: "keywordInputs",
    keywords: f.keywords.flatMap((key, i) =>
      at(f.positional + i).map(([own]) => [key, own] as const),
    ),
  });
  callback({ type: "outputs", outputs: f.outputs.flatMap(at) });
  callback({ type: "constants", constants: fixed });
  for (const [i, { primitive, operands, attributes }] of f.applications.entries()) {
    const outputs = results[i] ?? [];
    callback({
      type: "primitive",
      name: primitive,
      inputs: operands.flatMap(at),
      outputs,
      arguments: attributes,
    });
  }
};

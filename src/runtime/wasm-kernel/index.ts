/** Kernels of the user's own, written in the kernel language: in the place of MLX's metalKernel and cudaKernel. */
import { DType } from "../../core/dtype.js";
import { ArgumentError } from "../../core/errors.js";
import { describe, isPlainObject } from "../../core/guards.js";
import { readOptions } from "../../core/options.js";
import { readShape } from "../../core/shape.js";
import { NDArray } from "../../graph/array.js";
import { bindAll } from "../../graph/bind.js";
import { type Aval, type Node, type Shape, sizeOf } from "../../graph/node.js";
import { nodeOf, type Operand, wrap } from "../../ops/operand.js";
import { type CustomVjp, customFunction } from "../../transforms/custom.js";
import { KernelBuilder, requireReal } from "./builder.js";
import { fillKernel, type GivenAttrs, givenP } from "./primitive.js";

/** Values that kernels may depend on beside the shapes and dtypes of their arrays. */
export type KernelTemplate = Readonly<Record<string, DType | number | boolean>>;

/** One call of a kernel. */
export interface KernelCall {
  /** One array per name of an input. */
  readonly inputs: readonly Operand[];
  /** A shape and a dtype per name of an output. */
  readonly outputShapes: readonly Shape[];
  readonly outputDtypes: readonly DType[];
  /** Sizes of the grid; by default the shape of the first output. */
  readonly grid?: readonly number[] | null;
  /** What the body reads as `k.template`. */
  readonly template?: KernelTemplate;
  /** What elements are that the kernel does not write; without it every element has to be written. */
  readonly initValue?: number | null;
}

/** Options of {@link wasmKernel}. */
export interface WasmKernelOptions {
  /** Cotangents of the inputs, from the inputs, the cotangents of the outputs, and the outputs. */
  readonly vjp?: (
    primals: readonly NDArray[],
    cotangents: readonly NDArray[],
    outputs: readonly NDArray[],
  ) => readonly NDArray[];
}

/** A kernel: gives its outputs for arrays. */
export type WasmKernel = (call: KernelCall) => NDArray[];

const op = "wasmKernel";

const readNames = (what: string, given: unknown): readonly string[] => {
  const isName = (x: unknown): x is string => typeof x === "string" && x !== "";
  if (Array.isArray(given) && given.every(isName) && new Set(given).size === given.length)
    return given;
  throw new ArgumentError(
    `[${op}] expected different names as ${what}, got ${describe(given)}: pass a list of strings`,
  );
};

const readCall = (name: string, given: unknown): KernelCall => {
  const o = readOptions<KernelCall>(`${op}: ${name}`, given, [
    "inputs",
    "outputShapes",
    "outputDtypes",
    "grid",
    "template",
    "initValue",
  ]);
  const { inputs, outputShapes, outputDtypes } = o;
  if (inputs !== undefined && outputShapes !== undefined && outputDtypes !== undefined)
    return { ...o, inputs, outputShapes, outputDtypes };
  throw new ArgumentError(
    `[${op}] ${name}: expected { inputs, outputShapes, outputDtypes }, got ${describe(given)}: pass all three`,
  );
};

const requireCount = (name: string, what: string, got: unknown, want: number): void => {
  if (Array.isArray(got) && got.length === want) return;
  const text = Array.isArray(got) ? `${got.length}` : describe(got);
  throw new ArgumentError(`[${op}] ${name}: expected ${want} ${what}, got ${text}: one per name`);
};

const readOutputs = (name: string, call: KernelCall, names: readonly string[]): Aval[] => {
  requireCount(name, "outputShapes", call.outputShapes, names.length);
  requireCount(name, "outputDtypes", call.outputDtypes, names.length);
  return names.map((out, i) => {
    const dtype = call.outputDtypes[i];
    if (!(dtype instanceof DType)) {
      throw new ArgumentError(
        `[${op}] ${name}: expected a dtype for ${out}, got ${describe(dtype)}: pass mx.float32, …`,
      );
    }
    requireReal(name, out, dtype);
    return { shape: readShape(`${op}: ${name}`, call.outputShapes[i] ?? []), dtype };
  });
};

const isTemplate = (x: unknown): x is KernelTemplate =>
  isPlainObject(x) &&
  Object.values(x).every(
    (v) => v instanceof DType || typeof v === "number" || typeof v === "boolean",
  );

const readTemplate = (name: string, given: unknown): KernelTemplate => {
  if (given === undefined) return {};
  if (isTemplate(given)) return given;
  throw new ArgumentError(
    `[${op}] ${name}: expected a template of dtypes, numbers and booleans, got ${describe(given)}: pass an object of these`,
  );
};

const typeText = ({ dtype, shape }: Aval): string => `${dtype.name}[${shape.join()}]`;
const textOf = (x: DType | number | boolean): string =>
  x instanceof DType ? x.name : Object.is(x, -0) ? "-0" : String(x);

let ids = 0;
/** Kernels kept per function; beyond it the least recently made goes. */
const capacity = 64;

/**
 * A kernel of your own, in place of MLX's `metal_kernel`: `body` is called with a {@link KernelBuilder} for each kind of arrays and
 * writes down what every point of the grid does. It becomes WebAssembly with SIMD, runs on all threads, and means the same
 * on the reference device.
 *
 * The builder gives the positions of the grid (`k.grid(axis)`, by default one per axis of the first output) and of loops inside of them
 * (`k.loop(size)`), loads elements of inputs at positions or at computed indices, combines them by instructions
 * (`k.op("mul", a, 2)`, `k.cast("f32", i)`), reduces over loops (`k.reduce("sum", v, j)`) and stores. Halves are computed in float32,
 * narrow integers in 32 bits. Everything is checked while it is built: types, indices against shapes, that each element
 * of each output is written once. Arrays are seen row-major and whole, whatever views they are.
 *
 * Gradients come from `vjp`, where there is one. `vmap` runs the kernel for each lane.
 *
 * @returns a function of `{ inputs, outputShapes, outputDtypes, grid?, template?, initValue? }` that gives the outputs
 * @throws ArgumentError for wrong names, counts, types and illegal kernels, IndexError for positions beyond an array,
 * DTypeError for complex numbers, TransformError for derivatives without a rule
 * @example
 * const scaledSquares = mx.fast.wasmKernel("scaledSquares", ["x"], ["y"], (k) => {
 *   const [i, j] = [k.grid(0), k.grid(1)];
 *   const x = k.load("x", [i, j]);
 *   k.store("y", [i, j], k.op("mul", k.op("mul", x, x), Number(k.template.factor)));
 * });
 * const x = mx.array([[1, 2], [3, 4]]);
 * const [y] = scaledSquares({ inputs: [x], outputShapes: [[2, 2]], outputDtypes: [mx.float32], template: { factor: 10 } });
 * y?.tolist(); // [[10, 40], [90, 160]]
 * @example
 * const rowNorms = mx.fast.wasmKernel("rowNorms", ["x"], ["n"], (k) => {
 *   const i = k.grid(0);
 *   const j = k.loop(k.shape("x")[1] ?? 0);
 *   const x = k.load("x", [i, j]);
 *   k.store("n", [i], k.op("sqrt", k.reduce("sum", k.op("mul", x, x), j)));
 * });
 * rowNorms({ inputs: [mx.array([[3, 4], [6, 8]])], outputShapes: [[2]], outputDtypes: [mx.float32] })[0]?.tolist(); // [5, 10]
 * @see mlx.core.fast.metal_kernel
 */
export function wasmKernel(
  name: string,
  inputNames: readonly string[],
  outputNames: readonly string[],
  body: (k: KernelBuilder) => void,
  options?: WasmKernelOptions,
): WasmKernel {
  if (typeof name !== "string" || name === "") {
    throw new ArgumentError(`[${op}] expected a name, got ${describe(name)}: pass a string`);
  }
  const inputs = readNames("names of inputs", inputNames);
  const outputs = readNames("names of outputs", outputNames);
  const both = readNames("names of inputs and outputs together", [...inputs, ...outputs]);
  if (outputs.length === 0 || both.length > 30) {
    throw new ArgumentError(
      `[${op}] ${name}: expected an output, and at most 30 names, got ${outputs.length} and ${both.length}: name them`,
    );
  }
  if (typeof body !== "function") {
    throw new ArgumentError(
      `[${op}] ${name}: expected a function that writes the kernel, got ${describe(body)}: pass (k) => { … }`,
    );
  }
  const { vjp } = readOptions<WasmKernelOptions>(op, options, ["vjp"]);
  const made = new Map<string, GivenAttrs>();

  const build = (ins: readonly Aval[], outs: readonly Aval[], call: KernelCall): GivenAttrs => {
    const template = readTemplate(name, call.template);
    const grid = readShape(`${op}: ${name}`, call.grid ?? outs[0]?.shape ?? []);
    const fill = call.initValue ?? null;
    const key = [
      ins.map(typeText).join(),
      outs.map(typeText).join(),
      grid.join(),
      fill === null ? "" : textOf(fill),
      ...Object.entries(template).map(([k, v]) => `${k}=${typeof v}${textOf(v)}`),
    ].join(";");
    const known = made.get(key);
    if (known !== undefined) return known;
    const builder = new KernelBuilder(
      name,
      new Map(ins.flatMap((x, i) => inputs.slice(i, i + 1).map((n) => [n, x] as const))),
      new Map(outs.flatMap((x, i) => outputs.slice(i, i + 1).map((n) => [n, x] as const))),
      grid,
      template,
    );
    body(builder);
    const kernel = builder.finish(fill !== null);
    const filled =
      fill === null
        ? []
        : outs.flatMap((out, i) =>
            sizeOf(out.shape) === 0
              ? []
              : [{ kernel: fillKernel(out, fill), buffers: [ins.length + i] }],
          );
    const buffers = [...ins, ...outs].map((_, i) => i);
    const attrs: GivenAttrs = {
      name,
      id: ++ids,
      outs,
      kernels: [...filled, { kernel, buffers }],
    };
    for (const oldest of made.keys()) {
      if (made.size < capacity) break;
      made.delete(oldest);
    }
    made.set(key, attrs);
    return attrs;
  };

  return (given) => {
    const call = readCall(name, given);
    requireCount(name, "inputs", call.inputs, inputs.length);
    const nodes = call.inputs.map((x, i): Node => {
      const n = nodeOf(`${op}: ${name}`, x);
      requireReal(name, inputs[i] ?? "", n.dtype);
      return n;
    });
    const outs = readOutputs(name, call, outputs);
    const attrs = build(
      nodes.map(({ shape, dtype }) => ({ shape, dtype })),
      outs,
      call,
    );
    const run = (...xs: readonly NDArray[]): NDArray[] =>
      bindAll(
        givenP,
        xs.map((x) => x.node),
        attrs,
      ).map(wrap);
    const arrays = nodes.map((n) => new NDArray(n));
    if (vjp === undefined) return run(...arrays);
    const custom = customFunction(run);
    const rule: CustomVjp<readonly NDArray[], NDArray[]> = (primals, cotangents, results) =>
      // With one argument the rule gets it bare.
      [...vjp(primals instanceof NDArray ? [primals] : primals, cotangents, results)];
    custom.vjp(rule);
    return custom(...arrays);
  };
}

/** Quantizing the layers of a model in place. */
import { ArgumentError } from "../../core/errors.js";
import { describe, isPlainObject } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import { treeMapWithPath } from "../../ops/tree-utils.js";
import type { QuantizationFormat } from "../../quantized/format.js";
import { isModule, Module } from "./module.js";

/** What `toQuantized` takes. */
export interface LayerQuantization extends QuantizationFormat {
  readonly quantizeInput?: boolean;
}

/** Options of {@link quantize}. */
export interface QuantizeModelOptions extends LayerQuantization {
  /** Whether a layer is quantized, or how it is if not as the others; by default those that can be are. */
  readonly classPredicate?: ((path: string, module: Module) => boolean | LayerQuantization) | null;
}

/** A layer that has a quantized form. */
interface Quantizable {
  toQuantized(options?: LayerQuantization): Module;
}

const isQuantizable = (x: object): x is Quantizable =>
  "toQuantized" in x && typeof x.toQuantized === "function";

/**
 * Replaces the layers of a model by their quantized forms, in place. Fields typed as `Linear` or `Embedding` then hold
 * `QuantizedLinear`, `QQLinear` or `QuantizedEmbedding`, which have the same `forward`. Either all are replaced or none.
 *
 * @param groupSize also in one options object, `{ groupSize, bits, mode, quantizeInput, classPredicate }`
 * @throws ArgumentError for formats that do not exist and for layers that cannot be quantized, ShapeError for sizes that the
 *   group size does not divide
 * @example
 * const model = new nn.Sequential(new nn.Linear(64, 64), nn.relu, new nn.Linear(64, 10));
 * nn.quantize(model, { bits: 8, classPredicate: (path, m) => m instanceof nn.Linear && path !== "layers.2" });
 * model.layers[0].weight.dtype === mx.uint32; // true
 * @see mlx.nn.quantize
 */
export function quantize(
  model: Module,
  groupSize?: number | null | QuantizeModelOptions,
  options?: QuantizeModelOptions,
): void {
  const op = "quantize";
  const o = readPositional<QuantizeModelOptions>(op, "groupSize", groupSize ?? undefined, options, [
    "groupSize",
    "bits",
    "mode",
    "quantizeInput",
    "classPredicate",
  ]);
  if (!isModule(model)) {
    throw new ArgumentError(
      `[${op}] expected a module, got ${describe(model)}: mx.quantize is for arrays`,
    );
  }
  const { classPredicate, ...common } = o;
  const wanted = classPredicate ?? ((_path: string, m: Module): boolean => isQuantizable(m));
  const quantized = (path: string, layer: unknown): unknown => {
    if (!isModule(layer)) return layer;
    const how: unknown = wanted(path, layer);
    if (how === false || how === null || how === undefined) return layer;
    if (!isQuantizable(layer)) {
      throw new ArgumentError(
        `[${op}] expected layers that can be quantized, got ${describe(layer)} at "${path}": let classPredicate refuse it`,
      );
    }
    if (how === true) return layer.toQuantized(common);
    if (isPlainObject(how)) return layer.toQuantized(how);
    throw new ArgumentError(
      `[${op}] expected a boolean or options from classPredicate, got ${describe(how)} for "${path}"`,
    );
  };
  model.updateModules(
    treeMapWithPath<object, unknown>(quantized, model.leafModules(), { isLeaf: Module.isModule }),
  );
}

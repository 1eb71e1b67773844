/** Layers one after the other. */
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import type { NDArray } from "../../graph/array.js";
import { Module } from "../module/module.js";

/** A module of one array. */
export type UnaryModule = Module & { forward(x: NDArray): NDArray };

/** What a {@link Sequential} is made of: modules and functions of one array. */
export type UnaryLayer = UnaryModule | ((x: NDArray) => NDArray);

/** What a layer makes of an array. */
export const applyLayer = (layer: UnaryLayer, x: NDArray): NDArray =>
  typeof layer === "function" ? layer(x) : layer.forward(x);

export const isUnaryLayer = (x: unknown): x is UnaryLayer =>
  typeof x === "function" || (x instanceof Module && "forward" in x);

/**
 * Passes its input through layers in order. Functions of one array are layers too.
 *
 * @throws ArgumentError for anything else
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 8), nn.relu, new nn.Linear(8, 1));
 * model.forward(mx.ones([3, 2])).shape; // [3, 1]
 * @see mlx.nn.Sequential
 */
export class Sequential<L extends readonly UnaryLayer[] = readonly UnaryLayer[]> extends Module {
  layers: L;

  constructor(...layers: L) {
    super();
    for (const [i, layer] of layers.entries()) {
      if (isUnaryLayer(layer)) continue;
      throw new ArgumentError(
        `[Sequential] expected modules with a method forward, or functions, got ${describe(layer)} at position ${i}: wrap it in a function`,
      );
    }
    this.layers = layers;
  }

  forward(x: NDArray): NDArray {
    return this.layers.reduce<NDArray>((y, layer) => applyLayer(layer, y), x);
  }
}

/** Renders products with quantized matrices as WebAssembly modules. */
import type { Routine } from "../../../core/routine.js";
import type { Features, Phase, Rendered } from "../../contract.js";
import type { TilePhase } from "../attention/steps.js";
import { Module } from "../encoder.js";
import { phaseLoops } from "../phases.js";
import { blockTiles } from "./blocks.js";
import { dotTiles, isThin } from "./dot.js";

const phaseOf = ({ tiles, tileCost }: TilePhase): Phase => ({ tiles: () => tiles, tileCost });

export type QuantizedRoutine = Extract<Routine, { routine: "quantizedProduct" }>;

export const renderQuantized = (r: QuantizedRoutine, features: Features): Rendered => {
  const module = new Module(features);
  const { phases, scratchBytes, sharedBytes } = isThin(r)
    ? dotTiles(module, r, features)
    : blockTiles(module, r, features);
  module.export(
    "k",
    phaseLoops(
      module,
      phases.map((p) => p.tile),
    ),
  );
  const [first, ...later] = phases;
  return {
    code: module,
    scratchBytes,
    ...phaseOf(first),
    later: later.map(phaseOf),
    sharedBytes: () => sharedBytes,
  };
};

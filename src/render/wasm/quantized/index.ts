/** Renders products with quantized matrices as WebAssembly modules. */
import type { Routine } from "../../../core/routine.js";
import type { Features, Phase, Rendered } from "../../contract.js";
import type { TilePhase, Tiles } from "../attention/steps.js";
import { Module } from "../encoder.js";
import { phaseLoops } from "../phases.js";
import { blockTiles } from "./blocks.js";
import { dotTiles, isThin } from "./dot.js";
import { hasLibrary, libraryTiles } from "./library.js";

const phaseOf = ({ tiles, tileCost }: TilePhase): Phase => ({ tiles: () => tiles, tileCost });

export type QuantizedRoutine = Extract<Routine, { routine: "quantizedProduct" }>;

const tilesOf = (module: Module, r: QuantizedRoutine, features: Features): Tiles => {
  if (isThin(r)) return dotTiles(module, r, features);
  if (!hasLibrary(r, features)) return blockTiles(module, r, features);
  const gemm = module.import("blas", "f32", new Array<"i32">(11).fill("i32"), []);
  return libraryTiles(module, r, features, gemm);
};

export const renderQuantized = (r: QuantizedRoutine, features: Features): Rendered => {
  const module = new Module(features);
  const { phases, scratchBytes, sharedBytes } = tilesOf(module, r, features);
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

/** Renders attention and its gradient as WebAssembly modules. */
import type { Routine } from "../../../core/routine.js";
import type { Features, Phase, Rendered } from "../../contract.js";
import { Module } from "../encoder.js";
import { phaseLoops } from "../phases.js";
import { forwardTiles } from "./forward.js";
import { gradientTiles } from "./gradient.js";
import type { TilePhase } from "./steps.js";

export type AttentionRoutine = Extract<Routine, { routine: "attention" | "attentionGradient" }>;

const phaseOf = ({ tiles, tileCost }: TilePhase): Phase => ({ tiles: () => tiles, tileCost });

export const renderAttention = (r: AttentionRoutine, features: Features): Rendered => {
  const module = new Module(features);
  const { phases, scratchBytes, sharedBytes } =
    r.routine === "attention"
      ? forwardTiles(module, r, features)
      : gradientTiles(module, r, features);
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

/** Renders attention and its gradient as WebAssembly modules. */
import type { Routine } from "../../../core/routine.js";
import type { Features, Rendered } from "../../contract.js";
import { Module } from "../encoder.js";
import { phaseLoops } from "../phases.js";
import { forwardTiles } from "./forward.js";
import { gradientTiles } from "./gradient.js";

export type AttentionRoutine = Extract<Routine, { routine: "attention" | "attentionGradient" }>;

export const renderAttention = (r: AttentionRoutine, features: Features): Rendered => {
  const module = new Module(features);
  const { tile, tiles, tileCost, scratchBytes } =
    r.routine === "attention"
      ? forwardTiles(module, r, features)
      : gradientTiles(module, r, features);
  module.export("k", phaseLoops(module, [tile]));
  return { bytes: module.finish(), scratchBytes, tiles: () => tiles, tileCost };
};

/** Routines that run in JavaScript on every device: what their buffers take, and how a part of one is run. */
import type { Routine } from "../core/routine.js";
import { type Fourier, fourierBytes, runFourier } from "./fourier/index.js";
import { itemsOf, type Matrices } from "./matrix/index.js";
import { stackRun } from "./matrix/stack.js";

export type HostRoutine = Matrices | Fourier;

export const isHostRoutine = (r: Routine): r is HostRoutine =>
  r.routine === "matrix" || r.routine === "fourier";

/** Bytes of each buffer, inputs before outputs. */
export const hostBytes = (r: HostRoutine): readonly number[] => {
  if (r.routine === "fourier") return fourierBytes(r);
  const { ins, outs } = itemsOf(r);
  return [...ins, ...outs].map(({ size, dtype }) => r.count * size * dtype.size);
};

/** How many matrices or lines there are. */
export const hostTiles = (r: HostRoutine): number =>
  r.routine === "fourier" ? r.outer * r.inner : r.count;

/** Runs tiles `start` up to `end`; gives back the fault, or 0. Scratch memory lives as long as the runner. */
export const hostRunner = (
  r: HostRoutine,
): ((buffers: readonly Uint8Array[], start: number, end: number) => number) => {
  if (r.routine === "matrix") return stackRun(r);
  return (buffers, start, end) => {
    runFourier(r, buffers, start, end);
    return 0;
  };
};

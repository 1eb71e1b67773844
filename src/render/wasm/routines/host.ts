/** The entry to routines that run in JavaScript: a module that hands its call on to an imported function, with the numbers that tell which. */
import { type HostRoutine, hostTiles, wordsOfHost } from "../../../kernel/host-routines.js";
import type { Matrices } from "../../../kernel/matrix/index.js";
import type { Features, Rendered } from "../../contract.js";
import { Module, type WasmType } from "../encoder.js";

/** Nanoseconds per product and sum, per matrix, and per line. */
const operation = 1;
const overhead = 1000;
const lineOverhead = 50;

/** How many times the cube of the size a routine takes. */
const weights: Readonly<Record<Matrices["what"], number>> = {
  cholesky: 0.4,
  lu: 0.7,
  solve: 1,
  triangular: 0.5,
  inverse: 2,
  qr: 3,
  eigh: 8,
  eigvalsh: 2,
  eig: 20,
  eigvals: 15,
  svd: 15,
  svdvals: 4,
};

/** Nanoseconds of a tile: a matrix, or a line of n·log n steps. */
const costOf = (r: HostRoutine): number => {
  if (r.routine === "fourier") return lineOverhead + 2 * operation * r.n * Math.log2(r.n + 1);
  const products = r.m * r.n * Math.max(Math.min(r.m, r.n), r.k);
  return overhead + operation * weights[r.what] * products;
};

export const renderHost = (r: HostRoutine, features: Features): Rendered => {
  const module = new Module(features);
  const words = wordsOfHost(r);
  const types = words.map((): WasmType => "f64");
  const run = module.import("host", r.routine, ["i32", "i32", "i32", ...types], []);
  const k = module.func(["i32", "i32", "i32", "i32"]);
  k.get(0).get(1).get(2);
  for (const word of words) k.f64(word);
  k.call(run);
  module.export("k", k);
  return {
    code: module,
    scratchBytes: 0,
    tiles: () => hostTiles(r),
    tileCost: costOf(r),
  };
};

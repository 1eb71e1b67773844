/** The exported function of a kernel: the tiles of the phase that the arguments name. */
import { argBytes } from "../contract.js";
import type { Func, Module } from "./encoder.js";

/** A function k(args, start, end, scratch) that calls `tiles[phase]`(args, tile, scratch) for every tile from start to end. */
export const phaseLoops = (module: Module, tiles: readonly Func[]): Func => {
  const k = module.func(["i32", "i32", "i32", "i32"]);
  // V8 replaces a running function only at its next call: the loop over tiles stays outside of their code.
  const loop = (tile: Func): void => {
    k.block((done) => {
      k.get(1).get(2).op("i32.ge_s").brIf(done);
      k.loop((again) => {
        k.get(0).get(1).get(3).call(tile);
        k.get(1).i32(1).op("i32.add").tee(1).get(2).op("i32.lt_s").brIf(again);
      });
    });
  };
  tiles.forEach((tile, phase) => {
    if (tiles.length === 1) loop(tile);
    else {
      k.get(0).op("i32.load", argBytes.phase).i32(phase).op("i32.eq");
      k.if(() => loop(tile));
    }
  });
  return k;
};

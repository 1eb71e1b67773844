/** Rotary positions of Llama's variants. */
import { float32 } from "../../core/dtype.js";
import { rope } from "../../fast/rope.js";
import type { NDArray } from "../../graph/array.js";
import { Module } from "../../nn/module/module.js";
import { array } from "../../ops/creation-host.js";
import type { LlamaConfig, RopeScaling } from "./config.js";

/** Wavelengths in positions per radian: short ones as they are, long ones stretched, those between by shares of both. */
const llama3 = (base: number, size: number, s: RopeScaling): number[] =>
  Array.from({ length: size / 2 }, (_, i) => {
    const freq = base ** ((2 * i) / size);
    const wavelength = 2 * Math.PI * freq;
    const turns = s.originalContext / wavelength;
    if (turns < s.lowFreqFactor) return freq * s.factor;
    if (turns > s.highFreqFactor) return freq;
    const share = (turns - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
    return freq / ((1 - share) / s.factor + share);
  });

/** Turns pairs of channels of queries and keys by angles that grow with the position. */
export class Rotary extends Module {
  readonly size: number;
  readonly base: number;
  readonly scale: number;
  /** Not a parameter: it follows from the configuration. */
  private readonly _freqs: NDArray | null;

  constructor({ headSize, ropeBase, ropeScaling: s }: LlamaConfig) {
    super();
    this.size = headSize;
    this.base = ropeBase;
    this.scale = s?.type === "linear" ? 1 / s.factor : 1;
    this._freqs = s?.type === "llama3" ? array(llama3(ropeBase, headSize, s), float32) : null;
  }

  forward(x: NDArray, offset: NDArray | number): NDArray {
    const { _freqs: freqs, base, scale } = this;
    const how = freqs === null ? { base, scale } : { base: null, freqs };
    return rope(x, this.size, { ...how, traditional: false, offset });
  }
}

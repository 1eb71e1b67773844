/** float16 and bfloat16 as bits in 32-bit lanes: to and from f32, rounding once to nearest even. */

import type { Ref } from "./lane-code.js";
import type { Lanes } from "./lanes.js";

/** The f32 of float16 bits (upper halves zero). */
export function fromHalf(l: Lanes, bits: Ref): Ref {
  // Moved into place, the exponent is 112 too small: a product corrects it, subnormals included.
  const moved = l.ishl(l.iand(bits, l.integer(0x7fff)), 13);
  const scaled = l.bitsOf(l.mul(l.fromBits(moved), l.constant(2 ** 112)));
  const special = l.not(l.ilt(l.iand(bits, l.integer(0x7fff)), l.integer(0x7c00)));
  const exponent = l.select(special, l.integer(0x7f800000), l.integer(0));
  const sign = l.ishl(l.iand(bits, l.integer(0x8000)), 16);
  return l.fromBits(l.ior(l.ior(scaled, exponent), sign));
}

/** The float16 bits nearest to an f32; overflow gives infinity, NaN stays NaN. */
export function toHalf(l: Lanes, x: Ref): Ref {
  const bits = l.bitsOf(x);
  const magnitude = l.iand(bits, l.integer(0x7fffffff));
  // Below 2^-14: adding a half leaves the rounded subnormal in the low bits.
  const small = l.isub(
    l.bitsOf(l.add(l.fromBits(magnitude), l.constant(0.5))),
    l.integer(0x3f000000),
  );
  const odd = l.iand(l.ushr(magnitude, 13), l.integer(1));
  const normal = l.ushr(l.iadd(l.iadd(magnitude, l.integer(0xc8000fff)), odd), 13);
  const finite = l.select(l.ilt(magnitude, l.integer(0x38800000)), small, normal);
  const nan = l.ilt(l.integer(0x7f800000), magnitude);
  const beyond = l.select(nan, l.integer(0x7e00), l.integer(0x7c00));
  const result = l.select(l.ilt(magnitude, l.integer(0x477ff000)), finite, beyond);
  return l.ior(result, l.iand(l.ushr(bits, 16), l.integer(0x8000)));
}

/** The f32 of bfloat16 bits. */
export function fromBrain(l: Lanes, bits: Ref): Ref {
  return l.fromBits(l.ishl(bits, 16));
}

/** The bfloat16 bits nearest to an f32; NaN stays NaN. */
export function toBrain(l: Lanes, x: Ref): Ref {
  const bits = l.bitsOf(x);
  const odd = l.iand(l.ushr(bits, 16), l.integer(1));
  const rounded = l.iadd(l.iadd(bits, l.integer(0x7fff)), odd);
  const quiet = l.ior(bits, l.integer(0x400000));
  return l.ushr(l.select(l.ne(x, x), quiet, rounded), 16);
}

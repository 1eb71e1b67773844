/** Conversions between the 16-bit floats and JavaScript numbers: exact one way, one rounding to nearest even the other. */

const f64 = new Float64Array(1);
const words = new Uint32Array(f64.buffer);
const f32 = new Float32Array(1);
const word = new Uint32Array(f32.buffer);

/** Rounds the double in `f64` to a format with `fraction` fraction bits, given exponent bias and all-ones exponent. */
const encode = (fraction: number, bias: number, top: number): number => {
  const lo = words[0] ?? 0;
  const hi = words[1] ?? 0;
  const sign = (hi >>> 16) & 0x8000;
  const exponent = (hi >>> 20) & 0x7ff;
  const mantissa = hi & 0xfffff;
  const infinity = top << fraction;
  if (exponent === 0x7ff) {
    if ((mantissa | lo) === 0) return sign | infinity;
    return sign | infinity | (1 << (fraction - 1)) | (mantissa >>> (20 - fraction));
  }
  const e = exponent - 1023 + bias;
  if (e >= top) return sign | infinity;
  if (e < -fraction) return sign;
  // A subnormal result has its leading one inside the fraction, further right the smaller it is.
  const full = e > 0 ? mantissa : mantissa | 0x100000;
  const shift = e > 0 ? 20 - fraction : 21 - fraction - e;
  const kept = (e > 0 ? e << fraction : 0) | (full >>> shift);
  const rest = full & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const up = rest > half || (rest === half && (lo !== 0 || (kept & 1) === 1));
  return sign | (kept + (up ? 1 : 0));
};

/** The bits of the float16 nearest to `value`, ties to even; beyond the range infinity. */
export const toFloat16Bits = (value: number): number => {
  f64[0] = value;
  return encode(10, 15, 31);
};

/** The bits of the bfloat16 nearest to `value`, ties to even; beyond the range infinity. */
export const toBfloat16Bits = (value: number): number => {
  f64[0] = value;
  return encode(7, 127, 255);
};

const scales = Float64Array.from({ length: 31 }, (_, e) => 2 ** (Math.max(e, 1) - 25));

/** The value of a float16 given as bits. */
export const fromFloat16Bits = (bits: number): number => {
  const e = (bits >>> 10) & 31;
  const m = bits & 1023;
  if (e === 31) return m !== 0 ? Number.NaN : (bits & 0x8000) !== 0 ? -Infinity : Infinity;
  const value = (e === 0 ? m : m | 1024) * (scales[e] ?? 0);
  return (bits & 0x8000) !== 0 ? -value : value;
};

/** The value of a bfloat16 given as bits. */
export const fromBfloat16Bits = (bits: number): number => {
  word[0] = bits << 16;
  return f32[0] ?? 0;
};

/** Float32 bits to float16 bits: integer arithmetic on the bits, a third of the time of the general way. */
const narrowFloat16 = (from: Uint32Array, to: Uint16Array): void => {
  for (let i = 0; i < from.length; i++) {
    const bits = from[i] ?? 0;
    const size = bits & 0x7fffffff;
    let half: number;
    if (size >= 0x47800000) half = size > 0x7f800000 ? 0x7e00 : 0x7c00;
    else if (size >= 0x38800000) half = (size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13;
    else {
      // Adding a half rounds a number below 2^-14 to the spacing of float16's subnormals.
      word[0] = size;
      f32[0] = (f32[0] ?? 0) + 0.5;
      half = (word[0] ?? 0) - 0x3f000000;
    }
    to[i] = half | ((bits >>> 16) & 0x8000);
  }
};

const narrowBfloat16 = (from: Uint32Array, to: Uint16Array): void => {
  for (let i = 0; i < from.length; i++) {
    const bits = from[i] ?? 0;
    const nan = (bits & 0x7fffffff) > 0x7f800000;
    to[i] = nan ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
};

const bitsOf = (x: Float32Array): Uint32Array => new Uint32Array(x.buffer, x.byteOffset, x.length);

/** Writes the float16 bits of each value of `from` into `to`, which must be as long. */
export const encodeFloat16 = (from: ArrayLike<number>, to: Uint16Array): void => {
  if (from instanceof Float32Array) narrowFloat16(bitsOf(from), to);
  else for (let i = 0; i < from.length; i++) to[i] = toFloat16Bits(from[i] ?? 0);
};

/** Writes the bfloat16 bits of each value of `from` into `to`, which must be as long. */
export const encodeBfloat16 = (from: ArrayLike<number>, to: Uint16Array): void => {
  if (from instanceof Float32Array) narrowBfloat16(bitsOf(from), to);
  else for (let i = 0; i < from.length; i++) to[i] = toBfloat16Bits(from[i] ?? 0);
};

/** The values of float16 bits. */
export const decodeFloat16 = (bits: Uint16Array): Float32Array<ArrayBuffer> => {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] ?? 0;
    words[i] = ((b & 0x8000) << 16) | ((b & 0x7fff) << 13);
  }
  const out = new Float32Array(words.buffer);
  // The exponent was moved without its bias; the product sets that right, for subnormals too.
  for (let i = 0; i < out.length; i++) {
    const special = ((bits[i] ?? 0) & 0x7c00) === 0x7c00;
    out[i] = special ? fromFloat16Bits(bits[i] ?? 0) : (out[i] ?? 0) * 2 ** 112;
  }
  return out;
};

/** The values of bfloat16 bits. */
export const decodeBfloat16 = (bits: Uint16Array): Float32Array<ArrayBuffer> => {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(out.buffer);
};

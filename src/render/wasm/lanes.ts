/** LaneCode on Wasm instructions: scalars for one lane, SIMD for 4×f32 or 2×f64. */
import type { Code } from "./block.js";
import type { Import, WasmType } from "./encoder.js";
import type { HostMath, LaneCode, MaskRef, Ref } from "./lane-code.js";

/** Where host functions come from: the module's imports. */
export type HostImports = (fn: HostMath, arity: number) => Import;

const magic = 6755399441055744; // 1.5·2^52: adding it leaves an integer in the low bits
const magicBits = 0x4338000000000000n;

/** One float type and its integers on `lanes` lanes (1, or 16 bytes' worth). Masks are i32 0/1 for one lane. */
export class Lanes implements LaneCode {
  readonly code: Code;
  readonly float: "f32" | "f64";
  readonly lanes: number;
  /** Prefixes of instruction names. */
  readonly shape: string;
  readonly intShape: string;
  readonly type: WasmType;
  readonly #relaxed: boolean;
  readonly #host: HostImports;

  constructor(
    code: Code,
    float: "f32" | "f64",
    lanes: number,
    features: { readonly relaxed: boolean },
    host: HostImports,
  ) {
    this.code = code;
    this.float = float;
    this.lanes = lanes;
    const int = float === "f32" ? "i32" : "i64";
    this.shape = lanes === 1 ? float : `${float}x${lanes}`;
    this.intShape = lanes === 1 ? int : `${int}x${lanes}`;
    this.type = lanes === 1 ? float : "v128";
    this.#relaxed = features.relaxed && lanes > 1;
    this.#host = host;
  }

  /** Whether the code of a rare case is being written. */
  #rarely = false;

  get #wide(): boolean {
    return this.float === "f64";
  }

  /** Constants asked for before; -0 is not 0. */
  readonly #constants = new Map<number | string, Ref>();
  readonly #integers = new Map<number | bigint, Ref>();

  constant(x: number): Ref {
    const key = Object.is(x, -0) ? "-0" : x;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const ref = this.#makeConstant(x);
    this.#constants.set(key, ref);
    return ref;
  }

  integer(x: number | bigint): Ref {
    const known = this.#integers.get(x);
    if (known !== undefined) return known;
    const ref = this.#makeInteger(x);
    this.#integers.set(x, ref);
    return ref;
  }

  #makeConstant(x: number): Ref {
    if (this.lanes === 1) return this.#wide ? this.code.f64(x) : this.code.f32(x);
    const data = this.#wide ? new Float64Array(2).fill(x) : new Float32Array(4).fill(x);
    return this.code.v128(new Uint8Array(data.buffer));
  }

  #makeInteger(x: number | bigint): Ref {
    if (this.#wide) {
      const n = BigInt.asIntN(64, BigInt(x));
      if (this.lanes === 1) return this.code.i64(n);
      return this.code.v128(new Uint8Array(new BigInt64Array(2).fill(n).buffer));
    }
    const n = Number(BigInt.asIntN(32, BigInt(x)));
    if (this.lanes === 1) return this.code.i32(n);
    return this.code.v128(new Uint8Array(new Int32Array(4).fill(n).buffer));
  }

  #f(name: string, ...args: readonly Ref[]): Ref {
    return this.code.op(`${this.shape}.${name}`, ...args);
  }

  #i(name: string, ...args: readonly Ref[]): Ref {
    return this.code.op(`${this.intShape}.${name}`, ...args);
  }

  /** Bitwise: on the vector as a whole, or on the scalar integer. */
  #bits(name: string, ...args: readonly Ref[]): Ref {
    return this.code.op(`${this.lanes === 1 ? this.intShape : "v128"}.${name}`, ...args);
  }

  #masks(name: string, ...args: readonly Ref[]): Ref {
    return this.code.op(`${this.lanes === 1 ? "i32" : "v128"}.${name}`, ...args);
  }

  add(a: Ref, b: Ref): Ref {
    return this.#f("add", a, b);
  }
  sub(a: Ref, b: Ref): Ref {
    return this.#f("sub", a, b);
  }
  mul(a: Ref, b: Ref): Ref {
    return this.#f("mul", a, b);
  }
  div(a: Ref, b: Ref): Ref {
    return this.#f("div", a, b);
  }
  madd(a: Ref, b: Ref, c: Ref): Ref {
    return this.#relaxed ? this.#f("relaxed_madd", a, b, c) : this.add(this.mul(a, b), c);
  }
  // Engines make the masks of vector neg and abs anew at each use; constants stay in registers.
  neg(a: Ref): Ref {
    return this.lanes === 1 ? this.#f("neg", a) : this.#bits("xor", a, this.constant(-0));
  }
  abs(a: Ref): Ref {
    if (this.lanes === 1) return this.#f("abs", a);
    return this.#bits("and", a, this.integer(this.#wide ? 2n ** 63n - 1n : 2 ** 31 - 1));
  }
  sqrt(a: Ref): Ref {
    return this.#f("sqrt", a);
  }
  floor(a: Ref): Ref {
    return this.#f("floor", a);
  }
  ceil(a: Ref): Ref {
    return this.#f("ceil", a);
  }
  trunc(a: Ref): Ref {
    return this.#f("trunc", a);
  }
  nearest(a: Ref): Ref {
    return this.#f("nearest", a);
  }
  min(a: Ref, b: Ref): Ref {
    return this.#extremum("min", a, b);
  }
  max(a: Ref, b: Ref): Ref {
    return this.#extremum("max", a, b);
  }

  /** One machine instruction where a constant decides on NaN and signed zeros, about six where not. */
  #extremum(name: "min" | "max", a: Ref, b: Ref): Ref {
    if (this.lanes > 1 && this.#plain(b)) return this.#f(`p${name}`, a, b);
    if (this.lanes > 1 && this.#plain(a)) return this.#f(`p${name}`, b, a);
    return this.#f(name, a, b);
  }

  /** Whether a value is a constant, in all lanes neither NaN nor zero. */
  #plain(ref: Ref): boolean {
    const bytes = this.code.bytesOf(ref);
    if (bytes === null) return false;
    const { buffer } = bytes.slice();
    const lanes = this.#wide ? new Float64Array(buffer) : new Float32Array(buffer);
    return lanes.every((x) => x < 0 || x > 0);
  }
  atMost(a: Ref, bound: Ref): Ref {
    return this.lanes === 1 ? this.select(this.lt(bound, a), bound, a) : this.#f("pmin", a, bound);
  }
  atLeast(a: Ref, bound: Ref): Ref {
    return this.lanes === 1 ? this.select(this.gt(bound, a), bound, a) : this.#f("pmax", a, bound);
  }
  copysign(magnitude: Ref, sign: Ref): Ref {
    if (this.lanes === 1) return this.#f("copysign", magnitude, sign);
    return this.code.op("v128.bitselect", sign, magnitude, this.constant(-0));
  }
  signed(magnitude: Ref, sign: Ref): Ref {
    if (this.lanes === 1) return this.copysign(magnitude, sign);
    return this.#bits("or", magnitude, this.#bits("and", sign, this.constant(-0)));
  }
  lt(a: Ref, b: Ref): MaskRef {
    return this.#f("lt", a, b);
  }
  le(a: Ref, b: Ref): MaskRef {
    return this.#f("le", a, b);
  }
  gt(a: Ref, b: Ref): MaskRef {
    return this.#f("gt", a, b);
  }
  ge(a: Ref, b: Ref): MaskRef {
    return this.#f("ge", a, b);
  }
  eq(a: Ref, b: Ref): MaskRef {
    return this.#f("eq", a, b);
  }
  ne(a: Ref, b: Ref): MaskRef {
    return this.#f("ne", a, b);
  }
  both(a: MaskRef, b: MaskRef): MaskRef {
    return this.#masks("and", a, b);
  }
  either(a: MaskRef, b: MaskRef): MaskRef {
    return this.#masks("or", a, b);
  }
  not(a: MaskRef): MaskRef {
    return this.code.op(this.lanes === 1 ? "i32.eqz" : "v128.not", a);
  }
  select(mask: MaskRef, yes: Ref, no: Ref): Ref {
    if (this.lanes === 1) return this.code.select(mask, yes, no);
    // Masks are all ones or zeros in a lane, which is what a blend instruction needs.
    const name = this.#relaxed ? `${this.intShape}.relaxed_laneselect` : "v128.bitselect";
    return this.code.op(name, yes, no, mask);
  }
  iadd(a: Ref, b: Ref): Ref {
    return this.#i("add", a, b);
  }
  isub(a: Ref, b: Ref): Ref {
    return this.#i("sub", a, b);
  }
  imul(a: Ref, b: Ref): Ref {
    return this.#i("mul", a, b);
  }
  iand(a: Ref, b: Ref): Ref {
    return this.#bits("and", a, b);
  }
  ior(a: Ref, b: Ref): Ref {
    return this.#bits("or", a, b);
  }
  ixor(a: Ref, b: Ref): Ref {
    return this.#bits("xor", a, b);
  }
  #shift(name: string, a: Ref, by: number): Ref {
    const wide = this.lanes === 1 && this.#wide;
    return this.#i(name, a, wide ? this.code.i64(BigInt(by)) : this.code.i32(by));
  }
  ishl(a: Ref, by: number): Ref {
    return this.#shift("shl", a, by);
  }
  ishr(a: Ref, by: number): Ref {
    return this.#shift("shr_s", a, by);
  }
  ushr(a: Ref, by: number): Ref {
    return this.#shift("shr_u", a, by);
  }
  ieq(a: Ref, b: Ref): MaskRef {
    return this.#i("eq", a, b);
  }
  ilt(a: Ref, b: Ref): MaskRef {
    return this.#i("lt_s", a, b);
  }
  toInt(a: Ref): Ref {
    if (this.lanes === 1) return this.#i(`trunc_sat_${this.float}_s`, a);
    if (!this.#wide) return this.#i("trunc_sat_f32x4_s", a);
    return this.isub(this.add(this.trunc(a), this.constant(magic)), this.integer(magicBits));
  }
  toFloat(a: Ref): Ref {
    if (this.lanes === 1) return this.#f(`convert_${this.intShape}_s`, a);
    if (!this.#wide) return this.#f("convert_i32x4_s", a);
    return this.sub(this.iadd(a, this.integer(magicBits)), this.constant(magic));
  }
  bitsOf(a: Ref): Ref {
    return this.lanes === 1 ? this.#i(`reinterpret_${this.float}`, a) : a;
  }
  fromBits(a: Ref): Ref {
    return this.lanes === 1 ? this.#f(`reinterpret_${this.intShape}`, a) : a;
  }

  /** The value of one lane, as a scalar. */
  extract(a: Ref, lane: number): Ref {
    return this.lanes === 1 ? a : this.code.lane(`${this.shape}.extract_lane`, [lane], a);
  }

  /** A vector from one scalar per lane. */
  gather(scalars: readonly Ref[]): Ref {
    const [first = 0, ...rest] = scalars;
    if (this.lanes === 1) return first;
    let v = this.#f("splat", first);
    rest.forEach((s, i) => {
      if (s !== first) v = this.code.lane(`${this.shape}.replace_lane`, [i + 1], v, s);
    });
    return v;
  }

  host(fn: HostMath, ...args: readonly Ref[]): Ref {
    const callee = this.#host(fn, args.length);
    const one = (lane: number): Ref => {
      const scalars = args.map((a) => this.extract(a, lane));
      const wide = this.#wide ? scalars : scalars.map((s) => this.code.op("f64.promote_f32", s));
      const result = this.code.call(callee, "f64", ...wide);
      return this.#wide ? result : this.code.op("f32.demote_f64", result);
    };
    return this.gather(Array.from({ length: this.lanes }, (_, lane) => one(lane)));
  }

  /** Whether any lane is set: the signs of the lanes come in one instruction, unlike `any_true`. */
  #any(mask: MaskRef): Ref {
    return this.lanes === 1 ? mask : this.code.op(`${this.intShape}.bitmask`, mask);
  }

  unless(mask: MaskRef, rare: () => Ref, usual: Ref): Ref {
    const blended = (): Ref => (this.lanes === 1 ? rare() : this.select(mask, rare(), usual));
    // Within what is rare already a branch would keep vectors from being joined.
    if (this.code.wide && this.lanes > 1 && this.#rarely) return blended();
    return this.code.choose(this.#any(mask), this.type, blended, () => usual);
  }

  instead(masks: readonly MaskRef[], rare: (i: number) => Ref, usual: readonly Ref[]): Ref[] {
    const { code } = this;
    const [first = 0] = usual;
    const any = this.#any(masks.reduce((a, b) => this.either(a, b)));
    if (usual.length === 1)
      return [
        code.choose(
          any,
          this.type,
          () => rare(0),
          () => first,
        ),
      ];
    const results = usual.map((u) => code.variable(u));
    code.if(any, () => {
      this.#rarely = true;
      const others = usual.map((_, i) => rare(i));
      this.#rarely = false;
      // In joined vectors all are computed before one is set.
      if (code.wide) for (const r of others) code.pin(r);
      results.forEach((v, i) => {
        code.set(v, others[i] ?? 0);
      });
    });
    return results.map((v) => code.get(v));
  }
}

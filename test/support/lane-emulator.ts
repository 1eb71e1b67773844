/** LaneCode that computes at once, one lane, in JavaScript: tests functions without WebAssembly and with either rounding of madd. */
import { hostMath } from "../../src/kernel/host-math.js";
import type { HostMath, LaneCode, MaskRef, Ref } from "../../src/render/wasm/lane-code.js";

const table: Readonly<Record<HostMath, (x: number, y: number) => number>> = hostMath;
const bytes = new DataView(new ArrayBuffer(8));

const nearestEven = (x: number): number => {
  const r = Math.round(x);
  const even = Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
  return even === 0 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : even;
};

/** a·b + c in doubles with one rounding, save for rare ties of the last sum. */
const fusedDouble = (a: number, b: number, c: number): number => {
  const p = a * b;
  const split = (x: number): readonly [number, number] => {
    const t = x * 134217729;
    const high = t - (t - x);
    return [high, x - high];
  };
  const [ah, al] = split(a);
  const [bh, bl] = split(b);
  const low = ah * bh - p + ah * bl + al * bh + al * bl;
  const s = p + c;
  const d = s - p;
  const rest = p - (s - d) + (c - d) + low;
  return Number.isFinite(s) && Number.isFinite(rest) ? s + rest : s;
};

/** Values are kept in a list; a Ref is a position in it. */
export class LaneEmulator implements LaneCode {
  readonly float: "f32" | "f64";
  readonly #fused: boolean;
  readonly #vals: (number | bigint)[] = [];

  constructor(float: "f32" | "f64", fused: boolean) {
    this.float = float;
    this.#fused = fused;
  }

  /** The function's value at one point. */
  run(expansion: (c: LaneCode, args: readonly Ref[]) => Ref, ...args: readonly number[]): number {
    this.#vals.length = 0;
    return this.#f(
      expansion(
        this,
        args.map((x) => this.constant(x)),
      ),
    );
  }

  #keep(v: number | bigint): Ref {
    return this.#vals.push(v) - 1;
  }

  #f(r: Ref): number {
    const v = this.#vals[r];
    if (typeof v !== "number") throw new Error(`expected a float at ${r}, got ${typeof v}`);
    return v;
  }

  #i(r: Ref): bigint {
    const v = this.#vals[r];
    if (typeof v !== "bigint")
      throw new Error(`expected an integer or mask at ${r}, got ${typeof v}`);
    return v;
  }

  #float(x: number): Ref {
    return this.#keep(this.float === "f32" ? Math.fround(x) : x);
  }

  #int(x: bigint): Ref {
    return this.#keep(BigInt.asIntN(this.float === "f32" ? 32 : 64, x));
  }

  #mask(b: boolean): MaskRef {
    return this.#keep(b ? 1n : 0n);
  }

  constant(x: number): Ref {
    return this.#float(x);
  }
  integer(x: number | bigint): Ref {
    return this.#int(BigInt(x));
  }
  add(a: Ref, b: Ref): Ref {
    return this.#float(this.#f(a) + this.#f(b));
  }
  sub(a: Ref, b: Ref): Ref {
    return this.#float(this.#f(a) - this.#f(b));
  }
  mul(a: Ref, b: Ref): Ref {
    return this.#float(this.#f(a) * this.#f(b));
  }
  div(a: Ref, b: Ref): Ref {
    return this.#float(this.#f(a) / this.#f(b));
  }
  madd(a: Ref, b: Ref, c: Ref): Ref {
    if (!this.#fused) return this.add(this.mul(a, b), c);
    const [x, y, z] = [this.#f(a), this.#f(b), this.#f(c)];
    return this.#float(this.float === "f32" ? x * y + z : fusedDouble(x, y, z));
  }
  neg(a: Ref): Ref {
    return this.#float(-this.#f(a));
  }
  abs(a: Ref): Ref {
    return this.#float(Math.abs(this.#f(a)));
  }
  sqrt(a: Ref): Ref {
    return this.#float(Math.sqrt(this.#f(a)));
  }
  floor(a: Ref): Ref {
    return this.#float(Math.floor(this.#f(a)));
  }
  ceil(a: Ref): Ref {
    return this.#float(Math.ceil(this.#f(a)));
  }
  trunc(a: Ref): Ref {
    return this.#float(Math.trunc(this.#f(a)));
  }
  nearest(a: Ref): Ref {
    return this.#float(nearestEven(this.#f(a)));
  }
  min(a: Ref, b: Ref): Ref {
    return this.#float(Math.min(this.#f(a), this.#f(b)));
  }
  max(a: Ref, b: Ref): Ref {
    return this.#float(Math.max(this.#f(a), this.#f(b)));
  }
  atMost(a: Ref, bound: Ref): Ref {
    return this.select(this.lt(bound, a), bound, a);
  }
  atLeast(a: Ref, bound: Ref): Ref {
    return this.select(this.gt(bound, a), bound, a);
  }
  copysign(magnitude: Ref, sign: Ref): Ref {
    const [m, s] = [Math.abs(this.#f(magnitude)), this.#f(sign)];
    return this.#float(s < 0 || Object.is(s, -0) ? -m : m);
  }
  signed(magnitude: Ref, sign: Ref): Ref {
    return this.copysign(magnitude, sign);
  }
  lt(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) < this.#f(b));
  }
  le(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) <= this.#f(b));
  }
  gt(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) > this.#f(b));
  }
  ge(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) >= this.#f(b));
  }
  eq(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) === this.#f(b));
  }
  ne(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#f(a) !== this.#f(b));
  }
  both(a: MaskRef, b: MaskRef): MaskRef {
    return this.#mask(this.#i(a) === 1n && this.#i(b) === 1n);
  }
  either(a: MaskRef, b: MaskRef): MaskRef {
    return this.#mask(this.#i(a) === 1n || this.#i(b) === 1n);
  }
  not(a: MaskRef): MaskRef {
    return this.#mask(this.#i(a) === 0n);
  }
  select(mask: MaskRef, yes: Ref, no: Ref): Ref {
    return this.#i(mask) === 1n ? yes : no;
  }
  iadd(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) + this.#i(b));
  }
  isub(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) - this.#i(b));
  }
  imul(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) * this.#i(b));
  }
  iand(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) & this.#i(b));
  }
  ior(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) | this.#i(b));
  }
  ixor(a: Ref, b: Ref): Ref {
    return this.#int(this.#i(a) ^ this.#i(b));
  }
  ishl(a: Ref, by: number): Ref {
    return this.#int(this.#i(a) << BigInt(by));
  }
  ishr(a: Ref, by: number): Ref {
    return this.#int(this.#i(a) >> BigInt(by));
  }
  ushr(a: Ref, by: number): Ref {
    return this.#int(BigInt.asUintN(this.float === "f32" ? 32 : 64, this.#i(a)) >> BigInt(by));
  }
  ieq(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#i(a) === this.#i(b));
  }
  ilt(a: Ref, b: Ref): MaskRef {
    return this.#mask(this.#i(a) < this.#i(b));
  }
  toInt(a: Ref): Ref {
    const x = Math.trunc(this.#f(a));
    const limit = this.float === "f32" ? 2 ** 31 : 2 ** 51;
    if (Number.isNaN(x)) return this.#int(0n);
    return this.#int(BigInt(x >= limit ? limit - 1 : x < -limit ? -limit : x));
  }
  toFloat(a: Ref): Ref {
    return this.#float(Number(this.#i(a)));
  }
  bitsOf(a: Ref): Ref {
    if (this.float === "f32") bytes.setFloat32(0, this.#f(a));
    else bytes.setFloat64(0, this.#f(a));
    return this.#int(this.float === "f32" ? BigInt(bytes.getInt32(0)) : bytes.getBigInt64(0));
  }
  fromBits(a: Ref): Ref {
    if (this.float === "f32") {
      bytes.setInt32(0, Number(this.#i(a)));
      return this.#float(bytes.getFloat32(0));
    }
    bytes.setBigInt64(0, this.#i(a));
    return this.#float(bytes.getFloat64(0));
  }
  host(fn: HostMath, ...args: readonly Ref[]): Ref {
    const [x = Number.NaN, y = Number.NaN] = args.map((a) => this.#f(a));
    return this.#float(table[fn](x, y));
  }
  unless(mask: MaskRef, rare: () => Ref, usual: Ref): Ref {
    return this.#i(mask) === 1n ? rare() : usual;
  }
  instead(masks: readonly MaskRef[], rare: (i: number) => Ref, usual: readonly Ref[]): Ref[] {
    return usual.map((u, i) => this.unless(masks[i] ?? 0, () => rare(i), u));
  }
}

/** The WebAssembly instruction set as data: name → encoding, immediates and result type. */

export type WasmType = "i32" | "i64" | "f32" | "f64" | "v128";

/** What follows an opcode: nothing, a memory argument, a lane number, both, or sixteen lane numbers. */
export type Immediate = "none" | "memory" | "lane" | "memoryLane" | "shuffle";

export interface Op {
  /** 0, or the prefix byte 0xfc, 0xfd or 0xfe. */
  readonly prefix: number;
  readonly code: number;
  readonly immediate: Immediate;
  /** Null for stores. */
  readonly result: WasmType | null;
  /** log2 of the natural alignment, for memory instructions. */
  readonly align: number;
}

const table = new Map<string, Op>();

function resultOf(name: string): WasmType | null {
  const dot = name.indexOf(".");
  const shape = name.slice(0, dot);
  const what = name.slice(dot + 1);
  if (what.startsWith("store") || what === "atomic.store") return null;
  if (shape === "memory") return "i32";
  if (/^(any_true|all_true|bitmask)$/.test(what)) return "i32";
  if (what.startsWith("extract_lane")) {
    if (shape === "f32x4") return "f32";
    if (shape === "f64x2") return "f64";
    return shape === "i64x2" ? "i64" : "i32";
  }
  if (shape === "i32" || shape === "i64" || shape === "f32" || shape === "f64") {
    return /^(eqz|eq|ne|lt|gt|le|ge)(_[su])?$/.test(what) ? "i32" : shape;
  }
  return "v128";
}

function add(prefix: number, code: number, name: string, immediate: Immediate, align = 0): void {
  table.set(name, { prefix, code, immediate, result: resultOf(name), align });
}

/** Consecutive opcodes from `first`; "-" leaves a gap. */
function run(
  prefix: number,
  first: number,
  shape: string,
  names: string,
  immediate: Immediate = "none",
): void {
  names.split(" ").forEach((name, i) => {
    if (name !== "-") add(prefix, first + i, `${shape}.${name}`, immediate);
  });
}

/** The same, each name with log2 of its alignment: "load:2". */
function memory(
  prefix: number,
  first: number,
  names: string,
  immediate: Immediate = "memory",
): void {
  names.split(" ").forEach((entry, i) => {
    const [name = "", align = "0"] = entry.split(":");
    add(prefix, first + i, name, immediate, Number(align));
  });
}

const intCompare = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const floatCompare = "eq ne lt gt le ge";
const intMath =
  "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const floatMath = "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign";

run(0, 0x45, "i32", `eqz ${intCompare}`);
run(0, 0x50, "i64", `eqz ${intCompare}`);
run(0, 0x5b, "f32", floatCompare);
run(0, 0x61, "f64", floatCompare);
run(0, 0x67, "i32", intMath);
run(0, 0x79, "i64", intMath);
run(0, 0x8b, "f32", floatMath);
run(0, 0x99, "f64", floatMath);
run(0, 0xa7, "i32", "wrap_i64 trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u");
run(0, 0xac, "i64", "extend_i32_s extend_i32_u trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u");
run(0, 0xb2, "f32", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64");
run(0, 0xb7, "f64", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32");
run(0, 0xbc, "i32", "reinterpret_f32");
run(0, 0xbd, "i64", "reinterpret_f64");
run(0, 0xbe, "f32", "reinterpret_i32");
run(0, 0xbf, "f64", "reinterpret_i64");
run(0, 0xc0, "i32", "extend8_s extend16_s");
run(0, 0xc2, "i64", "extend8_s extend16_s extend32_s");
run(0xfc, 0, "i32", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u");
run(0xfc, 4, "i64", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u");

memory(
  0,
  0x28,
  "i32.load:2 i64.load:3 f32.load:2 f64.load:3 i32.load8_s:0 i32.load8_u:0 i32.load16_s:1 i32.load16_u:1",
);
memory(
  0,
  0x30,
  "i64.load8_s:0 i64.load8_u:0 i64.load16_s:1 i64.load16_u:1 i64.load32_s:2 i64.load32_u:2",
);
memory(
  0,
  0x36,
  "i32.store:2 i64.store:3 f32.store:2 f64.store:3 i32.store8:0 i32.store16:1 i64.store8:0 i64.store16:1 i64.store32:2",
);
memory(
  0xfd,
  0,
  "v128.load:4 v128.load8x8_s:3 v128.load8x8_u:3 v128.load16x4_s:3 v128.load16x4_u:3 v128.load32x2_s:3 v128.load32x2_u:3",
);
memory(
  0xfd,
  7,
  "v128.load8_splat:0 v128.load16_splat:1 v128.load32_splat:2 v128.load64_splat:3 v128.store:4",
);
memory(0xfd, 92, "v128.load32_zero:2 v128.load64_zero:3");
memory(
  0xfd,
  84,
  "v128.load8_lane:0 v128.load16_lane:1 v128.load32_lane:2 v128.load64_lane:3",
  "memoryLane",
);
memory(
  0xfd,
  88,
  "v128.store8_lane:0 v128.store16_lane:1 v128.store32_lane:2 v128.store64_lane:3",
  "memoryLane",
);

memory(0xfe, 0, "memory.atomic.notify:2 memory.atomic.wait32:2");
memory(0xfe, 0x10, "i32.atomic.load:2 i64.atomic.load:3");
memory(0xfe, 0x17, "i32.atomic.store:2 i64.atomic.store:3");
memory(0xfe, 0x1e, "i32.atomic.rmw.add:2");
memory(0xfe, 0x49, "i64.atomic.rmw.cmpxchg:3");

run(0xfd, 13, "i8x16", "shuffle", "shuffle");
run(0xfd, 14, "i8x16", "swizzle splat");
["i16x8", "i32x4", "i64x2", "f32x4", "f64x2"].forEach((shape, i) => {
  run(0xfd, 16 + i, shape, "splat");
});
run(0xfd, 21, "i8x16", "extract_lane_s extract_lane_u replace_lane", "lane");
run(0xfd, 24, "i16x8", "extract_lane_s extract_lane_u replace_lane", "lane");
["i32x4", "i64x2", "f32x4", "f64x2"].forEach((shape, i) => {
  run(0xfd, 27 + 2 * i, shape, "extract_lane replace_lane", "lane");
});
["i8x16", "i16x8", "i32x4"].forEach((shape, i) => {
  run(0xfd, 35 + 10 * i, shape, intCompare);
});
run(0xfd, 65, "f32x4", floatCompare);
run(0xfd, 71, "f64x2", floatCompare);
run(0xfd, 77, "v128", "not and andnot or xor bitselect any_true");
run(0xfd, 94, "f32x4", "demote_f64x2_zero");
run(0xfd, 95, "f64x2", "promote_low_f32x4");
run(0xfd, 96, "i8x16", "abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u");
run(0xfd, 103, "f32x4", "ceil floor trunc nearest");
run(0xfd, 107, "i8x16", "shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u");
run(0xfd, 116, "f64x2", "ceil floor - - - - trunc");
run(0xfd, 118, "i8x16", "min_s min_u max_s max_u - avgr_u");
run(
  0xfd,
  128,
  "i16x8",
  "abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u",
);
run(0xfd, 148, "f64x2", "nearest");
run(0xfd, 149, "i16x8", "mul min_s min_u max_s max_u - avgr_u");
run(
  0xfd,
  160,
  "i32x4",
  "abs neg - all_true bitmask - - extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u shl shr_s shr_u add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s",
);
run(
  0xfd,
  192,
  "i64x2",
  "abs neg - all_true bitmask - - extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s",
);
run(0xfd, 224, "f32x4", "abs neg - sqrt add sub mul div min max pmin pmax");
run(0xfd, 236, "f64x2", "abs neg - sqrt add sub mul div min max pmin pmax");
run(0xfd, 248, "i32x4", "trunc_sat_f32x4_s trunc_sat_f32x4_u");
run(0xfd, 250, "f32x4", "convert_i32x4_s convert_i32x4_u");
run(0xfd, 252, "i32x4", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero");
run(0xfd, 254, "f64x2", "convert_low_i32x4_s convert_low_i32x4_u");
run(0xfd, 256, "i8x16", "relaxed_swizzle");
run(
  0xfd,
  257,
  "i32x4",
  "relaxed_trunc_f32x4_s relaxed_trunc_f32x4_u relaxed_trunc_f64x2_s_zero relaxed_trunc_f64x2_u_zero",
);
["i8x16", "i16x8", "i32x4", "i64x2"].forEach((shape, i) => {
  run(0xfd, 265 + i, shape, "relaxed_laneselect");
});
run(0xfd, 261, "f32x4", "relaxed_madd relaxed_nmadd");
run(0xfd, 263, "f64x2", "relaxed_madd relaxed_nmadd");

/** The instruction called `name`, as in the text format ("f32x4.add"). Throws a RangeError for an unknown name. */
export function opcode(name: string): Op {
  const op = table.get(name);
  if (op === undefined) throw new RangeError(`[wasm] unknown instruction ${name}`);
  return op;
}

let byCode: ReadonlyMap<number, readonly [name: string, op: Op]> | null = null;

/** The instruction of this encoding and its name; null for one that is not in the table. */
export const instructionAt = (
  prefix: number,
  code: number,
): readonly [name: string, op: Op] | null => {
  byCode ??= new Map(
    [...table].map(([name, op]) => [op.prefix * 1024 + op.code, [name, op] as const]),
  );
  return byCode.get(prefix * 1024 + code) ?? null;
};

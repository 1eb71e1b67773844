/** The attributes of primitives as JSON: which fields each has, and what of a file is believed about them. */
import { type DType, dtypes } from "../core/dtype.js";
import { isComplex, isPlainObject } from "../core/guards.js";
import { scalarOps } from "../core/scalar.js";
import { type Aval, sizeOf } from "../graph/node.js";
import type { AnyPrimitive } from "../graph/primitive.js";

/** One kind of value: how it is written, and read if it is one; undefined if not. */
interface Field {
  write(x: unknown): unknown;
  read(x: unknown, ins: readonly Aval[]): unknown;
}

/** Attributes and operands that are right one by one may still contradict each other. */
type Agree = (attrs: Attributes, ins: readonly Aval[]) => boolean;

interface Schema {
  readonly fields: Readonly<Record<string, Field>>;
  readonly agree: Agree;
  /** How many operands; null for as many as are there. */
  readonly operands: number | null;
}

/** Attributes whose fields were read. */
type Attributes = Readonly<Record<string, unknown>>;

/** More axes than this are refused. */
export const axesLimit = 64;

export const isCount = (x: unknown): x is number =>
  typeof x === "number" && Number.isSafeInteger(x) && x >= 0;

/** A shape whose elements can be counted, even in bytes. */
export const isShape = (x: unknown): x is number[] =>
  Array.isArray(x) &&
  x.length <= axesLimit &&
  x.every(isCount) &&
  x.reduce((n, d) => n * Math.max(d, 1), 16) <= Number.MAX_SAFE_INTEGER;

const isInteger = (x: unknown): x is number => typeof x === "number" && Number.isSafeInteger(x);
const isIntegers = (x: unknown): x is number[] =>
  Array.isArray(x) && x.length <= axesLimit && x.every(isInteger);

const plain = (is: (x: unknown, ins: readonly Aval[]) => boolean): Field => ({
  write: (x) => x,
  read: (x, ins) => (is(x, ins) ? x : undefined),
});

const rankOf = (ins: readonly Aval[]): number => ins[0]?.shape.length ?? 0;

const count = plain(isCount);
const integers = plain(isIntegers);
const counts = plain((x) => isIntegers(x) && x.every(isCount));
const flag = plain((x) => typeof x === "boolean");
const shape = plain(isShape);
const axis = plain((x, ins) => isCount(x) && x < rankOf(ins));
/** Ascending axes of the first operand. */
const axes = plain(
  (x, ins) =>
    isIntegers(x) &&
    x.every((d, i) => d >= 0 && d < rankOf(ins) && (i === 0 || d > (x[i - 1] ?? 0))),
);
const oneOf = (...values: readonly unknown[]): Field => plain((x) => values.includes(x));

/** The dtype of a name. */
export const dtypeNamed = (name: unknown): DType | undefined => dtypes.find((d) => d.name === name);

const dtype: Field = {
  write: (x) => dtypes.find((d) => d === x)?.name,
  read: dtypeNamed,
};

const special = ["NaN", "Infinity", "-Infinity", "-0"];

/** Numbers that JSON lacks are strings. */
const writeNumber = (x: unknown): unknown => {
  if (typeof x !== "number" || (Number.isFinite(x) && !Object.is(x, -0))) return x;
  return Object.is(x, -0) ? "-0" : String(x);
};
const readNumber = (x: unknown): number | undefined => {
  if (typeof x === "number") return x;
  return typeof x === "string" && special.includes(x) ? Number(x) : undefined;
};
const real: Field = { write: writeNumber, read: readNumber };

/** What a constant is: a number, a boolean, a 64-bit integer, a complex number. */
const value: Field = {
  write(x) {
    if (typeof x === "bigint") return { integer: String(x) };
    return isComplex(x) ? { re: writeNumber(x.re), im: writeNumber(x.im) } : writeNumber(x);
  },
  read(x) {
    if (typeof x === "boolean") return x;
    if (!isPlainObject(x)) return readNumber(x);
    const { integer } = x;
    if (typeof integer === "string")
      return /^-?\d{1,20}$/.test(integer) ? BigInt(integer) : undefined;
    const [re, im] = [readNumber(x.re), readNumber(x.im)];
    return re === undefined || im === undefined ? undefined : { re, im };
  },
};

/** A quantization format, of those that there are. */
const quantized = plain((x) => {
  if (!isPlainObject(x)) return false;
  const { mode, groupSize, bits } = x;
  if (mode === "affine")
    return (
      [32, 64, 128].includes(Number(groupSize)) && [1, 2, 3, 4, 5, 6, 8].includes(Number(bits))
    );
  if (mode === "nvfp4") return groupSize === 16 && bits === 4;
  return groupSize === 32 && ((mode === "mxfp4" && bits === 4) || (mode === "mxfp8" && bits === 8));
});

const always: Agree = () => true;

const schema = (
  fields: Readonly<Record<string, Field>>,
  operands: number | null = 1,
  agree: Agree = always,
): Schema => ({ fields, operands, agree });

const lengthOf = (x: unknown): number => (Array.isArray(x) ? x.length : -1);
const everyInteger = (x: unknown, is: (n: number, i: number) => boolean): boolean =>
  isIntegers(x) && x.every(is);

/** Lists with one entry per axis of the first operand. */
const perAxis =
  (...names: readonly string[]): Agree =>
  (attrs, ins) =>
    names.every((name) => lengthOf(attrs[name]) === rankOf(ins));

const all =
  (...rules: readonly Agree[]): Agree =>
  (attrs, ins) =>
    rules.every((rule) => rule(attrs, ins));

const distinct = (x: unknown, below: number): boolean =>
  isIntegers(x) && new Set(x).size === x.length && x.every((d) => d >= 0 && d < below);

/** Constants fit their dtype: whole numbers for integers, two parts for complex numbers alone. */
const fits: Agree = ({ value: v, dtype: d }) => {
  const { kind, size } = dtypes.find((known) => known === d) ?? { kind: "bool", size: 1 };
  if (typeof v === "bigint") return (kind === "int" || kind === "uint") && size === 8;
  if (isComplex(v)) return kind === "complex";
  if (typeof v === "boolean") return true;
  return kind === "float" || kind === "complex" || kind === "bool" || isInteger(v);
};

const blocks =
  (first: number): Agree =>
  ({ axes: along, slice, batch }, ins) => {
    const lead = isCount(batch) ? batch : 0;
    const index = ins[first]?.shape ?? [];
    const rank = rankOf(ins) - lead;
    return (
      lengthOf(slice) === rank &&
      distinct(along, rank) &&
      lengthOf(along) === ins.length - first &&
      index.length >= lead &&
      index.slice(0, lead).every((n, d) => n === ins[0]?.shape[d]) &&
      everyInteger(slice, (n, d) => n <= (ins[0]?.shape[d + lead] ?? 0) || sizeOf(index) === 0)
    );
  };

const reduced = schema({ axes });
const positioned = schema({ axis });
const scanned = schema({ axis, reverse: flag, exclusive: flag });
const scattered = schema(
  { axes: counts, slice: counts, mode: oneOf("replace", "add", "prod", "max", "min") },
  null,
  blocks(2),
);

/** Square matrices of a dtype that factorisations take. */
const square: Agree = (_attrs, ins) => {
  const x = ins[0];
  return (
    x !== undefined &&
    x.shape.length >= 2 &&
    x.shape.at(-1) === x.shape.at(-2) &&
    x.dtype.size >= 4 &&
    (x.dtype.kind === "float" || x.dtype.kind === "complex")
  );
};
const matrices: Agree = (_attrs, ins) =>
  rankOf(ins) >= 2 && ins[0] !== undefined && ins[0].dtype.size >= 4;

const spatial: Agree = ({ out, stride, low, dilation, spread, groups }, ins) => {
  const n = lengthOf(out);
  return (
    isCount(groups) &&
    groups > 0 &&
    [stride, low, dilation, spread].every((x) => lengthOf(x) === n) &&
    [stride, dilation, spread, out].every((x) => everyInteger(x, (k) => k > 0)) &&
    ins.slice(1).every(({ shape: s }) => s.slice(-n - 1, -1).every((d) => d > 0))
  );
};

const masked =
  (more: number): Agree =>
  ({ mask, sinks }, ins) =>
    ins.length === 3 + (mask === true ? 1 : 0) + (sinks === true ? 1 : 0) + more;

/** Primitives with attributes, or with another number of operands than their family tells. */
const schemas: Readonly<Record<string, Schema>> = {
  constant: schema({ shape, dtype, value }, 0, fits),
  iota: schema(
    { shape, dtype, axis: count },
    0,
    ({ shape: s, axis: d }) => isCount(d) && d < lengthOf(s),
  ),
  broadcast: schema(
    { shape, dims: counts },
    1,
    all(perAxis("dims"), ({ shape: s, dims }) => everyInteger(dims, (d) => d < lengthOf(s))),
  ),
  sum: reduced,
  prod: reduced,
  max: reduced,
  min: reduced,
  any: reduced,
  all: reduced,
  softmax: schema({ axes }, 1, ({ axes: along }) => lengthOf(along) > 0),
  argmax: positioned,
  argmin: positioned,
  // Null, or a place along the axis.
  sort: schema(
    { axis, kth: plain((x) => x === null || isCount(x)) },
    1,
    ({ axis: d, kth }, ins) =>
      kth === null || (isCount(kth) && isCount(d) && kth < (ins[0]?.shape[d] ?? 0)),
  ),
  takeAlong: schema({ axis }, 2),
  concatenate: schema({ axis }, null, (_attrs, ins) => ins.length > 0),
  reshape: schema({ shape }),
  permute: schema(
    { axes: counts },
    1,
    all(perAxis("axes"), ({ axes: order }, ins) => distinct(order, rankOf(ins))),
  ),
  slice: schema(
    { start: integers, step: integers, shape },
    1,
    all(perAxis("start", "step", "shape"), ({ step }) => everyInteger(step, (k) => k !== 0)),
  ),
  pad: schema({ low: counts, interior: counts, shape }, 1, perAxis("low", "interior", "shape")),
  window: schema(
    { axis, count, size: count, stride: count, dilation: count },
    1,
    ({ stride, dilation }) => stride !== 0 && dilation !== 0,
  ),
  cast: schema({ dtype }),
  bitcast: schema({ dtype }, 1, ({ dtype: d }, ins) =>
    dtypes.some((t) => t === d && t.size === ins[0]?.dtype.size),
  ),
  regroup: schema({ dtype }, 1, (_attrs, ins) => rankOf(ins) > 0),
  convolution: schema(
    {
      batch: count,
      groups: count,
      flip: flag,
      stride: counts,
      low: integers,
      dilation: counts,
      spread: counts,
      out: counts,
    },
    2,
    spatial,
  ),
  gather: schema({ axes: counts, slice: counts, batch: count }, null, blocks(1)),
  scatter: scattered,
  "scatter-add": scattered,
  "scatter-prod": scattered,
  "scatter-max": scattered,
  "scatter-min": scattered,
  randomBits: schema({ shape, width: oneOf(1, 2, 4) }),
  cumsum: scanned,
  cumprod: scanned,
  cummax: scanned,
  cummin: scanned,
  searchSorted: schema({ right: flag }, 2),
  standardize: schema({ eps: real, centred: flag }),
  depends: schema({ count }, null, ({ count: n }, ins) => isCount(n) && n > 0 && n <= ins.length),
  attention: schema({ scale: real, causal: flag, mask: flag, sinks: flag }, null, masked(0)),
  attentionGradient: schema({ scale: real, causal: flag, mask: flag }, null, masked(4)),
  quantizedProduct: schema(
    { format: quantized, transpose: flag, picks: flag },
    null,
    ({ format, picks }, ins) =>
      isPlainObject(format) && ins.length === 3 + Number(format.mode === "affine") + Number(picks),
  ),
  fft: schema({
    axis,
    what: oneOf("forward", "inverse", "real", "half"),
    n: count,
    power: oneOf(0, 0.5, 1),
    doubled: flag,
  }),
  triangularSolve: schema({ upper: flag }, 2),
  solve: schema({ strict: flag }, 2),
  svd: schema({ full: flag }),
  det: schema({}, 1, square),
  slogdet: schema({}, 1, square),
  pseudoInverse: schema({}, 1, matrices),
  matmul: schema({}, 2),
  complex: schema({}, 2),
  select: schema({}, 3),
};

/** What the attributes of a primitive look like; those of one without an entry are nothing. */
const schemaOf = ({ name, rule, lower }: AnyPrimitive): Schema => {
  const known = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
  if (known !== undefined) return known;
  if (lower?.kind === "scalar") return schema({}, scalarOps[lower.fn].arity);
  return schema({}, rule.family === "elementwise" ? rule.derivative.length : 1);
};

/**
 * The attributes of an application as JSON; null where they cannot be written, being functions or other graphs.
 */
export const writeAttributes = (prim: AnyPrimitive, attrs: unknown): Attributes | null => {
  const { fields } = schemaOf(prim);
  if (attrs === undefined) return {};
  if (!isPlainObject(attrs)) return null;
  const written: Record<string, unknown> = {};
  for (const [name, x] of Object.entries(attrs)) {
    // How a constant follows from lengths of axes is written apart.
    if (name === "count" && prim.name === "constant") continue;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return null;
    written[name] = field.write(x);
  }
  return Object.keys(fields).every((name) => name in written) ? written : null;
};

/** What was read, or what is wrong. */
type Read = { readonly attrs: unknown } | { readonly wrong: string };

/** The attributes of an application of `prim` to `ins`, from JSON. */
export const readAttributes = (prim: AnyPrimitive, given: unknown, ins: readonly Aval[]): Read => {
  const { fields, operands, agree } = schemaOf(prim);
  if (operands !== null && ins.length !== operands)
    return { wrong: `${operands} operands instead of ${ins.length}` };
  if (!isPlainObject(given)) return { wrong: "attributes" };
  const names = Object.keys(fields);
  const read: Record<string, unknown> = {};
  for (const name of names) {
    const x = fields[name]?.read(given[name], ins);
    if (x === undefined) return { wrong: `a valid attribute ${name}` };
    read[name] = x;
  }
  const more = Object.keys(given).find((name) => !names.includes(name));
  if (more !== undefined) return { wrong: `no attribute ${JSON.stringify(more.slice(0, 40))}` };
  if (!agree(read, ins)) return { wrong: "attributes that fit the operands" };
  return { attrs: names.length === 0 ? undefined : read };
};

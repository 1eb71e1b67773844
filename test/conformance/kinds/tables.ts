/** Cases that are tables: dtype promotion, casts, dtype limits, printing. */
import { isBeyond } from "../adapters/beyond.js";
import { perform } from "../adapters/calls.js";
import { difference } from "../compare.js";
import {
  asDTypeName,
  asList,
  asNumber,
  asString,
  type Case,
  type DTypeName,
  decode,
  type GoldenValue,
  malformed,
  onlyFields,
} from "../format.js";
import {
  call,
  callMember,
  dtype,
  isArray,
  isNamedError,
  lookup,
  Pending,
  property,
  toArgument,
  toResult,
} from "../library.js";
import { decodeKwargs, requireError } from "./op.js";

const EXACT = { rtol: 0, atol: 0 };

function ones(shape: readonly number[], name: DTypeName): unknown {
  return call("ones", [shape, dtype(name)]);
}

/** The dtype of a call's result, or null when it throws a named error. */
function resultDType(run: () => unknown): string | null {
  try {
    const result = run();
    if (!isArray(result)) throw new Error(`expected an array, got ${String(result)}`);
    result.dataSync();
    return result.dtype.name;
  } catch (error) {
    if (isNamedError(error)) return null;
    throw error;
  }
}

function expectDType(label: string, got: string | null, want: string | null): string[] {
  if (got === want) return [];
  return [`${label}: expected ${want ?? "an error"}, got ${got ?? "an error"}`];
}

function rows(raw: unknown): readonly (readonly unknown[])[] {
  return asList(raw ?? []).map(asList);
}

function performOn(
  fn: string,
  args: readonly unknown[],
  kwargs = new Map<string, unknown>(),
): unknown {
  return perform({ fn, args, golden: [], kwargs });
}

export function runDTypePairs({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "fn", "pairs", "shape", "errors"]);
  const fn = asString(fields.fn);
  const shape = fn === "result_type" ? [] : asList(fields.shape).map(asNumber);
  const pair = (a: DTypeName, b: DTypeName, want: string | null): string[] => {
    const label = `${a}, ${b}`;
    if (fn === "result_type") {
      const result = call(fn, [dtype(a), dtype(b)]);
      return expectDType(label, String(property(result, "name")), want);
    }
    const got = resultDType(() => performOn(fn, [ones(shape, a), ones(shape, b)]));
    return expectDType(label, got, want);
  };
  return [
    ...rows(fields.pairs).flatMap(([a, b, want]) =>
      pair(asDTypeName(a), asDTypeName(b), asDTypeName(want)),
    ),
    ...rows(fields.errors).flatMap(([a, b]) => pair(asDTypeName(a), asDTypeName(b), null)),
  ];
}

export function runDTypeScalars({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "fn", "rows", "errors"]);
  const fn = asString(fields.fn);
  const one = (name: DTypeName, scalar: GoldenValue, first: boolean, want: string | null) => {
    const array = ones([2], name);
    const operands = first ? [toArgument(scalar), array] : [array, toArgument(scalar)];
    const condition = fn === "where" ? [ones([2], "bool")] : [];
    const got = resultDType(() => call(fn, [...condition, ...operands]));
    return expectDType(`${name} with ${JSON.stringify(scalar)}, first: ${first}`, got, want);
  };
  return [
    ...rows(fields.rows).flatMap(([name, scalar, first, want]) =>
      one(asDTypeName(name), decode(scalar), first === true, asDTypeName(want)),
    ),
    ...rows(fields.errors).flatMap(([name, scalar, first]) =>
      one(asDTypeName(name), decode(scalar), first === true, null),
    ),
  ];
}

export function runDTypeUnary({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "fn", "rows", "errors", "kwargs"]);
  const fn = asString(fields.fn);
  const one = (name: DTypeName, want: string | null): string[] => {
    const kwargs = new Map(
      [...decodeKwargs(fields.kwargs)].map(([key, value]) => [key, toArgument(value)] as const),
    );
    const got = resultDType(() => performOn(fn, [ones([2], name)], kwargs));
    return expectDType(name, got, want);
  };
  return [
    ...rows(fields.rows).flatMap(([name, want]) => one(asDTypeName(name), asDTypeName(want))),
    ...rows(fields.errors).flatMap(([raw]) => {
      const name = asDTypeName(raw);
      return one(name, isBeyond(fn, name) ? name : null);
    }),
  ];
}

/** `can_cast(a, b)`, `issubdtype(a, b)`, `isdtype(a, kind)`: rows [x, y, bool]; x and y may be categories. */
export function runDTypeRelation({ fields, kind }: Case): string[] {
  onlyFields(fields, ["id", "kind", "rows"]);
  return rows(fields.rows).flatMap(([x, y, want]) => {
    const other = asString(y);
    const got = call(kind, [lookup(asString(x)), kind === "isdtype" ? other : lookup(other)]);
    return got === want ? [] : [`${kind}(${String(x)}, ${other}): expected ${want}, got ${got}`];
  });
}

export function runDTypeInfo({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "rows"]);
  return rows(fields.rows).flatMap(([name, size, text]) => {
    const type = dtype(asDTypeName(name));
    const good = property(type, "size") === size && String(type) === text;
    return good
      ? []
      : [`${String(name)}: got size ${property(type, "size")}, text ${String(type)}`];
  });
}

export async function runLimits({ fields, kind }: Case): Promise<string[]> {
  onlyFields(fields, ["id", "kind", "dtype", "expect_error", "min", "max", "eps"]);
  const make = (): unknown => call(kind, [dtype(asDTypeName(fields.dtype))]);
  if (fields.expect_error !== undefined) {
    return requireError(fields.expect_error, () => String(make()));
  }
  const info = make();
  return ["min", "max", "eps"].flatMap((name) => {
    if (fields[name] === undefined) return [];
    const found = difference(toResult(property(info, name)), decode(fields[name]), EXACT);
    return found === null ? [] : [`${name}: ${found}`];
  });
}

export function runPrint({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "value", "str", "repr", "precision"]);
  const value = toArgument(decode(fields.value));
  const reset = fields.precision === undefined ? null : setPrecision(asNumber(fields.precision));
  try {
    const got = String(callMember(value, "toString", []));
    return [fields.str, fields.repr]
      .filter((want) => want !== undefined && want !== got)
      .map((want) => `expected\n${asString(want)}\ngot\n${got}`);
  } finally {
    reset?.();
  }
}

/** The options of MLX's printing; the previous ones are restored by the returned function. */
function setPrecision(precision: number): () => void {
  const before = call("get_printoptions", []);
  if (property(before, "precision") === undefined) throw new Pending("get_printoptions");
  call("set_printoptions", [{ precision }]);
  return () => {
    call("set_printoptions", [{ precision: property(before, "precision") }]);
  };
}

export function runPrintDTypes({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "rows"]);
  return rows(fields.rows).flatMap(([name, text, repr]) => {
    if (text !== repr) throw malformed("one text for str and repr", name);
    const got = String(dtype(asDTypeName(name)));
    return got === text ? [] : [`expected ${String(text)}, got ${got}`];
  });
}

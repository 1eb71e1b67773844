/** Cases of kind "op": one call, its gradients and its vmaps. */
import { BEYOND_CASES } from "../adapters/beyond.js";
import { assertExpressible, type Call, perform } from "../adapters/calls.js";
import { checkResult } from "../checks.js";
import { difference, type Result, type Tolerance } from "../compare.js";
import {
  asList,
  asNumber,
  asRecord,
  asString,
  type Case,
  decode,
  type GoldenValue,
  isGoldenArray,
  isGoldenList,
  isList,
  malformed,
  onlyFields,
} from "../format.js";
import { call, flatArrays, isNamedError, Pending, toArgument, toResult } from "../library.js";

const FIELDS = [
  "id",
  "kind",
  "fn",
  "args",
  "kwargs",
  "expect",
  "expect_error",
  "rtol",
  "atol",
  "grad",
  "vmap",
  "check",
  "note",
];

export function toleranceOf(fields: Readonly<Record<string, unknown>>): Tolerance {
  return { rtol: asNumber(fields.rtol), atol: asNumber(fields.atol) };
}

export function decodeList(raw: unknown): readonly GoldenValue[] {
  return asList(raw).map(decode);
}

export function decodeKwargs(raw: unknown): ReadonlyMap<string, GoldenValue> {
  return new Map(Object.entries(asRecord(raw)).map(([key, value]) => [key, decode(value)]));
}

export function callOf(
  fn: string,
  golden: readonly GoldenValue[],
  kwargs: ReadonlyMap<string, GoldenValue>,
): Call {
  return {
    fn,
    golden,
    args: golden.map(toArgument),
    kwargs: new Map([...kwargs].map(([key, value]) => [key, toArgument(value)])),
  };
}

/** Requires a named error; anything else that is thrown is a crash, and no error is a failure. */
export async function requireError(expected: unknown, run: () => unknown): Promise<string[]> {
  const message = asString(asRecord(expected).message);
  try {
    toResult(await run());
  } catch (error) {
    if (error instanceof Pending) throw error;
    if (isNamedError(error)) return [];
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`expected a CotangentError (${message}), got ${text}`];
  }
  return [`expected an error (${message}), got a result`];
}

/** Inputs found unsupported on the way: supporting them is fine, crashing is not. */
async function advisoryError(expected: unknown, run: () => unknown): Promise<string[]> {
  const failures = await requireError(expected, run);
  return failures.filter((failure) => !failure.endsWith("got a result"));
}

export async function runOp(golden: Case): Promise<string[]> {
  const { fields } = golden;
  onlyFields(fields, FIELDS);
  const fn = asString(fields.fn);
  const args = decodeList(fields.args);
  const kwargs = decodeKwargs(fields.kwargs);
  assertExpressible(fn, args);
  if (fields.expect_error !== undefined) {
    const attempt = (): unknown => perform(callOf(fn, args, kwargs));
    if (BEYOND_CASES.includes(golden.id)) {
      toResult(attempt());
      return [];
    }
    return golden.id.startsWith("error/auto/")
      ? advisoryError(fields.expect_error, attempt)
      : requireError(fields.expect_error, attempt);
  }
  const request = callOf(fn, args, kwargs);
  const result = toResult(perform(request));
  const expected = decode(fields.expect);
  const failures: string[] = [];
  const note = (part: string, found: string | null): void => {
    if (found !== null) failures.push(part === "" ? found : `${part}: ${found}`);
  };
  if (fields.check === undefined) note("", difference(result, expected, toleranceOf(fields)));
  else
    note("", checkResult(asString(fields.check), request, result, expected, toleranceOf(fields)));
  if (fields.grad !== undefined) failures.push(...gradFailures(request, asRecord(fields.grad)));
  for (const [i, raw] of asList(fields.vmap ?? []).entries()) {
    note(`vmap ${i}`, vmapFailure(request, asRecord(raw)));
  }
  return failures;
}

/** Where a differentiated value sits: [argument index or keyword, positions in nested lists…]. */
type Path = readonly (number | string)[];

function asPath(raw: unknown): Path {
  const parts = isList(raw) ? raw : [raw];
  return parts.map((part) => (typeof part === "string" ? part : asNumber(part)));
}

function read(request: Call, [head, ...rest]: Path): unknown {
  let value = typeof head === "string" ? request.kwargs.get(head) : request.args[head ?? 0];
  for (const step of rest) value = isList(value) ? value[Number(step)] : undefined;
  if (value === undefined) throw malformed("a path to an argument", head);
  return value;
}

function replaceIn(value: unknown, path: Path, replacement: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return replacement;
  if (!isList(value)) throw malformed("a list on the path", path);
  return value.map((item, i) => (i === head ? replaceIn(item, rest, replacement) : item));
}

function replace(request: Call, path: Path, value: unknown): Call {
  const [head, ...rest] = path;
  if (typeof head !== "string") {
    const args = replaceIn(request.args, path, value);
    return { ...request, args: isList(args) ? args : [] };
  }
  const kwargs = new Map(request.kwargs);
  kwargs.set(head, replaceIn(kwargs.get(head), rest, value));
  return { ...request, kwargs };
}

function second(pair: unknown, transform: string): readonly unknown[] {
  if (!isList(pair) || pair.length !== 2) throw new Error(`${transform} did not return a pair`);
  return flatArrays(pair[1]);
}

let impossible = 0;

/** How many recorded derivatives were left out since the last call because of their shape. */
export function takeImpossible(): number {
  const count = impossible;
  impossible = 0;
  return count;
}

/** A derivative has the shape of what it is a derivative of; MLX's strided slices and odd irfft miss it. */
function possible(recorded: GoldenValue, of: Result | undefined): boolean {
  if (!isGoldenArray(recorded) || of?.kind !== "array") return true;
  return recorded.shape.join() === of.array.shape.join();
}

function gradFailures(request: Call, grad: Readonly<Record<string, unknown>>): string[] {
  onlyFields(grad, ["wrt", "cotangents", "vjps", "tangents", "jvps", "rtol", "atol"]);
  const paths = asList(grad.wrt).map(asPath);
  const primals = paths.map((path) => read(request, path));
  const fn = (...values: readonly unknown[]): unknown => {
    let changed = request;
    for (const [i, path] of paths.entries()) changed = replace(changed, path, values[i]);
    const outputs = flatArrays(perform(changed));
    return outputs.length === 1 ? outputs[0] : outputs;
  };
  const failures: string[] = [];
  const tolerance = toleranceOf(grad);
  const compare = (part: string, got: readonly unknown[], raw: unknown, like: Result): void => {
    const wanted = decodeList(raw);
    const places = like.kind === "list" ? like.items : [];
    if (got.length !== wanted.length) {
      failures.push(`${part}: expected ${wanted.length} arrays, got ${got.length}`);
    }
    for (const [i, want] of wanted.entries()) {
      if (!possible(want, places[i])) {
        impossible++;
        continue;
      }
      const found = difference(toResult(got[i]), want, tolerance);
      if (found !== null) failures.push(`${part} ${i}: ${found}`);
    }
  };
  if (grad.vjps !== undefined) {
    const cotangents = decodeList(grad.cotangents).map(toArgument);
    const found = second(call("vjp", [fn, primals, cotangents]), "vjp");
    compare("vjp", found, grad.vjps, toResult(primals));
  }
  if (grad.jvps !== undefined) {
    const tangents = decodeList(grad.tangents).map(toArgument);
    const found = second(call("jvp", [fn, primals, tangents]), "jvp");
    compare("jvp", found, grad.jvps, toResult(flatArrays(perform(request))));
  }
  return failures;
}

function vmapFailure(request: Call, raw: Readonly<Record<string, unknown>>): string | null {
  onlyFields(raw, ["in_axes", "out_axes", "args", "expect", "rtol", "atol"]);
  const golden = decodeList(raw.args);
  const batched: Call = { ...request, golden, args: golden.map(toArgument) };
  const inAxes = decode(raw.in_axes);
  if (!isGoldenList(inAxes)) throw malformed("in_axes as a list", raw.in_axes);
  const mapped = inAxes.flatMap((axis, i) => (axis === null ? [] : [i]));
  const fn = (...values: readonly unknown[]): unknown => {
    let changed = batched;
    for (const [k, i] of mapped.entries()) changed = replace(changed, [i], values[k]);
    return perform(changed);
  };
  const axes = mapped.map((i) => toArgument(inAxes[i] ?? null));
  const vmapped = call("vmap", [
    fn,
    {
      // A single argument is matched by the axes themselves, not by a list of one.
      inAxes: axes.length === 1 ? axes[0] : axes,
      outAxes: toArgument(decode(raw.out_axes)),
    },
  ]);
  if (typeof vmapped !== "function") throw new Error("vmap did not return a function");
  const result = toResult(
    Reflect.apply(
      vmapped,
      undefined,
      mapped.map((i) => batched.args[i]),
    ),
  );
  return difference(result, decode(raw.expect), toleranceOf(raw));
}

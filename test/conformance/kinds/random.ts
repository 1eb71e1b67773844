/** Cases of kinds "sequence" (the global generator) and "vmap_keys". */
import { perform } from "../adapters/calls.js";
import { difference } from "../compare.js";
import { asList, asNumber, asRecord, asString, type Case, decode, onlyFields } from "../format.js";
import { call, toArgument, toResult } from "../library.js";
import { callOf, decodeKwargs, decodeList, toleranceOf } from "./op.js";

export function runSequence({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "seed", "calls", "expect", "rtol", "atol"]);
  call("random.seed", [asNumber(fields.seed)]);
  const expected = decodeList(fields.expect);
  return asList(fields.calls).flatMap((raw, i) => {
    const step = asRecord(raw);
    onlyFields(step, ["fn", "args", "kwargs"]);
    const request = callOf(asString(step.fn), decodeList(step.args), decodeKwargs(step.kwargs));
    const result = toResult(perform(request));
    const found = difference(result, expected[i] ?? null, toleranceOf(fields));
    return found === null ? [] : [`call ${i}: ${found}`];
  });
}

export function runVmapKeys({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "fn", "kwargs", "keys", "expect", "rtol", "atol"]);
  const request = callOf(asString(fields.fn), [], decodeKwargs(fields.kwargs));
  const sample = (key: unknown): unknown =>
    perform({ ...request, kwargs: new Map([...request.kwargs, ["key", key]]) });
  const mapped = call("vmap", [sample]);
  if (typeof mapped !== "function") throw new Error("vmap did not return a function");
  const result: unknown = Reflect.apply(mapped, undefined, [toArgument(decode(fields.keys))]);
  const found = difference(toResult(result), decode(fields.expect), toleranceOf(fields));
  return found === null ? [] : [found];
}

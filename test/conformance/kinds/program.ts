/** Cases of kind "program": a small traced program under chains of transforms. */
import { type Call, perform } from "../adapters/calls.js";
import { difference } from "../compare.js";
import {
  asList,
  asNumber,
  asRecord,
  asString,
  type Case,
  decode,
  type GoldenValue,
  isList,
  malformed,
  onlyFields,
  tagOf,
} from "../format.js";
import { call, flatArrays, toArgument, toResult } from "../library.js";
import { decodeKwargs, decodeList, requireError, toleranceOf } from "./op.js";

type Fn = (...inputs: readonly unknown[]) => unknown;

/** A value of a program: constants are made once, references are looked up per call. */
function resolver(value: GoldenValue): (env: readonly unknown[]) => unknown {
  if (typeof value === "object" && value !== null && tagOf(value) === "ref" && "i" in value) {
    const { i, k } = value;
    return (env) => {
      const found = env[i];
      if (k === null) return found;
      return isList(found) ? found[k] : undefined;
    };
  }
  if (typeof value === "object" && value !== null && "length" in value) {
    const items = value.map(resolver);
    return (env) => items.map((item) => item(env));
  }
  const constant = toArgument(value);
  return () => constant;
}

interface Step {
  readonly fn: string;
  readonly golden: readonly GoldenValue[];
  readonly args: readonly ((env: readonly unknown[]) => unknown)[];
  readonly kwargs: readonly (readonly [string, (env: readonly unknown[]) => unknown])[];
}

function programFunction(program: Readonly<Record<string, unknown>>): Fn {
  onlyFields(program, ["inputs", "steps", "outputs", "single"]);
  const count = asNumber(program.inputs);
  const steps: Step[] = asList(program.steps).map((raw) => {
    const step = asRecord(raw);
    onlyFields(step, ["fn", "args", "kwargs"]);
    const golden = decodeList(step.args);
    return {
      fn: asString(step.fn),
      golden,
      args: golden.map(resolver),
      kwargs: [...decodeKwargs(step.kwargs)].map(([key, value]) => [key, resolver(value)] as const),
    };
  });
  const outputs = decodeList(program.outputs).map(resolver);
  return (...inputs) => {
    if (inputs.length !== count) throw malformed(`${count} inputs`, inputs.length);
    const env: unknown[] = [...inputs];
    for (const step of steps) {
      const request: Call = {
        fn: step.fn,
        golden: step.golden,
        args: step.args.map((arg) => arg(env)),
        kwargs: new Map(step.kwargs.map(([key, value]) => [key, value(env)])),
      };
      env.push(perform(request));
    }
    const results = outputs.map((output) => output(env));
    return program.single === true ? results[0] : results;
  };
}

function asFunction(value: unknown, transform: string): Fn {
  if (typeof value !== "function") throw new Error(`${transform} did not return a function`);
  return (...inputs) => Reflect.apply(value, undefined, inputs);
}

function secondOf(pair: unknown, transform: string): unknown {
  if (!isList(pair) || pair.length !== 2) throw new Error(`${transform} did not return a pair`);
  return pair[1];
}

function total(arrays: readonly unknown[]): unknown {
  const [first, ...rest] = arrays.map((array) => call("sum", [array]));
  return rest.reduce((sum, next) => call("add", [sum, next]), first);
}

/** A list of one axis belongs to a function of one output, which may be bare. */
function axesOfResult(raw: unknown): unknown {
  const axes = toArgument(decode(raw));
  return isList(axes) && axes.length === 1 ? axes[0] : axes;
}

function wrap(fn: Fn, raw: unknown): Fn {
  const link = asRecord(raw);
  const name = asString(link.t);
  const known = (...fields: readonly string[]): void => onlyFields(link, ["t", ...fields]);
  switch (name) {
    case "grad": {
      known("argnums");
      return asFunction(call("grad", [fn, { argnums: toArgument(decode(link.argnums)) }]), name);
    }
    case "value_and_grad": {
      known("argnums");
      const made = call("value_and_grad", [fn, { argnums: toArgument(decode(link.argnums)) }]);
      return (...xs) => {
        const pair = asFunction(made, name)(...xs);
        const gradients = secondOf(pair, name);
        return [isList(pair) ? pair[0] : pair, ...flatArrays(gradients)];
      };
    }
    case "vjp": {
      known("cotangents");
      const cotangents = decodeList(link.cotangents).map(toArgument);
      return (...xs) => secondOf(call("vjp", [fn, xs, cotangents]), name);
    }
    case "jvp": {
      known("tangents");
      const tangents = decodeList(link.tangents).map(toArgument);
      return (...xs) => secondOf(call("jvp", [fn, xs, tangents]), name);
    }
    case "vmap": {
      known("in_axes", "out_axes");
      const inAxes = toArgument(decode(link.in_axes));
      return asFunction(call("vmap", [fn, { inAxes, outAxes: axesOfResult(link.out_axes) }]), name);
    }
    case "sum":
      known();
      return (...xs) => total(flatArrays(fn(...xs)));
    case "dot": {
      known("with");
      const weights = decodeList(link.with).map(toArgument);
      return (...xs) =>
        total(flatArrays(fn(...xs)).map((out, i) => call("multiply", [out, weights[i]])));
    }
    case "pick": {
      known("index");
      const index = asNumber(link.index);
      return (...xs) => flatArrays(fn(...xs))[index];
    }
    case "fix": {
      known("values");
      const fixed = new Map(
        Object.entries(asRecord(link.values)).map(([k, v]) => [Number(k), toArgument(decode(v))]),
      );
      return (...xs) => {
        const remaining = [...xs];
        const all: unknown[] = [];
        while (remaining.length > 0 || fixed.has(all.length)) {
          all.push(fixed.has(all.length) ? fixed.get(all.length) : remaining.shift());
        }
        return fn(...all);
      };
    }
    case "checkpoint":
    case "compile":
      known();
      return asFunction(call(name, [fn]), name);
    default:
      throw malformed("a known transform", name);
  }
}

export async function runProgram({ fields }: Case): Promise<string[]> {
  onlyFields(fields, ["id", "kind", "program", "inputs", "checks"]);
  const program = programFunction(asRecord(fields.program));
  const failures: string[] = [];
  for (const raw of asList(fields.checks)) {
    const check = asRecord(raw);
    onlyFields(check, ["chain", "inputs", "expect", "expect_error", "rtol", "atol"]);
    const chain = asList(check.chain);
    const label = chain.map((link) => asString(asRecord(link).t)).join(" → ") || "value";
    const run = (): unknown => {
      const inputs = decodeList(check.inputs ?? fields.inputs).map(toArgument);
      return chain.reduce<Fn>(wrap, program)(...inputs);
    };
    if (check.expect_error !== undefined) {
      const found = await requireError(check.expect_error, run);
      failures.push(...found.map((failure) => `${label}: ${failure}`));
      continue;
    }
    const expected = decode(check.expect);
    const found = difference(toResult(run()), expected, toleranceOf(check));
    if (found !== null) failures.push(`${label}: ${found}`);
  }
  return failures;
}

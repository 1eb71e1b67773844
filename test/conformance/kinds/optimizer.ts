/** Cases of kinds "optimizer" and "schedule": updates step by step, and learning rates over steps. */
import { difference } from "../compare.js";
import {
  asList,
  asNumber,
  asRecord,
  asString,
  type Case,
  decode,
  malformed,
  onlyFields,
} from "../format.js";
import {
  call,
  callMember,
  camel,
  camelKeys,
  construct,
  property,
  toArgument,
  toResult,
} from "../library.js";
import { toleranceOf } from "./op.js";

/** Required constructor parameters, positional here; Adafactor's rate is optional. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  Adafactor: [],
  exponential_decay: ["init", "decay_rate"],
  step_decay: ["init", "decay_rate", "step_size"],
  cosine_decay: ["init", "decay_steps"],
  linear_schedule: ["init", "end", "steps"],
};

/** Positional required values, then one options object with the rest. */
function constructorArguments(name: string, raw: unknown): unknown[] {
  const fields = new Map(Object.entries(asRecord(raw)));
  const required = REQUIRED[name] ?? ["learning_rate"];
  const positional = required.map((field) => {
    if (!fields.has(field)) throw malformed(`${name} with ${field}`, raw);
    const value = fields.get(field);
    fields.delete(field);
    return argument(value);
  });
  if (fields.size === 0) return positional;
  const options = [...fields].map(([key, value]) => [camel(key), argument(value)] as const);
  return [...positional, Object.fromEntries(options)];
}

function argument(raw: unknown): unknown {
  const isSchedule = typeof raw === "object" && raw !== null && "schedule" in raw;
  return isSchedule ? makeSchedule(asRecord(raw)) : toArgument(decode(raw));
}

function makeSchedule(raw: Readonly<Record<string, unknown>>): unknown {
  const name = asString(raw.schedule);
  if (name === "join_schedules") {
    const parts = asList(raw.schedules).map((part) => makeSchedule(asRecord(part)));
    return call(`optimizers.${name}`, [parts, asList(raw.boundaries).map(asNumber)]);
  }
  return call(`optimizers.${name}`, constructorArguments(name, raw.init));
}

function makeOptimizer(raw: Readonly<Record<string, unknown>>): object {
  const name = asString(raw.optimizer);
  if (name === "MultiOptimizer") {
    const parts = asList(raw.optimizers).map((part) => makeOptimizer(asRecord(part)));
    const filters = asList(raw.filters).map((prefix) => {
      const start = asString(prefix);
      return (path: string): boolean => path.startsWith(start);
    });
    return construct(`optimizers.${name}`, [parts, filters]);
  }
  return construct(`optimizers.${name}`, constructorArguments(name, raw.init));
}

const FIELDS = [
  "id",
  "kind",
  "optimizer",
  "init",
  "params",
  "grads",
  "expect",
  "state",
  "learning_rates",
  "filters",
  "optimizers",
  "rtol",
  "atol",
];

export function runOptimizer({ fields }: Case): string[] {
  onlyFields(fields, FIELDS);
  const optimizer = makeOptimizer(fields);
  const tolerance = toleranceOf(fields);
  const failures: string[] = [];
  const compare = (part: string, got: unknown, raw: unknown): void => {
    const found = difference(toResult(got), camelKeys(decode(raw)), tolerance);
    if (found !== null) failures.push(`${part}: ${found}`);
  };
  let params = toArgument(camelKeys(decode(fields.params)));
  const expected = asList(fields.expect);
  const rates = asList(fields.learning_rates ?? []);
  for (const [step, raw] of asList(fields.grads).entries()) {
    const grads = toArgument(camelKeys(decode(raw)));
    params = callMember(optimizer, "applyGradients", [grads, params]);
    compare(`step ${step}`, params, expected[step]);
    if (rates.length > 0) {
      compare(`learning rate ${step}`, property(optimizer, "learningRate"), rates[step]);
    }
  }
  if (fields.state !== undefined && fields.state !== null) {
    compare("state", property(optimizer, "state"), fields.state);
  }
  return failures;
}

export function runSchedule({ fields }: Case): string[] {
  const known = ["schedule", "init", "schedules", "boundaries", "steps", "expect"];
  onlyFields(fields, ["id", "kind", ...known, "rtol", "atol"]);
  const schedule = makeSchedule(fields);
  if (typeof schedule !== "function") throw new Error("a schedule is not a function");
  const expected = asList(fields.expect);
  return asList(fields.steps).flatMap((step, i) => {
    const at = call("array", [asNumber(step)]);
    const value: unknown = Reflect.apply(schedule, undefined, [at]);
    const found = difference(toResult(value), decode(expected[i]), toleranceOf(fields));
    return found === null ? [] : [`step ${asNumber(step)}: ${found}`];
  });
}

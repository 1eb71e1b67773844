/** Cases of kinds "module", "module_init" and "init": layers forward and backward, and what they start from. */
import { constructorArguments } from "../adapters/constructors.js";
import { difference } from "../compare.js";
import {
  asList,
  asNumber,
  asRecord,
  asString,
  type Case,
  decode,
  isGoldenArray,
  isRecord,
  malformed,
  onlyFields,
} from "../format.js";
import {
  call,
  callMember,
  camelKeys,
  construct,
  flatArrays,
  lookup,
  toArgument,
  toResult,
} from "../library.js";
import { toleranceOf } from "./op.js";

function argument(raw: unknown): unknown {
  return typeof raw === "string" && raw.startsWith("nn.") ? lookup(raw) : toArgument(decode(raw));
}

function build(raw: Readonly<Record<string, unknown>>): object {
  const name = `nn.${asString(raw.module)}`;
  if (raw.layers !== undefined) {
    return construct(
      name,
      asList(raw.layers).map((layer) => build(asRecord(layer))),
    );
  }
  const init = new Map(
    Object.entries(asRecord(raw.init)).map(([key, value]) => [key, argument(value)] as const),
  );
  return construct(name, constructorArguments(name, init));
}

const FIELDS = [
  ...["id", "kind", "module", "init", "layers", "training", "inputs", "call_kwargs", "params"],
  ...["seed", "input_wrt", "loss_weights", "expect", "param_grads", "input_grads", "state_after"],
  ...["rtol", "atol", "note"],
];

export function runModule({ fields }: Case): string[] {
  onlyFields(fields, FIELDS);
  const module = build(fields);
  const start = toArgument(camelKeys(decode(fields.params)));
  const reset = (): void => {
    callMember(module, "update", [start]);
    if (fields.seed !== undefined) call("random.seed", [asNumber(fields.seed)]);
  };
  callMember(module, "train", [fields.training === true]);
  const inputs = asList(fields.inputs).map(argument);
  const named = asRecord(fields.call_kwargs);
  const kwargs = Object.keys(named).length === 0 ? [] : [toArgument(camelKeys(decode(named)))];
  const forward = (values: readonly unknown[]): unknown => {
    if (fields.seed !== undefined) call("random.seed", [asNumber(fields.seed)]);
    return callMember(module, "forward", [...values, ...kwargs]);
  };
  const weights = asList(fields.loss_weights).map(argument);
  const loss = (values: readonly unknown[]): unknown =>
    flatArrays(forward(values))
      .map((y, i) => call("sum", [call("multiply", [y, weights[i]])]))
      .reduce((a, b) => call("add", [a, b]));
  const failures: string[] = [];
  const compare = (part: string, got: unknown, raw: unknown): void => {
    if (raw === undefined || raw === null) return;
    const found = difference(toResult(got), camelKeys(decode(raw)), toleranceOf(fields));
    if (found !== null) failures.push(`${part}: ${found}`);
  };
  reset();
  compare("value", forward(inputs), fields.expect);
  if (fields.state_after !== undefined)
    compare("state", callMember(module, "parameters", []), fields.state_after);
  if (isRecord(fields.param_grads)) {
    reset();
    const both = call("nn.value_and_grad", [module, () => loss(inputs)]);
    if (typeof both !== "function") throw new Error("valueAndGrad did not return a function");
    const [, grads] = asList(Reflect.apply(both, undefined, []));
    compare("parameter gradients", grads, fields.param_grads);
  }
  const wrt = asList(fields.input_wrt ?? []).map(asNumber);
  if (fields.input_grads !== undefined && wrt.length > 0) {
    reset();
    const grad = call("grad", [
      (...values: readonly unknown[]): unknown =>
        loss(
          inputs.map((x, i) => {
            const at = wrt.indexOf(i);
            return at < 0 ? x : values[at];
          }),
        ),
      { argnums: wrt.map((_, i) => i) },
    ]);
    if (typeof grad !== "function") throw new Error("grad did not return a function");
    const found: unknown = Reflect.apply(
      grad,
      undefined,
      wrt.map((i) => inputs[i]),
    );
    compare("input gradients", wrt.length === 1 ? [found] : found, fields.input_grads);
  }
  return failures;
}

export function runModuleInit({ fields }: Case): string[] {
  onlyFields(fields, ["id", "kind", "module", "init", "seed", "expect", "rtol", "atol"]);
  call("random.seed", [asNumber(fields.seed)]);
  const got = callMember(build(fields), "parameters", []);
  const found = difference(toResult(got), camelKeys(decode(fields.expect)), toleranceOf(fields));
  return found === null ? [] : [found];
}

/** Largest deviation of a matrix from gain times one with orthonormal rows, or columns where it has fewer. */
function orthogonality(
  values: readonly number[],
  [rows = 0, columns = 0]: readonly number[],
): number {
  const few = Math.min(rows, columns);
  const many = Math.max(rows, columns);
  const at = (i: number, k: number): number =>
    values[rows <= columns ? i * columns + k : k * columns + i] ?? Number.NaN;
  let worst = 0;
  let gain = 0;
  for (let k = 0; k < many; k++) gain += at(0, k) ** 2;
  for (let i = 0; i < few; i++) {
    for (let j = 0; j < few; j++) {
      let dot = 0;
      for (let k = 0; k < many; k++) dot += at(i, k) * at(j, k);
      worst = Math.max(worst, Math.abs(dot / gain - (i === j ? 1 : 0)));
    }
  }
  return worst;
}

export function runInit({ fields }: Case): string[] {
  const own = ["init", "factory", "call", "seed", "shape", "array_dtype", "check"];
  onlyFields(fields, ["id", "kind", ...own, "expect", "rtol", "atol"]);
  call("random.seed", [asNumber(fields.seed)]);
  const name = `nn.init.${asString(fields.init)}`;
  const named = (raw: unknown): ReadonlyMap<string, unknown> =>
    new Map(Object.entries(asRecord(raw)).map(([key, value]) => [key, argument(value)] as const));
  const initializer = call(name, constructorArguments(name, named(fields.factory)));
  if (typeof initializer !== "function") throw new Error(`${name} did not return a function`);
  const like = call("zeros", [fields.shape, argument(fields.array_dtype)]);
  const options = constructorArguments("", named(fields.call));
  const got = toResult(Reflect.apply(initializer, undefined, [like, ...options]));
  const wanted = decode(fields.expect);
  if (fields.check === undefined) {
    const found = difference(got, wanted, toleranceOf(fields));
    return found === null ? [] : [found];
  }
  if (!asString(fields.check).startsWith("orthogonal:"))
    throw malformed("a known check", fields.check);
  if (got.kind !== "array" || !isGoldenArray(wanted)) return ["expected an array"];
  if (got.array.shape.join() !== wanted.shape.join() || got.array.dtype !== wanted.dtype)
    return [
      `expected ${wanted.dtype} of [${wanted.shape}], got ${got.array.dtype} of [${got.array.shape}]`,
    ];
  const norm = (values: Iterable<number | bigint>): number =>
    Math.sqrt([...values].reduce<number>((sum, x) => sum + Number(x) ** 2, 0));
  const error = orthogonality([...got.array.values].map(Number), wanted.shape);
  const gain = Math.abs(norm(got.array.values) / norm(wanted.values) - 1);
  return error < 1e-5 && gain < 1e-5 ? [] : [`not orthogonal by ${error}, gain off by ${gain}`];
}

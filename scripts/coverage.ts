/** The table of MLX's names beside ours: what is there is looked up in the exports and prototypes, never claimed. */
import * as mx from "../src/index.js";
import * as nn from "../src/nn/index.js";
import * as optimizers from "../src/optimizers/index.js";
import { sections } from "./coverage-names.js";
import type { Entry } from "./surface.js";

/** Names that are others here, by MLX's name. A method begins with a dot. */
const renamed: Readonly<Record<string, string>> = {
  array: "array",
  "array.__getitem__": ".get",
  "array.__setitem__": ".set",
  "array.__add__": ".add",
  "array.__radd__": "add",
  "array.__matmul__": ".matmul",
  "array.__and__": ".bitwiseAnd",
  "array.__or__": ".bitwiseOr",
  "array.__xor__": ".bitwiseXor",
  "array.__lshift__": ".leftShift",
  "array.__rshift__": ".rightShift",
  "array.__eq__": ".equal",
  "array.__ne__": ".notEqual",
  "array.__lt__": ".less",
  "array.__le__": ".lessEqual",
  "array.__gt__": ".greater",
  "array.__ge__": ".greaterEqual",
  "array.__neg__": ".negative",
  "array.__invert__": ".bitwiseInvert",
  "array.__abs__": ".abs",
  "array.__bool__": ".item",
  "array.__int__": ".item",
  "array.__float__": ".item",
  "array.__complex__": ".item",
  "array.__repr__": ".toString",
  "array.__str__": ".toString",
  "array.__copy__": "array",
  "array.__deepcopy__": "array",
  "array.__getstate__": "save",
  "array.__setstate__": "load",
  ArrayLike: "Operand",
  "fast.metal_kernel": "fast.wasmKernel",
  "fast.cuda_kernel": "fast.wasmKernel",
  "fast.kernel": "fast.WasmKernel",
  "nn.layers.upsample.upsample_nearest": "nn.Upsample",
  "nn.layers.upsample.upsample_linear": "nn.Upsample",
  "nn.layers.upsample.upsample_cubic": "nn.Upsample",
};

const dlpack = "DLPack shares memory between Python libraries";
const buffers = "NumPy's buffers are Python's";
const operators = "JavaScript has no operators of one's own";
const metal = "Metal is not built";
const cuda = "CUDA is not built";

/** What is left out on purpose, with the reason. */
const leftOut: Readonly<Record<string, string>> = {
  from_dlpack: dlpack,
  "array.__dlpack__": dlpack,
  "array.__dlpack_device__": dlpack,
  "array.__array_namespace__": buffers,
  "array.__array__": buffers,
  "array.__iadd__": operators,
  "array.__imatmul__": operators,
  "array.__len__": "`x.shape[0]`",
  "array.__iter__": "`for (const row of x)`",
  "array.__hash__": "objects are keys of a `Map` as they are",
  "array.__format__": "formats are Python's",
  ArrayIterator: "iterators are JavaScript's",
  "fast.precompiled_cuda_kernel": cuda,
  "metal.device_info": metal,
  "metal.start_capture": metal,
  "metal.stop_capture": metal,
  "metal.clear_cache": metal,
  "metal.get_active_memory": metal,
  "metal.get_cache_memory": metal,
  "metal.get_peak_memory": metal,
  "metal.reset_peak_memory": metal,
  "metal.set_cache_limit": metal,
  "metal.set_memory_limit": metal,
  "metal.set_wired_limit": metal,
};

/** `value_and_grad` as `valueAndGrad`, `bool_` as `bool`. */
const camel = (name: string): string =>
  name
    .replace(/_+$/, "")
    .replace(/(?<=[A-Za-z0-9])_([a-zA-Z0-9])/g, (_, c: string) => c.toUpperCase());

const has = (owner: unknown, name: string): boolean =>
  typeof owner === "object" && owner !== null && name in owner;

/** The prototypes and instances whose members count, by the name of their class. */
const owners: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["array", mx.NDArray.prototype],
  ["ArrayAt", mx.ArrayAt.prototype],
  ["customFunction", { ...mx.customFunction((x: mx.NDArray) => x) }],
  ["nn.Module", nn.Module.prototype],
  ["optimizers.Optimizer", optimizers.Optimizer.prototype],
  ["static nn.Module", { ...Object.getOwnPropertyDescriptors(nn.Module) }],
]);

interface Row {
  readonly mlx: string;
  readonly ours: string;
  readonly status: string;
}

type Status = "present" | "absent" | "left out";

const statusOf = (row: Row): Status => {
  if (row.status === "absent") return "absent";
  return row.status.startsWith("left out") ? "left out" : "present";
};

/** The prefixes that names of an entry have in the table. */
const prefixes: Readonly<Record<string, string>> = {
  cotangent: "",
  "cotangent/nn": "nn.",
  "cotangent/optimizers": "optimizers.",
};

type Surface = readonly (readonly [name: string, entries: readonly Entry[]])[];

const rowsOf = (surface: Surface): ReadonlyMap<string, readonly Row[]> => {
  const exported = new Map<string, boolean>();
  for (const [entry, entries] of surface) {
    const prefix = prefixes[entry];
    if (prefix === undefined) continue;
    for (const { name, isType } of entries) exported.set(`${prefix}${name}`, isType);
  }
  const member = (path: string): string | null => {
    const dot = path.lastIndexOf(".");
    const [owner, name] = [path.slice(0, dot), path.slice(dot + 1)];
    if (has(owners.get(owner), name)) return owner === "array" ? "method" : "member";
    return has(owners.get(`static ${owner}`), name) ? "static member" : null;
  };
  const row = (mlx: string): Row => {
    const reason = leftOut[mlx];
    const other = renamed[mlx];
    const name = other ?? mlx.split(".").map(camel).join(".");
    const forms: string[] = [];
    const isType = exported.get(name);
    if (isType !== undefined) forms.push(isType ? "type" : "export");
    const method = name.startsWith(".")
      ? `array${name}`
      : name.includes(".")
        ? name
        : `array.${name}`;
    const found = member(method);
    if (found !== null) forms.push(found);
    const ours = name.startsWith(".") ? name : name.replace(/^array\./, ".");
    if (forms.length > 0) {
      if (reason !== undefined) throw new Error(`${mlx} is there, but said to be left out`);
      return { mlx, ours, status: forms.join(", ") };
    }
    return { mlx, ours: "", status: reason === undefined ? "absent" : `left out: ${reason}` };
  };
  return new Map(
    sections.map(({ title, names }) => [title, names.split(/\s+/).map((name) => row(name))]),
  );
};

const code = (name: string): string => (name === "" ? "" : `\`${name}\``);

/** docs/coverage.md for what is exported. */
export const coverageText = (surface: Surface): string => {
  const tables = rowsOf(surface);
  const count = (rows: readonly Row[], status: Status): number =>
    rows.filter((r) => statusOf(r) === status).length;
  const lines = [
    "# MLX's names",
    "",
    "Every name of MLX 0.32's public surface and what it is here, generated by `npm run docs`: a name counts as there when it is",
    "exported, or a method of arrays, modules or optimizers. Names of operations are `mx.…`, methods begin with a dot.",
    "",
    "| part | there | absent | left out |",
    "| --- | --: | --: | --: |",
  ];
  const all = [...tables.values()].flat();
  for (const [title, rows] of [...tables, ["all", all] as const]) {
    const numbers = (["present", "absent", "left out"] as const).map((s) => count(rows, s));
    lines.push(`| ${title} | ${numbers.join(" | ")} |`);
  }
  for (const [title, rows] of tables) {
    lines.push("", `## ${title}`, "", "| MLX | here | what it is |", "| --- | --- | --- |");
    for (const { mlx, ours, status } of rows)
      lines.push(`| ${code(mlx)} | ${code(ours)} | ${status} |`);
  }
  return `${lines.join("\n")}\n`;
};

/** `npm run bench`: every workload in every library that is here, in turns, and a table of medians and ratios. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jax } from "./libraries/jax.js";
import { ours } from "./libraries/ours.js";
import { tfjs } from "./libraries/tfjs.js";
import type { Library, Timed } from "./library.js";
import { difference, measure, quick, thorough } from "./measure.js";
import { remote } from "./remote.js";
import { page } from "./report/html.js";
import type { Cell, Row, Run } from "./report/run.js";
import { table } from "./report/text.js";
import { sizes } from "./sizes.js";
import { type Workload, workloads } from "./workloads.js";

const help = `npm run bench -- [options] [words]

Measures the workloads whose names contain one of the words (all of them without words).

  --threads N      threads of ours (default: all cores)
  --python PATH    a Python with numpy, torch or mlx (default: python3; "none" for no Python)
  --only A,B       only libraries whose names contain one of these
  --variants       ours again on one thread, without shared memory, with the system's BLAS,
                   with V8's flag for wide vectors
  --quick          fewer and shorter rounds
  --json FILE      write the results as JSON
  --html FILE      write them as a page with bars
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string" },
    python: { type: "string", default: "python3" },
    only: { type: "string", default: "" },
    variants: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    html: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

// The columns say what is ours alone; the system's BLAS and V8's flags have columns of their own.
process.env["COTANGENT_BLAS"] = "off";
process.env["COTANGENT_V8_FLAGS"] = "";
const threads = Number(values.threads ?? cpus().length);
const missing: string[] = [];

const server = join(import.meta.dirname, "serve.js");

/** Ours in a process of its own, under other settings. */
const variant = (
  name: string,
  n: number,
  shared: string,
  env: Record<string, string>,
): Promise<Library | string> =>
  remote(process.execPath, [server, "ours", name, String(n), shared], {
    COTANGENT_BLAS: "off",
    ...env,
  });

const python = (library: string): Promise<Library | string> =>
  remote(values.python, [join(import.meta.dirname, "..", "python", "serve.py"), library]);

type Loader = readonly [name: string, load: () => Promise<Library | string> | Library];

const variants: readonly Loader[] = [
  ["one thread", () => variant("one thread", 1, "shared", {})],
  ["unshared", () => variant("unshared", 1, "unshared", {})],
  ["BLAS", () => variant("BLAS", threads, "shared", { COTANGENT_BLAS: "on" })],
  ["wide", () => variant("wide", threads, "shared", { COTANGENT_V8_FLAGS: "1" })],
];

const everything: readonly Loader[] = [
  ["cotangent", () => ours("cotangent", threads, `${threads} threads, no BLAS`)],
  ...(values.variants ? variants : []),
  ["jax-js", jax],
  ["TensorFlow.js", tfjs],
  // In processes of their own: one fills its heap for good, the other changes globals that jax-js stumbles over.
  ["numpy-ts", () => remote(process.execPath, [server, "numpy-ts"])],
  ["onnxruntime-web", () => remote(process.execPath, [server, "onnx", "", String(threads)])],
  ...["numpy", "torch", "mlx"]
    .filter(() => values.python !== "none")
    .map((name): Loader => [name, () => python(name)]),
];

const only = values.only.split(",").filter((word) => word !== "");
const libraries: Library[] = [];
for (const [name, load] of everything) {
  if (only.length > 0 && name !== "cotangent" && !only.some((word) => name.includes(word)))
    continue;
  const library = await load();
  if (typeof library === "string") missing.push(`${name}: ${library}`);
  else libraries.push(library);
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** All libraries on one workload; those that cannot do it, fail or disagree say so in their cells. */
const row = async (workload: Workload): Promise<Row> => {
  const cells: Cell[] = libraries.map(() => ({}));
  const able: { at: number; job: Timed; note: string | undefined }[] = [];
  let expected: readonly number[] | null = null;
  for (const [at, library] of libraries.entries()) {
    try {
      const job = await library.open(workload.kind, workload.params);
      if (job === null) continue;
      const result = await job.result();
      expected ??= result;
      const off = difference(expected, result);
      const agrees = off <= workload.tolerance;
      able.push({ at, job, note: agrees ? undefined : `disagrees by ${off.toExponential(1)}` });
    } catch (error) {
      cells[at] = { note: reason(error).slice(0, 60) };
    }
  }
  const jobs = able.map(({ job }) => job);
  const figures = await measure(jobs, values.quick ? quick : thorough);
  for (const [i, figure] of figures.entries()) {
    const { at, note } = able[i] ?? { at: -1, note: undefined };
    if ("error" in figure) cells[at] = { note: figure.error.slice(0, 60) };
    else cells[at] = { ...figure, ...(note === undefined ? {} : { note }) };
  }
  for (const job of jobs) await job.close();
  const { name, group, flops, bytes, goal } = workload;
  return {
    name,
    group,
    cells,
    ...(flops === undefined ? {} : { flops }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(goal === undefined ? {} : { goal }),
  };
};

const rows: Row[] = [];
for (const workload of workloads) {
  if (positionals.length > 0 && !positionals.some((word) => workload.name.includes(word))) continue;
  process.stderr.write(`${workload.name}\n`);
  rows.push(await row(workload));
}

const run: Run = {
  node: process.version,
  machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
  libraries: libraries.map(({ name, version, how }) => ({ name, version, how })),
  missing,
  rows,
  extra: positionals.length > 0 ? [] : sizes(),
};
console.log(table(run));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(run, null, 2)}\n`);
if (values.html !== undefined) writeFileSync(values.html, page(run));
for (const library of libraries) await library.close();
process.exit(0);

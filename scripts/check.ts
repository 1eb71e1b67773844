/** `npm run check`: every static check of the project, one timed line each, stopping at the first failure. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

interface Outcome {
  readonly ok: boolean;
  readonly note?: string;
  readonly detail?: string;
}

interface Step {
  readonly name: string;
  readonly run: () => Outcome;
}

const WARN_LINES = 300;
const MAX_LINES = 600;
const MEASURED_FOLDERS = ["src", "test", "scripts", "examples", "bench"];

/** Runs one tool of node_modules; its output is shown only when it fails. */
function tool(name: string, args: readonly string[]): Outcome {
  const result = spawnSync(join("node_modules", ".bin", name), args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined) return { ok: false, detail: String(result.error) };
  return { ok: result.status === 0, detail: `${result.stdout}${result.stderr}`.trim() };
}

/** All files below a folder with an ending; none where the folder does not exist. */
function filesIn(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === "node_modules" || entry.name === "build" ? [] : filesIn(path, ending);
    }
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

/** Files that need splitting: long ones are named, too long ones fail. */
function fileSizes(): Outcome {
  const long: string[] = [];
  const tooLong: string[] = [];
  let count = 0;
  for (const path of MEASURED_FOLDERS.flatMap((folder) => filesIn(folder, ".ts"))) {
    count++;
    const lines = readFileSync(path, "utf8").trimEnd().split("\n").length;
    if (lines > MAX_LINES) tooLong.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
    else if (lines > WARN_LINES) long.push(`${path} (${lines})`);
  }
  const warning = long.length > 0 ? `, over ${WARN_LINES}: ${long.join(", ")}` : "";
  return { ok: tooLong.length === 0, note: `${count} files${warning}`, detail: tooLong.join("\n") };
}

/** Cruises the compiled files: what is left of the imports after types are erased is what runs. */
function importGraph(): Outcome {
  for (const path of filesIn("build/src", ".js")) {
    const source = join("src", relative("build/src", path).replace(/\.js$/, ".ts"));
    if (!existsSync(source)) rmSync(path);
  }
  return tool("depcruise", ["--config", ".dependency-cruiser.json", "build/src"]);
}

const steps: readonly Step[] = [
  { name: "types", run: () => tool("tsc", ["-p", "tsconfig.json"]) },
  { name: "types without Node (src)", run: () => tool("tsc", ["-p", "tsconfig.src.json"]) },
  { name: "lint and format", run: () => tool("biome", ["check", "--error-on-warnings", "."]) },
  {
    name: "import cycles and direction",
    run: importGraph,
  },
  { name: "file sizes", run: fileSizes },
  { name: "unused files, exports, dependencies", run: () => tool("knip", ["--no-progress"]) },
];

for (const step of steps) {
  const start = performance.now();
  const outcome = step.run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const note = outcome.note === undefined ? "" : `  ${outcome.note}`;
  console.log(`${outcome.ok ? "ok  " : "FAIL"} ${step.name} (${seconds} s)${note}`);
  if (!outcome.ok) {
    if (outcome.detail) console.error(outcome.detail);
    process.exit(1);
  }
}

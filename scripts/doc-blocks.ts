/** The runnable code of the documentation: found in Markdown and docstrings, compiled together, run one by one. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format, inspect } from "node:util";

export interface Block {
  /** `file:line` of the code's first line. */
  readonly origin: string;
  readonly code: string;
  /** False for a fence marked `ts no-run`: it must compile, and is not executed. */
  readonly runs: boolean;
}

const FOLDER = join("build", "docs");

/** What a block may use without importing it, as the README does once. */
const PRELUDE: readonly (readonly [RegExp, string])[] = [
  [/\bmx\./, 'import * as mx from "cotangent";'],
  [/\bnn\./, 'import * as nn from "cotangent/nn";'],
  [/\bmodels\./, 'import * as models from "cotangent/models";'],
  [/\btrain\./, 'import * as train from "cotangent/train";'],
  [/\boptim\./, 'import * as optim from "cotangent/optimizers";'],
];

/** Where each public entry lies after the build, seen from a compiled block. */
const ENTRIES: Readonly<Record<string, string>> = {
  cotangent: "../src/index.js",
  "cotangent/nn": "../src/nn/index.js",
  "cotangent/optimizers": "../src/optimizers/index.js",
  "cotangent/models": "../src/models/index.js",
  "cotangent/train": "../src/train/index.js",
};

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

/** The fences ```ts of a text; `prefix` is what precedes every line (" * " in a docstring). */
function fences(file: string, text: string, firstLine: number, prefix: RegExp): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; line: number; code: string[] } | null = null;
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.replace(prefix, "");
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) open?.code.push(line);
    else if (open === null)
      open = { info: fence[1]?.trim() ?? "", line: firstLine + i + 1, code: [] };
    else {
      if (/^ts\b/.test(open.info)) {
        const runs = !/\bno-run\b/.test(open.info);
        blocks.push({ origin: `${file}:${open.line}`, code: open.code.join("\n"), runs });
      }
      open = null;
    }
  }
  if (open !== null) throw new Error(`${file}:${open.line}: the code fence is not closed`);
  return blocks;
}

/** What marks an example as written for users: those of internal functions cannot be run from outside. */
const USES_PACKAGE = /\b(?:mx|nn|optim|train|models)\.|from "cotangent/;

/** The code below each `@example` of a docstring, fenced or not. */
function docstringBlocks(file: string): Block[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((match) => {
    const first = text.slice(0, match.index).split("\n").length;
    const lines = match[0].split("\n").map((line) => line.replace(/^\s*\*(\/| ?)/, ""));
    return lines.flatMap((line, i) => {
      const example = /^@example\b(.*)$/.exec(line);
      if (example === null) return [];
      const after = lines.slice(i + 1);
      const end = after.findIndex((next) => /^@\w/.test(next));
      const below = after.slice(0, end < 0 ? after.length : end);
      const body = [example[1]?.trim() ?? "", ...below].join("\n").trimEnd();
      if (body.includes("```")) return fences(file, body, first + i, /^/);
      if (!USES_PACKAGE.test(body)) return [];
      return [{ origin: `${file}:${first + i}`, code: body, runs: true }];
    });
  });
}

/** All blocks of README.md, docs/*.md and the docstrings of src. */
export function findBlocks(): Block[] {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    ...(existsSync("docs") ? filesIn("docs", ".md") : []),
  ];
  return [
    ...pages.flatMap((page) => fences(page, readFileSync(page, "utf8"), 1, /^/)),
    ...filesIn("src", ".ts").flatMap(docstringBlocks),
  ];
}

/** `expression; // value`, where the comment reads like a value: what the expression must show as. */
const CLAIM =
  /^(?!const |let |import |export |return |if |for |\}|\/\/|console\.log)(.+?);?\s*\/\/ ((?:[-\d[{"']|true|false|null|NaN|array\().*)$/;

/** Turns claims into checks and package names into the places of the build. */
function source(block: Block): string {
  const missing = PRELUDE.filter(
    ([use, line]) => use.test(block.code) && !block.code.includes(line),
  );
  const lines = block.code.split("\n").map((line) => {
    const claim = CLAIM.exec(line.trim());
    return claim === null ? line : `claim(${claim[1]}, ${JSON.stringify(claim[2])});`;
  });
  const code = [...missing.map(([, line]) => line), ...lines].join("\n");
  const imports = code.replace(/(from\s+|import\s+)"(cotangent[^"]*)"/g, (whole, head, name) => {
    const entry = ENTRIES[String(name)];
    return entry === undefined ? whole : `${head}"${entry}"`;
  });
  return `// ${block.origin}\nimport { claim } from "../scripts/doc-blocks.js";\n${imports}\nexport {};\n`;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:e[-+]?\d+)?…?/g;

/** Equal but for spaces and quotes, numbers to the digits that are written. */
function reads(shown: string, written: string): boolean {
  const skeleton = (text: string): string => text.replace(NUMBER, "#").replace(/[\s"'`]/g, "");
  if (skeleton(shown) !== skeleton(written)) return false;
  const got = shown.match(NUMBER) ?? [];
  return (written.match(NUMBER) ?? []).every((text, i) => {
    const digits = /\.(\d+)/.exec(text)?.[1]?.length ?? 0;
    const slack = digits === 0 ? 0 : (text.endsWith("…") ? 1 : 0.51) * 10 ** -digits;
    return Math.abs(Number(got[i]) - Number(text.replace("…", ""))) <= slack;
  });
}

/** Throws unless a value shows as written in the documentation; arrays as they print, or as lists. */
export function claim(value: unknown, written: string): void {
  const listed =
    typeof value === "object" &&
    value !== null &&
    "tolist" in value &&
    !written.startsWith("array(");
  const list: unknown = listed && typeof value.tolist === "function" ? value.tolist() : value;
  const shown =
    listed || !isPrintable(list)
      ? inspect(list, { depth: null, breakLength: Infinity })
      : String(list);
  if (!reads(shown, written)) throw new Error(`the documentation says ${written}, it is ${shown}`);
}

/** True for objects with a text of their own, as arrays and dtypes have. */
function isPrintable(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    value.toString !== Object.prototype.toString
  );
}

/** Compiles all blocks against the built library; throws with the compiler's words where one does not. */
export function compileBlocks(blocks: readonly Block[]): string[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const names = blocks.map((_, i) => `block-${i}`);
  for (const [i, block] of blocks.entries()) {
    writeFileSync(join(FOLDER, `${names[i]}.ts`), source(block));
  }
  const config = {
    extends: "../../tsconfig.base.json",
    compilerOptions: {
      noUnusedLocals: false,
      noUnusedParameters: false,
      isolatedDeclarations: false,
      declaration: false,
      types: ["node"],
    },
    include: ["*.ts"],
  };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify(config));
  const tsc = join("node_modules", ".bin", "tsc");
  const result = spawnSync(tsc, ["-p", FOLDER], { encoding: "utf8" });
  if (result.status !== 0) {
    const named = result.stdout.replace(/block-(\d+)\.ts/g, (whole, i) => {
      return `${whole} (${blocks[Number(i)]?.origin})`;
    });
    throw new Error(`the documentation's code does not compile:\n${named}${result.stderr}`);
  }
  return names.map((name) => pathToFileURL(resolve(FOLDER, `${name}.js`)).href);
}

/** Files that examples write land in a folder of their own, which is the working directory meanwhile. */
export async function inTemporaryFolder(work: () => Promise<void>): Promise<void> {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "cotangent-docs-"));
  process.chdir(folder);
  try {
    await work();
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}

/**
 * Runs one compiled block. Where each of its `console.log(…)` lines ends in a comment, the comment is what it
 * must print, spaces aside.
 */
export async function runBlock(block: Block, url: string): Promise<void> {
  const printed: string[] = [];
  const { log } = console;
  console.log = (...values: readonly unknown[]) => {
    printed.push(format(...values));
  };
  try {
    await import(url);
  } finally {
    console.log = log;
  }
  const calls = block.code.split("\n").filter((line) => line.includes("console.log("));
  const expected = calls.map((line) => /;\s*\/\/\s*(.+)$/.exec(line)?.[1]);
  if (expected.length === 0 || expected.includes(undefined)) return;
  for (const [i, want] of expected.entries()) {
    if (!reads(printed[i] ?? "nothing", want ?? "")) {
      throw new Error(`${block.origin}: expected to print ${want}, printed ${printed[i]}`);
    }
  }
}

/** The command line, as its users have it: the built program, in processes of its own. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as mx from "../../src/index.js";

const program = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cli-"));
const at = (...names: readonly string[]): string => join(folder, ...names);

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: readonly string[]): Outcome =>
  spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });

const good = (...args: readonly string[]): string => {
  const { status, stdout, stderr } = run(...args);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
};

const lastJson = (stdout: string): Record<string, unknown> => {
  const value: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.ok(typeof value === "object" && value !== null);
  return { ...value };
};

test("help, of the program and of every command", () => {
  const whole = good("--help");
  assert.equal(good(), whole);
  for (const command of ["train", "generate", "convert", "inspect", "info"]) {
    assert.ok(whole.includes(`\n  ${command}`), command);
    assert.ok(good(command, "--help").startsWith(`Usage: cotangent ${command}`), command);
  }
});

test("info", () => {
  assert.match(good("info"), /^node +v\d+/);
  const info = lastJson(good("info", "--json"));
  assert.equal(info.node, process.version);
  assert.ok("threads" in info && "blas" in info && "features" in info);
});

test("inspect shows arrays, sizes and metadata; convert takes them from format to format", () => {
  const arrays = {
    "a.weight": mx.arange(128).reshape([2, 64]).astype(mx.float32),
    b: mx.ones([3]),
  };
  mx.saveSafetensors(at("x.safetensors"), arrays, { metadata: { made: "here" } });
  const text = good("inspect", at("x.safetensors"));
  assert.match(text, /a\.weight +float32 +\[2, 64\] +512 B/);
  assert.match(text, /2 arrays, 131 elements, 524 B/);
  assert.match(text, /made +here/);
  for (const [from, to] of [
    ["x.safetensors", "x.npz"],
    ["x.npz", "x.gguf"],
    ["x.gguf", "y.safetensors"],
  ] as const)
    good("convert", at(from), at(to));
  const back = mx.load(at("y.safetensors"), { format: "safetensors" });
  assert.deepEqual(back["a.weight"]?.tolist(), arrays["a.weight"].tolist());
  assert.deepEqual(back.b?.tolist(), [1, 1, 1]);
  good("convert", at("x.safetensors"), at("h.safetensors"), "--dtype", "bfloat16");
  const half = lastJson(good("inspect", at("h.safetensors"), "--json"));
  assert.equal(half.bytes, 262);
  assert.deepEqual(half.metadata, { made: "here" });
  good("convert", at("x.safetensors"), at("q.safetensors"), "--bits", "4", "--group-size", "32");
  const q = mx.load(at("q.safetensors"), { format: "safetensors" });
  const [w, scales, biases] = [q["a.weight"], q["a.scales"], q["a.biases"]];
  assert.ok(w && scales && biases);
  const whole = mx.dequantize(w, scales, biases, { groupSize: 32, bits: 4 });
  assert.ok(mx.allclose(whole, arrays["a.weight"], { atol: 2.1 }).item());
  mx.save(at("one.npy"), mx.ones([2, 2]));
  assert.match(good("inspect", at("one.npy")), /array +float32 +\[2, 2\]/);
});

const text = readFileSync(new URL("../../../README.md", import.meta.url), "utf8").repeat(3);
const small = [
  "--vocabulary",
  "300",
  "--width",
  "32",
  "--layers",
  "1",
  "--batch",
  "4",
  "--context",
  "32",
];

test("train makes a model that generate writes with, also when it was stopped between; quantized too", async () => {
  writeFileSync(at("text.txt"), text);
  const args = ["train", "--text", at("text.txt"), "--out", at("run"), "--steps", "60", ...small];
  const stopped = await new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    // The log of losses tells that training has begun.
    const begun = (): boolean =>
      existsSync(at("run", "losses.csv")) &&
      readFileSync(at("run", "losses.csv"), "utf8").split("\n").length > 5;
    const timer = setInterval(() => {
      if (!begun()) return;
      clearInterval(timer);
      child.kill("SIGINT");
    }, 20);
    child.on("error", reject);
    child.on("close", () => {
      clearInterval(timer);
      resolve(out);
    });
  });
  assert.equal(lastJson(stopped).stopped, "aborted");
  const done = lastJson(good(...args, "--resume", "--json"));
  assert.equal(done.steps, 60);
  assert.ok(Number(done.lastLoss) < Number(done.firstLoss) - 0.5, JSON.stringify(done));
  const whole = lastJson(good(...args.map((a) => (a === at("run") ? at("other") : a)), "--json"));
  assert.equal(done.lastLoss, whole.lastLoss);
  for (const name of ["report.html", "losses.csv", "config.json", "tokenizer.json", "checkpoints"])
    assert.ok(existsSync(at("run", name)), name);
  assert.ok(good("generate", "--model", at("run"), "--max-tokens", "8", "The").startsWith("The"));
  const answer = ["generate", "--model", at("run"), "--max-tokens", "8", "--json", "The array"];
  const said = lastJson(good(...answer));
  assert.equal(said.prompt, "The array");
  assert.ok(typeof said.tokens === "number" && said.tokens <= 8);
  assert.deepEqual(lastJson(good(...answer)).text, said.text);
  good("convert", at("run"), at("small"), "--bits", "8", "--group-size", "32");
  good("generate", "--model", at("small"), "--max-tokens", "4", "The");
});

test("bad input: one line, exit code 2, nothing written", () => {
  writeFileSync(at("short.txt"), "too short");
  writeFileSync(at("bytes.txt"), new Uint8Array([0xff, 0xfe, 0x80]));
  writeFileSync(at("bad.safetensors"), "no tensors");
  const cases: readonly [readonly string[], RegExp][] = [
    [["fly"], /expects a command among train, .*got fly/],
    [["info", "--jsn"], /info .*--jsn/],
    [["inspect"], /inspect expects one file, got none/],
    [["inspect", at("nothing.npz")], /nothing\.npz/],
    [["inspect", at("short.txt")], /expects a name that ends in \.safetensors/],
    [["inspect", at("bad.safetensors")], /bad\.safetensors/],
    [["convert", at("x.safetensors")], /expects FROM and TO/],
    [["convert", at("none.npz"), at("o.npz")], /there is no/],
    [["convert", at("x.safetensors"), at("o.zip")], /ends in \.safetensors/],
    [["convert", at("x.safetensors"), at("o.npz"), "--dtype", "int3"], /--dtype expects/],
    [["convert", at("x.safetensors"), at("o.npz"), "--bits", "9"], /--bits expects/],
    [["convert", at("x.safetensors"), at("o.npz"), "--mode", "x"], /--mode expects/],
    [["generate", "hello"], /--model FOLDER/],
    [["generate", "--model", at("nowhere"), "x"], /config\.json/],
    [["generate", "--model", at("run"), "--temperature", "hot", "x"], /--temperature expects/],
    [["train"], /--text FILE/],
    [["train", "--text", at("missing.txt")], /cannot read/],
    [["train", "--text", at("bytes.txt")], /not UTF-8/],
    [["train", "--text", at("short.txt"), "--out", at("no")], /too few/],
    [["train", "--text", at("text.txt"), "--out", at("no"), "--width", "33"], /multiple of 16/],
    [["train", "--text", at("text.txt"), "--out", at("no"), "--steps", "0"], /--steps expects/],
    [["train", "--text", at("text.txt"), "--out", at("run"), ...small], /without checkpoints/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = run(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
  assert.ok(!existsSync(at("no")) && !existsSync(at("o.npz")));
});

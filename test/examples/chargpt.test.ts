/** The main job as its users start it: training, files, Ctrl-C and resuming, and what it refuses. */
import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { type Outcome, runExample } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "chargpt-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const text = join(folder, "text.txt");
writeFileSync(text, "Ein Männlein steht im Walde, ganz still und stumm. 🌲\n".repeat(30));

const steps = 40;
const size = ["--batch", "2", "--context", "8"];
const training = ["--text", text, "--steps", String(steps), "--lr", "0.01", ...size];
const [whole, parted] = [join(folder, "whole"), join(folder, "nested", "parted")];

const run = (...args: readonly string[]): Promise<Outcome> => runExample("chargpt/main", args);

const lastLine = ({ stdout }: Outcome): string => stdout.trimEnd().split("\n").at(-1) ?? "";

/** All losses of a run, from its checkpoint. */
const lossesOf = (out: string): readonly number[] => {
  const { losses } = mx.load(join(out, "checkpoint.safetensors"), "safetensors");
  return Array.from(losses?.dataSync() ?? [], Number);
};

/** Every file below a folder with its bytes. */
const snapshot = (at: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path, readFileSync(path, "base64")];
      }),
  );

describe("chargpt", () => {
  test("learns, and leaves model, checkpoint and report", async () => {
    const outcome = await run(...training, "--out", whole, "--json");
    assert.equal(outcome.stderr, "");
    assert.equal(outcome.code, 0);
    const figures: unknown = JSON.parse(lastLine(outcome));
    assert.ok(typeof figures === "object" && figures !== null);
    const names = ["firstLoss", "lastLoss", "steps", "tokensPerSecond", "peakLiveBytes"];
    assert.deepEqual(Object.keys(figures), names);
    const [first, last, taken, speed, peak] = Object.values(figures).map(Number);
    assert.equal(taken, steps);
    assert.ok((last ?? 9) < (first ?? 0) - 0.5, `from ${first} to ${last}`);
    assert.ok((speed ?? 0) > 0 && (peak ?? 0) > 200_000 * 4);
    assert.match(outcome.stdout, /^step 40\/40 {2}loss [\d.]+ {2}[\d,]+ tokens\/s {2}0:00 left$/m);

    const [model, metadata] = mx.load(join(whole, "model.safetensors"), {
      format: "safetensors",
      returnMetadata: true,
    });
    const known: unknown = JSON.parse(metadata.vocabulary ?? "");
    assert.ok(Array.isArray(known) && known.includes("🌲") && known.includes("ä"));
    assert.equal(JSON.parse(metadata.config ?? "").context, 8);
    assert.deepEqual(model["embedding.weight"]?.shape, [known.length, 64]);
    assert.ok(Object.keys(model).includes("blocks.3.mlp.down.weight"));
    assert.deepEqual(readdirSync(whole).sort(), [
      "checkpoint.safetensors",
      "model.safetensors",
      "report.html",
    ]);
  });

  test("the report shows curve and graph and loads nothing", () => {
    const html = readFileSync(join(whole, "report.html"), "utf8");
    assert.equal(html.match(/<svg/g)?.length, 2);
    assert.match(html, /loss \(nats per character\)/);
    for (const name of ["sin", "cos", "multiply", "float32"]) assert.ok(html.includes(name), name);
    assert.doesNotMatch(html, /https?:|src=|href=|url\(|@import|<script|<link/);
  });

  test("goes on after Ctrl-C as if nothing had been", async () => {
    const args = [...training, "--out", parted];
    const stopped = await runExample("chargpt/main", args, "step 1/40");
    assert.equal(stopped.code, 0);
    assert.match(lastLine(stopped), /^stopped after step \d+ of 40; go on with: .*--resume/);
    const taken = lossesOf(parted).length;
    assert.ok(taken >= 1 && taken < steps, `stopped after ${taken} steps`);
    assert.deepEqual(readdirSync(parted), ["checkpoint.safetensors"]);
    const resumed = await run("--resume", "--out", parted, "--json");
    assert.equal(resumed.stderr, "");
    assert.equal(resumed.code, 0);
    assert.deepEqual(lossesOf(parted), lossesOf(whole));
    const model = "model.safetensors";
    assert.deepEqual(readFileSync(join(parted, model)), readFileSync(join(whole, model)));
  });

  test("--help explains every option", async () => {
    const { code, stdout } = await run("--help");
    assert.equal(code, 0);
    for (const name of "text steps batch context lr seed out resume json".split(" "))
      assert.match(stdout, new RegExp(`^ +--${name} `, "m"));
  });
});

/** Runs with bad input: one line on stderr, exit code 2, every file as it was. */
const refuses = async (args: readonly string[], line: RegExp): Promise<void> => {
  const before = snapshot(folder);
  const { code, stdout, stderr } = await run(...args);
  assert.match(stderr, /^chargpt: [^\n]+\n$/);
  assert.match(stderr, line);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.deepEqual(snapshot(folder), before);
};

describe("chargpt refuses", () => {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const fresh = join(folder, "fresh");
  const withText = (path: string): string[] => ["--text", path, ...size, "--out", fresh];
  /** The finished run's folder again, with its checkpoint changed. */
  const spoiled = (name: string, spoil: (checkpoint: string) => void): string[] => {
    const out = join(folder, name);
    cpSync(whole, out, { recursive: true });
    spoil(join(out, "checkpoint.safetensors"));
    return ["--resume", "--out", out];
  };
  const foreign = (checkpoint: string): void =>
    mx.saveSafetensors(checkpoint, { w: mx.ones([2]) }, { metadata: { format: "mlx" } });
  const reshaped = (checkpoint: string): void => {
    const [arrays, metadata] = mx.load(checkpoint, { format: "safetensors", returnMetadata: true });
    mx.saveSafetensors(checkpoint, { ...arrays, "model.norm.weight": mx.ones([3]) }, metadata);
  };

  const cases: readonly (readonly [string, () => readonly string[], RegExp])[] = [
    ["a missing text", () => withText(join(folder, "none")), /cannot read .*no such file/],
    ["a folder as text", () => withText(whole), /cannot read .*directory/],
    ["an empty text", () => withText(file("empty", "")), /is empty/],
    [
      "a text that is not UTF-8",
      () => withText(file("latin1", new Uint8Array([72, 228, 33]))),
      /UTF-8/,
    ],
    [
      "a text shorter than the context",
      () => withText(file("short", "abc")),
      /3 characters.*context/,
    ],
    ["a folder that is a file", () => ["--text", text, "--out", text], /cannot write into/],
    [
      "a folder below a file",
      () => ["--text", text, "--out", join(text, "x")],
      /cannot write into/,
    ],
    [
      "a truncated checkpoint",
      () => spoiled("cut", (c) => truncateSync(c, 50_000)),
      /cannot resume/,
    ],
    ["an empty checkpoint", () => spoiled("nothing", (c) => truncateSync(c, 0)), /cannot resume/],
    ["a foreign checkpoint", () => spoiled("foreign", foreign), /another program/],
    [
      "a file that is no checkpoint",
      () => spoiled("prose", (c) => writeFileSync(c, "Hello.")),
      /resume/,
    ],
    ["weights of another shape", () => spoiled("reshaped", reshaped), /model\.norm/],
    ["to resume from nothing", () => ["--resume", "--out", fresh], /no checkpoint/],
    [
      "to resume with another batch",
      () => ["--resume", "--out", whole, "--batch", "3"],
      /--batch 3/,
    ],
    [
      "to resume with fewer steps",
      () => ["--resume", "--out", whole, "--steps", "39"],
      /--steps 39/,
    ],
    [
      "to resume with another text",
      () => ["--resume", "--out", whole, "--text", file("other", "b".repeat(99))],
      /not the text/,
    ],
    ["no steps", () => ["--steps", "0"], /--steps expects a whole number/],
    ["half a sequence", () => ["--batch", "1.5"], /--batch expects a whole number/],
    ["a learning rate that is none", () => ["--lr", "fast"], /--lr expects a number/],
    ["an unknown option", () => ["--stepz", "3"], /'--stepz'.*--help/],
    ["an argument", () => ["text.txt"], /'text\.txt'.*--help/],
  ];
  for (const [name, args, line] of cases) test(name, () => refuses(args(), line));

  test("a folder it may not write into", { skip: process.getuid?.() === 0 }, async () => {
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    await refuses(["--text", text, "--out", closed], /cannot write into/);
  });

  test("nothing was made for refused runs", () => assert.equal(existsSync(fresh), false));
});

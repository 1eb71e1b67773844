/** COTANGENT_DEBUG and setLevel: what each level adds, where it goes, and that nothing is written when off. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

const library = JSON.stringify(new URL("../../src/index.js", import.meta.url).href);
const script = `
  import * as mx from ${library};
  const x = mx.ones([16, 8]).eval();
  console.log(mx.sort(mx.sin(x).add(1), -1).sum().item().toFixed(2));
`;

/** The lines of a process with this setting. */
const runs = (setting: string | undefined, code: string = script): readonly string[] => {
  const env = { ...process.env };
  delete env.COTANGENT_DEBUG;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", code],
    { encoding: "utf8", env: setting === undefined ? env : { ...env, COTANGENT_DEBUG: setting } },
  );
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "235.71\n");
  return stderr === "" ? [] : stderr.trimEnd().split("\n");
};

const has = (lines: readonly string[], what: RegExp): boolean => lines.some((l) => what.test(l));

const evaluation = /^\[cotangent\] evaluation 1: 3 kernels, .* read, .* written, [\d.]+ ms$/;
const kernel = /^\[cotangent\] {3}0: sin, add over \[128\]: 512 B read, 512 B written, [\d.]+ ms$/;
const ir = /^\[cotangent\] {5}%\d+ f32 = sin %\d+$/;
const wasm = /^\[cotangent\] {5}\(module$/;
const decision = /^\[cotangent\] plan: apart: sin, add from sort, .*: sort is a routine/;

test("each level adds to the one below", () => {
  for (const off of [undefined, "", "0", "no"]) assert.deepEqual(runs(off), []);
  for (const level of [1, 2, 3, 4, 5]) {
    const lines = runs(String(level));
    assert.ok(lines.every((l) => l.startsWith("[cotangent] ")));
    const found = [evaluation, kernel, ir, wasm, decision].map((what) => has(lines, what));
    const wanted = [1, 2, 3, 4, 5].map((l) => l <= level);
    assert.deepEqual(found, wanted, `level ${level}:\n${lines.join("\n")}`);
  }
  assert.deepEqual(runs("1").length, 2);
  assert.ok(has(runs("9"), decision), "more than there is means all");
});

test("where there is no process to ask, as in browsers, there are no settings", () => {
  const hidden = `
    const { process } = globalThis;
    globalThis.process = undefined;
    const mx = await import(${library});
    mx.eval(mx.ones([2]).add(1));
    globalThis.process = process;
    ${script.slice(script.indexOf("const x"))}
  `;
  assert.deepEqual(runs("5", hidden), []);
});

test("set by the program", () => {
  const lines: string[] = [];
  mx.debug.setLevel(5, { write: (line) => lines.push(line) });
  mx.eval(mx.sort(mx.tan(mx.ones([7, 3])), 0));
  assert.ok(has(lines, /plan: apart: tan from sort/));
  const { length } = lines;
  mx.debug.setLevel(0);
  assert.equal(defaultEngine().observer, null);
  mx.eval(mx.ones([3]).add(1));
  assert.equal(lines.length, length);
  for (const bad of [-1, 6, 1.5, Number.NaN]) {
    assert.throws(() => mx.debug.setLevel(bad), {
      name: "ArgumentError",
      message: /\[setLevel\] expected a whole number from 0 to 5/,
    });
  }
});

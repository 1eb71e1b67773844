/** Checkpoints: the same losses after a stop, whatever ended the run; the last few kept; nothing half written. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import * as train from "../../src/train/index.js";
import { runIn } from "./killed.js";

const folder = (): string => mkdtempSync(join(tmpdir(), "checkpoints-"));
const script = fileURLToPath(new URL("./killed.js", import.meta.url));
const losses = (run: train.Run): number[] => run.losses.map((p) => p.loss);

test("a resumed run has the losses of an uninterrupted one: dropout, order, averages and rate included", async () => {
  const whole = await runIn(folder(), 23);
  const parts = folder();
  await runIn(parts, 4);
  await runIn(parts, 13);
  const resumed = await runIn(parts, 23);
  assert.deepEqual(losses(resumed), losses(whole));
  assert.equal(resumed.epoch, whole.epoch);
  assert.ok(Math.abs(resumed.average - whole.average) < 1e-12);
  assert.deepEqual(readdirSync(parts).sort(), [
    "step-00000022.safetensors",
    "step-00000023.safetensors",
  ]);
  assert.equal(train.latestCheckpoint(parts), `${parts}/step-00000023.safetensors`);
});

/** Runs the script until it has said that some steps are saved and a little longer, then ends it. */
const killed = (where: string, steps: number, after: number, delay: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, where, String(steps)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = 0;
    let lines = 0;
    let ending = false;
    child.stdout.on("data", (chunk: Buffer) => {
      for (const [, step] of chunk.toString().matchAll(/saved (\d+)\n/g)) {
        said = Number(step);
        lines++;
      }
      if (lines < after || ending) return;
      ending = true;
      setTimeout(() => child.kill("SIGKILL"), delay);
    });
    child.on("error", reject);
    child.on("close", () => resolve(said));
  });

test("killed 50 times at any moment, it loses at most the step in flight", async () => {
  const where = folder();
  const steps = 4000;
  let reached = 0;
  for (let i = 0; i < 50; i++) {
    // Most of a step's time is saving: delays of fractions of a millisecond up to a few steps.
    const said = await killed(where, steps, 1 + (i % 3), (i * 7) % 12);
    const newest = train.latestCheckpoint(where);
    assert.ok(newest !== null);
    const at = Number(/step-(\d+)/.exec(newest)?.[1]);
    assert.ok(at >= said && at <= said + 40, `checkpoint of step ${at} after "saved ${said}"`);
    assert.ok(at > reached, `no step further than ${reached}`);
    reached = at;
    mx.eval(mx.load(newest));
  }
  const [whole, resumed] = [await runIn(folder(), reached + 2), await runIn(where, reached + 2)];
  assert.deepEqual(losses(resumed), losses(whole));
  // What a killed process had begun to write is not taken for a checkpoint.
  const left = readdirSync(where).filter((name) => name.endsWith(".safetensors"));
  assert.equal(left.length, 2);
});

test("a disk that is full ends the run with one clear error, and the last checkpoint stays", async () => {
  const where = folder();
  await runIn(where, 3);
  // A limit on the size of files refuses bytes as a full disk does.
  const child = spawnSync(
    "bash",
    ["-c", 'ulimit -f 1; exec "$0" "$@"', process.execPath, script, where, "6"],
    { encoding: "utf8" },
  );
  assert.notEqual(child.status, 0);
  assert.match(child.stderr, /\[saveSafetensors\] expected to be able to write .*step-00000004/);
  assert.deepEqual(readdirSync(where).sort(), [
    "step-00000002.safetensors",
    "step-00000003.safetensors",
  ]);
  assert.equal((await runIn(where, 6)).step, 6);
});

test("a damaged newest checkpoint gives way to the one before; only damaged ones are an error", async () => {
  const where = folder();
  const whole = await runIn(folder(), 7);
  await runIn(where, 5);
  writeFileSync(join(where, "step-00000005.safetensors"), new Uint8Array(20));
  assert.deepEqual(losses(await runIn(where, 7)), losses(whole));
  for (const name of readdirSync(where)) writeFileSync(join(where, name), "no tensors");
  await assert.rejects(runIn(where, 9), mx.FormatError);
});

test("another model's checkpoint, a foreign file and an occupied folder are refused; the model is as it was", async () => {
  const where = folder();
  await runIn(where, 2);
  const model = new nn.Linear(4, 1);
  const before = model.weight.tolist();
  const go = (callback: train.Callback): Promise<unknown> =>
    train.fit(
      model,
      (m, x: mx.NDArray) => m.forward(x).sum(),
      new optim.SGD(0.1),
      train.dataset(mx.ones([4, 4]), 2),
      { callbacks: [callback] },
    );
  await assert.rejects(go(train.checkpoints(where, { resume: true })), /missing|unexpected/);
  assert.deepEqual(model.weight.tolist(), before);
  await assert.rejects(go(train.checkpoints(where)), /expected a folder without checkpoints/);
  const foreign = folder();
  mx.saveSafetensors(join(foreign, "step-00000001.safetensors"), { a: mx.ones([1]) });
  await assert.rejects(
    go(train.checkpoints(foreign, { resume: true })),
    /expected the checkpoint of a training run/,
  );
  assert.throws(() => train.checkpoints(where, { every: 0 }), /every/);
  assert.throws(() => Reflect.apply(train.checkpoints, null, [where, { keeep: 1 }]), /keeep/);
  const file = join(folder(), "file");
  appendFileSync(file, "x");
  await assert.rejects(go(train.checkpoints(file)), mx.ArgumentError);
  assert.ok(existsSync(file));
});

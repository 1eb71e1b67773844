/** Logs, TensorBoard's event files, the report and the progress line of a short run. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import * as train from "../../src/train/index.js";

const folder = mkdtempSync(join(tmpdir(), "logs-"));

const run = (...callbacks: train.Callback[]): Promise<train.Run> => {
  const data = train.dataset(mx.ones([6, 2]), 2);
  return train.fit(
    new nn.Linear(2, 1),
    (m, x: mx.NDArray) => mx.square(m.forward(x)).sum(),
    new optim.SGD(0.01),
    data,
    { epochs: 2, validation: data, callbacks },
  );
};

test("losses as CSV and as lines of JSON", async () => {
  const [csv, json] = [join(folder, "a.csv"), join(folder, "a.jsonl")];
  const done = await run(train.csvLog(csv), train.jsonLog(json));
  const rows = readFileSync(csv, "utf8").trimEnd().split("\n");
  assert.equal(rows[0], "kind,step,epoch,loss,seconds");
  assert.deepEqual(
    rows.slice(1).map((r) => r.split(",").slice(0, 3).join()),
    [
      "train,1,0",
      "train,2,0",
      "train,3,0",
      "validation,3,1",
      "train,4,1",
      "train,5,1",
      "train,6,1",
      "validation,6,2",
    ],
  );
  assert.equal(Number(rows[1]?.split(",")[3]), done.losses[0]?.loss);
  const lines = readFileSync(json, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 8);
  const first: unknown = JSON.parse(lines[0] ?? "");
  assert.ok(typeof first === "object" && first !== null && "loss" in first);
  assert.equal(first.loss, done.losses[0]?.loss);
  // A second run goes on in the same file, under the same heading.
  await run(train.csvLog(csv));
  assert.equal(readFileSync(csv, "utf8").match(/kind/g)?.length, 1);
  await assert.rejects(run(train.csvLog("/dev/full")), /\[csvLog\] expected to be able to write/);
});

/** CRC-32C bit by bit: slow, and nothing in common with the table. */
const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let k = 0; k < 8; k++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
};

const unmask = (masked: number): number => {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
};

test("event files have TensorBoard's records", async () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  const where = join(folder, "board");
  const done = await run(train.tensorBoard(where));
  const [name] = readdirSync(where);
  assert.match(name ?? "", /^events\.out\.tfevents\.\d{10}\./);
  const bytes = readFileSync(join(where, name ?? ""));
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(unmask(bytes.readUInt32LE(at + 8)), crc32c(bytes.subarray(at, at + 8)));
    assert.equal(unmask(bytes.readUInt32LE(at + 12 + length)), crc32c(data));
    records.push(data);
    at += 16 + length;
  }
  assert.equal(records.length, 1 + 6 + 2);
  assert.ok(records[0]?.includes("brain.Event:2"));
  const [, first] = records;
  assert.ok(first);
  assert.ok(first.includes("loss/train"));
  assert.equal(first.readFloatLE(first.length - 4), done.losses[0]?.loss);
  assert.ok(records[4]?.includes("loss/validation"));
});

test("the report is one file with figures and curves", async () => {
  const path = join(folder, "report.html");
  const done = await run(
    train.htmlReport(path, {
      title: "A <first> try",
      figures: (r) => ({ note: `after ${r.step} & no more` }),
    }),
  );
  const html = readFileSync(path, "utf8");
  assert.ok(html.includes("A &#60;first&#62; try") && html.includes("after 6 &#38; no more"));
  assert.ok(html.includes("new uPlot("));
  const text = /const data = (.*);\nnew uPlot/.exec(html)?.[1] ?? "";
  const columns: unknown = JSON.parse(text);
  assert.ok(Array.isArray(columns));
  assert.deepEqual(columns[0], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    columns[1],
    done.losses.map((p) => p.loss),
  );
  assert.deepEqual(columns[3], [
    null,
    null,
    done.validations[0]?.loss,
    null,
    null,
    done.validations[1]?.loss,
  ]);
  // Nothing is fetched.
  assert.ok(!/<(?:script|link)[^>]+(?:src|href)=/.test(html));
});

test("progress: quiet lines, or a bar", async () => {
  const lines: string[] = [];
  await run(train.progressBar({ bar: false, interval: 0, print: (line) => lines.push(line) }));
  assert.equal(lines.length, 7);
  assert.match(
    lines[3] ?? "",
    /^step 4 of 6: loss \d+\.\d{4}, validation \d+\.\d{4}, [\d,]+ examples\/s, 0:00 left$/,
  );
  await run(train.progressBar({ bar: true }));
});

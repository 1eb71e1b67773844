/** The examples that learn: what they print is good enough to be true. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { generated, pictures, readIdx } from "../../examples/digits/data.js";
import { runExample } from "./run.js";

const output = async (name: string, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runExample(name, args);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout;
};

const numbers = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].flatMap((found) => found.slice(1).map(Number));

const folder = (): string => mkdtempSync(join(tmpdir(), "digits-"));

test("a convolutional network reads 97 of 100 held-out digits", async () => {
  const right = numbers(await output("digits/classify"), /held-out pictures ([\d.]+) %/g);
  assert.equal(right.length, 4);
  assert.ok((right.at(-1) ?? 0) >= 97, right.join());
});

/** An IDX file of bytes. */
const idx = (shape: readonly number[], bytes: Uint8Array): Buffer => {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 8;
  header[3] = shape.length;
  for (const [i, n] of shape.entries()) header.writeUInt32BE(n, 4 + 4 * i);
  return Buffer.concat([header, bytes]);
};

test("a multilayer perceptron learns from MNIST's files", async () => {
  const where = folder();
  for (const [part, count, seed] of [
    ["train", 1500, 1],
    ["t10k", 300, 5],
  ] as const) {
    const { images, labels } = generated(count, seed);
    const bytes = Uint8Array.from(images.multiply(255).round().dataSync(), Number);
    const file = idx([count, 16, 16], bytes);
    const zipped = part === "train";
    writeFileSync(
      join(where, `${part}-images-idx3-ubyte${zipped ? ".gz" : ""}`),
      zipped ? gzipSync(file) : file,
    );
    const marks = Uint8Array.from(labels.dataSync(), Number);
    writeFileSync(join(where, `${part}-labels-idx1-ubyte`), idx([count], marks));
  }
  const right = numbers(await output("digits/classify", "mlp", where), /pictures ([\d.]+) %/g);
  assert.ok((right.at(-1) ?? 0) >= 75, right.join());
  writeFileSync(join(where, "bad"), idx([3, 3], new Uint8Array(4)));
  assert.throws(() => readIdx(join(where, "bad")), /9 bytes expected, 4 found/);
  writeFileSync(join(where, "bad"), "text");
  assert.throws(() => readIdx(join(where, "bad")), /no IDX file/);
});

test("pictures are read from PNGs in folders of their classes", () => {
  const where = folder();
  for (const [label, name] of ["cats", "dogs"].entries()) {
    mkdirSync(join(where, name));
    for (let i = 0; i < 5; i++) {
      const png = new PNG({ width: 6, height: 4 });
      png.data.fill(label === 0 ? 51 : 255);
      writeFileSync(join(where, name, `${i}.png`), PNG.sync.write(png));
    }
  }
  const { train, test: held } = pictures(where);
  assert.deepEqual(
    [train.images.shape, held.images.shape, train.classes],
    [[8, 4, 6, 1], [2, 4, 6, 1], 2],
  );
  const first = train.images.get(0, 0, 0, 0).item();
  assert.ok(Math.abs(Number(first) - (Number(train.labels.get(0).item()) === 0 ? 0.2 : 1)) < 1e-6);
  const odd = new PNG({ width: 5, height: 4 });
  writeFileSync(join(where, "dogs", "odd.png"), PNG.sync.write(odd));
  assert.throws(() => pictures(where), /odd\.png is 5 × 4, others 6 × 4/);
  assert.throws(() => pictures(folder()), /no PNGs/);
});

test("a variational autoencoder tightens its bound", async () => {
  const text = await output("vae");
  const [first = 0, last = 0] = numbers(text, /loss ([\d.]+) to ([\d.]+)/g);
  assert.ok(last < 0.7 * first, text);
  assert.equal(text.trimEnd().split("\n").length, 1 + 16);
});

test("a neural differential equation finds the spiral, and its adjoint is the derivative", async () => {
  const text = await output("neural-ode");
  const errors = numbers(text, /error ([\d.]+)/g);
  assert.ok((errors.at(-1) ?? 1) < 0.01 * (errors[0] ?? 0), errors.join());
  const [adjoint = 0, difference = 1] = numbers(text, /adjoint (-?[\d.]+), difference (-?[\d.]+)/g);
  assert.ok(Math.abs(adjoint - difference) < 0.02 * Math.abs(adjoint), text);
});

test("a Gaussian process finds its hyperparameters", async () => {
  const text = await output("gaussian-process");
  const [first = 0] = numbers(text, /step 0: (-?[\d.]+) nats/g);
  const [last = 0] = numbers(text, /at last (-?[\d.]+) nats/g);
  assert.ok(last < first - 30, text);
  const [noise = 0] = numbers(text, /noise ([\d.]+)/g);
  assert.ok(noise > 0.07 && noise < 0.13, text);
  const [error = 1, deviation = 0] = numbers(text, /error ([\d.]+), largest deviation ([\d.]+)/g);
  assert.ok(error < 3 * deviation, text);
});

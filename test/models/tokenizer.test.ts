/** Tokenizers: one that we have trained, read by Hugging Face's library, and text that comes token by token. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as models from "../../src/models/index.js";
import { textStream } from "../../src/models/tokenizer.js";
import { folder } from "./support.js";

const text = "The cat sat on the mat. The cats sat on the mats; the bat sat on that cat.\n".repeat(
  4,
);

test("a trained tokenizer merges what is common, and gives back every text", async () => {
  const tokenizer = await models.makeTokenizer(models.trainTokenizer(text, 280));
  const ids = tokenizer.encode("The cat sat on the mat.");
  assert.equal(ids[0], 0);
  assert.ok(ids.length < 14, `${ids.length} tokens`);
  for (const sample of [text, "naïve café – 你好 🎉\n\ttabs", "", " lead and trail "])
    assert.equal(tokenizer.decode(tokenizer.encode(sample)), sample);
  assert.deepEqual(models.trainTokenizer(text, 280), models.trainTokenizer(text, 280));
});

test("characters of several tokens arrive whole", async () => {
  const tokenizer = await models.makeTokenizer(models.trainTokenizer(text, 258));
  const sample = "é🎉\nyes 你!";
  const stream = textStream(tokenizer);
  const pieces = tokenizer.encode(sample).map((t) => stream.push(t));
  assert.equal(pieces.join("") + stream.rest(), sample);
  assert.ok(pieces.every((p) => !p.includes("\uFFFD")));
  const cut = textStream(tokenizer);
  const broken = tokenizer.encode("é").slice(0, -1);
  assert.equal(broken.map((t) => cut.push(t)).join(""), "");
  assert.equal(cut.rest(), "\uFFFD");
});

test("folders without a tokenizer, and files that are none", async () => {
  const where = folder();
  await assert.rejects(models.loadTokenizer(where), /tokenizer\.json/);
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, "tokenizer.json"), "[1, 2");
  await assert.rejects(models.loadTokenizer(where), mx.FormatError);
  writeFileSync(join(where, "tokenizer.json"), '{"model":{"type":"unheard of"}}');
  await assert.rejects(models.loadTokenizer(where), mx.FormatError);
});

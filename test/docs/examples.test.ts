/** Every code block of the documentation compiles, runs, and prints what its comments say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compileBlocks,
  findBlocks,
  inTemporaryFolder,
  runBlock,
} from "../../scripts/doc-blocks.js";

test("documentation", async (t) => {
  const blocks = findBlocks();
  assert.ok(blocks.length > 0, "no code blocks found");
  const urls = compileBlocks(blocks);
  await inTemporaryFolder(async () => {
    for (const [i, block] of blocks.entries()) {
      const url = urls[i];
      if (url === undefined || !block.runs) continue;
      await t.test(block.origin, () => runBlock(block, url));
    }
  });
});

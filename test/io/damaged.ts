/** What every loader owes a damaged file: one named error that gives cause, offset and, for files, the path. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError, load } from "../../src/index.js";

/** Loads each case from a file in `folder` and from its bytes; the cause must be the one that the case expects. */
export const refused = (
  folder: string,
  format: "npy" | "npz" | "safetensors" | "gguf",
  cases: readonly (readonly [name: string, bytes: Uint8Array, cause: RegExp])[],
): void => {
  for (const [name, bytes, cause] of cases) {
    const path = join(folder, `damaged.${format}`);
    writeFileSync(path, bytes);
    for (const open of [() => load(path), () => load(bytes, format)]) {
      assert.throws(open, (e) => {
        assert.ok(e instanceof FormatError, `${name}: ${String(e)}`);
        assert.match(e.message, cause, name);
        assert.match(e.message, /offset/, name);
        return true;
      });
    }
    assert.throws(
      () => load(path),
      (e) => e instanceof Error && e.message.includes(path),
      name,
    );
  }
};

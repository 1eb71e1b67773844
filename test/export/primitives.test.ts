/** Every primitive with data for attributes is written to a file and read back, and gives the same bits. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FormatError, TransformError } from "../../src/core/errors.js";
import { writeAttributes } from "../../src/export/attributes.js";
import { exportFunction } from "../../src/export/export-function.js";
import { importFunction } from "../../src/export/import-function.js";
import { NDArray } from "../../src/graph/array.js";
import { allclose, float64 } from "../../src/index.js";
import { primitives } from "../../src/primitives/index.js";
import { apply } from "../laws/laws.js";
import { samples } from "../laws/samples.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-export-"));
after(() => rmSync(folder, { recursive: true }));

/** What files cannot hold: rules of functions, and other graphs. */
const refused = new Set(
  primitives
    .filter((p) => ["call"].includes(p.name) || p.lower?.kind === "control")
    .map((p) => p.name),
);

const bytes = (a: NDArray): Uint8Array => {
  a.eval();
  assert.ok(a.node.data);
  return a.node.data.read();
};

for (const prim of primitives) {
  const own = samples.filter((s) => s.prim === prim);
  test(prim.name, () => {
    for (const [i, sample] of own.entries()) {
      const path = join(folder, `${prim.name}-${i}.fn`);
      const ins = sample.ins(1).map((n) => new NDArray(n));
      const fun = apply(prim, sample.attrs);
      const run = (): void => exportFunction(path, (...xs: NDArray[]) => fun(...xs), ins);
      if (refused.has(prim.name)) {
        try {
          run();
        } catch (e) {
          assert.ok(e instanceof TransformError, `${sample.name}: ${String(e)}`);
          continue;
        }
      } else run();
      try {
        const got = importFunction(path)(ins);
        const want = fun(...ins);
        assert.equal(got.length, want.length, sample.name);
        for (const [k, w] of want.entries()) {
          const g = got[k];
          assert.ok(g);
          assert.deepEqual([g.dtype.name, g.shape], [w.dtype.name, w.shape], sample.name);
          // What was taken apart is the same up to a rounding.
          if (writeAttributes(prim, sample.attrs) === null) {
            const tolerance = { rtol: 2 ** -7, atol: 2 ** -7 };
            const close = allclose(g.astype(float64), w.astype(float64), tolerance);
            assert.ok(close.item(), `${sample.name}, result ${k}: ${g} is not ${w}`);
          } else assert.deepEqual(bytes(g), bytes(w), `${sample.name}, result ${k}`);
        }
      } catch (e) {
        if (e instanceof FormatError) throw new Error(`${sample.name}: ${e.message}`, { cause: e });
        throw e;
      }
    }
  });
}

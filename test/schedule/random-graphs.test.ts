/** Random graphs: fused kernels, interpreted and as WebAssembly, against a node-by-node evaluation in doubles. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WasmDevice } from "../../src/device/wasm/device.js";
import type { Evaluator } from "../../src/graph/evaluator.js";
import { render } from "../../src/render/wasm/index.js";
import { Engine } from "../../src/schedule/engine.js";
import { partition } from "../../src/schedule/partition.js";
import { fusedEngine, soloEngine, valuesOf } from "../support/engines.js";
import { naive } from "../support/naive.js";
import { randomGraph } from "../support/random-graph.js";

const graphs = Number(process.env.COTANGENT_GRAPHS ?? 150);
const first = Number(process.env.COTANGENT_SEED ?? 1);

const valuesWith = (engine: Evaluator, seed: number): Float32Array[] => {
  const roots = randomGraph(seed, 4 + (seed % 20));
  engine.evaluate(roots);
  return roots.map(valuesOf);
};

const compare = (
  name: string,
  seed: number,
  got: readonly Float32Array[],
  want: readonly Float32Array[],
): void => {
  for (const [i, w] of want.entries()) {
    const g = got[i];
    assert.ok(
      g !== undefined && g.length === w.length,
      `${name}, seed ${seed}, result ${i}: length`,
    );
    for (const [j, v] of w.entries()) {
      const u: number = g[j] ?? Number.NaN;
      assert.ok(
        Math.abs(u - v) <= 1e-4 * Math.max(1, Math.abs(v)),
        `${name}, seed ${seed}, result ${i}[${j}]: ${u} instead of ${v}`,
      );
    }
  }
};

const engines: readonly (readonly [string, () => Evaluator])[] = [
  ["one kernel per operation, interpreted", (): Evaluator => soloEngine().engine],
  ["fused, interpreted", (): Evaluator => fusedEngine().engine],
  ["fused, WebAssembly", (): Evaluator => new Engine(new WasmDevice({ render }), partition)],
];

for (const [name, make] of engines) {
  test(`${graphs} random graphs from seed ${first}: ${name}`, () => {
    const engine = make();
    for (let seed = first; seed < first + graphs; seed++) {
      compare(name, seed, valuesWith(engine, seed), valuesWith(naive, seed));
    }
  });
}

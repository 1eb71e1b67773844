/** Selection puts one element where sorting puts it, smaller ones before and larger ones behind, and loses none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DType, float16, float32, float64, int32, uint8 } from "../../src/core/dtype.js";
import type { Routine } from "../../src/core/routine.js";
import { interpretRoutine } from "../../src/kernel/routines-reference.js";
import { RenderedProgram } from "../support/rendered.js";

let seed = 7;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 8) / 2 ** 24;
};

const draws: Readonly<Record<string, () => number>> = {
  normal: () => random() + random() - 1,
  unit: random,
  few: () => Math.floor(random() * 3),
  equal: () => 1,
};

const listOf: Readonly<
  Partial<Record<DType["name"], (n: number, draw: () => number) => ArrayBufferView<ArrayBuffer>>>
> = {
  float16: (n, draw) => Uint16Array.from({ length: n }, () => 0x3000 + draw() * 4096),
  float32: (n, draw) => Float32Array.from({ length: n }, () => (random() < 0.01 ? NaN : draw())),
  float64: (n, draw) => Float64Array.from({ length: n }, () => (random() < 0.01 ? -0 : draw())),
  int32: (n, draw) => Int32Array.from({ length: n }, () => draw() * 100_000),
  uint8: (n, draw) => Uint8Array.from({ length: n }, () => draw() * 80),
};

const bytesOf = (v: ArrayBufferView<ArrayBuffer>): Uint8Array =>
  new Uint8Array(v.buffer, v.byteOffset, v.byteLength);

/** Ranks of elements among all of their array, equal ones having the same, by a full sort of the reference. */
const ranksOf = (dtype: DType, x: Uint8Array, length: number): Uint32Array => {
  const [values, indices] = [new Uint8Array(x.length), new Uint8Array(4 * length)];
  interpretRoutine({ routine: "sort", dtype, outer: 1, length, inner: 1 }, [x, values, indices]);
  const order = new Uint32Array(indices.buffer);
  const text = (bytes: Uint8Array, i: number): string =>
    Buffer.from(bytes.subarray(i * dtype.size, (i + 1) * dtype.size)).toString("hex");
  const ranks = new Uint32Array(length);
  order.forEach((place, rank) => {
    const before = rank > 0 && text(values, rank) === text(values, rank - 1);
    ranks[place] = before ? (ranks[order[rank - 1] ?? 0] ?? 0) : rank;
  });
  return ranks;
};

for (const dtype of [float32, float16, float64, int32, uint8]) {
  test(`selection of ${dtype.name}`, () => {
    for (const [name, draw] of Object.entries(draws)) {
      for (const [outer, length, inner, kth] of [
        [1, 70_001, 1, 1000],
        [2, 33_000, 1, 32_999],
        [3, 2100, 2, 0],
        [1, 700, 1, 350],
        [2, 40, 3, 17],
      ] as const) {
        const n = outer * length * inner;
        const made = listOf[dtype.name]?.(n, draw);
        assert.ok(made !== undefined);
        const x = bytesOf(made);
        const r: Routine = { routine: "sort", dtype, outer, length, inner, kth };
        const ran = new RenderedProgram(r).run([x], [x.length, 4 * n]);
        const [values = new Uint8Array(), places = new Uint8Array()] = ran.outputs.map((o) =>
          o.slice(),
        );
        const at = new Uint32Array(places.buffer);
        const alone = new RenderedProgram({ ...r, only: "indices" }).run([x], [4 * n]);
        assert.deepEqual(alone.outputs[0]?.slice(), places);
        const bare = new RenderedProgram({ ...r, only: "values" })
          .run([x], [x.length])
          .outputs[0]?.slice();
        for (let row = 0; row < outer * inner; row++) {
          const first = Math.floor(row / inner) * length * inner + (row % inner);
          const element = (bytes: Uint8Array, l: number): Uint8Array => {
            const from = (first + l * inner) * dtype.size;
            return bytes.subarray(from, from + dtype.size);
          };
          const column = new Uint8Array(length * dtype.size);
          for (let l = 0; l < length; l++) column.set(element(x, l), l * dtype.size);
          const ranks = ranksOf(dtype, column, length);
          const seen = new Uint8Array(length);
          const rankAt = (l: number): number => ranks[at[first + l * inner] ?? 0] ?? 0;
          const limit = rankAt(kth);
          for (let l = 0; l < length; l++) {
            const place = at[first + l * inner] ?? 0;
            seen[place] = (seen[place] ?? 0) + 1;
            if (l < kth && rankAt(l) > limit) assert.fail(`${name}: ${l} before ${kth} is greater`);
            if (l > kth && rankAt(l) < limit) assert.fail(`${name}: ${l} behind ${kth} is smaller`);
            if (Buffer.compare(element(values, l), element(x, place)) !== 0)
              assert.fail(`${name}: value ${l} is not that of its place`);
          }
          assert.ok(seen.every((s) => s === 1));
          assert.ok(bare !== undefined);
          const bareColumn = new Uint8Array(length * dtype.size);
          for (let l = 0; l < length; l++) bareColumn.set(element(bare, l), l * dtype.size);
          // Any NaN is any other.
          const sorted = (bytes: Uint8Array): string[] =>
            Array.from({ length }, (_, i) =>
              Buffer.from(bytes.subarray(i * dtype.size, (i + 1) * dtype.size)).toString("hex"),
            )
              .map((hex) => (dtype === float32 && hex === "0000c07f" ? "ffffff7f" : hex))
              .sort();
          assert.deepEqual(sorted(bareColumn), sorted(column));
        }
      }
    }
  });
}

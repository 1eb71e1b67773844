/** Samples for Fourier transforms: every kind, even and odd lengths, primes, along any axis. */
import { complex64, float32 } from "../../src/core/dtype.js";
import * as p from "../../src/primitives/index.js";
import { leafOf } from "../support/naive.js";
import { random } from "./draw.js";
import type { Sample } from "./sample.js";

export const samples: Sample[] = [];

const shapes: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[1], 0],
  [[2], 0],
  [[3, 7], 1],
  [[6, 5], 0],
  [[2, 8, 3], 1],
  [[37], 0],
  [[2, 0, 4], 2],
];

for (const [shape, axis] of shapes)
  for (const what of ["forward", "inverse", "real", "half"] as const)
    for (const doubled of what === "real" || what === "half" ? [false, true] : [false]) {
      const n = shape[axis] ?? 1;
      const given = shape.map((size, d) =>
        what === "half" && d === axis ? Math.floor(n / 2) + 1 : size,
      );
      const dtype = what === "real" ? float32 : complex64;
      const power = doubled ? 1 : what === "inverse" ? 0.5 : 0;
      samples.push({
        name: `fft ${what} [${given.join(", ")}] along ${axis}${doubled ? ", doubled" : ""}`,
        prim: p.fftP,
        attrs: { axis, what, n, power, doubled },
        ins(seed) {
          const next = random(seed * 13 + n);
          const words = given.reduce((a, b) => a * b, 1) * (dtype === complex64 ? 2 : 1);
          return [
            leafOf(
              dtype,
              given,
              Array.from({ length: words }, () => 2 * next() - 1),
            ),
          ];
        },
        conventional: false,
      });
    }

/** The short examples run and print what is mathematically so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runExample } from "./run.js";

/** The printed lines of an example that ends well. */
const linesOf = async (name: string): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await runExample(name);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout.trimEnd().split("\n");
};

/** The numbers between the brackets of a printed array. */
const numbersIn = (line: string | undefined): readonly number[] => {
  const inside = /array\(([^)]*?)(?:, dtype=\w+)?\)/.exec(line ?? "")?.[1];
  assert.ok(inside !== undefined, `no array in ${line}`);
  return inside.replace(/[[\]]/g, "").split(",").map(Number);
};

const close = (got: readonly number[], want: readonly number[], tolerance = 1e-5): void => {
  assert.equal(got.length, want.length);
  for (const [i, x] of want.entries())
    assert.ok(
      Math.abs((got[i] ?? Number.NaN) - x) <= tolerance * Math.max(1, Math.abs(x)),
      `${got[i]} is not ${x}`,
    );
};

test("vjp", async () => {
  const lines = await linesOf("vjp");
  const xs = [1, 2, 3];
  close(
    numbersIn(lines[0]),
    xs.map((x) => x * Math.sin(x)),
  );
  close(
    numbersIn(lines[1]),
    xs.map((x) => Math.sin(x) + x * Math.cos(x)),
  );
  close(numbersIn(lines[2]), [50, 110]);
  close(numbersIn(lines[3]), [10]);
  close(numbersIn(lines[4]), [110, 120, 90, 80]);
  close(numbersIn(lines[5]), [-2, -2]);
  close(numbersIn(lines[6]), [0, 0]);
  close(numbersIn(lines[7]), [0.375, 0.625]);
  assert.match(lines[7] ?? "", /each array\(\[0\.125, 0\.125\]/);
  assert.match(
    lines[8] ?? "",
    /^\[vjp\] cotangent 0 has shape \[2\], but output 0 has shape \[3\]/,
  );
});

test("Hessian-vector products", async () => {
  const lines = await linesOf("hvp");
  // The Hessian of Rosenbrock's function: its diagonal is 200 (not for the first) + 1200 x² − 400 x' + 2 (not for the last).
  const [x, v] = [
    [-1, 0.5, 2, 1],
    [1, 0, -1, 2],
  ];
  const at = (list: readonly number[] | undefined, i: number): number => list?.[i] ?? 0;
  const product = [0, 1, 2, 3].map((i) => {
    const diagonal =
      (i > 0 ? 200 : 0) + (i < 3 ? 1200 * at(x, i) ** 2 - 400 * at(x, i + 1) + 2 : 0);
    const before = i > 0 ? -400 * at(x, i - 1) * at(v, i - 1) : 0;
    const after = i < 3 ? -400 * at(x, i) * at(v, i + 1) : 0;
    return diagonal * at(v, i) + before + after;
  });
  close(numbersIn(lines[0]), product);
  close(numbersIn(lines[1]), product);
  close(numbersIn(lines.at(-1)), product);
});

test("per-sample gradients", async () => {
  const lines = await linesOf("per-sample-gradients");
  assert.equal(lines[0], "gradients of w: 5 × 3 × 2, of b: 5 × 2");
  assert.equal(numbersIn(lines[1]).length, 5);
  assert.ok(numbersIn(lines[1]).every((norm) => norm > 0));
  assert.equal(lines[2], "mean is the whole: true");
  assert.equal(lines[3], "third is its own:  true");
});

test("logistic regression", async () => {
  const lines = await linesOf("logistic-regression");
  const losses = lines.slice(0, 5).map((line) => Number(/loss ([\d.]+)$/.exec(line)?.[1]));
  assert.equal(losses[0], Number(Math.LN2.toFixed(4)));
  for (const [i, loss] of losses.slice(1).entries()) assert.ok(loss < (losses[i] ?? 0));
  const accuracies = lines.slice(5).map((line) => Number(/: ([\d.]+)$/.exec(line)?.[1]));
  assert.ok((accuracies[0] ?? 0) > 0.95 && (accuracies[1] ?? 0) > 0.9, lines.slice(5).join());
});

/** Fused kernels compute what one kernel per operation computes, and are as few as they should be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { float32 } from "../../src/core/dtype.js";
import type { Node } from "../../src/graph/node.js";
import {
  add,
  divide,
  maximum,
  multiply,
  negative,
  scale,
  shift,
  subtract,
} from "../../src/primitives/arithmetic.js";
import { broadcast, reshape, sum } from "../../src/primitives/broadcast-sum.js";
import { greater, select } from "../../src/primitives/compare-select.js";
import { concatenate } from "../../src/primitives/concatenate.js";
import { constant, iota } from "../../src/primitives/constant.js";
import { exp, log, rsqrt, sqrt } from "../../src/primitives/exp-log.js";
import { max } from "../../src/primitives/extremum.js";
import { tanh } from "../../src/primitives/hyperbolic.js";
import { matmul } from "../../src/primitives/matmul.js";
import { pad, slice } from "../../src/primitives/pad-slice.js";
import { permute } from "../../src/primitives/permute.js";
import { fusedEngine, leaf, soloEngine, valuesOf } from "../support/engines.js";

/** Reduces the last axis and spreads the result over it again. */
const spread = (x: Node, like: Node): Node => broadcast(reshape(x, [...x.shape, 1]), like.shape);
const last = (x: Node): number[] => [x.shape.length - 1];

const softmax = (x: Node): Node => {
  const e = exp(subtract(x, spread(max(x, last(x)), x)));
  return divide(e, spread(sum(e, last(x)), e));
};

const gelu = (x: Node): Node => {
  const inner = scale(add(x, scale(multiply(x, multiply(x, x)), 0.044715)), 0.7978845608);
  return scale(multiply(x, shift(tanh(inner), 1)), 0.5);
};

const mean = (x: Node): Node => scale(sum(x, last(x)), 1 / (x.shape.at(-1) ?? 1));

const layerNorm = (x: Node, w: Node, b: Node): Node => {
  const centred = subtract(x, spread(mean(x), x));
  const r = rsqrt(shift(mean(multiply(centred, centred)), 1e-5));
  const n = multiply(centred, spread(r, x));
  return add(
    multiply(n, broadcast(w, x.shape, [x.shape.length - 1])),
    broadcast(b, x.shape, [x.shape.length - 1]),
  );
};

/** dx, dw, db of a layer norm. */
const layerNormBackward = (x: Node, w: Node, g: Node): Node[] => {
  const centred = subtract(x, spread(mean(x), x));
  const r = rsqrt(shift(mean(multiply(centred, centred)), 1e-5));
  const n = multiply(centred, spread(r, x));
  const gw = multiply(g, broadcast(w, x.shape, [1]));
  const a = spread(mean(gw), x);
  const b = multiply(n, spread(mean(multiply(gw, n)), x));
  const dx = multiply(subtract(subtract(gw, a), b), spread(r, x));
  return [dx, sum(multiply(g, n), [0]), sum(g, [0])];
};

interface Case {
  readonly name: string;
  readonly kernels: number;
  build(): Node[];
}

const cases: readonly Case[] = [
  { name: "chain", kernels: 1, build: () => [gelu(leaf([33]))] },
  { name: "softmax", kernels: 1, build: () => [softmax(leaf([5, 17]))] },
  {
    name: "softmax over the first axis",
    kernels: 1,
    build: () => [permute(softmax(permute(leaf([5, 7]), [1, 0])), [1, 0])],
  },
  {
    name: "layer norm",
    kernels: 1,
    build: () => [layerNorm(leaf([6, 8]), leaf([8], 2), leaf([8], 3))],
  },
  {
    name: "layer norm backward, few rows",
    kernels: 2,
    build: () => layerNormBackward(leaf([6, 8]), leaf([8], 2), leaf([6, 8], 3)),
  },
  {
    name: "layer norm backward, slabs",
    kernels: 2,
    build: () => layerNormBackward(leaf([130, 8]), leaf([8], 2), leaf([130, 8], 3)),
  },
  { name: "sum over the first axis", kernels: 1, build: () => [sum(leaf([9, 4]), [0])] },
  {
    name: "sum over the first axis, slabs",
    kernels: 2,
    build: () => [sum(multiply(leaf([1030, 20]), leaf([1030, 20], 2)), [0])],
  },
  {
    name: "slabs with finish",
    kernels: 2,
    build: () => [sqrt(shift(sum(multiply(leaf([1030, 20]), leaf([1030, 20])), [0]), 1))],
  },
  { name: "full sum", kernels: 1, build: () => [sum(exp(leaf([4, 6])), [0, 1])] },
  {
    name: "transpose and add",
    kernels: 1,
    build: () => {
      const x = leaf([6, 6]);
      return [add(x, permute(x, [1, 0]))];
    },
  },
  {
    name: "matmul with bias and activation",
    kernels: 1,
    build: () => [
      gelu(add(matmul(leaf([5, 7]), leaf([7, 3], 2)), broadcast(leaf([3], 4), [5, 3], [1]))),
    ],
  },
  {
    name: "matmul of a scaled operand",
    kernels: 1,
    build: () => [matmul(scale(leaf([5, 7]), 2), permute(leaf([3, 7], 2), [1, 0]))],
  },
  {
    name: "column sums of what follows a product, and their finish",
    kernels: 2,
    build: () => {
      const y = exp(matmul(leaf([130, 7]), leaf([7, 12], 2)));
      return [y, subtract(leaf([12], 3), scale(sum(y, [0]), 0.1))];
    },
  },
  {
    name: "row sums of a product, whose rows are many",
    kernels: 2,
    build: () => [sum(matmul(leaf([7, 9]), leaf([9, 150], 2)), [1])],
  },
  {
    name: "sums over batches and rows of a product",
    kernels: 2,
    build: () => [sum(matmul(leaf([3, 4, 64, 5]), leaf([3, 4, 5, 6], 2)), [0, 2])],
  },
  {
    name: "batches whose rows do not fill slabs",
    kernels: 2,
    build: () => [sum(matmul(leaf([3, 40, 5]), leaf([3, 5, 6], 2)), [0, 1])],
  },
  {
    name: "the sum of a whole product",
    kernels: 2,
    build: () => {
      const y = matmul(leaf([70, 7]), leaf([7, 12], 2));
      return [sum(multiply(y, y), [0, 1])];
    },
  },
  {
    name: "the mean loss of rows beside their gradient",
    kernels: 2,
    build: () => {
      const x = leaf([300, 10]);
      const top = max(x, last(x));
      const e = exp(subtract(x, spread(top, x)));
      const total = sum(e, last(x));
      const loss = scale(sum(add(log(total), top), [0]), 1 / 300);
      return [loss, divide(e, spread(total, x))];
    },
  },
  {
    name: "a norm after a product is a kernel of its own",
    kernels: 2,
    build: () => [softmax(matmul(leaf([70, 7]), leaf([7, 12], 2)))],
  },
  {
    name: "two products",
    kernels: 2,
    build: () => [matmul(matmul(leaf([5, 7]), leaf([7, 3], 2)), leaf([3, 4], 3))],
  },
  {
    name: "several outputs",
    kernels: 1,
    build: () => {
      const x = leaf([40]);
      const y = exp(x);
      return [y, log(shift(y, 1)), negative(x)];
    },
  },
  {
    name: "mask from positions",
    kernels: 1,
    build: () => {
      const x = leaf([6, 6]);
      const keep = greater(iota([6, 6], 1, float32), iota([6, 6], 0, float32));
      return [softmax(select(keep, x, constant(-1e9, float32, [6, 6])))];
    },
  },
  {
    name: "padded sum of slices",
    kernels: 1,
    build: () => {
      const x = shift(leaf([10]), 1);
      return [add(pad(x, [2], [1], [0]), pad(slice(x, [9], [10], [-1]), [1], [2], [0]))];
    },
  },
  {
    name: "strided slice and interior padding",
    kernels: 2,
    build: () => {
      const x = exp(leaf([9]));
      return [pad(slice(x, [0], [5], [2]), [1], [0], [1]), x];
    },
  },
  {
    name: "concatenation of computed parts",
    kernels: 3,
    build: () => [exp(concatenate([exp(leaf([3, 2])), negative(leaf([3, 4], 2))], 1))],
  },
  {
    name: "attention heads by reshape",
    kernels: 3,
    build: () => {
      const heads = (x: Node): Node => permute(reshape(x, [5, 2, 4]), [1, 0, 2]);
      const [q, k, v] = [leaf([5, 8], 1), leaf([5, 8], 2), leaf([5, 8], 3)];
      const s = scale(matmul(heads(q), permute(heads(k), [0, 2, 1])), 0.5);
      return [reshape(permute(matmul(softmax(s), heads(v)), [1, 0, 2]), [5, 8])];
    },
  },
  {
    name: "relu of rows scaled by their norm",
    kernels: 1,
    build: () => {
      const x = leaf([7, 12]);
      const n = sqrt(sum(multiply(x, x), [1]));
      return [maximum(divide(x, spread(n, x)), constant(0, float32, [7, 12]))];
    },
  },
];

for (const c of cases) {
  test(`fused equals unfused: ${c.name}`, () => {
    const fused = fusedEngine();
    const solo = soloEngine();
    const [got, want] = [c.build(), c.build()];
    fused.engine.evaluate(got);
    solo.engine.evaluate(want);
    want.forEach((w, i) => {
      const g = got[i];
      assert.ok(g !== undefined);
      const [x, y] = [valuesOf(g), valuesOf(w)];
      assert.equal(x.length, y.length);
      y.forEach((v, j) => {
        const u = x[j] ?? Number.NaN;
        assert.ok(
          Math.abs(u - v) <= 2e-5 * Math.max(1, Math.abs(v)),
          `output ${i}[${j}]: ${u} instead of ${v}`,
        );
      });
    });
    assert.equal(fused.device.kernels.length, c.kernels, "number of kernels");
  });
}

test("readers compute cheap values again, never dear ones", () => {
  const { engine, device } = fusedEngine();
  const build = (f: (x: Node) => Node): Node[] => {
    const x = matmul(leaf([40, 7]), leaf([7, 64], 2));
    const y = f(x);
    // Both products need their own kernel; the second one's epilogue reads y and x.
    const z = matmul(tanh(y), leaf([64, 64], 3));
    return [add(multiply(z, y), x)];
  };
  const loads = (f: (x: Node) => Node): number => {
    device.kernels.length = 0;
    const [got, want] = [build(f), build(f)];
    engine.evaluate(got);
    soloEngine().engine.evaluate(want);
    const [u, v] = [got[0], want[0]];
    assert.ok(u !== undefined && v !== undefined);
    const wanted = valuesOf(v);
    valuesOf(u).forEach((a, i) => {
      const b = wanted[i] ?? Number.NaN;
      assert.ok(Math.abs(a - b) <= 2e-5 * Math.max(1, Math.abs(b)));
    });
    assert.equal(device.kernels.length, 2);
    return device.kernels[1]?.bufs.filter((b) => b.access === "read").length ?? 0;
  };
  assert.equal(
    loads((x) => scale(multiply(x, x), 0.5)),
    3,
    "from x, beside both operands",
  );
  assert.equal(
    loads((x) => exp(scale(x, 0.5))),
    4,
    "x and what exp gives",
  );
});

test("a plan is made once per structure, whatever the constants", () => {
  const { engine } = fusedEngine();
  for (const k of [0.5, 1.5, 2.5]) {
    const y = scale(exp(leaf([4])), k);
    engine.evaluate([y]);
    assert.ok(Math.abs((valuesOf(y)[0] ?? 0) - k * Math.exp(valuesOf(leaf([4]))[0] ?? 0)) < 1e-6);
  }
  assert.equal(engine.planned, 1);
});

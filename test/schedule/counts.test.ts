/** The partitioner reaches the kernel counts and the memory traffic stated for common graphs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import {
  attention,
  blocks,
  type Cut,
  cut,
  gelu,
  input,
  layerNorm,
  mlpStep,
  softmax,
  withGradient,
} from "../support/planned.js";

interface Row {
  readonly name: string;
  /** Contractions among the primitives. */
  readonly products: number;
  /** Most kernels. A kernel whose sums over the grid are finished by a second command counts once, as in the aims. */
  readonly kernels: number;
  /** Most megabytes between kernels and memory, to the precision given; partial sums not counted, as in the aims. */
  readonly megabytes: string;
  /** Most megabytes of partial sums, written and read. */
  readonly partials: number;
  build(): mx.NDArray[];
}

const [m, n] = [4096, 1024];
const scores = (): mx.NDArray => input([4, 8, 256, 64]);

const rows: readonly Row[] = [
  {
    name: "tanh-GELU",
    products: 0,
    kernels: 1,
    megabytes: "33.6",
    partials: 0,
    build: () => [gelu(input([4 << 20]))],
  },
  {
    name: "tanh-GELU, its gradient",
    products: 0,
    kernels: 1,
    megabytes: "50.3",
    partials: 0,
    build: () => withGradient(gelu, input([4 << 20])).slice(1),
  },
  {
    name: "softmax",
    products: 0,
    kernels: 1,
    megabytes: "33.6",
    partials: 0,
    build: () => [softmax(input([m, n]))],
  },
  {
    name: "softmax with gradient",
    products: 0,
    kernels: 1,
    megabytes: "67",
    partials: 0,
    build: () => withGradient(softmax, input([m, n])),
  },
  {
    name: "layer norm with the gradients of x, w, b",
    products: 0,
    kernels: 1,
    megabytes: "67",
    partials: 1.1,
    build: () => withGradient(layerNorm, input([m, n]), input([n]), input([n])),
  },
  {
    name: "cross entropy with gradient",
    products: 0,
    kernels: 1,
    megabytes: "33.6",
    partials: 0.001,
    build: () => {
      const y = input([m], mx.int32);
      const loss = (x: mx.NDArray): mx.NDArray =>
        nn.losses.crossEntropy(x, y, { reduction: "mean" });
      const [value, gradient] = mx.valueAndGrad(loss)(input([m, n]));
      return [value, gradient];
    },
  },
  {
    name: "a step of an MLP, SGD",
    products: 8,
    kernels: 9,
    megabytes: "18.6",
    partials: 0.1,
    build: () => mlpStep(new optim.SGD(0.1)),
  },
  {
    name: "a step of an MLP, AdamW",
    products: 8,
    kernels: 11,
    megabytes: "29.4",
    partials: 0.1,
    build: () => mlpStep(new optim.AdamW(0.1)),
  },
  {
    name: "attention",
    products: 2,
    kernels: 4,
    megabytes: "42.5",
    partials: 0,
    build: () => [attention(scores(), scores(), scores())],
  },
  {
    name: "a transformer block with all gradients",
    products: 18,
    kernels: 27,
    megabytes: "351",
    partials: 2,
    build: () => blocks(1),
  },
  {
    name: "eight transformer blocks with all gradients",
    products: 144,
    kernels: 202,
    megabytes: "2823",
    partials: 14,
    build: () => blocks(8),
  },
];

const isProduct = ({ kernel }: Cut["kernels"][number]): boolean =>
  kernel.vals.some((v) => v.op === "contract");

/** Kernels that read partial sums only finish what the kernel before them did. */
const finishes = ({ kernel, tensors }: Cut["kernels"][number]): boolean =>
  tensors.some((t, i) => t.id < 0 && kernel.bufs[i]?.access === "read");

for (const row of rows) {
  test(`${row.name}: at most ${row.kernels} kernels, ${row.megabytes} MB`, () => {
    const { kernels, routines, bytes } = cut(row.build());
    assert.equal(routines, 0);
    assert.equal(kernels.filter(isProduct).length, row.products);
    const count = kernels.filter((k) => !finishes(k)).length;
    assert.ok(count <= row.kernels, `${count} kernels instead of ${row.kernels}`);
    let partial = 0;
    for (const k of kernels) for (const t of k.tensors) if (t.id < 0) partial += t.bytes;
    assert.ok(partial <= row.partials * 1e6, `${partial / 1e6} MB of partial sums`);
    const digits = row.megabytes.split(".")[1]?.length ?? 0;
    const moved = Number(((bytes - partial) / 1e6).toFixed(digits));
    assert.ok(moved <= Number(row.megabytes), `${moved} MB instead of ${row.megabytes}`);
  });
}

/** Measures what planning a new graph costs: transformer blocks with their gradients, planned again and again. */
import { float32 } from "../src/core/dtype.js";
import { HostStorage } from "../src/core/storage.js";
import { Node, type Shape, sizeOf } from "../src/graph/node.js";
import { add, divide, multiply, scale, shift, subtract } from "../src/primitives/arithmetic.js";
import { broadcast, reshape, sum } from "../src/primitives/broadcast-sum.js";
import { greater, select } from "../src/primitives/compare-select.js";
import { constant, iota } from "../src/primitives/constant.js";
import { exp, rsqrt } from "../src/primitives/exp-log.js";
import { max } from "../src/primitives/extremum.js";
import { tanh } from "../src/primitives/hyperbolic.js";
import { matmul } from "../src/primitives/matmul.js";
import { permute } from "../src/primitives/permute.js";
import { stopGradient } from "../src/primitives/stop-gradient.js";
import { buildGraph } from "../src/schedule/graph.js";
import { lowerGroup } from "../src/schedule/lower.js";
import { partition } from "../src/schedule/partition.js";
import { collect } from "../src/schedule/pending.js";
import { reverse } from "../src/transforms/reverse.js";

const [batch, length, width, headCount] = [8, 64, 128, 4];
const leaves: Node[] = [];

const leaf = (shape: Shape): Node => {
  const n = new Node(null, [], undefined, shape, float32, 0);
  // Nothing is computed here, so the bytes do not matter.
  n.data = new HostStorage(new Uint8Array(4));
  leaves.push(n);
  return n;
};

const last = (x: Node): number[] => [x.shape.length - 1];
const spread = (x: Node, like: Node): Node => broadcast(reshape(x, [...x.shape, 1]), like.shape);
const mean = (x: Node): Node => scale(sum(x, last(x)), 1 / (x.shape.at(-1) ?? 1));

const norm = (x: Node): Node => {
  const [w, b] = [leaf([width]), leaf([width])];
  const centred = subtract(x, spread(mean(x), x));
  const r = rsqrt(shift(mean(multiply(centred, centred)), 1e-5));
  const n = multiply(centred, spread(r, x));
  return add(multiply(n, broadcast(w, x.shape, last(x))), broadcast(b, x.shape, last(x)));
};

const softmax = (x: Node): Node => {
  const e = exp(subtract(x, spread(stopGradient(max(x, last(x))), x)));
  return divide(e, spread(sum(e, last(x)), e));
};

const gelu = (x: Node): Node => {
  const inner = scale(add(x, scale(multiply(x, multiply(x, x)), 0.044715)), 0.7978845608);
  return scale(multiply(x, shift(tanh(inner), 1)), 0.5);
};

const linear = (x: Node, out: number): Node => {
  const flat = reshape(x, [batch * length, x.shape.at(-1) ?? 1]);
  const y = matmul(flat, permute(leaf([out, x.shape.at(-1) ?? 1]), [1, 0]));
  return reshape(add(y, broadcast(leaf([out]), y.shape, [1])), [batch, length, out]);
};

const heads = (x: Node): Node =>
  permute(reshape(x, [batch, length, headCount, width / headCount]), [0, 2, 1, 3]);

const attention = (x: Node): Node => {
  const [q, k, v] = [heads(linear(x, width)), heads(linear(x, width)), heads(linear(x, width))];
  const s = scale(matmul(q, permute(k, [0, 1, 3, 2])), (width / headCount) ** -0.5);
  const square = [length, length];
  const past = greater(shift(iota(square, 0, float32), 0.5), iota(square, 1, float32));
  const seen = select(broadcast(past, s.shape, [2, 3]), s, constant(-1e9, float32, s.shape));
  const o = matmul(softmax(seen), v);
  return linear(reshape(permute(o, [0, 2, 1, 3]), [batch, length, width]), width);
};

const block = (x: Node): Node => {
  const y = add(x, attention(norm(x)));
  return add(y, linear(gelu(linear(norm(y), 4 * width)), width));
};

const build = (blocks: number): Node[] => {
  leaves.length = 0;
  let x = leaf([batch, length, width]);
  for (let i = 0; i < blocks; i++) x = block(x);
  const loss = sum(multiply(x, x), [0, 1, 2]);
  const gradients = reverse([loss], [constant(1, float32, [])], leaves);
  return [loss, ...gradients.filter((g) => g !== null)];
};

interface Cost {
  readonly graph: number;
  readonly partition: number;
  readonly lower: number;
  readonly primitives: number;
  readonly kernels: number;
  readonly megabytes: number;
}

const once = (blocks: number): Cost => {
  const roots = build(blocks);
  const start = performance.now();
  const pending = collect(roots);
  const graph = buildGraph(pending);
  const built = performance.now();
  const groups = partition(graph);
  const cut = performance.now();
  let kernels = 0;
  let bytes = 0;
  for (const g of groups) {
    const low = "stored" in g ? lowerGroup(g) : null;
    if (low === null) continue;
    kernels++;
    for (const t of low.tensors) bytes += sizeOf(t.shape) * t.dtype.size;
  }
  return {
    graph: built - start,
    partition: cut - built,
    lower: performance.now() - cut,
    primitives: pending.order.length,
    kernels,
    megabytes: bytes / 1e6,
  };
};

const least = (xs: readonly number[]): number => Math.min(...xs);

const median = (xs: readonly number[]): number =>
  [...xs].sort((a, b) => a - b)[xs.length >> 1] ?? 0;

console.log(
  "| blocks | primitives | kernels | MB moved | first, ms | graph, partition, lower: ms | partition per 1,000 primitives: least, median |",
);
console.log("|--:|--:|--:|--:|--:|--:|--:|");
for (const blocks of [1, 8]) {
  const first = once(blocks);
  const runs = Array.from({ length: blocks === 1 ? 200 : 60 }, () => once(blocks)).slice(20);
  const of = (key: keyof Cost): number => median(runs.map((r) => r[key]));
  const parts = [of("graph"), of("partition"), of("lower")].map((t) => t.toFixed(2)).join(", ");
  const whole = first.graph + first.partition + first.lower;
  const partitions = runs.map((r) => r.partition);
  const rate = [least(partitions), median(partitions)]
    .map((t) => ((t / first.primitives) * 1000).toFixed(1))
    .join(", ");
  console.log(
    `| ${blocks} | ${first.primitives} | ${first.kernels} | ${first.megabytes.toFixed(1)} | ${whole.toFixed(0)} | ${parts} | ${rate} ms |`,
  );
}

/** Measures loops inside of command lists against unrolled ones: microseconds per round, planning, memory. */
import * as mx from "../src/index.js";
import { defaultEngine } from "../src/runtime/default-engine.js";

type NDArray = mx.NDArray;

const least = (rounds: number, run: () => void): number => {
  let best = Infinity;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
};

const show = (what: string, milliseconds: number, rounds: number): void =>
  console.log(`${what}: ${((milliseconds / rounds) * 1000).toFixed(3)} µs per round`);

const once = (run: () => void): number => least(1, run);

const long = 10_000;
const short = 500;

const xs = mx.random.normal([long, 16]);
const zero = mx.zeros([16]);
mx.eval(xs, zero);

type Round = (c: NDArray, x: NDArray) => NDArray;
const bodies: readonly (readonly [string, Round])[] = [
  ["one kernel of 16 floats", (c, x) => c.multiply(0.9).add(x)],
  ["four kernels of 16 floats", (c, x) => mx.softmax(mx.cumsum(mx.tanh(mx.cumsum(c.add(x)))))],
];
for (const [what, round] of bodies) {
  const scanned = mx.compile(
    (c: NDArray, all: NDArray) => mx.scan((s, x: NDArray) => [round(s, x), null], c, all)[0],
  );
  const unrolled = mx.compile((c: NDArray, all: NDArray) => {
    let s = c;
    for (let i = 0; i < short; i++) s = round(s, all.get(i));
    return s;
  });
  const first = xs.get(mx.slice(0, short)).eval();
  console.log(`${what}: first call, scan ${once(() => scanned(zero, xs).eval()).toFixed(1)} ms`);
  show(
    `${what}, scan of ${long}`,
    least(20, () => scanned(zero, xs).eval()),
    long,
  );
  const planning = once(() => unrolled(zero, first).eval());
  console.log(`${what}: first call, unrolled ${short} rounds ${planning.toFixed(1)} ms`);
  show(
    `${what}, unrolled and compiled`,
    least(20, () => unrolled(zero, first).eval()),
    short,
  );
  const eager = (): void => {
    let s = zero;
    for (let i = 0; i < short; i++) s = round(s, xs.get(i)).eval();
  };
  eager();
  show(`${what}, evaluated round by round`, least(5, eager), short);
}

const counted = mx.compile((n: NDArray) =>
  mx.whileLoop(
    (i: NDArray) => i.less(n),
    (i) => i.add(1),
    mx.array(0, mx.int32),
  ),
);
const many = mx.array(100_000, mx.int32);
counted(many).eval();
show(
  "whileLoop that counts",
  least(10, () => counted(many).eval()),
  100_000,
);

for (const hidden of [16, 64, 128]) {
  const p = {
    w: mx.random.normal([hidden, hidden]).multiply(0.1),
    u: mx.random.normal([hidden, hidden]).multiply(0.1),
    b: mx.zeros([hidden]),
  };
  const inputs = mx.random.normal([long, 1, hidden]);
  const start = mx.zeros([1, hidden]);
  mx.eval(p, inputs, start);
  const loss = ({ w, u, b }: typeof p): NDArray =>
    mx
      .scan(
        (h, x: NDArray) => {
          const y = mx.tanh(h.matmul(w).add(x.matmul(u)).add(b));
          return [y, y];
        },
        start,
        inputs,
      )[1]
      .sum();
  const forward = mx.compile(loss);
  const gradient = mx.compile(mx.grad(loss));
  mx.eval(forward(p), gradient(p));
  show(
    `RNN of ${hidden}, values`,
    least(5, () => forward(p).eval()),
    long,
  );
  show(
    `RNN of ${hidden}, gradient`,
    least(5, () => mx.eval(gradient(p))),
    long,
  );
  const { device } = defaultEngine();
  device.collect();
  mx.resetPeakMemory();
  const before = device.memory().activeBytes;
  const grads = gradient(p);
  mx.eval(grads);
  const peak = device.memory().peakBytes - before;
  console.log(
    `RNN of ${hidden}: ${(peak / (long * hidden * 4)).toFixed(2)} stacks of states at the peak`,
  );
}

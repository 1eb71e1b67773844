/** Data sets: batches of arrays, iterables and streams; order by key, the same for the same epoch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as train from "../../src/train/index.js";

const collect = async <T>(batches: AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = [];
  for await (const batch of batches) out.push(batch);
  return out;
};

const values = async (batches: AsyncIterable<mx.NDArray>): Promise<unknown[]> =>
  (await collect(batches)).map((b) => b.tolist());

test("arrays are cut along their first axis, all together", async () => {
  const data = train.dataset({ x: mx.arange(5), y: mx.arange(10).reshape([5, 2]) }, 2);
  assert.equal(data.length, 3);
  const batches = await collect(data);
  assert.deepEqual(
    batches.map(({ x }) => x.tolist()),
    [[0, 1], [2, 3], [4]],
  );
  assert.deepEqual(batches[2]?.y.tolist(), [[8, 9]]);
  const short = train.dataset(mx.arange(5), 2, { dropLast: true });
  assert.equal(short.length, 2);
  assert.deepEqual(await values(short), [
    [0, 1],
    [2, 3],
  ]);
});

test("shuffling: every row once, another order each epoch, the same for the same key, whole or from the middle", async () => {
  const make = (): train.Dataset<mx.NDArray> =>
    train.dataset(mx.arange(100), 7, { shuffle: mx.random.key(3) });
  const [first, second] = [await values(make().epoch(0)), await values(make().epoch(1))];
  assert.deepEqual(
    first.flat().sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.notDeepEqual(first, second);
  assert.deepEqual(await values(make().epoch(0)), first);
  assert.deepEqual(await values(make().epoch(1, 5)), second.slice(5));
  assert.notDeepEqual(await values(train.dataset(mx.arange(100), 7, { shuffle: 4 })), first);
});

test("examples of iterables, generators and streams are stacked", async () => {
  function* examples(): Iterable<{ x: number[]; label: number; mask: boolean; id: bigint }> {
    for (let i = 0; i < 5; i++) yield { x: [i, i + 0.5], label: i, mask: i > 2, id: BigInt(i) };
  }
  const data = train.dataset(examples, 2);
  assert.equal(data.length, null);
  const [batch] = await collect(data);
  assert.ok(batch);
  assert.deepEqual(
    batch.x.map((a) => a.tolist()),
    [
      [0, 1],
      [0.5, 1.5],
    ],
  );
  assert.deepEqual(
    [batch.label.dtype, batch.mask.dtype, batch.id.dtype],
    [mx.float32, mx.bool, mx.int64],
  );
  const stream = new ReadableStream<Float32Array>({
    start(controller) {
      for (let i = 0; i < 4; i++) controller.enqueue(new Float32Array([i, -i]));
      controller.close();
    },
  });
  const rows = await values(train.dataset(stream, 3, { dropLast: true }));
  assert.deepEqual(rows, [
    [
      [0, -0],
      [1, -1],
      [2, -2],
    ],
  ]);
  async function* arrays(): AsyncIterable<mx.NDArray> {
    yield mx.ones([2]);
    yield mx.zeros([2]);
  }
  assert.deepEqual(await values(train.dataset(arrays, 2)), [
    [
      [1, 1],
      [0, 0],
    ],
  ]);
});

test("iterables are shuffled within a buffer, by key", async () => {
  const make = (key: number): train.Dataset<mx.NDArray> =>
    train.dataset(() => Array.from({ length: 50 }, (_, i) => i).values(), 50, {
      shuffle: key,
      shuffleBuffer: 10,
    });
  const [a] = await values(make(1).epoch(0));
  const [b] = await values(make(1).epoch(0));
  const [c] = await values(make(1).epoch(1));
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
  assert.ok(Array.isArray(a));
  assert.deepEqual(
    [...a].sort((x, y) => x - y),
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test("batches are made ahead of their use, no more of them than asked for", async () => {
  let made = 0;
  const source = async function* (): AsyncIterable<number> {
    for (;;) {
      made++;
      yield made;
      await Promise.resolve();
    }
  };
  const data = train.dataset(source, 1, { prefetch: 3 });
  for await (const batch of data) {
    await new Promise((done) => setTimeout(done, 5));
    assert.ok(made >= 3 && made <= 6, `${made} made`);
    assert.equal(batch.item(), 1);
    break;
  }
});

test("an error of the source arrives in its turn", async () => {
  const source = function* (): Iterable<number> {
    yield 1;
    throw new Error("the disk is gone");
  };
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const batch of train.dataset(source, 1)) seen.push(batch.tolist());
  }, /the disk is gone/);
  assert.deepEqual(seen, [[1]]);
});

test("what is used up says so", async () => {
  const once = [1, 2, 3].values();
  const data = train.dataset(once, 1);
  await collect(data.epoch(0));
  await assert.rejects(collect(data.epoch(1)), /\[dataset\] expected a source that can be walked/);
});

test("bad data are refused by name", async () => {
  const bad: readonly [() => unknown, RegExp][] = [
    [() => train.dataset({ x: mx.ones([2]), y: mx.ones([3]) }, 1), /one number of rows/],
    [() => train.dataset(mx.array(1), 1), /one number of rows/],
    [() => train.dataset(mx.ones([2]), 0), /batchSize/],
    [() => train.dataset(mx.ones([2]), 1.5), /batchSize/],
    [() => Reflect.apply(train.dataset, null, [3, 1]), /expected arrays, an iterable/],
    [() => Reflect.apply(train.dataset, null, [mx.ones([2]), 1, { shufle: 1 }]), /shufle/],
  ];
  for (const [make, message] of bad) {
    assert.throws(make, (e) => e instanceof mx.CotangentError && message.test(e.message));
  }
  const odd = train.dataset([{ a: 1 }, { b: 2 }].values(), 2);
  await assert.rejects(collect(odd), /without "a"/);
  const mixed = train.dataset(new Set([1, "x"]), 2);
  await assert.rejects(collect(mixed), /examples of one kind/);
});

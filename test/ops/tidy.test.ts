/** What `tidy` and `dispose` free, and what they must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";

const elements = 1 << 16;

/** Bytes of arrays that `run` leaves behind, its result included. */
const left = (run: () => unknown): number => {
  const before = mx.getActiveMemory();
  const result = run();
  const after = mx.getActiveMemory();
  assert.notEqual(result, null); // it is alive until here
  return after - before;
};

/** Something computed, in device memory. */
const computed = (value: number): mx.NDArray => mx.full([elements], value).add(0).eval();

test("only the result stays", () => {
  const bytes = left(() =>
    mx.tidy(() => {
      const parts = [1, 2, 3].map(computed);
      return { sum: mx.stack(parts).sum(0), name: "text" };
    }),
  );
  assert.ok(bytes >= elements * 4 && bytes < elements * 8, `${bytes} bytes left`);
});

test("the result is computed, whatever it was made from", () => {
  const x = mx.tidy(() => computed(1).add(computed(2)));
  assert.deepEqual(x.get(mx.slice(0, 2)).tolist(), [3, 3]);
});

test("what was made inside cannot be used afterwards, with a clear word", () => {
  let leaked = mx.zeros([1]);
  mx.tidy(() => {
    leaked = computed(1);
  });
  assert.throws(() => leaked.sum().item(), { name: "ArgumentError", message: /disposed/ });
});

test("older arrays live on, written to or not, under other handles or not", () => {
  const x = computed(1);
  const y = mx.zeros([4]).add(1);
  const again = mx.tidy(() => {
    const same = mx.positive(x).astype(mx.float32);
    y.set(mx.slice(0, 2), computed(5).get(mx.slice(0, 2)).eval());
    return [same, same.add(1)] as const;
  });
  assert.equal(x.get(0).item(), 1);
  assert.equal(again[0].get(0).item(), 1);
  assert.equal(again[1].get(0).item(), 2);
  assert.deepEqual(y.tolist(), [5, 5, 1, 1]);
});

test("two handles of one value are freed once", () => {
  const kept = mx.tidy(() => {
    const a = computed(3);
    const b = mx.positive(a);
    const c = a.reshape(2, elements / 2).eval();
    const d = mx.positive(c);
    return [b, d.get(0)] as const;
  });
  assert.equal(kept[0].get(7).item(), 3);
  assert.equal(kept[1].get(7).item(), 3);
});

test("scopes nest", () => {
  const bytes = left(() => {
    const total = mx.tidy(() => {
      const inner = mx.tidy(() => computed(1).add(computed(1)));
      assert.equal(inner.get(0).item(), 2);
      return inner.sum();
    });
    assert.equal(total.item(), 2 * elements);
    return total;
  });
  assert.ok(bytes < elements, `${bytes} bytes left`);
});

test("inside a transform values stay for the gradient", () => {
  const f = (x: mx.NDArray): mx.NDArray =>
    mx.tidy(() => {
      const y = mx.sin(x).eval();
      return y.multiply(y).multiply(computed(2).get(0)).sum();
    });
  const x = mx.array([0.5, 1]);
  const expected = mx.sin(x.multiply(2)).multiply(2).tolist();
  const gradient = mx.tidy(() => mx.grad(f)(x));
  assert.ok(mx.allclose(gradient, mx.array(expected)).item() === true);
});

test("a training step keeps parameters, optimizer state and random state", () => {
  const params = { w: mx.ones([2]) };
  const opt = new optim.AdamW(0.1);
  const plain = { w: mx.ones([2]) };
  const other = new optim.AdamW(0.1);
  const loss = (p: { w: mx.NDArray }): mx.NDArray => mx.square(p.w).sum();
  const step = (p: { w: mx.NDArray }, o: optim.AdamW): mx.NDArray => {
    const [value, gradients] = mx.valueAndGrad(loss)(p);
    mx.eval(gradients);
    o.update(p, gradients);
    return value.add(mx.random.uniform().multiply(0));
  };
  for (let i = 0; i < 3; i++) {
    const tidied = mx.tidy(() => step(params, opt));
    assert.equal(tidied.item(), step(plain, other).item());
  }
  assert.deepEqual(params.w.tolist(), plain.w.tolist());
  assert.notEqual(mx.random.uniform().item(), mx.random.uniform().item());
});

test("a throwing function frees nothing and leaves no scope behind", () => {
  let inside = mx.zeros([1]);
  assert.throws(
    () =>
      mx.tidy(() => {
        inside = computed(4);
        throw new RangeError("mine");
      }),
    RangeError,
  );
  assert.equal(inside.get(0).item(), 4);
});

test("asynchronous: what is unreachable is gone once the promise settles", async () => {
  const before = mx.getActiveMemory();
  const total = await mx.tidy(async () => {
    const first = computed(1);
    await mx.asyncEval(first);
    const second = first.add(1);
    await mx.asyncEval(second);
    return second.sum();
  });
  const after = mx.getActiveMemory();
  assert.equal(total.item(), 2 * elements);
  assert.ok(after - before < elements * 4, `${after - before} bytes left`);
});

test("dispose frees a tree, using a block's array", () => {
  const bytes = left(() => {
    const tree = { a: computed(1), b: [computed(2)] };
    mx.dispose(tree);
    {
      using x = computed(3);
      assert.equal(x.get(0).item(), 3);
    }
    assert.throws(() => tree.a.item(), mx.CotangentError);
    return tree;
  });
  assert.ok(bytes < elements, `${bytes} bytes left`);
});

test("an array that is the same value as another is not freed with it", () => {
  const x = computed(1);
  mx.positive(x).dispose();
  assert.equal(x.get(0).item(), 1);
  x.set(0, 2);
  x.eval();
  const again = mx.positive(x);
  x.dispose();
  assert.equal(again.get(0).item(), 2);
  const bytes = left(() => {
    const y = computed(1);
    const z = mx.positive(y);
    mx.dispose([y, z]);
    return z;
  });
  assert.ok(bytes < elements, `${bytes} bytes left`);
});

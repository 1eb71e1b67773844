/** Every primitive gives on a device, through the scheduler, what the oracle says: values, tangents, cotangents, lanes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DType } from "../../src/core/dtype.js";
import { isInexact } from "../../src/core/dtype.js";
import { HostStorage } from "../../src/core/storage.js";
import type { NDArray } from "../../src/graph/array.js";
import { type Evaluator, installEvaluator } from "../../src/graph/evaluator.js";
import { type Node, sizeOf } from "../../src/graph/node.js";
import { primitives } from "../../src/primitives/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { compile } from "../../src/transforms/compile.js";
import { jvp } from "../../src/transforms/jvp.js";
import { vjp } from "../../src/transforms/vjp.js";
import { vmap } from "../../src/transforms/vmap.js";
import { fusedEngine, soloEngine } from "../support/engines.js";
import { columnOf, leafOf, naive } from "../support/naive.js";
import { apply, at, differentiable, direction, type Fn, flat, wrap } from "./laws.js";
import type { Sample } from "./sample.js";
import { samples } from "./samples.js";

const devices: readonly (readonly [string, () => Evaluator])[] = [
  ["reference, one kernel per operation", () => soloEngine().engine],
  ["reference, fused", () => fusedEngine().engine],
  ["the default device", () => defaultEngine()],
];

/** Relative to the result's size: a few roundings of the dtype. */
const tolerance = (d: DType): number => {
  if (d.name === "float64") return 1e-12;
  if (d.name === "float16") return 2 ** -8;
  if (d.name === "bfloat16") return 2 ** -5;
  return isInexact(d) ? 4e-6 : 0;
};

/** Operands with the values that their dtype can hold, so that both sides start from the same. */
const rounded = (n: Node): Node => {
  assert.ok(n.data);
  const bytes = n.data.read();
  const exact = leafOf(n.dtype, n.shape, []);
  exact.data = new HostStorage(bytes);
  return exact;
};

const elements = (n: Node): (number | bigint | boolean)[] => {
  const { re, im } = columnOf(n);
  return im === null ? [...re] : re.flatMap((v, i) => [v, at(im, i)]);
};

/** `from` lists what else decides how precise results can be: derivatives are no more so than the values they belong to. */
const compare = (
  what: string,
  make: () => readonly Node[],
  evaluator: Evaluator,
  from: readonly NDArray[] = [],
): void => {
  const coarsest = from.map((x) => tolerance(x.dtype));
  const [want, got] = [make(), make()];
  naive.evaluate(want);
  evaluator.evaluate(got);
  for (const [k, w] of want.entries()) {
    const g = at(got, k);
    assert.equal(
      g.data?.byteLength,
      sizeOf(w.shape) * w.dtype.size,
      `${what}: bytes of output ${k}`,
    );
    const [gs, ws] = [flat(columnOf(g)), flat(columnOf(w))];
    const size = Math.max(1e-3, ...ws.filter(Number.isFinite).map(Math.abs));
    ws.forEach((v, i) => {
      const u = at(gs, i);
      const ok =
        u === v ||
        (Number.isNaN(u) && Number.isNaN(v)) ||
        Math.abs(u - v) <= Math.max(tolerance(w.dtype), ...coarsest) * size;
      assert.ok(ok, `${what}: element ${i} of output ${k} is ${u}, want ${v}`);
    });
  }
};

const nodes =
  (f: () => ReturnType<Fn>): (() => Node[]) =>
  () =>
    f().map((a) => a.node);

const check = (s: Sample, evaluator: Evaluator): void => {
  const f = apply(s.prim, s.attrs);
  const ins = s.ins(1).map(rounded);
  compare(
    "value",
    nodes(() => f(...ins.map(wrap))),
    evaluator,
  );
  const compiled = compile(f);
  for (const what of ["compiled, first call", "compiled, second call"]) {
    compare(
      what,
      nodes(() => compiled(...ins.map(wrap))),
      evaluator,
    );
  }
  if (ins.length > 0) {
    const others = s.ins(2);
    const twice = ins.map((n, i) => {
      const both = [...elements(n), ...elements(at(others, i))];
      return wrap(rounded(leafOf(n.dtype, [2, ...n.shape], both)));
    });
    compare(
      "vmap",
      nodes(() => vmap(f)(...twice)),
      evaluator,
    );
  }
  const { g, xs } = differentiable(f, ins);
  if (xs.length === 0 || s.conventional) return;
  const outs = g(...xs);
  const ts = direction(xs, 2).map((t) => wrap(rounded(t.node)));
  compare(
    "jvp",
    nodes(() => jvp(g, xs, ts)[1]),
    evaluator,
    outs,
  );
  if (s.forwardOnly === true) return;
  const cts = direction(outs, 3).map((t) => wrap(rounded(t.node)));
  compare(
    "vjp",
    nodes(() => vjp(g, xs, cts)[1]),
    evaluator,
    outs,
  );
};

for (const [name, engine] of devices) {
  describe(name, () => {
    const evaluator = engine();
    installEvaluator(evaluator);
    for (const prim of primitives) {
      test(prim.name, () => {
        const failures: string[] = [];
        for (const s of samples) {
          if (s.prim !== prim) continue;
          try {
            check(s, evaluator);
          } catch (e) {
            failures.push(`${s.name}: ${e instanceof Error ? e.message : String(e)}`);
          }
        }
        assert.deepEqual(failures, []);
      });
    }
  });
}

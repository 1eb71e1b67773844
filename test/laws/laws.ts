/** The laws every primitive obeys: what it infers, its derivative both ways and its batching are one story. */
import assert from "node:assert/strict";
import { isInexact } from "../../src/core/dtype.js";
import { NDArray } from "../../src/graph/array.js";
import { bindAll } from "../../src/graph/bind.js";
import { type Node, type Shape, sizeOf } from "../../src/graph/node.js";
import type { AnyPrimitive } from "../../src/graph/primitive.js";
import { isHostRoutine } from "../../src/kernel/host-routines.js";
import { compile } from "../../src/transforms/compile.js";
import { jvp } from "../../src/transforms/jvp.js";
import { vjp } from "../../src/transforms/vjp.js";
import { vmap } from "../../src/transforms/vmap.js";
import { columnOf, leafOf, naive } from "../support/naive.js";
import type { Column } from "../support/naive-routines.js";
import { draw } from "./draw.js";
import type { Sample } from "./sample.js";

export type Fn = (...xs: NDArray[]) => NDArray[];

export const wrap = (n: Node): NDArray => new NDArray(n);
export const at = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  assert.ok(x !== undefined, `no element ${i} among ${list.length}`);
  return x;
};

export const apply =
  (prim: AnyPrimitive, attrs: unknown): Fn =>
  (...xs) =>
    bindAll(
      prim,
      xs.map((x) => x.node),
      attrs,
    ).map(wrap);

/** Real numbers of an array: complex ones give two each. */
const numbers = (x: NDArray): number[] => {
  naive.evaluate([x.node]);
  return flat(columnOf(x.node));
};
export const flat = (c: Column): number[] => {
  const { im } = c;
  return im === null ? c.re.map(Number) : c.re.flatMap((v, i) => [Number(v), at(im, i)]);
};

const close = (
  got: readonly number[],
  want: readonly number[],
  tolerance: number,
  what: string,
): void => {
  assert.equal(got.length, want.length, `${what}: ${got.length} elements, want ${want.length}`);
  got.forEach((g, i) => {
    const w = at(want, i);
    const ok =
      Object.is(g, w) ||
      g === w ||
      (Number.isNaN(g) && Number.isNaN(w)) ||
      Math.abs(g - w) <= tolerance * (1 + Math.abs(w));
    assert.ok(ok, `${what}: element ${i} is ${g}, want ${w}`);
  });
};

const dot = (a: readonly NDArray[], b: readonly NDArray[]): number =>
  a.reduce((sum, x, i) => {
    const y = numbers(at(b, i));
    return sum + numbers(x).reduce((s, v, k) => s + v * at(y, k), 0);
  }, 0);

/** `f` as a function of its inexact operands alone, with those that can be perturbed. */
export const differentiable = (f: Fn, ins: readonly Node[]): { g: Fn; xs: NDArray[] } => {
  const slots = ins.map((n) => isInexact(n.dtype));
  const xs = ins.filter((n) => isInexact(n.dtype)).map(wrap);
  return {
    xs,
    g: (...given) => {
      let next = 0;
      return f(...ins.map((n, i) => (at(slots, i) ? at(given, next++) : wrap(n)))).filter((y) =>
        isInexact(y.dtype),
      );
    },
  };
};

export const direction = (xs: readonly NDArray[], seed: number): NDArray[] =>
  xs.map((x, i) =>
    wrap(
      draw(
        x.dtype,
        x.shape,
        {
          float: [-1, 1],
          complex: [
            [-1, 1],
            [-1, 1],
          ],
        },
        seed * 31 + i,
      ),
    ),
  );

const moved = (xs: readonly NDArray[], ts: readonly NDArray[], h: number): NDArray[] =>
  xs.map((x, i) => {
    const t = numbers(at(ts, i));
    return wrap(
      leafOf(
        x.dtype,
        x.shape,
        numbers(x).map((v, k) => v + h * at(t, k)),
      ),
    );
  });

const step = 2 ** -17;
const derivativeTolerance = 2e-7;

/** d/ds f(x + s·t) at 0 by central differences. */
const difference = (f: Fn, xs: readonly NDArray[], ts: readonly NDArray[]): number[][] => {
  const up = f(...moved(xs, ts, step)).map(numbers);
  const down = f(...moved(xs, ts, -step)).map(numbers);
  return up.map((u, i) =>
    u.map((v, k) => {
      const w = at(at(down, i), k);
      return v === w ? 0 : (v - w) / (2 * step);
    }),
  );
};

const isJvp = (f: Fn, xs: NDArray[], ts: NDArray[], what: string): void => {
  const want = difference(f, xs, ts);
  const [, got] = jvp(f, xs, ts);
  for (const [i, g] of got.entries())
    close(numbers(g), at(want, i), derivativeTolerance, `${what}, output ${i}`);
};

/** The tangent is the central difference; so is the tangent of the tangent, and of the cotangent. */
export const derivativeLaw = (s: Sample): void => {
  if (s.conventional) return;
  const { g, xs } = differentiable(apply(s.prim, s.attrs), s.ins(1));
  if (xs.length === 0) return;
  const ts = direction(xs, 2);
  isJvp(g, xs, ts, "jvp");
  const us = direction(xs, 3);
  isJvp((...ys) => jvp(g, ys, us)[1], xs, ts, "jvp of jvp");
  if (s.forwardOnly === true) return;
  const outs = g(...xs);
  const cts = direction(outs, 4);
  isJvp((...ys) => vjp(g, ys, cts)[1], xs, ts, "jvp of vjp");
};

/** ⟨c, jvp t⟩ = ⟨vjp c, t⟩, of the function and of its vjp. */
export const adjointLaw = (s: Sample): void => {
  if (s.conventional) return;
  const { g, xs } = differentiable(apply(s.prim, s.attrs), s.ins(1));
  if (xs.length === 0) return;
  if (s.forwardOnly === true) {
    assert.throws(() => vjp(g, xs, g(...xs)), { name: "TransformError" });
    return;
  }
  const check = (f: Fn, what: string): void => {
    const ts = direction(xs, 5);
    const [outs, tangents] = jvp(f, xs, ts);
    const cts = direction(outs, 6);
    const [, vjps] = vjp(f, xs, cts);
    close([dot(vjps, ts)], [dot(cts, tangents)], 1e-10, what);
  };
  check(g, "vjp");
  const cts = direction(g(...xs), 7);
  check((...ys) => vjp(g, ys, cts)[1], "vjp of vjp");
};

/** Operand `i` of several samples laid along `axis` of one array. */
const stack = (items: readonly NDArray[], like: NDArray, axis: number): NDArray => {
  const shape = [...like.shape.slice(0, axis), items.length, ...like.shape.slice(axis)];
  const inner = sizeOf(like.shape.slice(axis)) * (like.dtype.kind === "complex" ? 2 : 1);
  const outer = sizeOf(like.shape.slice(0, axis));
  const columns = items.map((x) => interleaved(x));
  const values: (number | bigint | boolean)[] = [];
  for (let o = 0; o < outer; o++)
    for (const c of columns) values.push(...c.slice(o * inner, (o + 1) * inner));
  return wrap(leafOf(like.dtype, shape, values));
};
const interleaved = (x: NDArray): (number | bigint | boolean)[] => {
  naive.evaluate([x.node]);
  const { re, im } = columnOf(x.node);
  return im === null ? [...re] : re.flatMap((v, i) => [v, at(im, i)]);
};

const sizes = [0, 1, 3];

/** All ways to map some of `ranks.length` operands, each over some axis. */
function* mappings(ranks: readonly number[]): Generator<(number | null)[]> {
  for (let subset = 1; subset < 2 ** ranks.length; subset++) {
    const deepest = Math.max(...ranks.map((r, i) => (subset & (1 << i) ? r : 0)));
    for (let axis = 0; axis <= deepest; axis++)
      yield ranks.map((r, i) => (subset & (1 << i) ? Math.min(axis, r) : null));
  }
}

const mapsAsLoop = (
  f: Fn,
  lanes: readonly (readonly NDArray[])[],
  axes: readonly (number | null)[],
  size: number,
  out: number,
  what: string,
): void => {
  const first = at(lanes, 0);
  const args = first.map((x, i) => {
    const axis = axes[i] ?? null;
    return axis === null
      ? x
      : stack(
          lanes.slice(0, size).map((l) => at(l, i)),
          x,
          axis,
        );
  });
  const got = vmap(f, { inAxes: [...axes], outAxes: out })(...args);
  const rows = Array.from({ length: Math.max(size, 1) }, (_, b) =>
    f(...first.map((x, i) => ((axes[i] ?? null) === null ? x : at(at(lanes, b), i)))),
  );
  got.forEach((y, k) => {
    const one = at(at(rows, 0), k);
    const where = out < 0 ? one.ndim : out;
    const want = stack(
      rows.slice(0, size).map((r) => at(r, k)),
      one,
      where,
    );
    assert.deepEqual([...y.shape], [...want.shape], `${what}: shape of output ${k}`);
    assert.equal(y.dtype, want.dtype, `${what}: dtype of output ${k}`);
    close(numbers(y), numbers(want), 1e-9, `${what}: output ${k}`);
  });
};

/** vmap is the stacked loop, for every choice of mapped operands and axes; so is vmap of the derivatives. */
export const batchLaw = (s: Sample): void => {
  const f = apply(s.prim, s.attrs);
  const lanes = sizes.map((_, b) => s.ins(b + 1).map(wrap));
  const first = at(lanes, 0);
  if (first.length === 0) return;
  for (const axes of mappings(first.map((x) => x.ndim)))
    for (const size of sizes)
      mapsAsLoop(f, lanes, axes, size, size === 3 ? -1 : 0, `vmap [${axes.join(", ")}] of ${size}`);
  const split = s.ins(1);
  const { g, xs } = differentiable(f, split);
  if (xs.length === 0) return;
  const count = xs.length;
  const pulled: Fn = (...ys) => vjp(g, ys.slice(0, count), ys.slice(count))[1];
  const pushed: Fn = (...ys) => jvp(g, ys.slice(0, count), ys.slice(count))[1];
  const inexact = lanes.map((l) => l.filter((x) => isInexact(x.dtype)));
  const zeros = (rows: readonly unknown[]): number[] => rows.map(() => 0);
  const forth = inexact.map((l, b) => [...l, ...direction(l, 20 + b)]);
  mapsAsLoop(pushed, forth, zeros(at(forth, 0)), 3, 0, "vmap of jvp");
  if (s.forwardOnly === true) return;
  const back = inexact.map((l, b) => [...l, ...direction(g(...l), 10 + b)]);
  mapsAsLoop(pulled, back, zeros(at(back, 0)), 3, 0, "vmap of vjp");
};

/** The shape that a lowering itself implies, null where only the primitive knows. */
const impliedShape = (
  prim: AnyPrimitive,
  attrs: unknown,
  ins: readonly Node[],
  outs: readonly Node[],
): Shape | null => {
  const l = prim.lower;
  const x = ins[0];
  if (l === null || x === undefined) return null;
  const last = x.shape.length - 1;
  switch (l.kind) {
    case "alias":
      return at(ins, l.input(attrs, 0)).shape;
    case "scalar":
    case "expression":
      return ins.every((y) => sizeOf(y.shape) === sizeOf(x.shape))
        ? at(ins, ins.length - 1).shape
        : null;
    case "reduce": {
      const axes = l.axes(attrs);
      return x.shape.filter((_, d) => !axes.includes(d));
    }
    case "contract":
      return [...x.shape.slice(0, last), at(at(ins, 1).shape, last)];
    case "concatenate": {
      const axis = l.axis(attrs);
      const total = ins.reduce((n, y) => n + at(y.shape, axis), 0);
      return x.shape.map((n, d) => (d === axis ? total : n));
    }
    case "routine":
      return prim.rule.family === "composite" || isHostRoutine(l.describe(attrs, ins))
        ? null
        : x.shape;
    case "view": {
      const view = l.view(attrs, x, at(outs, 0));
      if (view.op === "permute") return view.axes.map((a) => at(x.shape, a));
      if (view.op === "reshape")
        assert.equal(sizeOf(at(outs, 0).shape), sizeOf(x.shape), "reshape keeps the size");
      return null;
    }
    default:
      return null;
  }
};

/** What is inferred is what comes out: number, shapes and dtypes of the results. */
export const inferenceLaw = (s: Sample): void => {
  const ins = s.ins(1);
  const avals = s.prim.infer(ins, s.attrs);
  const outs = bindAll(s.prim, ins, s.attrs);
  assert.equal(outs.length, avals.length);
  const implied = impliedShape(s.prim, s.attrs, ins, outs);
  if (implied !== null)
    assert.deepEqual([...at(avals, 0).shape], [...implied], "shape implied by the lowering");
  outs.forEach((o, i) => {
    const aval = at(avals, i);
    assert.deepEqual([...o.shape], [...aval.shape]);
    assert.equal(o.dtype, aval.dtype);
    // The oracle refuses elements whose type is not that of the inferred dtype.
    naive.evaluate([o]);
    assert.equal(o.data?.byteLength, sizeOf(aval.shape) * aval.dtype.size, "bytes");
  });
  const typed =
    s.prim.lower?.kind === "scalar" && s.prim.rule.family !== "flat" && s.prim.name !== "abs";
  if (typed)
    assert.equal(at(avals, 0).dtype, at(ins, ins.length - 1).dtype, "dtype of the operands");
};

const sameResults = (
  got: readonly NDArray[],
  want: readonly NDArray[],
  tolerance: number,
  what: string,
): void => {
  assert.equal(got.length, want.length);
  for (const [i, w] of want.entries()) {
    const g = at(got, i);
    assert.deepEqual([...g.shape], [...w.shape], `${what}: shape of output ${i}`);
    assert.equal(g.dtype, w.dtype, `${what}: dtype of output ${i}`);
    close(numbers(g), numbers(w), tolerance, `${what}: output ${i}`);
  }
};

/** Compiled equals eager and is traced once; the gradient of the compiled function is the compiled gradient. */
export const compileLaw = (s: Sample): void => {
  const f = apply(s.prim, s.attrs);
  let traces = 0;
  const compiled = compile<NDArray[], NDArray[]>((...xs) => {
    traces++;
    return f(...xs);
  });
  for (const seed of [1, 2, 1]) {
    const xs = s.ins(seed).map(wrap);
    sameResults(compiled(...xs), f(...xs), 0, `compiled, seed ${seed}`);
  }
  assert.equal(traces, 1, "one trace");
  const { g, xs } = differentiable(f, s.ins(1));
  if (xs.length === 0 || s.forwardOnly === true) return;
  const cts = direction(g(...xs), 30);
  const of =
    (h: Fn): Fn =>
    (...ys) =>
      vjp(h, ys, cts)[1];
  const want = of(g)(...xs);
  sameResults(of(compile(g))(...xs), want, 0, "vjp of compiled");
  sameResults(compile(of(g))(...xs), want, 1e-14, "compiled vjp");
};

export const laws: Readonly<Record<string, (s: Sample) => void>> = {
  inference: inferenceLaw,
  derivative: derivativeLaw,
  adjoint: adjointLaw,
  batch: batchLaw,
  compile: compileLaw,
};

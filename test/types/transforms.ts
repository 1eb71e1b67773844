/** Static types of the transforms: compiling this file is the test. */
import type { NDArray } from "../../src/graph/array.js";
import { checkpoint } from "../../src/transforms/checkpoint.js";
import { customFunction } from "../../src/transforms/custom.js";
import { grad, valueAndGrad } from "../../src/transforms/grad.js";
import { jvp } from "../../src/transforms/jvp.js";
import { vjp } from "../../src/transforms/vjp.js";
import { vmap } from "../../src/transforms/vmap.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

declare const a: NDArray;
declare const list: NDArray[];
declare const binary: (x: NDArray, y: NDArray) => NDArray;
interface Params {
  w: NDArray;
  b: NDArray;
}
declare const params: Params;

// vjp: parameters, outputs and cotangents follow from each other.
const pulled = vjp((x, y) => [binary(x, y), x], [a, a], [a, a]);
same<typeof pulled, [[NDArray, NDArray], [NDArray, NDArray]]>(true);
const one = vjp((x) => x, [a], [a]);
same<typeof one, [[NDArray], [NDArray]]>(true);
const dynamic = vjp((...xs) => xs, list, list);
same<typeof dynamic, [NDArray[], NDArray[]]>(true);
vjp(binary, [a, a], [a]);
// @ts-expect-error a function of two arrays needs two primals
vjp(binary, [a], [a]);
// @ts-expect-error one output takes one cotangent
vjp((x) => x, [a], [a, a]);
// @ts-expect-error two outputs take two cotangents
vjp((x) => [x, x], [a], [a]);
// @ts-expect-error results are arrays
vjp(() => 3, [a], []);
// @ts-expect-error results are arrays, not promises of them
vjp(async (x) => x, [a], [a]);

const pushed = jvp((x, y) => [binary(x, y), x, y], [a, a], [a, a]);
same<typeof pushed, [[NDArray, NDArray, NDArray], [NDArray, NDArray, NDArray]]>(true);
// @ts-expect-error one primal takes one tangent
jvp((x) => x, [a], [a, a]);

// grad: the gradient is typed as the argument.
const byTree = grad((p: Params, _x: NDArray) => p.w)(params, a);
same<typeof byTree, { w: NDArray; b: NDArray }>(true);
const nested = grad((p: { layers: [Params, NDArray]; all: NDArray[] }) => p.layers[1]);
same<ReturnType<typeof nested>, { layers: [{ w: NDArray; b: NDArray }, NDArray]; all: NDArray[] }>(
  true,
);
const second = grad((_x: number, p: Params) => p.w, 1)(3, params);
same<typeof second, { w: NDArray; b: NDArray }>(true);
const both = grad((x: NDArray, p: Params) => binary(x, p.w), [0, 1])(a, params);
same<typeof both, [NDArray, { w: NDArray; b: NDArray }]>(true);
const bare = grad((x: NDArray, p: Params) => binary(x, p.w), [1])(a, params);
same<typeof bare, { w: NDArray; b: NDArray }>(true);
const options = grad((x: NDArray, p: Params) => binary(x, p.w), { argnums: [0, 1] })(a, params);
same<typeof options, [NDArray, { w: NDArray; b: NDArray }]>(true);
const named = grad((x: NDArray, o: { w: NDArray; k: number }) => binary(x, o.w), {
  argnames: "w",
})(a, { w: a, k: 1 });
same<typeof named, [null, { w: NDArray }]>(true);
const mixed = grad((x: NDArray, o: { w: NDArray; b: Params }) => binary(x, o.w), {
  argnames: ["w", "b"],
  argnums: 0,
})(a, { w: a, b: params });
same<typeof mixed, [NDArray, { w: NDArray; b: { w: NDArray; b: NDArray } }]>(true);
// @ts-expect-error no such name
grad((o: { w: NDArray }) => o.w, { argnames: "v" });
// @ts-expect-error the result is one array
grad((x: NDArray) => [x]);
// @ts-expect-error the arguments are those of the function
grad((x: NDArray) => x)(3);

const [value, gradient] = valueAndGrad((p: Params) => p.w)(params);
same<typeof value, NDArray>(true);
same<typeof gradient, { w: NDArray; b: NDArray }>(true);
const [[loss, aux], g] = valueAndGrad((x: NDArray): [NDArray, { n: number }] => [x, { n: 1 }])(a);
same<typeof loss, NDArray>(true);
same<typeof aux, { n: number }>(true);
same<typeof g, NDArray>(true);
// @ts-expect-error a scalar comes first
valueAndGrad((x: NDArray) => [1, x]);

// vmap keeps the structure of the result.
const rows = vmap((x: NDArray, p: Params) => ({ sum: binary(x, p.b), parts: [x, x] as const }), {
  inAxes: [0, { w: null, b: 0 }],
  outAxes: { sum: 0, parts: 1 },
})(a, params);
same<typeof rows, { sum: NDArray; parts: [NDArray, NDArray] }>(true);
vmap(binary, [0, null], 1);
// @ts-expect-error an unknown option
vmap(binary, { axes: 0 });

// Nesting infers through.
const hvp = jvp(
  grad((x: NDArray) => x),
  [a],
  [a],
);
same<typeof hvp, [[NDArray], [NDArray]]>(true);
const perSample = vmap(
  grad((p: Params, x: NDArray) => binary(p.w, x)),
  { inAxes: [null, 0] },
)(params, a);
same<typeof perSample, { w: NDArray; b: NDArray }>(true);

const kept = checkpoint((p: Params, k: number) => ({ out: p.w, k }));
same<typeof kept, (p: Params, k: number) => { out: NDArray; k: number }>(true);

const custom = customFunction((x: NDArray, p: Params) => binary(x, p.w))
  .vjp(([x, p], ct) => [binary(ct, x), { w: p.w, b: p.b }])
  .jvp(([x], [tx, tp]) => (tx === null ? (tp.w ?? x) : tx))
  .vmap(([x, p], [ax, ap]) => [binary(x, p.w), ax ?? ap.w]);
same<ReturnType<typeof custom>, NDArray>(true);
const single = customFunction((p: Params) => p.w).vjp((p, ct) => ({ w: ct, b: p.b }));
same<Parameters<typeof single>, [p: Params]>(true);

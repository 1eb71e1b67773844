/** Static types of loops, branches, Jacobians and linear maps: compiling this file is the test. */
import type { NDArray } from "../../src/graph/array.js";
import { checkGrads } from "../../src/transforms/check-grads.js";
import { cond } from "../../src/transforms/control/cond.js";
import { type map, scan } from "../../src/transforms/control/scan.js";
import { whileLoop } from "../../src/transforms/control/while.js";
import { hessian, hvp, jacfwd, jacrev } from "../../src/transforms/jacobian.js";
import { linearize, vjpFunction } from "../../src/transforms/linear.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

declare const a: NDArray;
interface Params {
  w: NDArray;
  b: NDArray;
}
declare const p: Params;

// The carry keeps its type, what is stacked has the type of what a round gives.
const scanned = scan(
  (c: Params, x: NDArray) => [
    { w: c.b, b: x },
    { y: c.w, z: null },
  ],
  p,
  a,
);
same<typeof scanned, [Params, { y: NDArray; z: null }]>(true);
const counted = scan((c: NDArray) => [c, null], a, null, { length: 3, reverse: true });
same<typeof counted, [NDArray, null]>(true);
// @ts-expect-error a carry of another type
scan((_: NDArray) => [p, null], a, null, { length: 3 });
// @ts-expect-error an unknown option
scan((c: NDArray) => [c, null], a, null, { steps: 3 });
same<ReturnType<typeof map<Params, { s: NDArray }>>, { s: NDArray }>(true);

const looped = whileLoop(
  (v: Params) => v.w,
  (v) => ({ w: v.b, b: v.w }),
  p,
);
same<typeof looped, Params>(true);
const chosen = cond(
  a,
  (x: NDArray, q: Params) => ({ s: x, t: q.w }),
  (x) => ({ s: x, t: x }),
  a,
  p,
);
same<typeof chosen, { s: NDArray; t: NDArray }>(true);
cond(
  a,
  (x: NDArray) => x,
  (x: NDArray) => x,
  // @ts-expect-error an operand of another type
  p,
);

const f = (q: Params, x: NDArray): { u: NDArray; v: [NDArray] } => ({ u: q.w, v: [x] });
const first = jacfwd(f)(p, a);
same<typeof first, { u: Params; v: [Params] }>(true);
const both = jacrev(f, [0, 1])(p, a);
same<typeof both.u, [Params, NDArray]>(true);
const second = hessian((q: Params, _: NDArray) => q.w)(p, a);
same<typeof second, { w: Params; b: Params }>(true);
const [product] = hvp((q: Params) => q.w, [p], [p]);
same<typeof product, Params>(true);

const [outs, linear] = linearize(f, [p, a]);
same<typeof outs, { u: NDArray; v: [NDArray] }>(true);
same<typeof linear, (q: Params, x: NDArray) => { u: NDArray; v: [NDArray] }>(true);
// @ts-expect-error a tangent for each primal
linear(p);
const [, pull] = vjpFunction(f, [p, a]);
same<ReturnType<typeof pull>, [Params, NDArray]>(true);
// @ts-expect-error cotangents like the outputs
pull(a);
checkGrads(f, [p, a], { order: 2, modes: ["forward"] });
// @ts-expect-error a mode that is none
checkGrads(f, [p, a], { modes: ["fwd"] });

/** Static types of trees: compiling this file is the test. */
import type { NDArray } from "../../src/graph/array.js";
import type { MapLeaves, Tree } from "../../src/graph/tree.js";
import { mapLeaves, rebuild } from "../../src/graph/tree.js";
import { treeFlatten } from "../../src/ops/tree-paths.js";
import { treeMap, treeMapWithPath } from "../../src/ops/tree-utils.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

declare const isArray: (x: unknown) => x is NDArray;
declare const params: { readonly w: NDArray; layers: [NDArray, { b: NDArray }]; name: string };
declare const list: NDArray[];

interface Named {
  w: NDArray;
  b?: NDArray;
}
declare const named: Named;

const shapes = mapLeaves(params, isArray, (x) => x.shape);
same<
  typeof shapes,
  { w: readonly number[]; layers: [readonly number[], { b: readonly number[] }]; name: string }
>(true);

const sizes = rebuild(list, isArray, [1, 2]);
same<typeof sizes, number[]>(true);

same<MapLeaves<NDArray, NDArray, number>, number>(true);
same<MapLeaves<Named, NDArray, string>, { w: string; b?: string }>(true);

const plain: Tree<NDArray> = { w: list, b: [params.w] };
// @ts-expect-error a string is no leaf
const wrong: Tree<NDArray> = { w: "x" };

const mapped = treeMap((x) => x.size, { a: list, b: [params.w] as const });
same<typeof mapped, { a: number[]; b: [number] }>(true);
treeMapWithPath((path, x) => path.length + x.ndim, named);
const pairs = treeFlatten({ a: params.w, b: list });
same<typeof pairs, [string, NDArray][]>(true);

export { plain, wrong };

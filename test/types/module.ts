/** Static types of modules: compiling this file is the test. */
import type { NDArray } from "../../src/graph/array.js";
import * as nn from "../../src/nn/index.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

declare const x: NDArray;

class Inner extends nn.Module {
  declare readonly dims: number;
  declare name: string;
  declare table: NDArray;
  declare _hidden: NDArray;
  declare maybe?: NDArray;
  declare strides: readonly number[];
  declare activation: (x: NDArray) => NDArray;
  forward(y: NDArray): NDArray {
    return this.activation(y);
  }
}

class Outer extends nn.Module {
  declare inner: Inner;
  declare layers: Inner[];
  declare pair: readonly [Inner, nn.Linear];
  declare record: { scale: NDArray; deep: { inner: Inner } };
}

type InnerTree = { table: NDArray; maybe?: NDArray };
type LinearTree = { weight: NDArray; bias?: NDArray };
const outer = new Outer();
const tree = outer.parameters();
same<(typeof tree)["inner"], InnerTree>(true);
same<(typeof tree)["layers"], InnerTree[]>(true);
same<(typeof tree)["pair"], [InnerTree, LinearTree]>(true);
same<(typeof tree)["record"], { scale: NDArray; deep: { inner: InnerTree } }>(true);
same<keyof typeof tree, "inner" | "layers" | "pair" | "record">(true);
// @ts-expect-error numbers are no parameters
tree.inner.dims;
// @ts-expect-error private fields are no parameters
tree.inner._hidden;

const model = new nn.Sequential(new nn.Linear(2, 3), nn.relu, new nn.Linear(3, 1));
const weights = model.layers[0].weight;
same<typeof weights, NDArray>(true);

const lossAndGrad = nn.valueAndGrad(model, (a: NDArray, scale: number) =>
  model.forward(a).sum().multiply(scale),
);
const [loss, grads] = lossAndGrad(x, 2);
same<typeof loss, NDArray>(true);
same<(typeof grads)["layers"][0], LinearTree>(true);
// @ts-expect-error the arguments are those of the function
lossAndGrad(x, "2");
// @ts-expect-error a loss is an array
nn.valueAndGrad(model, () => 3);
// @ts-expect-error no such option
new nn.Linear(2, 3, { biass: true });
// @ts-expect-error layers of a sequence take one array
new nn.Sequential((a: NDArray, b: NDArray) => a.add(b));
const late: Promise<nn.Linear> = new nn.Linear(1, 1).loadWeights(new URL("file:///a.npz"));
void late;

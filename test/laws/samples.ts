/** Samples for every primitive: operands away from kinks, where derivatives are far from zero, on every dtype it takes. */
import * as d from "../../src/core/dtype.js";
import { DTypeError } from "../../src/core/errors.js";
import { Node, type Shape, sizeOf } from "../../src/graph/node.js";
import type { Primitive } from "../../src/graph/primitive.js";
import * as p from "../../src/primitives/index.js";
import { record } from "../../src/transforms/record.js";
import { leafOf } from "../support/naive.js";
import { type Draw, draw, random } from "./draw.js";
import type { Sample } from "./sample.js";
import { attentionSamples } from "./samples-attention.js";
import { samples as control } from "./samples-control.js";
import { onFurtherDTypes } from "./samples-dtypes.js";
import { samples as transforms } from "./samples-fft.js";
import { samples as linearAlgebra } from "./samples-linalg.js";
import { quantizedSamples } from "./samples-quantized.js";

type DType = d.DType;

const samples: Sample[] = [...linearAlgebra, ...transforms, ...control];

const sample = <A>(
  prim: Primitive<A>,
  attrs: A,
  what: string,
  ins: (seed: number) => Node[],
  conventional: boolean = false,
): void => {
  samples.push({ name: `${prim.name} ${what}`, prim, attrs, ins, conventional });
};

const accepts = (prim: Primitive, dtype: DType, arity: number): boolean => {
  try {
    prim.infer(
      Array.from({ length: arity }, () => ({ shape: [2], dtype })),
      undefined,
    );
    return true;
  } catch (e) {
    if (e instanceof DTypeError) return false;
    throw e;
  }
};

/** Samples of an elementwise primitive on every dtype it accepts. */
const elementwise = (prim: Primitive, ...draws: readonly Draw[]): void => {
  for (const dtype of d.dtypes) {
    if (!accepts(prim, dtype, draws.length)) continue;
    sample(prim, undefined, dtype.name, (seed) =>
      draws.map((how, i) => draw(dtype, [2, 3], how, seed * 7 + i)),
    );
  }
};

const small: Draw = { float: [0.25, 0.8] };
const signed: Draw = { float: [-0.8, -0.25], int: [-5, 5] };
const large: Draw = {
  float: [1.25, 2.5],
  complex: [
    [1.2, 1.9],
    [0.4, 0.8],
  ],
};

elementwise(p.addP, small, signed);
elementwise(p.subtractP, small, signed);
elementwise(p.multiplyP, small, large);
elementwise(p.divideP, small, large);
elementwise(p.negativeP, signed);
elementwise(p.absP, signed);
elementwise(p.signP, signed);
elementwise(p.maximumP, small, large);
elementwise(p.maximumP, large, small);
elementwise(p.minimumP, small, large);
elementwise(p.minimumP, large, small);
elementwise(p.remainderP, { float: [5.3, 5.5], int: [7, 11] }, { float: [1.2, 1.25], int: [2, 3] });
elementwise(
  p.remainderP,
  { float: [-5.5, -5.3], int: [-11, -7] },
  { float: [1.2, 1.25], int: [2, 3] },
);
for (const prim of [p.floorP, p.ceilP, p.truncP, p.roundP])
  elementwise(prim, { float: [-3.4, -3.1] });
elementwise(p.expP, signed);
elementwise(p.expm1P, signed);
elementwise(p.logP, large);
elementwise(p.log1pP, small);
elementwise(p.log1pP, large);
elementwise(p.log2P, large);
elementwise(p.log10P, large);
elementwise(p.sqrtP, large);
elementwise(p.rsqrtP, large);
elementwise(p.sigmoidP, signed);
elementwise(p.erfP, signed);
elementwise(p.erfinvP, signed);
elementwise(p.powerP, large, {
  float: [0.5, 2.5],
  int: [0, 3],
  complex: [
    [0.5, 1],
    [0.2, 0.6],
  ],
});
elementwise(p.logaddexpP, small, large);
for (const dtype of d.dtypes.filter((t) => t.kind === "float")) {
  for (const centred of [true, false]) {
    sample(p.standardizeP, { eps: 1e-3, centred }, `${dtype.name} ${centred}`, (seed) => [
      draw(dtype, [2, 5], { float: [0.2, 1.9] }, seed),
    ]);
  }
}
for (const dtype of d.dtypes.filter((t) => t.kind === "float")) {
  for (const axes of [[1], [0, 1]]) {
    sample(p.softmaxP, { axes }, `${dtype.name} ${axes}`, (seed) => [
      draw(dtype, [2, 5], { float: [-1.9, 1.9] }, seed),
    ]);
  }
}
elementwise(p.sinP, small);
elementwise(p.cosP, small);
elementwise(p.tanP, small);
elementwise(p.arcsinP, small);
elementwise(p.arccosP, small);
elementwise(p.arctanP, small);
elementwise(p.arctan2P, small, large);
elementwise(p.arctan2P, signed, signed);
elementwise(p.sinhP, small);
elementwise(p.coshP, small);
elementwise(p.tanhP, small);
elementwise(p.arcsinhP, small);
elementwise(p.arccoshP, large);
elementwise(p.arctanhP, small);
const overlapping: Draw = {
  float: [1, 1.125],
  int: [1, 2],
  complex: [
    [1, 1],
    [1, 1.5],
  ],
};
for (const prim of [p.equalP, p.notEqualP, p.lessP, p.lessEqualP, p.greaterP, p.greaterEqualP])
  elementwise(prim, overlapping, overlapping);
for (const prim of [p.bitwiseAndP, p.bitwiseOrP, p.bitwiseXorP])
  elementwise(prim, { int: [0, 100] }, { int: [0, 100] });
elementwise(p.bitwiseInvertP, { int: [0, 100] });
elementwise(p.leftShiftP, { int: [0, 20] }, { int: [0, 9] });
elementwise(p.rightShiftP, { int: [0, 120] }, { int: [0, 9] });

/** Samples of a primitive that takes every dtype alike. */
const structural = <A>(
  prim: Primitive<A>,
  attrs: A,
  shapes: readonly Shape[],
  what: string,
  on: readonly DType[] = d.dtypes,
): void => {
  for (const dtype of on) {
    sample(prim, attrs, `${what} ${dtype.name}`, (seed) =>
      shapes.map((s, i) => draw(dtype, s, {}, seed * 7 + i)),
    );
  }
};

const reals = d.dtypes.filter((t) => t.kind !== "complex");
const numbers = d.dtypes.filter((t) => t.kind !== "bool");
const some = [d.float64, d.complex64, d.int32];

for (const dtype of d.dtypes) {
  sample(p.selectP, undefined, dtype.name, (seed) => [
    draw(d.bool, [2, 3], {}, seed),
    draw(dtype, [2, 3], small, seed + 1),
    draw(dtype, [2, 3], large, seed + 2),
  ]);
  for (const to of d.dtypes) {
    const floats = dtype.kind === "float" && (to.kind === "int" || to.kind === "uint");
    sample(p.castP, { dtype: to }, `${dtype.name} to ${to.name}`, (seed) => [
      draw(dtype, [4], floats ? { float: [1.1, 1.9] } : {}, seed),
    ]);
  }
}
elementwise(p.realP, small);
elementwise(p.imagP, small);
elementwise(p.conjugateP, small);
sample(p.complexP, undefined, "float32", (seed) => [
  draw(d.float32, [3], small, seed),
  draw(d.float32, [3], signed, seed + 1),
]);

structural(p.broadcastP, { shape: [4, 2, 3], dims: [1, 2] }, [[2, 3]], "leading");
structural(p.broadcastP, { shape: [2, 4, 3], dims: [0, 1, 2] }, [[2, 1, 3]], "ones", some);
structural(p.broadcastP, { shape: [2, 3], dims: [] }, [[]], "scalar", some);
structural(p.broadcastP, { shape: [1, 3], dims: [0, 1] }, [[1, 1]], "one kept", some);
structural(p.sumP, { axes: [1] }, [[2, 3]], "last", numbers);
structural(p.sumP, { axes: [0, 2] }, [[2, 3, 2]], "outer", some);
structural(p.sumP, { axes: [0] }, [[0, 2]], "empty", some);
structural(p.reshapeP, { shape: [3, 4] }, [[2, 6]], "");
structural(p.reshapeP, { shape: [0, 5] }, [[3, 0]], "empty", some);
structural(p.permuteP, { axes: [2, 0, 1] }, [[2, 3, 4]], "");
structural(p.sliceP, { start: [1, 0], step: [2, 1], shape: [2, 3] }, [[5, 3]], "strided");
structural(p.sliceP, { start: [4, 2], step: [-2, -1], shape: [2, 3] }, [[5, 3]], "backwards", some);
structural(p.sliceP, { start: [3], step: [5], shape: [1] }, [[5]], "one", some);
structural(p.sliceP, { start: [4], step: [-3], shape: [0] }, [[5]], "nothing", some);
structural(p.padP, { low: [1, 0], interior: [0, 2], shape: [5, 9] }, [[2, 3]], "");
structural(p.padP, { low: [2], interior: [1], shape: [3] }, [[0]], "empty", some);
structural(
  p.concatenateP,
  { axis: 1 },
  [
    [2, 1],
    [2, 3],
    [2, 2],
  ],
  "",
);
structural(
  p.concatenateP,
  { axis: 0 },
  [
    [0, 2],
    [3, 2],
  ],
  "empty part",
  some,
);
structural(
  p.matmulP,
  undefined,
  [
    [3, 4],
    [4, 2],
  ],
  "",
  d.dtypes.filter((t) => t.kind === "float"),
);
structural(
  p.matmulP,
  undefined,
  [
    [2, 3, 4],
    [2, 4, 2],
  ],
  "batched",
  [d.float64],
);
structural(
  p.matmulP,
  undefined,
  [
    [3, 0],
    [0, 2],
  ],
  "empty sum",
  [d.float64],
);
structural(
  p.windowP,
  { axis: 1, count: 3, size: 2, stride: 2, dilation: 3 },
  [[2, 9, 2]],
  "",
  numbers,
);
structural(p.windowP, { axis: 0, count: 4, size: 3, stride: 1, dilation: 1 }, [[6]], "", some);
structural(
  p.windowP,
  { axis: 0, count: 2, size: 1, stride: 3, dilation: 1 },
  [[5, 1]],
  "of one",
  some,
);
const plainConvolution: p.ConvolutionAttrs = {
  batch: 0,
  groups: 1,
  flip: false,
  stride: [1],
  low: [1],
  dilation: [1],
  spread: [1],
  out: [5],
};
structural(
  p.convolutionP,
  plainConvolution,
  [
    [2, 5, 3],
    [2, 3, 3],
  ],
  "",
  d.dtypes.filter((t) => t.kind === "float"),
);
for (const [what, change, shapes] of [
  [
    "strided",
    { stride: [2], low: [2], dilation: [2], out: [3] },
    [
      [1, 6, 2],
      [3, 2, 2],
    ],
  ],
  [
    "spread",
    { spread: [3], stride: [2], flip: true, out: [6] },
    [
      [2, 4, 1],
      [2, 3, 1],
    ],
  ],
  [
    "cropped",
    { low: [-2], out: [2] },
    [
      [2, 5, 2],
      [1, 2, 2],
    ],
  ],
  [
    "grouped",
    { groups: 2, low: [0], out: [3] },
    [
      [2, 4, 4],
      [6, 2, 2],
    ],
  ],
  [
    "depthwise",
    { groups: 3, flip: true },
    [
      [2, 5, 3],
      [3, 3, 1],
    ],
  ],
  [
    "depthwise fan-out",
    { groups: 2 },
    [
      [1, 5, 2],
      [4, 3, 1],
    ],
  ],
  [
    "batched",
    { batch: 1 },
    [
      [2, 2, 5, 1],
      [2, 2, 3, 1],
    ],
  ],
  [
    "batched depthwise",
    { batch: 1, groups: 2 },
    [
      [2, 1, 5, 2],
      [2, 2, 3, 1],
    ],
  ],
  [
    "over two axes",
    { stride: [2, 1], low: [1, 0], dilation: [1, 2], spread: [1, 2], out: [2, 3], flip: true },
    [
      [1, 3, 3, 2],
      [2, 3, 2, 2],
    ],
  ],
  [
    "of nothing but padding",
    { low: [3], out: [2] },
    [
      [1, 0, 2],
      [1, 2, 2],
    ],
  ],
] as const)
  structural(p.convolutionP, { ...plainConvolution, ...change }, shapes, what, [d.float64]);
structural(p.aliasP, undefined, [[3]], "", some);
for (const dtype of some)
  sample(p.stopGradientP, undefined, dtype.name, (seed) => [draw(dtype, [3], {}, seed)], true);
structural(p.dependsP, { count: 2 }, [[3], [2], [4]], "", some);

const index = (n: number, shape: Shape, seed: number, dtype: DType = d.int32): Node =>
  draw(dtype, shape, { int: [dtype.kind === "int" ? -n : 0, n - 1] }, seed);
/** Distinct indices, as scatter needs for a derivative. */
const distinct = (n: number, shape: Shape, seed: number): Node => {
  const next = random(seed);
  const all = Array.from({ length: n }, (_, i) => i).sort(() => next() - 0.5);
  return leafOf(d.int32, shape, all.slice(0, sizeOf(shape)));
};

for (const dtype of d.dtypes) {
  sample(p.gatherP, { axes: [0], slice: [1, 2], batch: 0 }, dtype.name, (seed) => [
    draw(dtype, [4, 3], {}, seed),
    index(4, [2], seed + 1),
  ]);
}
for (const type of [d.uint8, d.int64, d.uint32]) {
  sample(p.gatherP, { axes: [2, 0], slice: [1, 2, 1], batch: 0 }, `pairs ${type.name}`, (seed) => [
    draw(d.float64, [3, 2, 4], {}, seed),
    index(4, [2, 3], seed + 1, type),
    index(3, [2, 3], seed + 2, type),
  ]);
}
sample(p.gatherP, { axes: [0], slice: [1, 2], batch: 1 }, "batch", (seed) => [
  draw(d.float64, [2, 4, 2], {}, seed),
  index(4, [2, 3], seed + 1),
]);
const scatters = {
  replace: p.scatterReplaceP,
  add: p.scatterAddP,
  prod: p.scatterProdP,
  max: p.scatterMaxP,
  min: p.scatterMinP,
} as const;
for (const mode of ["replace", "add", "prod", "max", "min"] as const) {
  for (const dtype of mode === "replace" ? d.dtypes : reals) {
    sample(scatters[mode], { axes: [0], slice: [1, 2], mode }, dtype.name, (seed) => [
      draw(dtype, [4, 2], { float: [0.5, 1.5] }, seed),
      draw(dtype, [3, 1, 2], { float: [0.6, 1.4] }, seed + 1),
      distinct(4, [3], seed + 2),
    ]);
  }
  if (mode === "replace") continue;
  sample(scatters[mode], { axes: [1, 0], slice: [1, 1], mode }, "repeated", (seed) => [
    draw(d.float64, [2, 3], { float: [0.5, 1.5] }, seed),
    draw(d.float64, [4, 1, 1], { float: [0.6, 1.4] }, seed + 1),
    leafOf(d.int32, [4], [2, 0, 2, -1]),
    leafOf(d.int32, [4], [1, 0, 1, 1]),
  ]);
}
sample(p.scatterProdP, { axes: [0], slice: [1], mode: "prod" }, "zeros", () => [
  leafOf(d.float64, [3], [0, 2, 3]),
  leafOf(d.float64, [3, 1], [4, 0, 5]),
  leafOf(d.int32, [3], [0, 1, 2]),
]);
for (const dtype of d.dtypes) {
  sample(p.takeAlongP, { axis: 1 }, dtype.name, (seed) => [
    draw(dtype, [2, 4, 2], {}, seed),
    index(4, [2, 3, 2], seed + 1),
  ]);
}

structural(
  p.maxP,
  { axes: [1] },
  [[2, 4]],
  "last",
  reals.filter((t) => t.kind !== "bool"),
);
structural(p.maxP, { axes: [0, 2] }, [[2, 3, 2]], "outer", [d.float64]);
structural(
  p.minP,
  { axes: [1] },
  [[2, 4]],
  "last",
  reals.filter((t) => t.kind !== "bool"),
);
structural(
  p.prodP,
  { axes: [1] },
  [[2, 4]],
  "last",
  reals.filter((t) => t.kind !== "bool"),
);
structural(p.prodP, { axes: [0, 1] }, [[2, 3]], "all", [d.float64]);
sample(p.maxP, { axes: [0] }, "tied", () => [leafOf(d.float64, [4], [1, 3, 3, 2])], true);
sample(p.prodP, { axes: [0] }, "one zero", () => [leafOf(d.float64, [4], [1.5, 0, 3, 2])]);
sample(p.prodP, { axes: [0] }, "two zeros", () => [leafOf(d.float64, [4], [1.5, 0, 3, 0])]);
structural(p.anyP, { axes: [1] }, [[2, 3]], "", [d.bool]);
structural(p.allP, { axes: [1] }, [[2, 3]], "", [d.bool]);
structural(p.argmaxP, { axis: 1 }, [[2, 4]], "", reals);
structural(p.argminP, { axis: 0 }, [[3, 2]], "", reals);
for (const prim of [p.cumsumP, p.cumprodP, p.cummaxP, p.cumminP]) {
  for (const reverse of [false, true]) {
    for (const exclusive of [false, true]) {
      const on = reverse ? [d.float64] : reals.filter((t) => t.kind !== "bool");
      // A running extremum of nothing has no integer value to start from.
      const kinds =
        exclusive && (prim === p.cummaxP || prim === p.cumminP)
          ? on.filter((t) => t.kind === "float")
          : on;
      structural(
        prim,
        { axis: 1, reverse, exclusive },
        [[2, 5, 2]],
        `${reverse ? "reverse " : ""}${exclusive ? "exclusive" : ""}`,
        kinds,
      );
    }
  }
}
sample(p.cumprodP, { axis: 0, reverse: false, exclusive: false }, "zero", () => [
  leafOf(d.float64, [4], [1.5, 0, 3, 2]),
]);
structural(p.sortP, { axis: 1, kth: null }, [[2, 5]], "");
structural(p.sortP, { axis: 0, kth: null }, [[4, 2]], "first", some);
structural(p.sortP, { axis: 1, kth: 2 }, [[2, 5]], "kth");
for (const right of [false, true]) {
  for (const dtype of reals) {
    sample(p.searchSortedP, { right }, `${right ? "right " : ""}${dtype.name}`, (seed) => {
      const values = dtype.kind === "bool" ? [false, false, true, true, true] : [1, 2, 2, 3, 4];
      return [
        leafOf(
          dtype,
          [5],
          dtype.size === 8 && dtype.kind !== "float" ? values.map(BigInt) : values,
        ),
        draw(dtype, [4], { float: [0.5, 4.5], int: [0, 5] }, seed),
      ];
    });
  }
}

sample(
  p.constantP,
  { shape: [2, 3], dtype: d.complex64, value: { re: 1, im: 2 } },
  "complex64",
  () => [],
);
for (const dtype of reals) {
  sample(p.constantP, { shape: [2, 3], dtype, value: 1 }, dtype.name, () => []);
  sample(p.iotaP, { shape: [2, 3], axis: 1, dtype }, dtype.name, () => []);
}
for (const width of [1, 2, 4] as const) {
  for (const shape of [[3], [2, 4], [7], []] as const) {
    sample(p.randomBitsP, { shape, width }, `${width} bytes [${shape.join(", ")}]`, (seed) => [
      draw(d.uint32, [2], { int: [0, 2 ** 32 - 1] }, seed),
    ]);
  }
}
for (const [from, to] of [
  [d.float32, d.uint32],
  [d.int32, d.float32],
  [d.float64, d.int64],
  [d.float16, d.uint16],
  [d.uint16, d.float16],
  [d.bfloat16, d.int16],
  [d.int8, d.uint8],
  [d.uint8, d.bool],
  [d.complex64, d.uint64],
] as const)
  sample(p.bitcastP, { dtype: to }, `${from.name} to ${to.name}`, (seed) => [
    draw(from, [3], { int: [0, 1] }, seed),
  ]);
for (const [from, to] of [
  [d.float32, d.uint8],
  [d.uint8, d.float32],
  [d.int64, d.uint16],
  [d.uint16, d.int64],
] as const)
  sample(p.regroupP, { dtype: to }, `${from.name} to ${to.name}`, (seed) => [
    draw(from, [2, 8], { int: [0, 60] }, seed),
  ]);

const attrs: p.CallAttrs = { args: 1, pull: null, jvp: null, batch: null, lift: () => attrs };
structural(p.callP, attrs, [[2], [3]], "", some);

const holes = [
  new Node(null, [], undefined, [2, 3], d.float64, 0),
  new Node(null, [], undefined, [3], d.float64, 0),
];
const [wide, narrow] = holes;
if (wide !== undefined && narrow !== undefined) {
  const product = p.multiply(p.sin(wide), p.broadcast(narrow, [2, 3]));
  const graph = record(holes, [product, p.sum(product, [0]), narrow]);
  sample(p.compiledP, graph, "a product and its sum", (seed) => [
    draw(d.float64, [2, 3], {}, seed),
    draw(d.float64, [3], {}, seed + 7),
  ]);
}

samples.push(...attentionSamples, ...quantizedSamples);

samples.push(...onFurtherDTypes(samples));

export { samples };

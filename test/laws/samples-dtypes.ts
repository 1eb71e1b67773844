/** Which dtypes the samples of a primitive could have, and samples on further dtypes for primitives that treat all alike. */
import { type DType, dtypes } from "../../src/core/dtype.js";
import { CotangentError } from "../../src/core/errors.js";
import type { Aval } from "../../src/graph/node.js";
import type { AnyPrimitive } from "../../src/graph/primitive.js";
import { draw } from "./draw.js";
import type { Sample } from "./sample.js";

/** The dtype of a sample's first operand; others of the same dtype change with it. */
const mainDType = (s: Sample): DType | undefined => s.ins(1)[0]?.dtype;

const infers = (s: Sample, dtype: DType): boolean => {
  const ins = s.ins(1);
  const main = ins[0]?.dtype;
  const retyped: Aval[] = ins.map((n) => ({
    shape: n.shape,
    dtype: n.dtype === main ? dtype : n.dtype,
  }));
  try {
    s.prim.infer(retyped, s.attrs);
    return true;
  } catch (e) {
    if (e instanceof CotangentError) return false;
    throw e;
  }
};

/** The first sample whose shape rule lets its main operands have another dtype, for each dtype that no sample has. */
export const uncovered = (
  prim: AnyPrimitive,
  samples: readonly Sample[],
): readonly (readonly [DType, Sample])[] => {
  const own = samples.filter((s) => s.prim === prim);
  const covered = new Set(own.map(mainDType));
  return dtypes.flatMap((dtype) => {
    if (covered.has(dtype)) return [];
    const s = own.find((s) => s.ins(1).length > 0 && infers(s, dtype));
    return s === undefined ? [] : [[dtype, s] as const];
  });
};

const moving = "alias depends regroup stopGradient window".split(" ");
const combining = "sum prod max min cumsum cumprod cummax cummin".split(" ");
const searching = ["searchSorted"];
/** By name, the dtypes on which another sample is repeated. */
const wanted = (prim: AnyPrimitive, dtype: DType): boolean =>
  moving.includes(prim.name) ||
  searching.includes(prim.name) ||
  (combining.includes(prim.name) && dtype.kind !== "complex");

/** The samples that {@link wanted} asks for beside those there are. */
export const onFurtherDTypes = (samples: readonly Sample[]): Sample[] =>
  [...new Set(samples.map((s) => s.prim))].flatMap((prim) =>
    uncovered(prim, samples)
      .filter(([dtype]) => wanted(prim, dtype))
      .map(([dtype, s]) => ({
        ...s,
        name: `${s.name} as ${dtype.name}`,
        ins: (seed) => {
          const ins = s.ins(seed);
          const main = ins[0]?.dtype;
          return ins.map((n, i) =>
            n.dtype === main ? draw(dtype, n.shape, { float: [0.5, 1.5] }, seed * 7 + i) : n,
          );
        },
      })),
  );

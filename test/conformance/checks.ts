/** The golden files' `check` sentences: results that are right in more than one way. */
import type { Call } from "./adapters/calls.js";
import {
  arrayDifference,
  type Result,
  shapeAndDTypeDifference,
  type Tolerance,
} from "./compare.js";
import { factorisationFailure } from "./factorisations.js";
import { type GoldenArray, type GoldenValue, isGoldenArray, isGoldenList } from "./format.js";

/** The elements of a real array along one axis: one list per position of the other axes. */
function lanes(array: GoldenArray, axis: number): (number | bigint)[][] {
  const length = array.shape[axis] ?? 1;
  const inner = array.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const count = length === 0 ? 0 : array.values.length / length;
  return Array.from({ length: count }, (_, lane) => {
    const start = Math.floor(lane / inner) * inner * length + (lane % inner);
    return Array.from({ length }, (_, i) => array.values[start + i * inner] ?? Number.NaN);
  });
}

/** MLX sorts NaN to the end. */
function ascending(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function axisOf(request: Call, rank: number): number {
  const axis = request.kwargs.get("axis") ?? -1;
  if (typeof axis !== "number") throw new Error("check: axis is not a number");
  return axis < 0 ? axis + rank : axis;
}

function firstOperand(request: Call): GoldenArray {
  const [operand] = request.golden;
  if (!isGoldenArray(operand)) throw new Error("check: the first argument is not an array");
  return operand;
}

function sameMultisets(got: GoldenArray, want: GoldenArray, axis: number): string | null {
  const wanted = lanes(want, axis);
  for (const [i, lane] of lanes(got, axis).entries()) {
    const a = lane.sort(ascending);
    const b = wanted[i]?.sort(ascending);
    if (!b || a.some((value, k) => ascending(value, b[k] ?? Number.NaN) !== 0)) {
      return `lane ${i}: expected the elements ${b}, got ${a}`;
    }
  }
  return null;
}

function partitioned(lane: readonly (number | bigint)[], kth: number): boolean {
  const pivot = lane[kth < 0 ? kth + lane.length : kth];
  const sorted = [...lane].sort(ascending)[kth < 0 ? kth + lane.length : kth];
  if (pivot === undefined || sorted === undefined || ascending(pivot, sorted) !== 0) return false;
  const at = kth < 0 ? kth + lane.length : kth;
  return lane.every((value, i) =>
    i < at ? ascending(value, pivot) <= 0 : i === at || ascending(value, pivot) >= 0,
  );
}

function partition(request: Call, got: GoldenArray, indices: boolean): string | null {
  const axis = axisOf(request, got.shape.length);
  const [, kth] = request.args;
  if (typeof kth !== "number") throw new Error("check: kth is not a number");
  const operand = lanes(firstOperand(request), axis);
  for (const [i, lane] of lanes(got, axis).entries()) {
    const source = operand[i] ?? [];
    const values = indices ? lane.map((index) => source[Number(index)] ?? Number.NaN) : lane;
    if (!partitioned(values, kth)) return `lane ${i} is not partitioned at ${kth}: ${values}`;
    if (indices && new Set(lane.map(Number)).size !== lane.length) {
      return `lane ${i} repeats an index: ${lane}`;
    }
  }
  return null;
}

/** Null where the result fulfils the sentence; sentences nobody has implemented fail. */
export function checkResult(
  sentence: string,
  request: Call,
  got: Result,
  want: GoldenValue,
  tolerance: Tolerance,
): string | null {
  const factors = ["linalg.qr", "linalg.svd", "linalg.eigh", "linalg.eig"];
  if (factors.includes(request.fn)) {
    const upper = request.kwargs.get("UPLO") === "U" || request.args[1] === "U";
    const failure = factorisationFailure(
      request.fn,
      firstOperand(request),
      upper,
      got,
      want,
      tolerance,
    );
    if (failure !== null || request.fn !== "linalg.eig") return failure;
    const [values] = got.kind === "list" ? got.items : [];
    const [golden] = isGoldenList(want) ? want : [];
    if (values?.kind !== "array" || !isGoldenArray(golden)) return "expected eigenvalues";
    return eigenvalues(values.array, golden, tolerance);
  }
  if (got.kind !== "array" || !isGoldenArray(want)) {
    return `no check is implemented for several results: ${sentence}`;
  }
  const form = shapeAndDTypeDifference(got.array, want);
  if (form !== null) return form;
  switch (request.fn) {
    case "topk":
      return sameMultisets(got.array, want, axisOf(request, want.shape.length));
    case "partition":
      return (
        partition(request, got.array, false) ??
        sameMultisets(got.array, want, axisOf(request, want.shape.length))
      );
    case "argpartition":
      return partition(request, got.array, true);
    case "random.multivariate_normal":
      return null;
    case "linalg.eigvals":
      return eigenvalues(got.array, want, tolerance);
    default:
      return `no check is implemented for: ${sentence}`;
  }
}

/** A multiset of complex numbers: each wanted one takes the nearest that is left. */
function eigenvalues(got: GoldenArray, want: GoldenArray, tolerance: Tolerance): string | null {
  const size = want.shape.at(-1) ?? 1;
  const ordered = new Float64Array(got.values.length);
  for (let base = 0; base < want.values.length / 2; base += size) {
    const left = Array.from({ length: size }, (_, i) => base + i);
    for (let i = base; i < base + size; i++) {
      const re = Number(want.values[2 * i]);
      const im = Number(want.values[2 * i + 1]);
      const distance = (j: number): number =>
        Math.hypot(Number(got.values[2 * j]) - re, Number(got.values[2 * j + 1]) - im);
      left.sort((a, b) => distance(a) - distance(b));
      const nearest = left.shift() ?? base;
      ordered[2 * i] = Number(got.values[2 * nearest]);
      ordered[2 * i + 1] = Number(got.values[2 * nearest + 1]);
    }
  }
  return arrayDifference({ ...got, values: ordered }, want, tolerance);
}

/** Routines that run in JavaScript on every device: what their buffers take, how they are told by numbers, and how a part of one is run. */
import { type DType, dtypes, float32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { FourierSizes, MatrixRoutine, Routine } from "../core/routine.js";
import { type Fourier, fourierBytes, runFourier } from "./fourier/index.js";
import { itemsOf, type Matrices } from "./matrix/index.js";
import { stackRun } from "./matrix/stack.js";

export type HostRoutine = Matrices | Fourier;

export const isHostRoutine = (r: Routine): r is HostRoutine =>
  r.routine === "matrix" || r.routine === "fourier";

/** Bytes of each buffer, inputs before outputs. */
const hostBytes = (r: HostRoutine): readonly number[] => {
  if (r.routine === "fourier") return fourierBytes(r);
  const { ins, outs } = itemsOf(r);
  return [...ins, ...outs].map(({ size, dtype }) => r.count * size * dtype.size);
};

/** How many matrices or lines there are. */
export const hostTiles = (r: HostRoutine): number =>
  r.routine === "fourier" ? r.outer * r.inner : r.count;

/** Runs tiles `start` up to `end`; gives back the fault, or 0. Scratch memory lives as long as the runner. */
export const hostRunner = (
  r: HostRoutine,
): ((buffers: readonly Uint8Array[], start: number, end: number) => number) => {
  if (r.routine === "matrix") return stackRun(r);
  return (buffers, start, end) => {
    runFourier(r, buffers, start, end);
    return 0;
  };
};

const matrixRoutines: readonly MatrixRoutine[] = [
  "cholesky",
  "lu",
  "solve",
  "triangular",
  "inverse",
  "qr",
  "eigh",
  "eigvalsh",
  "eig",
  "eigvals",
  "svd",
  "svdvals",
];
const transforms: readonly FourierSizes["what"][] = ["forward", "inverse", "real", "half"];

/** A routine as numbers, so that rendered code can say on any thread which one it is. */
export const wordsOfHost = (r: HostRoutine): readonly number[] =>
  r.routine === "matrix"
    ? [
        matrixRoutines.indexOf(r.what),
        r.dtype.code,
        r.count,
        r.m,
        r.n,
        r.k,
        r.option ? 1 : 0,
        r.code,
      ]
    : [transforms.indexOf(r.what), r.dtype.code, r.n, r.outer, r.inner, r.doubled ? 1 : 0, r.scale];

const pick = <T>(list: readonly T[], i: number): T => {
  const found = list[i];
  if (found === undefined) throw new InternalError(`[host] expected a routine, got number ${i}`);
  return found;
};

const hostOf = (routine: HostRoutine["routine"], words: readonly number[]): HostRoutine => {
  const [what = 0, code = float32.code, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words;
  const dtype: DType = pick(dtypes, code);
  return routine === "matrix"
    ? {
        routine,
        what: pick(matrixRoutines, what),
        dtype,
        count: a,
        m: b,
        n: c,
        k: d,
        option: e !== 0,
        code: f,
      }
    : {
        routine,
        what: pick(transforms, what),
        dtype,
        n: a,
        outer: b,
        inner: c,
        doubled: d !== 0,
        scale: e,
      };
};

/** A routine that is ready to run, with the bytes of its buffers. */
interface Ready {
  readonly sizes: readonly number[];
  readonly run: ReturnType<typeof hostRunner>;
}

/** Routines that are kept ready: finding one again takes less than making its scratch memory. */
const mostReady = 64;

/** Where a command's buffers are: views of the memory that are up to date, and offsets in an argument block. */
export interface HostMemory {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
}

/**
 * Module `host` of rendered code: the routines `matrix` and `fourier`, called with an argument block, the tiles from and up
 * to, and the numbers that tell a routine. `at` says where in the block pointers to buffers begin and where the fault word's is.
 */
export const hostModule = (
  memory: () => HostMemory,
  at: { readonly buffers: number; readonly fault: number },
): Readonly<Record<HostRoutine["routine"], (...numbers: number[]) => void>> => {
  const ready = new Map<string, Ready>();
  const readyFor = (routine: HostRoutine["routine"], words: readonly number[]): Ready => {
    const key = `${routine}${words.join()}`;
    const known = ready.get(key);
    if (known !== undefined) return known;
    const r = hostOf(routine, words);
    const made = { sizes: hostBytes(r), run: hostRunner(r) };
    const [oldest] = ready.keys();
    if (ready.size >= mostReady && oldest !== undefined) ready.delete(oldest);
    ready.set(key, made);
    return made;
  };
  const entry =
    (routine: HostRoutine["routine"]) =>
    (args = 0, start = 0, end = 0, ...words: readonly number[]): void => {
      const { sizes, run } = readyFor(routine, words);
      const { i32, u8 } = memory();
      const buffers = sizes.map((bytes, b) => {
        const address = (i32[(args + at.buffers + 4 * b) >>> 2] ?? 0) >>> 0;
        return u8.subarray(address, address + bytes);
      });
      const fault = run(buffers, start, end);
      const word = (i32[(args + at.fault) >>> 2] ?? 0) >>> 2;
      if (i32[word] === 0) i32[word] = fault;
    };
  return { matrix: entry("matrix"), fourier: entry("fourier") };
};

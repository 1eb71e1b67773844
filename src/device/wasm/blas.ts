/** The system's library for matrix products: found, tried, and called on the device's memory; see `Library`. */
import type { Library } from "../../render/contract.js";
import { faultOf, type NativeGemm, speedOf } from "./blas-check.js";
import {
  type Callable,
  environment,
  isCallable,
  method,
  optionalPackage,
  parallelism,
  platform,
} from "./host.js";

/** False for none, true for the first that is found, or the path of a library. */
export type BlasChoice = boolean | string;

/** Which library computes large matrix products, or why none does. */
export interface BlasInfo {
  /** The name or path it was loaded by, or null. */
  readonly library: string | null;
  /** What it says about itself, where it does. */
  readonly config: string | null;
  readonly used: boolean;
  /** Why none is used; null where one is. */
  readonly reason: string | null;
}

/** Everything a worker needs to call the library too. */
export interface BlasSource {
  /** Where the package of foreign functions lies, and the library. */
  readonly koffi: string;
  readonly library: string;
  /** The declarations of the products, and calls that keep the library from starting threads of its own. */
  readonly f32: string;
  readonly f64: string;
  readonly quiet: readonly string[];
  /** The address of the memory in the process. */
  readonly base: number;
}

/** A library that can be used. */
export interface Blas extends Library {
  readonly source: BlasSource;
  /** Module `blas` for the calling thread. */
  readonly imports: { readonly f32: Callable; readonly f64: Callable };
}

/** What the search for a library found. */
export interface BlasFound {
  readonly blas: Blas | null;
  readonly info: BlasInfo;
}

const declare = (name: string, float: string): string =>
  `void ${name}(int order, int ta, int tb, int m, int n, int k, ${float} alpha, size_t a, int lda, size_t b, int ldb, ${float} beta, size_t c, int ldc)`;
const f32 = declare("cblas_sgemm", "float");
const f64 = declare("cblas_dgemm", "double");

/** Each thread of ours calls the library: it should not start others. Functions that a library has not are left out. */
const quiet = [
  "void openblas_set_num_threads(int n)",
  "void MKL_Set_Num_Threads(int n)",
  "void bli_thread_set_num_threads(int64_t n)",
  "void BLASSetThreading(int n)",
] as const;

/** From so many multiply-adds on a library is faster, and from so many rows and columns on, as measured. */
const leastWork = 1 << 14;
const leastSide = 8;

/** Slower than this, a library is a reference implementation: GFLOP/s. */
const slowest = 10;

const candidates = (system: string | null): readonly string[] => {
  switch (system) {
    case "darwin":
      return ["/System/Library/Frameworks/Accelerate.framework/Accelerate"];
    case "win32":
      return ["openblas.dll", "libopenblas.dll", "mkl_rt.2.dll", "mkl_rt.dll"];
    default:
      return [
        "libopenblas.so.0",
        "libopenblas.so",
        "libmkl_rt.so.2",
        "libmkl_rt.so",
        "libblis.so.4",
        "libblis.so",
        "libcblas.so.3",
        "libblas.so.3",
      ];
  }
};

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim();

/** A function of a library, or null where it has none of that name. */
const functionOf = (library: unknown, declaration: string): Callable | null => {
  try {
    const f = method(library, "func")?.(declaration);
    return isCallable(f) ? f : null;
  } catch {
    return null;
  }
};

const native =
  (f: Callable): NativeGemm =>
  (ta, tb, m, n, k, a, lda, b, ldb, c, ldc) => {
    f(101, 111 + ta, 111 + tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
  };

/** Addresses of the memory are unsigned, but arrive as i32. */
const onMemory =
  (f: Callable, base: number): Callable =>
  (ta, tb, m, n, k, a, lda, b, ldb, c, ldc) =>
    f(
      101,
      Number(ta) + 111,
      Number(tb) + 111,
      m,
      n,
      k,
      1,
      base + (Number(a) >>> 0),
      lda,
      base + (Number(b) >>> 0),
      ldb,
      0,
      base + (Number(c) >>> 0),
      ldc,
    );

const none = (reason: string, library: string | null = null): BlasFound => ({
  blas: null,
  info: { library, config: null, used: false, reason },
});

interface Package {
  readonly exports: unknown;
  readonly path: string;
}

const unloadable = "it cannot be loaded";

/** Loads and tries one library. */
const load = (koffi: Package, path: string, memory: WebAssembly.Memory): BlasFound => {
  let library: unknown;
  try {
    library = method(koffi.exports, "load")?.(path);
  } catch (error) {
    return none(`${unloadable}: ${messageOf(error)}`, path);
  }
  const [single, double] = [functionOf(library, f32), functionOf(library, f64)];
  if (single === null || double === null)
    return none("it has no cblas_sgemm and cblas_dgemm", path);
  const about = functionOf(library, "str openblas_get_config()")?.();
  const config = typeof about === "string" ? about : null;
  if (config?.includes("USE64BITINT"))
    return none("it takes 64-bit integers: give a library with 32-bit ones", path);
  for (const declaration of quiet) functionOf(library, declaration)?.(1);
  const address = method(koffi.exports, "address");
  const addressOf = (floats: ArrayBufferView): number => Number(address?.(floats));
  const base = addressOf(new Uint8Array(memory.buffer));
  if (!Number.isSafeInteger(base)) return none("the address of the memory is not known", path);
  for (const [type, f] of [
    ["f32", single],
    ["f64", double],
  ] as const) {
    const wrong = faultOf(native(f), addressOf, type);
    if (wrong !== null) return none(`it is wrong: ${type}, ${wrong}`, path);
  }
  const speed = speedOf(native(single), addressOf);
  if (speed < slowest) return none(`it is slow: ${speed.toFixed(1)} GFLOP/s`, path);
  // A build without threads may not expect several callers either.
  const alone = functionOf(library, "int openblas_get_parallel()")?.() === 0;
  return {
    blas: {
      threads: alone ? 1 : parallelism(),
      leastWork,
      leastSide,
      source: { koffi: koffi.path, library: path, f32, f64, quiet, base },
      imports: { f32: onMemory(single, base), f64: onMemory(double, base) },
    },
    info: { library: path, config, used: true, reason: null },
  };
};

/** What the environment says: `COTANGENT_BLAS` is `off`, `on` or the path of a library. */
export const blasByEnvironment = (): BlasChoice => {
  const value = environment("COTANGENT_BLAS");
  if (value === null || value === "" || value === "on") return true;
  return value === "off" ? false : value;
};

/** The library that is chosen, working on this memory, or why there is none. */
export const findBlas = (choice: BlasChoice, memory: WebAssembly.Memory): BlasFound => {
  if (choice === false) return none("switched off by setBlas(false) or COTANGENT_BLAS=off");
  const system = platform();
  if (system === null) return none("libraries of the system are called in Node only");
  // Memory that is not shared can move when it grows.
  if (memory.buffer instanceof ArrayBuffer) return none("memory cannot be shared here");
  const koffi = optionalPackage("koffi");
  if (koffi === null) return none("the optional dependency koffi is not installed");
  if (choice !== true) return load(koffi, choice, memory);
  const tried = candidates(system);
  const failures: string[] = [];
  for (const path of tried) {
    const found = load(koffi, path, memory);
    if (found.blas !== null) return found;
    const reason = found.info.reason ?? "";
    if (!reason.startsWith(unloadable)) failures.push(`${path}: ${reason}`);
  }
  return none([`none found of ${tried.join(", ")}`, ...failures].join("; "));
};

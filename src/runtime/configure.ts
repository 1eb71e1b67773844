/** What a program chooses about the engine, in one call. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { WasmDevice } from "../device/wasm/device.js";
import { setBlas } from "./blas.js";
import { defaultEngine } from "./default-engine.js";
import { setThreads } from "./threads.js";

/** Options of {@link configure}; what is left out stays as it is. */
export interface ConfigureOptions {
  /** How many threads evaluate arrays, the calling one included: {@link setThreads}. */
  readonly threads?: number;
  /** Which library of the system computes large matrix products: {@link setBlas}. */
  readonly blas?: boolean | string;
  /** Whether an experimental flag of V8 is set that joins pairs of vectors to vectors of twice the length. */
  readonly v8Flags?: boolean;
}

const wrong = (name: string, expected: string, got: unknown, cure: string): ArgumentError =>
  new ArgumentError(
    `[configure] expected ${name} to be ${expected}, got ${describe(got)}: ${cure}`,
  );

/**
 * Sets how arrays are evaluated from now on; options that are left out stay as they are.
 *
 * - `threads`: a whole number of at least 1, see {@link setThreads}. As many as there are cores by default.
 * - `blas`: `false`, `true` or the name or path of a library, see {@link setBlas}. By default `true`, or what
 *   `COTANGENT_BLAS` says.
 * - `v8Flags`: `true` sets V8's experimental flag `--experimental-wasm-revectorize` for the whole process and makes
 *   kernels of a shape that it pairs: matrix products and many
 *   element-wise functions run up to twice as fast on processors with AVX2. Nothing but this
 *   option and `COTANGENT_V8_FLAGS=1` sets it. It is tried before it is used, which takes some tenths of a second, once: where results differ
 *   by a bit, where nothing is gained, or where this Node does not know it, it is unset again, and {@link deviceInfo} says
 *   why in `wideVectors`. Results are the same to the bit. `false`, the default, unsets it.
 *
 * MLX has no such function.
 *
 * @throws ArgumentError for an unknown option or a wrong value; nothing has changed then
 * @example
 * mx.configure({ threads: 1, blas: false });
 * mx.configure({ v8Flags: true });
 * const { used, reason } = mx.deviceInfo().wideVectors;
 * used || reason !== null; // true
 * mx.configure({ v8Flags: false });
 */
export const configure = (options: ConfigureOptions): void => {
  const { threads, blas, v8Flags } = readOptions<ConfigureOptions>("configure", options, [
    "threads",
    "blas",
    "v8Flags",
  ]);
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1))
    throw wrong(
      "threads",
      "a whole number of at least 1",
      threads,
      "1 means the calling thread alone",
    );
  if (blas !== undefined && typeof blas !== "boolean" && typeof blas !== "string")
    throw wrong("blas", "true, false or the path of a library", blas, "false means none");
  if (v8Flags !== undefined && typeof v8Flags !== "boolean")
    throw wrong("v8Flags", "true or false", v8Flags, "false unsets what true has set");
  if (threads !== undefined) setThreads(threads);
  if (blas !== undefined) setBlas(blas);
  if (v8Flags === undefined) return;
  const engine = defaultEngine();
  if (!(engine.device instanceof WasmDevice)) return;
  engine.device.setWide(v8Flags);
  engine.forgetPlans();
};

/** What the arrays of this process occupy on the device, and how much they may. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { WasmDevice } from "../device/wasm/device.js";
import { defaultEngine } from "./default-engine.js";

/**
 * Bytes of device memory that live arrays occupy now.
 *
 * @example
 * const x = mx.ones([256]);
 * mx.eval(x);
 * mx.getActiveMemory() >= x.nbytes; // true
 * @see mlx.core.get_active_memory
 */
export const getActiveMemory = (): number => defaultEngine().device.memory().activeBytes;

/**
 * The most bytes of device memory that were occupied at once since the start or {@link resetPeakMemory}.
 *
 * @example mx.getPeakMemory() >= mx.getActiveMemory(); // true
 * @see mlx.core.get_peak_memory
 */
export const getPeakMemory = (): number => defaultEngine().device.memory().peakBytes;

/**
 * Lets the peak start anew from what is occupied now.
 *
 * @example
 * mx.resetPeakMemory();
 * mx.getPeakMemory() === mx.getActiveMemory(); // true
 * @see mlx.core.reset_peak_memory
 */
export const resetPeakMemory = (): void => {
  const { device } = defaultEngine();
  if (device instanceof WasmDevice) device.resetPeak();
};

/**
 * Bytes that were taken from the system and are free: what new arrays get first. WebAssembly's memory never shrinks.
 *
 * @example mx.getCacheMemory() >= 0; // true
 * @see mlx.core.get_cache_memory
 */
export const getCacheMemory = (): number => {
  const { heapBytes, activeBytes } = defaultEngine().device.memory();
  return heapBytes - activeBytes;
};

const readBytes = (op: string, given: unknown): number => {
  if (typeof given === "number" && given >= 0 && (Number.isInteger(given) || given === Infinity))
    return given;
  throw new ArgumentError(
    `[${op}] expected a number of bytes from 0, got ${describe(given)}: pass a whole number or Infinity`,
  );
};

let cacheLimit = Number.POSITIVE_INFINITY;
let wiredLimit = 0;

/**
 * Arrays may occupy `limit` bytes from now on. Where a new one has no room, dead arrays are looked for and freed; if that is
 * not enough, evaluating throws a {@link DeviceError}, and everything is as it was. What is there already stays.
 *
 * @returns the limit before
 * @throws ArgumentError unless the limit is a whole number from 0, or Infinity
 * @example
 * const before = mx.setMemoryLimit(2 ** 30);
 * mx.setMemoryLimit(before); // 1073741824
 * @see mlx.core.set_memory_limit
 */
export const setMemoryLimit = (limit: number): number => {
  const bytes = readBytes("setMemoryLimit", limit);
  const { device } = defaultEngine();
  const before = device.memory().limitBytes;
  if (device instanceof WasmDevice) device.setLimit(bytes);
  return before;
};

/**
 * At most `limit` bytes beyond what is needed are taken from the system when memory grows; 0 takes no more than is needed.
 * By default memory grows by half. What was taken already stays, because WebAssembly's memory never shrinks.
 *
 * @returns the limit before
 * @throws ArgumentError unless the limit is a whole number from 0, or Infinity
 * @example
 * const before = mx.setCacheLimit(0);
 * mx.setCacheLimit(before); // 0
 * @see mlx.core.set_cache_limit
 */
export const setCacheLimit = (limit: number): number => {
  const bytes = readBytes("setCacheLimit", limit);
  const before = cacheLimit;
  cacheLimit = bytes;
  const { device } = defaultEngine();
  if (device instanceof WasmDevice) device.setSpare(bytes);
  return before;
};

/**
 * Is kept and has no effect: it is for GPUs whose memory can be wired.
 *
 * @returns the limit before, 0 at first
 * @throws ArgumentError unless the limit is a whole number from 0, or Infinity
 * @example mx.setWiredLimit(0); // 0
 * @see mlx.core.set_wired_limit
 */
export const setWiredLimit = (limit: number): number => {
  const before = wiredLimit;
  wiredLimit = readBytes("setWiredLimit", limit);
  return before;
};

/**
 * Gives up what is kept for speed alone: dead arrays are looked for and freed, where the platform can do that, and so are
 * the plans and command lists of former evaluations.
 *
 * @example mx.clearCache();
 * @see mlx.core.clear_cache
 */
export const clearCache = (): void => {
  const engine = defaultEngine();
  if (engine.device instanceof WasmDevice) engine.device.drain();
  engine.forgetPlans();
  engine.collect();
};

/** How many threads evaluate arrays on the CPU. */
import { WasmDevice } from "../device/wasm/device.js";
import { defaultEngine } from "./default-engine.js";

/**
 * Evaluates with `count` threads from now on, the calling one included: as many as there are cores by default. Threads
 * are started when there is work that pays for it, and do not keep the process alive; results do not depend on their
 * number. Where memory cannot be shared (a page that is not cross-origin isolated) there is always one thread; other
 * devices than the CPU do not care.
 *
 * Throws an ArgumentError unless `count` is a whole number of at least 1. MLX has no such function.
 *
 * @example
 * mx.setThreads(1); // the calling thread alone
 */
export const setThreads = (count: number): void => {
  const { device } = defaultEngine();
  if (device instanceof WasmDevice) device.setThreads(count);
};

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

/** What threads did so far. */
export interface ThreadCounts {
  /** How many may run kernels, the calling one included, and how many of them there are by now. */
  readonly most: number;
  readonly running: number;
  /** How many asynchronous evaluations were run by the calling thread, and how many by another one. */
  readonly here: number;
  readonly led: number;
}

/**
 * How many threads evaluate arrays on the CPU by now, and where asynchronous evaluations ran. One thread on other devices.
 *
 * @example mx.debug.threads().most >= 1; // true
 */
export const threads = (): ThreadCounts => {
  const { device } = defaultEngine();
  return device instanceof WasmDevice
    ? { ...device.threadCounts(), ...device.asynchronousCounts() }
    : { most: 1, running: 1, here: 0, led: 0 };
};

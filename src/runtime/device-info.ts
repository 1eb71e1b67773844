/** What the device is, and what of the machine it uses. */
import type { BlasInfo } from "../device/wasm/blas.js";
import { WasmDevice } from "../device/wasm/device.js";
import { machine } from "../device/wasm/host.js";
import { notWide, type WideInfo } from "../device/wasm/wide.js";
import { defaultEngine } from "./default-engine.js";
import { type Device, type DeviceType, readDevice } from "./streams.js";

/** What {@link deviceInfo} says; what nobody knows here is null. */
export interface DeviceInfo {
  /** The processor's name. */
  readonly deviceName: string | null;
  readonly architecture: string | null;
  /** Bytes of the machine's memory, and how many of them arrays may take. */
  readonly memorySize: number | null;
  readonly memoryLimit: number;
  /** How many threads may evaluate arrays, and how many were started so far. */
  readonly threads: number;
  readonly runningThreads: number;
  /** Which of WebAssembly's features are used: "simd128", "relaxed-simd", "threads", "wide vectors". */
  readonly features: readonly string[];
  /** The library for large matrix products. */
  readonly blas: BlasInfo;
  /** Whether V8 joins pairs of vectors, as `configure({ v8Flags: true })` asks it to, or why not. */
  readonly wideVectors: WideInfo;
}

const noBlas: BlasInfo = {
  library: null,
  config: null,
  used: false,
  reason: "this device computes by itself",
};

/**
 * The device that evaluates arrays: the processor's name, the architecture, memory, threads, features of WebAssembly,
 * which library of the system computes large matrix products or why none does, and whether vectors are joined to wider ones.
 * Asking makes it look for a library.
 *
 * @throws DeviceError for a device that is not there
 * @example
 * const { threads, blas } = mx.deviceInfo();
 * threads >= 1; // true
 * blas.used || blas.reason !== null; // true
 * @see mlx.core.device_info
 */
export const deviceInfo = (of?: Device | DeviceType | null): DeviceInfo => {
  if (of !== undefined && of !== null) readDevice("deviceInfo", of);
  const { device } = defaultEngine();
  const { processor, architecture, memory } = machine();
  const wasm = device instanceof WasmDevice ? device : null;
  const counts = wasm?.threadCounts() ?? { most: 1, running: 1 };
  const { relaxed = false, shared = false, wide = false } = wasm?.features ?? {};
  return {
    deviceName: processor,
    architecture,
    memorySize: memory,
    memoryLimit: device.memory().limitBytes,
    threads: counts.most,
    runningThreads: counts.running,
    features: [
      ...(wasm === null ? [] : ["simd128"]),
      ...(relaxed ? ["relaxed-simd"] : []),
      ...(shared ? ["threads"] : []),
      ...(wide ? ["wide vectors"] : []),
    ],
    blas: wasm?.blasInfo() ?? noBlas,
    wideVectors: wasm?.wideInfo() ?? notWide,
  };
};

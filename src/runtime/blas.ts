/** Which library of the system computes large matrix products. */
import { WasmDevice } from "../device/wasm/device.js";
import { defaultEngine } from "./default-engine.js";

/**
 * Which library of the system computes large float32 and float64 matrix products from now on: `false` for none, `true`
 * for the first that is found (Accelerate, OpenBLAS, MKL, BLIS), or the name or path of one. Without a call the
 * environment variable `COTANGENT_BLAS` decides (`off`, `on` or a path), and without that it is `true`.
 *
 * Libraries are called in Node only, where the optional dependency `koffi` is installed. One that is missing or gives
 * wrong results is not used, and nothing fails: {@link deviceInfo} says why. Results differ in rounding, because a library
 * adds products up in another order. MLX has no such function.
 *
 * @example
 * mx.setBlas(false);
 * mx.deviceInfo().blas.used; // false
 */
export const setBlas = (choice: boolean | string): void => {
  const engine = defaultEngine();
  if (!(engine.device instanceof WasmDevice)) return;
  engine.device.setBlas(choice);
  engine.forgetPlans();
};

/** What the arrays of this process occupy on the device. */
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
 * The most bytes of device memory that were occupied at once so far.
 *
 * @example mx.getPeakMemory() >= mx.getActiveMemory(); // true
 * @see mlx.core.get_peak_memory
 */
export const getPeakMemory = (): number => defaultEngine().device.memory().peakBytes;

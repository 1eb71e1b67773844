/** What this engine's WebAssembly can do, asked once before anything is compiled. */
import { DeviceError } from "../../core/errors.js";
import type { Features } from "../../render/contract.js";
import { setEngineFlag } from "./host.js";

/** A module with one function that applies a vector instruction to zero vectors. */
const probe = (operands: number, instruction: readonly number[]): Uint8Array<ArrayBuffer> => {
  const zero = [0xfd, 12, ...new Array<number>(16).fill(0)];
  const body = [0, ...Array.from({ length: operands }, () => zero).flat(), ...instruction, 0x0b];
  const types = [1, 5, 1, 0x60, 0, 1, 0x7b];
  const code = [10, body.length + 2, 1, body.length, ...body];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...types, 3, 2, 1, 0, ...code]);
};

const simdAdd: readonly number[] = [0xfd, 0xe4, 0x01];
const relaxedMadd: readonly number[] = [0xfd, 0x85, 0x02];

const hasRelaxed = (): boolean => {
  const module = probe(3, relaxedMadd);
  if (WebAssembly.validate(module)) return true;
  // Node 20 has it behind a flag; newer engines do not know the flag, but never get here.
  setEngineFlag("--experimental-wasm-relaxed-simd");
  return WebAssembly.validate(module);
};

const hasShared = (): boolean => {
  if (typeof SharedArrayBuffer === "undefined") return false;
  try {
    return (
      new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }).buffer instanceof
      SharedArrayBuffer
    );
  } catch {
    return false;
  }
};

/** Throws a DeviceError where there is no WebAssembly SIMD. */
export const detectFeatures = (): Features => {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(probe(2, simdAdd))) {
    throw new DeviceError(
      "[device] expected WebAssembly with SIMD, got an engine without: use a current one",
    );
  }
  return { relaxed: hasRelaxed(), shared: hasShared() };
};

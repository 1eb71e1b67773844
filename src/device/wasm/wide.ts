/** Vectors twice as long, where V8 joins pairs of them: an experimental flag, set when asked for, tried before it is used. */
import type { Features, Render } from "../../render/contract.js";
import { buildVariable, environment, hasEngineFlags, setEngineFlag } from "./host.js";
import { faultOfWide } from "./wide-check.js";

/** Whether pairs of vectors are joined, or why they are not. */
export interface WideInfo {
  readonly used: boolean;
  /** Null where they are. */
  readonly reason: string | null;
}

const flag = "experimental-wasm-revectorize";

const no = (reason: string): WideInfo => ({ used: false, reason });

/** What holds as long as nobody asks for it. */
export const notWide: WideInfo = no(
  "not asked for: mx.configure({ v8Flags: true }) and COTANGENT_V8_FLAGS=1 do",
);

/** What the environment says: `COTANGENT_V8_FLAGS` is `1` or `on`, or anything else for no. */
export const wideByEnvironment = (): boolean => {
  const value = environment("COTANGENT_V8_FLAGS");
  return value === "1" || value === "on";
};

/** Sets the flag and tries what it does; unset again unless results stay the same and come sooner. */
export const joinVectors = (render: Render, features: Features): WideInfo => {
  if (!hasEngineFlags()) return no("flags of V8 can be set in Node only");
  // An unknown flag would be complained about on standard error.
  if (buildVariable("v8_enable_wasm_simd256_revec") !== 1)
    return no(`this Node was built without --${flag}: a newer one on x64 has it`);
  const before = known.get(render);
  if (before !== undefined) {
    if (before.used) setEngineFlag(`--${flag}`);
    return before;
  }
  const found = tried(render, features);
  known.set(render, found);
  return found;
};

/** What came of trying it with the kernels of a renderer. */
const known = new WeakMap<Render, WideInfo>();

const tried = (render: Render, features: Features): WideInfo => {
  try {
    const fault = faultOfWide(render, features, () => setEngineFlag(`--${flag}`));
    if (fault === null) return { used: true, reason: null };
    splitVectors();
    return no(`switched off again: under --${flag} ${fault}`);
  } catch (error) {
    splitVectors();
    const message = error instanceof Error ? error.message : String(error);
    return no(`switched off again: under --${flag} a trial failed: ${message}`);
  }
};

/** Unsets the flag: what is compiled from now on is as it was. */
export const splitVectors = (): void => setEngineFlag(`--no-${flag}`);

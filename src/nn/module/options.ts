/** Options of what modules do. */
import type { FileFormat } from "../../io/load.js";

/** Options of `freeze` and `unfreeze`. */
export interface FreezeOptions {
  /** Submodules too, at any depth; true by default. */
  readonly recurse?: boolean;
  /** Only parameters of these names; all by default. */
  readonly keys?: string | readonly string[] | null;
  /** Refuse a name that no module has. */
  readonly strict?: boolean;
}

/** Options of updates and of loading. */
export interface StrictOptions {
  /** Refuse names that do not fit; true by default. */
  readonly strict?: boolean;
}

/** Options of `loadWeights`. */
export interface LoadWeightsOptions extends StrictOptions {
  /** The format, when the name of the file does not tell it. */
  readonly format?: FileFormat | null;
}

/** Options of `saveWeights`. */
export interface SaveWeightsOptions {
  /** Strings to keep beside the weights; safetensors only. */
  readonly metadata?: Readonly<Record<string, string>> | null;
}

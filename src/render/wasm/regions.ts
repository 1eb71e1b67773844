/** The form of code before it is written out: values with their regions, and the effects of each region in order. */
import type { Callee, WasmType } from "./encoder.js";
import type { Ref } from "./lane-code.js";

export type Kind = "op" | "const" | "fixed" | "get" | "call" | "branch";

export interface Arm {
  readonly region: Region;
  readonly value: Ref;
}

export interface Node {
  readonly kind: Kind;
  readonly name: string;
  readonly args: readonly Ref[];
  readonly immediates: readonly number[];
  readonly type: WasmType;
  readonly region: Region;
  /** Bits of a constant: little-endian bytes. */
  readonly bytes: Uint8Array | null;
  /** What a call calls. */
  readonly callee: Callee | null;
  /** The local that a `get` reads. */
  readonly from: number;
  readonly arms: readonly Arm[];
  uses: number;
  /** Uses of a constant in branches. */
  cold: number;
  local: number;
}

export type Effect =
  | {
      readonly k: "store";
      readonly name: string;
      readonly args: readonly Ref[];
      readonly immediates: readonly number[];
    }
  | { readonly k: "set"; readonly local: number; readonly value: Ref }
  | { readonly k: "pin"; readonly value: Ref }
  | {
      readonly k: "loop";
      readonly index: number;
      readonly start: Ref;
      readonly end: Ref;
      readonly step: number;
      readonly body: Region;
      readonly checked: boolean;
    }
  | { readonly k: "if"; readonly cond: Ref; readonly yes: Region; readonly no: Region };

export interface Region {
  readonly parent: Region | null;
  readonly kind: "function" | "loop" | "arm";
  readonly depth: number;
  readonly effects: Effect[];
  readonly memo: Map<string, Ref>;
  /** Values from outside that are used inside; they are held in locals while the region runs. */
  readonly free: Set<Ref>;
}

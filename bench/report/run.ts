/** The results of one run, as they are written to JSON. */

export interface Cell {
  /** Median and least time of one call, in milliseconds; absent where the library cannot do it. */
  readonly median?: number;
  readonly least?: number;
  /** Median over rounds of this library's time divided by the first library's. */
  readonly ratio?: number;
  /** Something to know of it, such as a result that disagrees. */
  readonly note?: string;
}

export interface Row {
  readonly name: string;
  readonly group: string;
  readonly flops?: number;
  readonly bytes?: number;
  readonly goal?: string;
  /** One per library of the run, in its order. */
  readonly cells: readonly Cell[];
}

export interface Run {
  readonly node: string;
  readonly machine: string;
  readonly libraries: readonly {
    readonly name: string;
    readonly version: string;
    readonly how: string;
  }[];
  /** Libraries that could not be had, and why. */
  readonly missing: readonly string[];
  readonly rows: readonly Row[];
  /** Figures that are not times of workloads: sizes, import times. */
  readonly extra: readonly { readonly name: string; readonly value: string }[];
}

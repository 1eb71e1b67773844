/** Where MLX has no dtype for something well defined and we do: the error that was recorded is not expected here. */

/** Function → dtypes that it keeps. */
const BEYOND: Readonly<Record<string, readonly string[]>> = {
  nan_to_num: ["float64"],
};

export function isBeyond(fn: string, dtypes: string): boolean {
  return BEYOND[fn]?.includes(dtypes) ?? false;
}

/** Cases that record an error where we have a result on purpose. */
export const BEYOND_CASES: readonly string[] = [
  // Reading with a boolean mask has a well-defined result here.
  "error/array.__getitem__#5",
];

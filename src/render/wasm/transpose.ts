/** Loads that lie along another grid axis than the vectors: four vectors there become four vectors here. */
import type { Val } from "../../kernel/ir.js";
import type { Addresses, Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import { strideOf } from "./plan.js";

const bytesOf = (lanes: readonly number[]): number[] =>
  lanes.flatMap((w) => [0, 1, 2, 3].map((b) => 4 * w + b));

const interleaveLow = bytesOf([0, 4, 1, 5]);
const interleaveHigh = bytesOf([2, 6, 3, 7]);
const lowHalves = bytesOf([0, 1, 4, 5]);
const highHalves = bytesOf([2, 3, 6, 7]);

/** The load at each of four frames next to each other along `axis`, or null if it does not lie along that axis. */
export function transpose(
  addresses: Addresses,
  frames: readonly Frame[],
  axis: number,
  v: Extract<Val, { op: "load" }>,
): Ref[] | null {
  const { code } = addresses;
  const [frame] = frames;
  if (frame === undefined || strideOf(v.ix, axis, []) !== 1) return null;
  const row = (lane: number): Ref => {
    const { address, offset } = addresses.place(frame, v.buf, 4, v.ix, lane);
    return code.load("v128.load", address, offset);
  };
  const [r0, r1, r2, r3] = [row(0), row(1), row(2), row(3)];
  const shuffle = (lanes: number[], a: Ref, b: Ref): Ref => code.lane("i8x16.shuffle", lanes, a, b);
  const [a, b] = [shuffle(interleaveLow, r0, r1), shuffle(interleaveLow, r2, r3)];
  const [c, d] = [shuffle(interleaveHigh, r0, r1), shuffle(interleaveHigh, r2, r3)];
  return [
    shuffle(lowHalves, a, b),
    shuffle(highHalves, a, b),
    shuffle(lowHalves, c, d),
    shuffle(highHalves, c, d),
  ];
}

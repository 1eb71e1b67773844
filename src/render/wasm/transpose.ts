/** Loads that lie along another grid axis than the vectors: as many vectors there as lanes become vectors here. */
import { elementBytes } from "../../kernel/domains.js";
import type { Buf, Mask, Val } from "../../kernel/ir.js";
import type { Addresses, Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Ops } from "./ops.js";
import { strideOf } from "./plan.js";
import { loadEverySecond, loadVector } from "./storage.js";

const words = (lanes: readonly number[]): number[] =>
  lanes.flatMap((w) => [0, 1, 2, 3].map((b) => 4 * w + b));

const interleaveLow = words([0, 4, 1, 5]);
const interleaveHigh = words([2, 6, 3, 7]);
const lowHalves = words([0, 1, 4, 5]);
const highHalves = words([2, 3, 6, 7]);

/**
 * The load at each of the frames next to each other along `axis`, or null if it does not lie along that axis: also where
 * a computed index (a gather's) changes along it, for which the domains of the values are needed.
 */
export function transpose(
  o: Ops,
  addresses: Addresses,
  frames: readonly Frame[],
  axis: number,
  domains: readonly Mask[],
  v: Extract<Val, { op: "load" }>,
  { storage }: Buf,
): Ref[] | null {
  const [frame] = frames;
  const stride = strideOf(v.ix, axis, domains);
  const bytes = elementBytes(storage);
  if (frame === undefined || (stride !== 1 && (stride !== 2 || bytes !== 4))) return null;
  const rows = Array.from({ length: o.lanes }, (_, lane): Ref => {
    const { address, offset } = addresses.place(frame, v.buf, bytes, v.ix, lane);
    return stride === 1
      ? loadVector(o, storage, address, offset)
      : loadEverySecond(o, address, offset, 0);
  });
  const shuffle = (lanes: number[], a: Ref, b: Ref): Ref =>
    addresses.code.lane("i8x16.shuffle", lanes, a, b);
  const [r0 = 0, r1 = 0, r2 = 0, r3 = 0] = rows;
  if (o.lanes === 2) return [shuffle(lowHalves, r0, r1), shuffle(highHalves, r0, r1)];
  const [a, b] = [shuffle(interleaveLow, r0, r1), shuffle(interleaveLow, r2, r3)];
  const [c, d] = [shuffle(interleaveHigh, r0, r1), shuffle(interleaveHigh, r2, r3)];
  return [
    shuffle(lowHalves, a, b),
    shuffle(highHalves, a, b),
    shuffle(lowHalves, c, d),
    shuffle(highHalves, c, d),
  ];
}

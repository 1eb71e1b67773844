/** Unsigned numbers of a few bits as one little-endian stream of bits over the uint32 words of a row. */
import { int32, uint32 } from "../../core/dtype.js";
import type { Node, Shape } from "../../graph/node.js";
import { maximum, minimum, negative, scale, shift, subtract } from "../arithmetic.js";
import { bitwiseAnd, bitwiseOr, leftShift, rightShift } from "../bits.js";
import { broadcast, reshape, sum } from "../broadcast-sum.js";
import { cast } from "../cast.js";
import { greater, less, select } from "../compare-select.js";
import { constantLike, iota } from "../constant.js";
import { gather } from "../gather-scatter.js";
import { moveAxis } from "../permute.js";

const word = 32;

/** `x` repeated along a new last axis. */
export const repeatLast = (x: Node, length: number): Node =>
  broadcast(x, [...x.shape, length], [...x.shape.keys()]);

/** The bit offset of each element of a word, `[0, bits, …]`, along the last axis of `shape`. */
const offsets = (shape: Shape, bits: number): Node =>
  scale(iota(shape, shape.length - 1, uint32), bits);

/** The last axis cut into rows of `length`. */
const cut = (x: Node, length: number): Node =>
  reshape(x, [...x.shape.slice(0, -1), Math.floor((x.shape.at(-1) ?? 0) / length), length]);

const joinLast = (x: Node): Node =>
  reshape(x, [...x.shape.slice(0, -2), (x.shape.at(-2) ?? 0) * (x.shape.at(-1) ?? 0)]);

/** Chosen elements along the last axis. */
const pick = (x: Node, indices: Node): Node => {
  const last = x.shape.length - 1;
  const found = gather(x, [indices], [last], [...x.shape.slice(0, -1), 1]);
  return moveAxis(reshape(found, [...indices.shape, ...x.shape.slice(0, -1)]), 0, last);
};

/** uint32 codes below 2^bits, packed; the last axis holds whole words. */
export const packCodes = (codes: Node, bits: number): Node => {
  if (word % bits === 0) {
    const rows = cut(codes, word / bits);
    return sum(leftShift(rows, offsets(rows.shape, bits)), [rows.shape.length - 1]);
  }
  // 32 elements fill `bits` words. Of each element, word w has the bits from 32·w on.
  const rows = cut(codes, word);
  const lead = rows.shape.slice(0, -1);
  const shape = [...lead, bits, word];
  const [down, along] = [lead.length, lead.length + 1];
  const wide = broadcast(rows, shape, [...lead.keys(), along]);
  const start = scale(iota(shape, along, int32), bits);
  const at = subtract(start, scale(iota(shape, down, int32), word));
  const zero = constantLike(at, 0);
  const left = cast(minimum(maximum(at, zero), constantLike(at, word - 1)), uint32);
  const right = cast(minimum(maximum(negative(at), zero), constantLike(at, word - 1)), uint32);
  const within = bitwiseAnd(less(at, constantLike(at, word)), greater(at, constantLike(at, -bits)));
  const part = rightShift(leftShift(wide, left), right);
  return joinLast(sum(select(within, part, constantLike(part, 0)), [along]));
};

/** The uint32 codes of packed words. */
export const unpackCodes = (words: Node, bits: number): Node => {
  const mask = 2 ** bits - 1;
  if (word % bits === 0) {
    const wide = repeatLast(words, word / bits);
    const codes = rightShift(wide, offsets(wide.shape, bits));
    return joinLast(bitwiseAnd(codes, constantLike(codes, mask)));
  }
  const rows = cut(words, bits);
  const start = scale(iota([word], 0, uint32), bits);
  const low = rightShift(start, constantLike(start, 5));
  const high = minimum(shift(low, 1), constantLike(low, bits - 1));
  const lowWord = pick(rows, low);
  const highWord = pick(rows, high);
  const down = bitwiseAnd(offsets(lowWord.shape, bits), constantLike(lowWord, word - 1));
  // In two steps, since a shift by all 32 bits is none.
  const rest = subtract(constantLike(down, word - 1), down);
  const above = leftShift(leftShift(highWord, constantLike(down, 1)), rest);
  const codes = bitwiseOr(rightShift(lowWord, down), above);
  return joinLast(bitwiseAnd(codes, constantLike(codes, mask)));
};

/** The last axis as groups, and back. */
export const grouped: (x: Node, groupSize: number) => Node = cut;
export const ungrouped: (x: Node) => Node = joinLast;

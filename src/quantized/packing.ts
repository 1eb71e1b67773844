/** Unsigned numbers of a few bits as one little-endian stream of bits over the uint32 words of a row. */
import { int32, uint32 } from "../core/dtype.js";
import type { Node, Shape } from "../graph/node.js";
import { castTo, like } from "../ops/operand.js";
import { takeNode } from "../ops/take.js";
import * as p from "../primitives/index.js";

const word = 32;

/** `x` repeated along a new last axis. */
export const repeatLast = (x: Node, length: number): Node =>
  p.broadcast(x, [...x.shape, length], [...x.shape.keys()]);

/** The bit offset of each element of a word, `[0, bits, …]`, along the last axis of `shape`. */
const offsets = (shape: Shape, bits: number): Node =>
  p.scale(p.iota(shape, shape.length - 1, uint32), bits);

/** The last axis cut into rows of `length`. */
const cut = (x: Node, length: number): Node =>
  p.reshape(x, [...x.shape.slice(0, -1), Math.floor((x.shape.at(-1) ?? 0) / length), length]);

const joinLast = (x: Node): Node =>
  p.reshape(x, [...x.shape.slice(0, -2), (x.shape.at(-2) ?? 0) * (x.shape.at(-1) ?? 0)]);

/** uint32 codes below 2^bits, packed; the last axis holds whole words. */
export const pack = (codes: Node, bits: number): Node => {
  if (word % bits === 0) {
    const rows = cut(codes, word / bits);
    return p.sum(p.leftShift(rows, offsets(rows.shape, bits)), [rows.shape.length - 1]);
  }
  // 32 elements fill `bits` words. Of each element, word w has the bits from 32·w on.
  const rows = cut(codes, word);
  const lead = rows.shape.slice(0, -1);
  const shape = [...lead, bits, word];
  const [down, along] = [lead.length, lead.length + 1];
  const wide = p.broadcast(rows, shape, [...lead.keys(), along]);
  const start = p.scale(p.iota(shape, along, int32), bits);
  const at = p.subtract(start, p.scale(p.iota(shape, down, int32), word));
  const zero = like(at, 0);
  const left = castTo(p.minimum(p.maximum(at, zero), like(at, word - 1)), uint32);
  const right = castTo(p.minimum(p.maximum(p.negative(at), zero), like(at, word - 1)), uint32);
  const within = p.bitwiseAnd(p.less(at, like(at, word)), p.greater(at, like(at, -bits)));
  const part = p.rightShift(p.leftShift(wide, left), right);
  return joinLast(p.sum(p.select(within, part, like(part, 0)), [along]));
};

/** The uint32 codes of packed words. */
export const unpack = (words: Node, bits: number): Node => {
  const mask = 2 ** bits - 1;
  if (word % bits === 0) {
    const wide = repeatLast(words, word / bits);
    const codes = p.rightShift(wide, offsets(wide.shape, bits));
    return joinLast(p.bitwiseAnd(codes, like(codes, mask)));
  }
  const rows = cut(words, bits);
  const last = rows.shape.length - 1;
  const start = p.scale(p.iota([word], 0, uint32), bits);
  const low = p.rightShift(start, like(start, 5));
  const high = p.minimum(p.shift(low, 1), like(low, bits - 1));
  const lowWord = takeNode(rows, low, last);
  const highWord = takeNode(rows, high, last);
  const shift = p.bitwiseAnd(offsets(lowWord.shape, bits), like(lowWord, word - 1));
  // In two steps, since a shift by all 32 bits is none.
  const rest = p.subtract(like(shift, word - 1), shift);
  const above = p.leftShift(p.leftShift(highWord, like(shift, 1)), rest);
  const codes = p.bitwiseOr(p.rightShift(lowWord, shift), above);
  return joinLast(p.bitwiseAnd(codes, like(codes, mask)));
};

/** The last axis as groups, and back. */
export const grouped: (x: Node, groupSize: number) => Node = cut;
export const ungrouped: (x: Node) => Node = joinLast;

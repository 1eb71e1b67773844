/** Inflating raw deflate data (RFC 1951) up to a given number of bytes, wherever there is JavaScript. */

/** What came out: all of it, or its beginning where there would be more than asked for. */
export interface Inflated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly complete: boolean;
}

/** A look-up table from the next bits to `symbol << 4 | length`; 0 where no code is. */
interface Huffman {
  readonly table: Uint16Array;
  readonly bits: number;
}

const longest = 15;

const reversed = (code: number, length: number): number => {
  let out = 0;
  for (let i = 0; i < length; i++) out |= ((code >>> i) & 1) << (length - 1 - i);
  return out;
};

/** The canonical code of the given lengths; null when they are more than a code has room for. */
const huffman = (lengths: Uint8Array): Huffman | null => {
  const counts = new Uint16Array(longest + 1);
  for (const n of lengths) counts[n] = (counts[n] ?? 0) + 1;
  counts[0] = 0;
  let bits = 0;
  const next = new Uint32Array(longest + 2);
  for (let n = 1; n <= longest; n++) {
    const count = counts[n] ?? 0;
    if (count > 0) bits = n;
    const end = (next[n] ?? 0) + count;
    if (end > 1 << n) return null;
    next[n + 1] = end << 1;
  }
  const table = new Uint16Array(1 << bits);
  for (const [symbol, n] of lengths.entries()) {
    if (n === 0) continue;
    const code = next[n] ?? 0;
    next[n] = code + 1;
    for (let at = reversed(code, n); at < table.length; at += 1 << n) table[at] = (symbol << 4) | n;
  }
  return { table, bits };
};

const fixedLengths = (): Uint8Array => {
  const lengths = new Uint8Array(288).fill(8);
  return lengths.fill(9, 144, 256).fill(7, 256, 280);
};

const fixedLiterals = huffman(fixedLengths());
const fixedDistances = huffman(new Uint8Array(30).fill(5));

const lengthBase = Uint16Array.of(
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115],
  ...[131, 163, 195, 227, 258],
);
const lengthExtra = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
const distanceBase = Uint16Array.of(
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537],
  ...[2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577],
);
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

type Fail = (cause: string, at: number) => Error;

class Inflater {
  readonly #input: Uint8Array;
  readonly #fail: Fail;
  readonly #out: Uint8Array<ArrayBuffer>;
  #at = 0;
  #held = 0;
  #count = 0;
  #done = 0;

  constructor(input: Uint8Array, limit: number, fail: Fail) {
    this.#input = input;
    this.#fail = fail;
    this.#out = new Uint8Array(limit);
  }

  #error(cause: string): Error {
    return this.#fail(cause, this.#at);
  }

  #bits(n: number): number {
    while (this.#count < n) {
      const byte = this.#input[this.#at];
      if (byte === undefined) throw this.#error("the compressed data ends early");
      this.#at++;
      this.#held |= byte << this.#count;
      this.#count += 8;
    }
    const value = this.#held & ((1 << n) - 1);
    this.#held >>>= n;
    this.#count -= n;
    return value;
  }

  #symbol({ table, bits }: Huffman): number {
    // Past the end zeros are looked at; a code that needs them is refused below.
    while (this.#count < bits && this.#at < this.#input.length) {
      this.#held |= (this.#input[this.#at++] ?? 0) << this.#count;
      this.#count += 8;
    }
    const entry = table[this.#held & ((1 << bits) - 1)] ?? 0;
    const length = entry & 15;
    if (length === 0) throw this.#error("a code that stands for nothing");
    if (length > this.#count) throw this.#error("the compressed data ends early");
    this.#held >>>= length;
    this.#count -= length;
    return entry >>> 4;
  }

  /** Whether there was room for it. */
  #stored(): boolean {
    // Whole bytes that were looked at ahead are given back.
    this.#at -= this.#count >>> 3;
    this.#held = 0;
    this.#count = 0;
    const length = this.#bits(16);
    if (this.#bits(16) !== (length ^ 0xffff)) throw this.#error("a stored block of two lengths");
    if (this.#at + length > this.#input.length) {
      throw this.#error("the compressed data ends early");
    }
    const fits = Math.min(length, this.#out.length - this.#done);
    this.#out.set(this.#input.subarray(this.#at, this.#at + fits), this.#done);
    this.#at += length;
    this.#done += fits;
    return fits === length;
  }

  #codes(): [Huffman, Huffman] {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    const count = this.#bits(4) + 4;
    const meta = new Uint8Array(19);
    for (const symbol of lengthOrder.slice(0, count)) meta[symbol] = this.#bits(3);
    const code = huffman(meta);
    if (code === null || literals > 286)
      throw this.#error("code lengths that contradict each other");
    const lengths = new Uint8Array(literals + distances);
    for (let i = 0; i < lengths.length; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      const [value, times] =
        symbol === 16
          ? [lengths[i - 1], 3 + this.#bits(2)]
          : [0, symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7)];
      if (value === undefined || i + times > lengths.length) {
        throw this.#error("a code length repeated too often");
      }
      lengths.fill(value, i, i + times);
      i += times;
    }
    const first = huffman(lengths.subarray(0, literals));
    const second = huffman(lengths.subarray(literals));
    if (first === null || second === null) {
      throw this.#error("code lengths that contradict each other");
    }
    return [first, second];
  }

  /** Whether there was room for it. */
  #compressed(literals: Huffman, distances: Huffman): boolean {
    const out = this.#out;
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return true;
      if (this.#done === out.length) return false;
      if (symbol < 256) {
        out[this.#done++] = symbol;
        continue;
      }
      const base = lengthBase[symbol - 257];
      if (base === undefined) throw this.#error("a code that stands for nothing");
      const length = base + this.#bits(lengthExtra[symbol - 257] ?? 0);
      const far = this.#symbol(distances);
      const least = distanceBase[far];
      if (least === undefined) throw this.#error("a code that stands for nothing");
      const distance = least + this.#bits(far < 2 ? 0 : (far >>> 1) - 1);
      if (distance > this.#done) throw this.#error("a reference to before the start");
      const end = Math.min(this.#done + length, out.length);
      const fits = end === this.#done + length;
      for (let i = this.#done; i < end; i++) out[i] = out[i - distance] ?? 0;
      this.#done = end;
      if (!fits) return false;
    }
  }

  run(): Inflated {
    for (let last = false; !last; ) {
      last = this.#bits(1) === 1;
      const kind = this.#bits(2);
      let fits: boolean;
      if (kind === 0) fits = this.#stored();
      else if (kind === 1 && fixedLiterals !== null && fixedDistances !== null) {
        fits = this.#compressed(fixedLiterals, fixedDistances);
      } else if (kind === 2) fits = this.#compressed(...this.#codes());
      else throw this.#error("a block of no known kind");
      if (!fits) return { bytes: this.#out, complete: false };
    }
    return { bytes: this.#out.subarray(0, this.#done), complete: true };
  }
}

/** The inflated bytes, at most `limit` of them. What `fail` makes of a cause and an offset is thrown. */
export const inflate = (input: Uint8Array, limit: number, fail: Fail): Inflated =>
  new Inflater(input, limit, fail).run();

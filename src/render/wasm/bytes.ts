/** A byte buffer that grows, with the number formats of WebAssembly. */

const utf8 = new TextEncoder();

export class Bytes {
  #data: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  length = 0;

  #reserve(extra: number): void {
    if (this.length + extra <= this.#data.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#data.length, this.length + extra));
    grown.set(this.#data.subarray(0, this.length));
    this.#data = grown;
  }

  byte(b: number): this {
    this.#reserve(1);
    this.#data[this.length++] = b;
    return this;
  }

  append(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Unsigned LEB128 of an integer below 2^32. */
  unsigned(n: number): this {
    let rest = n;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(n: number): this {
    let rest = n | 0;
    while (rest < -0x40 || rest >= 0x40) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer. */
  signed64(n: bigint): this {
    let rest = BigInt.asIntN(64, n);
    while (rest < -0x40n || rest >= 0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.byte(Number(rest & 0x7fn));
  }

  name(text: string): this {
    const bytes = utf8.encode(text);
    return this.unsigned(bytes.length).append(bytes);
  }

  /** What lies from one place up to another, until more is written. */
  part(from: number, to: number): Uint8Array {
    return this.#data.subarray(from, to);
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.length);
  }
}

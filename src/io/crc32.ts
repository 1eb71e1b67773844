/** Cyclic checksums of 32 bits, reflected: that of zip archives, and of any polynomial. */

/** The checksum with a reflected polynomial. */
export const crcOf = (polynomial: number): ((bytes: Uint8Array) => number) => {
  const table = Uint32Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; k++) c = (c & 1) === 1 ? (c >>> 1) ^ polynomial : c >>> 1;
    return c;
  });
  return (bytes) => {
    let c = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) {
      c = (table[(c ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (c >>> 8);
    }
    return (c ^ 0xffffffff) >>> 0;
  };
};

/** CRC-32, as zip archives have it. */
export const crc32: (bytes: Uint8Array) => number = crcOf(0xedb88320);

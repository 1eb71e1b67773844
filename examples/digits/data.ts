/** Pictures of digits: generated, or read from IDX files or a folder of PNGs. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as mx from "cotangent";
import { PNG } from "pngjs";

export interface Pictures {
  /** float32 [n, height, width, 1], from 0 to 1. */
  readonly images: mx.NDArray;
  /** int32 [n] */
  readonly labels: mx.NDArray;
  readonly classes: number;
}

/** Five columns by seven rows each, a bit per cell, rows from above. */
const GLYPHS = [
  [14, 17, 19, 21, 25, 17, 14],
  [4, 12, 4, 4, 4, 4, 14],
  [14, 17, 1, 2, 4, 8, 31],
  [31, 2, 4, 2, 1, 17, 14],
  [2, 6, 10, 18, 31, 2, 2],
  [31, 16, 30, 1, 1, 17, 14],
  [6, 8, 16, 30, 17, 17, 14],
  [31, 1, 2, 4, 8, 8, 8],
  [14, 17, 17, 14, 17, 17, 14],
  [14, 17, 17, 15, 1, 2, 12],
] as const;

/** How much ink a glyph has at a point, between its cells by distance. */
const ink = (glyph: readonly number[], x: number, y: number): number => {
  const cell = (cx: number, cy: number): number =>
    cx >= 0 && cx < 5 ? ((glyph[cy] ?? 0) >> (4 - cx)) & 1 : 0;
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - x0, y - y0];
  const above = cell(x0, y0) * (1 - fx) + cell(x0 + 1, y0) * fx;
  const below = cell(x0, y0 + 1) * (1 - fx) + cell(x0 + 1, y0 + 1) * fx;
  return above * (1 - fy) + below * fy;
};

/** Digits turned, sheared, scaled and moved at random, with noise: 16 × 16 pictures that follow from the seed. */
export const generated = (count: number, seed: number): Pictures => {
  const size = 16;
  const numbers = mx.random.uniform({ shape: [count, 6], key: mx.random.key(seed) }).dataSync();
  const images = new Float32Array(count * size * size);
  for (let n = 0; n < count; n++) {
    const u = (i: number): number => Number(numbers[n * 6 + i]) * 2 - 1;
    const glyph = GLYPHS[n % 10] ?? GLYPHS[0];
    const [angle, shear, scale] = [u(0) * 0.35, u(1) * 0.35, 0.58 + 0.12 * u(2)];
    const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    const [dx, dy] = [u(3) * 2, u(4) * 2];
    for (let i = 0; i < size * size; i++) {
      const x = (i % size) - 7.5 - dx;
      const y = Math.floor(i / size) - 7.5 - dy;
      const [gx, gy] = [cos * x - sin * y + shear * y * scale, sin * x + cos * y];
      images[n * size * size + i] = ink(glyph, gx + 2, gy + 3) * (0.8 + 0.2 * u(5));
    }
  }
  const clean = mx.array(images).reshape([count, size, size, 1]);
  const noise = mx.random.normal({ shape: clean.shape, scale: 0.15, key: mx.random.key(seed + 1) });
  return {
    images: mx.clip(clean.add(noise), 0, 1),
    labels: mx.array(Int32Array.from({ length: count }, (_, n) => n % 10)),
    classes: 10,
  };
};

/** An IDX file (LeCun's format for MNIST), gzipped or not: sizes and bytes. */
export const readIdx = (path: string): { shape: number[]; bytes: Uint8Array } => {
  const raw = readFileSync(path);
  const file = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  const fail = (what: string): RangeError =>
    new RangeError(`${path} is no IDX file of bytes: ${what}`);
  if (file.length < 4 || file.readUInt16BE(0) !== 0 || file[2] !== 8) throw fail("wrong beginning");
  const dims = file[3] ?? 0;
  if (file.length < 4 + 4 * dims) throw fail("it ends in its header");
  const shape = Array.from({ length: dims }, (_, i) => file.readUInt32BE(4 + 4 * i));
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = file.subarray(4 + 4 * dims);
  if (bytes.length !== size) throw fail(`${size} bytes expected, ${bytes.length} found`);
  return { shape, bytes };
};

const fromBytes = (pixels: Uint8Array, shape: readonly number[]): mx.NDArray =>
  mx
    .array(pixels)
    .reshape([...shape])
    .astype(mx.float32)
    .divide(255);

/** Files as MNIST names them, `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, also with `.gz`. */
const idxIn = (folder: string, part: string): Pictures => {
  const find = (name: string): string => {
    const path = [name, `${name}.gz`].map((n) => join(folder, n)).find((p) => existsSync(p));
    if (path === undefined) throw new RangeError(`there is no ${name} in ${folder}`);
    return path;
  };
  const { shape, bytes } = readIdx(find(`${part}-images-idx3-ubyte`));
  const labels = readIdx(find(`${part}-labels-idx1-ubyte`)).bytes;
  if (labels.length !== shape[0]) throw new RangeError(`${folder} has other labels than images`);
  return {
    images: fromBytes(bytes, [...shape, 1]),
    labels: mx.array(Int32Array.from(labels)),
    classes: Math.max(...labels) + 1,
  };
};

/** PNGs of one size in a folder per class, read as shades of grey. */
const pngsIn = (folder: string): Pictures => {
  const names = readdirSync(folder)
    .filter((name) => statSync(join(folder, name)).isDirectory())
    .sort();
  const pixels: number[] = [];
  const labels: number[] = [];
  let size: readonly [number, number] | null = null;
  for (const [label, name] of names.entries()) {
    for (const file of readdirSync(join(folder, name)).filter((f) => f.endsWith(".png"))) {
      const { width, height, data } = PNG.sync.read(readFileSync(join(folder, name, file)));
      size ??= [height, width];
      if (size[0] !== height || size[1] !== width)
        throw new RangeError(
          `${join(name, file)} is ${width} × ${height}, others ${size[1]} × ${size[0]}`,
        );
      for (let i = 0; i < data.length; i += 4)
        pixels.push(((data[i] ?? 0) + (data[i + 1] ?? 0) + (data[i + 2] ?? 0)) / 3);
      labels.push(label);
    }
  }
  if (size === null) throw new RangeError(`${folder} has no PNGs in folders of their classes`);
  return {
    images: fromBytes(Uint8Array.from(pixels), [labels.length, ...size, 1]),
    labels: mx.array(Int32Array.from(labels)),
    classes: names.length,
  };
};

/** Pictures to train on and others to test with: generated without a folder. */
export const pictures = (folder: string | null): { train: Pictures; test: Pictures } => {
  if (folder === null) return { train: generated(4000, 1), test: generated(1000, 5) };
  if (readdirSync(folder).some((name) => name.includes("idx3-ubyte")))
    return { train: idxIn(folder, "train"), test: idxIn(folder, "t10k") };
  const { images, labels, classes } = pngsIn(folder);
  const order = mx.random.permutation(labels.size, { key: mx.random.key(0) });
  const cut = Math.ceil(labels.size * 0.8);
  const part = (from: number, to: number): Pictures => {
    const rows = order.get(mx.slice(from, to));
    return { images: mx.take(images, rows, 0), labels: mx.take(labels, rows, 0), classes };
  };
  return { train: part(0, cut), test: part(cut, labels.size) };
};

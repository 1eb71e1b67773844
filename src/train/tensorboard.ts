/**
 * TensorBoard's event files: records of protobuf messages (`Event`, `Summary`), framed by their length and masked CRC-32C, as
 * TensorFlow documents them.
 */
import { crcOf } from "../io/crc32.js";
import { appendToFile, makeFolder } from "../io/folder.js";
import type { Callback } from "./fit.js";

const crc32c = crcOf(0x82f63b78);

/** Rotated and shifted, so that the checksum of data with checksums in it stays a good one. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

const words = (size: number, fill: (view: DataView) => void): Uint8Array => {
  const out = new Uint8Array(size);
  fill(new DataView(out.buffer));
  return out;
};

const uint32 = (x: number): Uint8Array => words(4, (view) => view.setUint32(0, x, true));

/** A record: length, its checksum, data, their checksum. */
const record = (data: Uint8Array): Uint8Array => {
  const length = words(8, (view) => view.setBigUint64(0, BigInt(data.length), true));
  return joined(length, uint32(masked(length)), data, uint32(masked(data)));
};

const varint = (x: number): Uint8Array => {
  const out: number[] = [];
  let left = BigInt(x);
  for (; left > 127n; left >>= 7n) out.push(Number(left & 127n) | 128);
  return Uint8Array.from([...out, Number(left)]);
};

/** Wire types of protobuf. */
const [asVarint, asDouble, asBytes, asFloat] = [0, 1, 2, 5];
const tag = (field: number, type: number): Uint8Array => varint(field * 8 + type);
const integer = (field: number, x: number): Uint8Array => joined(tag(field, asVarint), varint(x));
const double = (field: number, x: number): Uint8Array =>
  joined(
    tag(field, asDouble),
    words(8, (view) => view.setFloat64(0, x, true)),
  );
const float = (field: number, x: number): Uint8Array =>
  joined(
    tag(field, asFloat),
    words(4, (view) => view.setFloat32(0, x, true)),
  );
const bytes = (field: number, x: Uint8Array): Uint8Array =>
  joined(tag(field, asBytes), varint(x.length), x);
const text = (field: number, x: string): Uint8Array => bytes(field, new TextEncoder().encode(x));

/** Event { wall_time = 1, step = 2, file_version = 3 or summary = 5 }, Summary { value = 1 { tag = 1, simple_value = 2 } }. */
const firstEvent = (seconds: number): Uint8Array =>
  record(joined(double(1, seconds), text(3, "brain.Event:2")));
const scalarEvent = (seconds: number, step: number, name: string, x: number): Uint8Array =>
  record(
    joined(
      double(1, seconds),
      integer(2, step),
      bytes(5, bytes(1, joined(text(1, name), float(2, x)))),
    ),
  );

/**
 * Writes the losses for TensorBoard: `tensorboard --logdir FOLDER` shows them as `loss/train` and `loss/validation`.
 *
 * @param folder is made when needed; every run adds a file of its own
 * @throws ArgumentError when it cannot be written
 * @example train.tensorBoard("runs/first")
 */
export const tensorBoard = (folder: string): Callback => {
  let file = "";
  const write = (name: string, step: number, x: number): void =>
    appendToFile("tensorBoard", file, scalarEvent(Date.now() / 1000, step, name, x));
  return {
    onStart: () => {
      makeFolder("tensorBoard", folder);
      const seconds = Date.now() / 1000;
      const unique = Math.floor(Math.random() * 1e6);
      file = `${folder}/events.out.tfevents.${Math.floor(seconds)}.cotangent.${unique}`;
      appendToFile("tensorBoard", file, firstEvent(seconds));
    },
    onStep: (run) => write("loss/train", run.step, run.loss),
    onValidation: (run) => {
      const last = run.validations.at(-1);
      if (last !== undefined) write("loss/validation", last.step, last.loss);
    },
  };
};

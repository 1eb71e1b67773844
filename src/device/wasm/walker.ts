/** The loop that runs a command list: one small WebAssembly module, so that a list enters JavaScript once. */
import { Bytes } from "../../render/wasm/encoder.js";

/**
 * One command in memory, 32 bytes. `next` and `done` count tiles; they are for threads that share a command's tiles and
 * stay 0 on one thread, as does `flags` bit 0 (never share).
 */
export const record = {
  bytes: 32,
  kernel: 0,
  tiles: 4,
  args: 8,
  flags: 12,
  next: 16,
  done: 20,
  /** Tiles per call: many, so that calls cost nothing; not all, so that a better compiled kernel is taken up soon. */
  chunk: 24,
} as const;

const i32 = 0x7f;
const none = 0x40;
const get = 0x20;
const set = 0x21;
const tee = 0x22;
const load = 0x28;

/** Parameters of `walk`, then its locals. */
const at = 0;
const end = 1;
const scratch = 2;
const start = 3;
const tiles = 4;
const stop = 5;

const field = (offset: number): readonly number[] => [get, at, load, 2, offset];

const block = 0x02;
const loop = 0x03;
const done = 0x0b;
const br = 0x0c;
const brIf = 0x0d;
const callIndirect = 0x11;
const select = 0x1b;
const constant = 0x41;
const greaterOrEqual = 0x4f;
const add = 0x6a;
const less = 0x49;

const walk: readonly number[] = [
  ...[1, 3, i32],
  ...[block, none, loop, none],
  ...[get, at, get, end, greaterOrEqual, brIf, 1],
  ...[...field(record.tiles), set, tiles, constant, 0, set, start],
  ...[block, none, loop, none],
  ...[get, start, get, tiles, greaterOrEqual, brIf, 1],
  ...field(record.args),
  ...[get, start],
  // The end of this chunk, or of the tiles.
  ...[
    get,
    start,
    ...field(record.chunk),
    add,
    tee,
    stop,
    get,
    tiles,
    get,
    stop,
    get,
    tiles,
    less,
    select,
    tee,
    stop,
  ],
  ...[get, scratch, ...field(record.kernel), callIndirect, 0, 0],
  ...[get, stop, set, start, br, 0, done, done],
  ...[get, at, constant, record.bytes, add, set, at, br, 0, done, done],
  done,
];

const section = (out: Bytes, id: number, body: Bytes): void => {
  out.byte(id).unsigned(body.length).append(body.done());
};

/** A module that imports `env.memory` and the kernel table `env.table`; it exports `walk(first, end, scratch)`. */
export const walkerModule = (shared: boolean): Uint8Array<ArrayBuffer> => {
  const out = new Bytes().append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const types = new Bytes().unsigned(2);
  for (const params of [4, 3]) {
    types.byte(0x60).unsigned(params);
    for (let i = 0; i < params; i++) types.byte(i32);
    types.unsigned(0);
  }
  const imports = new Bytes()
    .unsigned(2)
    .name("env")
    .name("memory")
    .byte(2)
    .byte(shared ? 3 : 0)
    .unsigned(0);
  if (shared) imports.unsigned(65536);
  imports.name("env").name("table").byte(1).byte(0x70).byte(0).unsigned(0);
  const code = new Bytes().unsigned(1).unsigned(walk.length).append(Uint8Array.from(walk));
  section(out, 1, types);
  section(out, 2, imports);
  section(out, 3, new Bytes().unsigned(1).unsigned(1));
  section(out, 7, new Bytes().unsigned(1).name("walk").byte(0).unsigned(0));
  section(out, 10, code);
  return Uint8Array.from(out.done());
};

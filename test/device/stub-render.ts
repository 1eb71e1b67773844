/** A renderer of two kernels, written out by hand, so that the device is tested apart from the real one. */
import { InternalError } from "../../src/core/errors.js";
import type { Routine } from "../../src/core/routine.js";
import { isKernel, type Kernel } from "../../src/kernel/ir.js";
import { argBytes, type Features, type Rendered } from "../../src/render/contract.js";
import { type Func, Module } from "../../src/render/wasm/encoder.js";

const tileSize = 16;

/** Loops over the elements of tiles start..end below the outer size; `body` gets the local of their byte offset. */
const overElements = (f: Func, body: (offset: number) => void): void => {
  const at = f.local("i32");
  const stop = f.local("i32");
  const offset = f.local("i32");
  const outer = (): Func => f.get(0).op("i32.load", argBytes.outer);
  f.get(1).i32(tileSize).op("i32.mul").set(at);
  f.get(2).i32(tileSize).op("i32.mul").tee(stop);
  outer().get(stop);
  outer().op("i32.lt_u").select("i32").set(stop);
  f.block((done) => {
    f.loop((again) => {
      f.get(at).get(stop).op("i32.ge_u").brIf(done);
      f.get(at).i32(4).op("i32.mul").set(offset);
      body(offset);
      f.get(at).i32(1).op("i32.add").set(at).br(again);
    });
  });
};

/** out[i] = x[i] · scale + y[i]. */
const scaledAddBody = (f: Func): void => {
  const pointer = (i: number, offset: number): Func =>
    f
      .get(0)
      .op("i32.load", argBytes.buffers + 4 * i)
      .get(offset)
      .op("i32.add");
  overElements(f, (offset) => {
    pointer(2, offset);
    pointer(0, offset).op("f32.load").get(0).op("f32.load", argBytes.params(3)).op("f32.mul");
    pointer(1, offset).op("f32.load").op("f32.add").op("f32.store");
  });
};

/** Raises the code of the kernel's index value at every call. */
const raiseBody = (f: Func, code: number): void => {
  f.get(0).op("i32.load", argBytes.fault).i32(code).op("i32.store");
};

/** Renders `scaledAdd`, and of kernels with an index value only its fault. */
export const stubRender = (program: Kernel | Routine, features: Features): Rendered => {
  if (!isKernel(program)) throw new InternalError("[test] the stub renders kernels only");
  const m = new Module({ shared: features.shared });
  const f = m.func(["i32", "i32", "i32", "i32"]);
  const index = program.vals.find((v) => v.op === "index");
  if (index === undefined) scaledAddBody(f);
  else raiseBody(f, index.code);
  m.export("k", f);
  return {
    code: m,
    scratchBytes: 1024,
    tiles: (outer) => Math.ceil(outer / tileSize),
    tileCost: 10,
  };
};

/** Engines for tests: fused and one kernel per operation, on the device that defines right answers. */
import { float32 } from "../../src/core/dtype.js";
import { HostStorage } from "../../src/core/storage.js";
import type { Device, Loaded } from "../../src/device/contract.js";
import { ReferenceDevice } from "../../src/device/reference/device.js";
import { Node, type Shape, sizeOf } from "../../src/graph/node.js";
import { isKernel, type Kernel } from "../../src/kernel/ir.js";
import { check } from "../../src/kernel/spec.js";
import { Engine } from "../../src/schedule/engine.js";
import { partition } from "../../src/schedule/partition.js";
import { soloPartition } from "../../src/schedule/solo.js";

/** A reference device that checks every kernel's legality and keeps the kernels it was given. */
export class CheckingDevice extends ReferenceDevice implements Device {
  readonly kernels: Kernel[] = [];

  override load(program: Loaded["program"]): Loaded {
    if (isKernel(program)) {
      check(program);
      this.kernels.push(program);
    }
    return super.load(program);
  }
}

export const fusedEngine = (): { engine: Engine; device: CheckingDevice } => {
  const device = new CheckingDevice();
  return { engine: new Engine(device, partition), device };
};

export const soloEngine = (): { engine: Engine; device: CheckingDevice } => {
  const device = new CheckingDevice();
  return { engine: new Engine(device, soloPartition), device };
};

/** A float32 leaf with reproducible values in (-1, 1). */
export const leaf = (shape: Shape, seed = 1): Node => {
  const values = new Float32Array(sizeOf(shape));
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2147483648 - 1;
  }
  const n = new Node(null, [], undefined, shape, float32, 0);
  n.data = new HostStorage(new Uint8Array(values.buffer));
  return n;
};

/** The float32 values of an evaluated node. */
export const valuesOf = (n: Node): Float32Array => {
  const bytes = n.data?.read() ?? new Uint8Array(0);
  return new Float32Array(bytes.slice().buffer);
};

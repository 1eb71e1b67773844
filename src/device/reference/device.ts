/** The device that defines right answers: plain byte arrays, and the interpreter of kernels and routines. */
import { DeviceError, InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { Storage } from "../../core/storage.js";
import { interpret } from "../../kernel/interpret.js";
import { isKernel, type Kernel } from "../../kernel/ir.js";
import { interpretRoutine } from "../../kernel/routines-reference.js";
import { check } from "../../kernel/spec.js";
import type {
  Command,
  Device,
  Executable,
  Fault,
  Loaded,
  MemoryInfo,
  Ref,
  Scalar,
} from "../contract.js";

class ReferenceStorage extends Storage {
  override readonly byteLength: number;
  readonly device: ReferenceDevice;
  private held: Uint8Array | null;

  constructor(device: ReferenceDevice, bytes: Uint8Array) {
    super();
    this.device = device;
    this.held = bytes;
    this.byteLength = bytes.byteLength;
    device.account(bytes.byteLength);
  }

  get bytes(): Uint8Array {
    if (this.held === null)
      throw new DeviceError(
        "[read] expected live memory, got a disposed array: keep it or copy it",
      );
    return this.held;
  }

  override read(): Uint8Array {
    return this.bytes.slice();
  }

  override readAsync(): Promise<Uint8Array> {
    return Promise.resolve(this.read());
  }

  protected override free(): void {
    if (this.held === null) return;
    this.held = null;
    this.device.account(-this.byteLength);
  }
}

/** Runs kernels by interpretation: slow, plain, and the standard for every other device. */
export class ReferenceDevice implements Device {
  readonly name: string = "reference";
  readonly synchronous: boolean = true;
  private active = 0;
  private peak = 0;

  account(bytes: number): void {
    this.active += bytes;
    this.peak = Math.max(this.peak, this.active);
  }

  allocate(bytes: number): Storage {
    return new ReferenceStorage(this, new Uint8Array(bytes));
  }

  upload(bytes: Uint8Array): Storage {
    return new ReferenceStorage(this, bytes.slice());
  }

  owns(storage: Storage): boolean {
    return storage instanceof ReferenceStorage && storage.device === this;
  }

  load(program: Kernel | Routine): Loaded {
    if (isKernel(program)) check(program);
    return { program, workBytes: () => 0 };
  }

  prepare(commands: readonly Command[], slots: number): Executable {
    return { commands, slots, release: () => {} };
  }

  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    const fault = { code: 0 };
    for (const command of executable.commands) this.call(command, slots, params, fault);
    return fault.code === 0 ? null : fault;
  }

  submit(
    executable: Executable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null> {
    return new Promise((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(this.run(executable, slots, params));
        } catch (error) {
          reject(error);
        }
      }, 0);
    });
  }

  memory(): MemoryInfo {
    return {
      activeBytes: this.active,
      peakBytes: this.peak,
      heapBytes: this.active,
      limitBytes: Infinity,
    };
  }

  collect(): void {}

  private call(
    command: Command,
    slots: readonly Storage[],
    params: readonly Scalar[],
    fault: { code: number },
  ): void {
    const buffers = command.buffers.map((ref) => this.bytesOf(ref, slots));
    const { program } = command.loaded;
    if (isKernel(program)) {
      const args = command.params.map((i) => {
        const p = params[i];
        if (p === undefined)
          throw new InternalError(`[run] expected at least ${i + 1} params, got ${params.length}`);
        return p;
      });
      interpret(program, command.outer, buffers, args, fault);
    } else {
      fault.code ||= interpretRoutine(program, buffers);
    }
  }

  private bytesOf(ref: Ref, slots: readonly Storage[]): Uint8Array {
    const storage = slots[ref.slot];
    if (!(storage instanceof ReferenceStorage)) {
      throw new InternalError(
        `[run] slot ${ref.slot} is not in this device's memory: upload it first`,
      );
    }
    return storage.bytes.subarray(ref.offset);
  }
}

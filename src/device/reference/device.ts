/** The device that defines right answers: plain byte arrays, and the interpreter of kernels and routines. */
import { DeviceError, InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { Storage } from "../../core/storage.js";
import { interpret } from "../../kernel/interpret.js";
import { isKernel, type Kernel } from "../../kernel/ir.js";
import { interpretRoutine } from "../../kernel/routines-reference.js";
import { check } from "../../kernel/spec.js";
import {
  type Command,
  type Device,
  type Executable,
  type Fault,
  isCommand,
  type Loaded,
  type Loop,
  type MemoryInfo,
  type Ref,
  type Scalar,
  type Step,
} from "../contract.js";

/** What a run of a list knows: the memory of every slot, those of loops included, and what went wrong. */
interface Run {
  readonly memory: Uint8Array[];
  readonly params: readonly Scalar[];
  readonly fault: { code: number };
}

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

  loadAll(programs: readonly (Kernel | Routine)[]): readonly Loaded[] {
    return programs.map((p) => this.load(p));
  }

  prepare(steps: readonly Step[], slots: number): Executable {
    return { steps, slots, release: () => {} };
  }

  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    const fault = { code: 0 };
    const memory = slots.map((storage, slot) => {
      if (storage instanceof ReferenceStorage) return storage.bytes;
      throw new InternalError(`[run] slot ${slot} is not in this device's memory: upload it first`);
    });
    memory.length = Math.max(memory.length, executable.slots);
    this.walk(executable.steps, { memory, params, fault });
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

  private walk(steps: readonly Step[], run: Run): void {
    for (const step of steps) {
      if (isCommand(step)) this.call(step, run);
      else if (step.kind === "loop") this.loop(step, run);
      else this.walk(step.sides[this.bytesOf(step.flag, run)[0] === 0 ? 1 : 0], run);
    }
  }

  private loop({ count, test, body, slices, carries }: Loop, run: Run): void {
    const { memory } = run;
    const more = (round: number): boolean => {
      if (test === null) return round < (count ?? 0);
      this.walk(test.steps, run);
      return this.bytesOf(test.flag, run)[0] !== 0;
    };
    for (const { into, initial } of carries) memory[into] = this.bytesOf(initial, run);
    let round = 0;
    for (; more(round); round++) {
      for (const { slot, first, stride } of slices)
        memory[slot] = this.bytesOf({ ...first, offset: first.offset + round * stride }, run);
      const last = ((count ?? 0) - 1 - round) % 2 === 0;
      for (const { out, result, spare } of carries)
        memory[out] = this.bytesOf(last ? result : spare, run);
      this.walk(body, run);
      for (const { into, out } of carries)
        memory[into] = this.bytesOf({ slot: out, offset: 0 }, run);
    }
    for (const { into, result, bytes } of carries)
      this.bytesOf(result, run).set(
        this.bytesOf({ slot: into, offset: 0 }, run).subarray(0, bytes),
      );
  }

  private call(command: Command, run: Run): void {
    const { params, fault } = run;
    const buffers = command.buffers.map((ref) => this.bytesOf(ref, run));
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

  private bytesOf(ref: Ref, { memory }: Run): Uint8Array {
    const bytes = memory[ref.slot];
    if (bytes === undefined)
      throw new InternalError(`[run] expected memory in slot ${ref.slot}, got none: bind it first`);
    return bytes.subarray(ref.offset);
  }
}

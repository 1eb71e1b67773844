/** Devices and streams as MLX names them: there is one CPU, and all its streams share one queue, so that everything is ordered. */
/// <reference lib="esnext.disposable" preserve="true" />

import { ArgumentError, DeviceError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { WasmDevice } from "../device/wasm/device.js";
import { defaultEngine } from "./default-engine.js";

/**
 * A kind of device: {@link cpu} or {@link gpu}.
 *
 * @see mlx.core.DeviceType
 */
export class DeviceType {
  static readonly cpu: DeviceType = new DeviceType("cpu");
  static readonly gpu: DeviceType = new DeviceType("gpu");
  readonly name: "cpu" | "gpu";

  private constructor(name: "cpu" | "gpu") {
    this.name = name;
  }

  toString(): string {
    return `DeviceType.${this.name}`;
  }
}

/** The processor, which evaluates everything. */
export const cpu: DeviceType = DeviceType.cpu;
/** A graphics processor, of which there is none: {@link deviceCount} says 0. */
export const gpu: DeviceType = DeviceType.gpu;

/**
 * One device: its kind and its number among those of that kind.
 *
 * @example String(new mx.Device(mx.cpu)) // Device(cpu, 0)
 * @see mlx.core.Device
 */
export class Device {
  readonly type: DeviceType;
  readonly index: number;

  constructor(type: DeviceType, index: number = 0) {
    if (!(type instanceof DeviceType)) {
      throw new ArgumentError(
        `[Device] expected mx.cpu or mx.gpu, got ${describe(type)}: pass one of these`,
      );
    }
    if (!Number.isInteger(index) || index < 0) {
      throw new ArgumentError(
        `[Device] expected a number from 0, got ${describe(index)}: count devices from 0`,
      );
    }
    this.type = type;
    this.index = index;
  }

  /** Whether it is the same device, or of that kind. */
  equals(other: Device | DeviceType): boolean {
    if (other instanceof DeviceType) return this.type === other;
    return this.type === other.type && this.index === other.index;
  }

  toString(): string {
    return `Device(${this.type.name}, ${this.index})`;
  }
}

/**
 * An order in which work is done. All streams of the CPU share one queue: work of one that another depends on is done before.
 * Made by {@link newStream}.
 *
 * @see mlx.core.Stream
 */
export class Stream {
  readonly device: Device;
  readonly index: number;

  constructor(device: Device, index: number) {
    this.device = device;
    this.index = index;
  }

  equals(other: Stream): boolean {
    return this.device.equals(other.device) && this.index === other.index;
  }

  toString(): string {
    return `Stream(${this.device}, ${this.index})`;
  }
}

/**
 * A stream for every thread. JavaScript's arrays live on one thread, so it is a stream as any other.
 *
 * @see mlx.core.ThreadLocalStream
 */
export class ThreadLocalStream extends Stream {}

const firstDevice = new Device(DeviceType.cpu);
const firstStream = new Stream(firstDevice, 0);
let streams: Stream[] = [firstStream];
let made = 1;
let device = firstDevice;
let chosen = firstStream;

const count = ({ name }: DeviceType): number => (name === "cpu" ? 1 : 0);

/**
 * The device that is meant, if it is there.
 *
 * @throws DeviceError when there is no such device, ArgumentError for anything else
 */
export const readDevice = (op: string, given: unknown): Device => {
  const d = given instanceof DeviceType ? new Device(given) : given;
  if (!(d instanceof Device)) {
    throw new ArgumentError(
      `[${op}] expected a device, got ${describe(given)}: pass mx.cpu or a Device`,
    );
  }
  if (d.index < count(d.type)) return d;
  throw new DeviceError(
    `[${op}] expected a device that is there, got ${d}: pass mx.cpu, the only one`,
  );
};

const readStream = (op: string, given: unknown): Stream => {
  if (given instanceof Stream && streams.includes(given)) return given;
  const got = given instanceof Stream ? `${given}, which was cleared` : describe(given);
  throw new ArgumentError(`[${op}] expected a stream, got ${got}: pass one made by mx.newStream`);
};

/**
 * How many devices of a kind there are.
 *
 * @throws ArgumentError for anything but {@link cpu} and {@link gpu}
 * @example
 * mx.deviceCount(mx.cpu); // 1
 * mx.deviceCount(mx.gpu); // 0
 * @see mlx.core.device_count
 */
export const deviceCount = (type: DeviceType): number => count(new Device(type).type);

/**
 * Whether there is such a device.
 *
 * @example mx.isAvailable(mx.gpu) // false
 * @see mlx.core.is_available
 */
export const isAvailable = (wanted: Device | DeviceType): boolean => {
  const { type, index } = wanted instanceof Device ? wanted : new Device(wanted);
  return index < count(type);
};

/**
 * The device that evaluates arrays.
 *
 * @example String(mx.defaultDevice()) // Device(cpu, 0)
 * @see mlx.core.default_device
 */
export const defaultDevice = (): Device => device;

/**
 * Evaluates on another device from now on.
 *
 * @throws DeviceError when there is no such device: there is the CPU alone
 * @example mx.setDefaultDevice(mx.cpu);
 * @see mlx.core.set_default_device
 */
export const setDefaultDevice = (wanted: Device | DeviceType): void => {
  device = readDevice("setDefaultDevice", wanted);
};

/**
 * The stream of a device where nothing else is said; of the default device when none is given.
 *
 * @throws DeviceError when there is no such device
 * @example String(mx.defaultStream(mx.cpu)) // Stream(Device(cpu, 0), 0)
 * @see mlx.core.default_stream
 */
export const defaultStream = (of: Device | DeviceType = device): Stream => {
  readDevice("defaultStream", of);
  return chosen;
};

/**
 * Makes a stream the default one of its device.
 *
 * @throws ArgumentError for what is no stream, or one that was cleared
 * @see mlx.core.set_default_stream
 */
export const setDefaultStream = (wanted: Stream): void => {
  chosen = readStream("setDefaultStream", wanted);
};

const add = <S extends Stream>(s: S): S => {
  streams.push(s);
  made++;
  return s;
};

/**
 * A new stream of a device, of the default one when none is given.
 *
 * @throws DeviceError when there is no such device
 * @example
 * const s = mx.newStream(mx.cpu);
 * mx.stream(s, () => mx.ones([2]).sum()).item(); // 2
 * @see mlx.core.new_stream
 */
export const newStream = (on: Device | DeviceType = device): Stream =>
  add(new Stream(readDevice("newStream", on), made));

/**
 * The same as {@link newStream}: arrays live on one thread.
 *
 * @throws DeviceError when there is no such device
 * @see mlx.core.new_thread_local_stream
 */
export const newThreadLocalStream = (on: Device | DeviceType = device): ThreadLocalStream =>
  add(new ThreadLocalStream(readDevice("newThreadLocalStream", on), made));

/**
 * The same as {@link newStream}: arrays live on one thread.
 *
 * @throws DeviceError when there is no such device
 * @see mlx.core.new_thread_unsafe_stream
 */
export const newThreadUnsafeStream = (on: Device | DeviceType = device): Stream =>
  add(new Stream(readDevice("newThreadUnsafeStream", on), made));

/**
 * Drops all streams but the first, which becomes the default one.
 *
 * @see mlx.core.clear_streams
 */
export const clearStreams = (): void => {
  synchronize();
  streams = [firstStream];
  chosen = firstStream;
};

/**
 * Restores what was the default device and stream before. {@link stream} makes it.
 *
 * @see mlx.core.StreamContext
 */
export class StreamContext {
  readonly #device: Device = device;
  readonly #stream: Stream = chosen;
  /** {@link dispose}, where the runtime has the symbol: `using context = mx.stream(s)`. */
  declare [Symbol.dispose]: () => void;

  dispose(): void {
    device = this.#device;
    chosen = streams.includes(this.#stream) ? this.#stream : firstStream;
  }
}

if (typeof Symbol.dispose === "symbol") {
  Object.defineProperty(StreamContext.prototype, Symbol.dispose, {
    value(this: StreamContext): void {
      this.dispose();
    },
    configurable: true,
    writable: true,
  });
}

/**
 * Makes a stream, or the default stream of a device, the default one while `fn` runs, and gives what that returns. Without
 * a function it stays until the context that it returns is disposed of.
 *
 * @throws DeviceError when there is no such device, ArgumentError for what is neither device nor stream
 * @example mx.stream(mx.cpu, () => mx.ones([3]).sum().item()) // 3
 * @see mlx.core.stream
 */
export function stream<R>(s: Stream | Device | DeviceType, fn: () => R): R;
export function stream(s: Stream | Device | DeviceType): StreamContext;
export function stream<R>(s: Stream | Device | DeviceType, fn?: () => R): R | StreamContext {
  const to = s instanceof Stream ? readStream("stream", s) : defaultStream(readDevice("stream", s));
  if (fn !== undefined && typeof fn !== "function") {
    throw new ArgumentError(
      `[stream] expected a function after the stream, got ${describe(fn)}: pass one or nothing`,
    );
  }
  const context = new StreamContext();
  device = to.device;
  chosen = to;
  if (fn === undefined) return context;
  try {
    return fn();
  } finally {
    context.dispose();
  }
}

/**
 * Waits until all work that was submitted, by {@link asyncEval} for example, is done. It holds up the event loop meanwhile.
 *
 * @throws ArgumentError for what is no stream
 * @example
 * const y = mx.ones([4]).multiply(2);
 * const done = mx.asyncEval(y);
 * mx.synchronize();
 * await done;
 * @see mlx.core.synchronize
 */
export function synchronize(s: Stream | null = null): void {
  if (s !== null) readStream("synchronize", s);
  const { device: d } = defaultEngine();
  if (d instanceof WasmDevice) d.drain();
}

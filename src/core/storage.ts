/** Where an evaluated value's bytes live: on the host until a device takes them, then in a device's memory. */

/** Bytes of one array in row-major order, little-endian. Freed when unreachable; `dispose` frees at once. */
export abstract class Storage {
  /** Values that live here: an array and what turned out to be the same array. */
  private users = 1;

  abstract readonly byteLength: number;
  /** A copy of the bytes. Throws a DeviceError where the device can only be read asynchronously. */
  abstract read(): Uint8Array;
  abstract readAsync(): Promise<Uint8Array>;
  /** Gives the memory back now. */
  protected abstract free(): void;

  /** Whether several values live here. */
  get shared(): boolean {
    return this.users > 1;
  }

  /** For one more value that is the same bytes. */
  share(): this {
    this.users++;
    return this;
  }

  /** One value needs it no more; the last one frees it. */
  dispose(): void {
    if (--this.users <= 0) this.free();
  }
}

/** Bytes that no device has asked for yet. */
export class HostStorage extends Storage {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.bytes = bytes;
  }

  override get byteLength(): number {
    return this.bytes.byteLength;
  }

  override read(): Uint8Array {
    return this.bytes.slice();
  }

  override readAsync(): Promise<Uint8Array> {
    return Promise.resolve(this.read());
  }

  protected override free(): void {}
}

/** Where an evaluated value's bytes live: on the host until a device takes them, then in a device's memory. */

/** Bytes of one array in row-major order, little-endian. Freed when unreachable; `dispose` frees at once. */
export abstract class Storage {
  abstract readonly byteLength: number;
  /** A copy of the bytes. Throws a DeviceError where the device can only be read asynchronously. */
  abstract read(): Uint8Array;
  abstract readAsync(): Promise<Uint8Array>;
  abstract dispose(): void;
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

  override dispose(): void {}
}

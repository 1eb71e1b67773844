/** Named error classes: each message says the operation, what it expected, what it got, and the cure. */

/** Base class of everything this library throws on purpose. `code` is stable, `message` is for people. */
export class CotangentError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Shapes, axes or sizes that do not fit together. */
export class ShapeError extends CotangentError {
  constructor(message: string) {
    super("SHAPE", message);
  }
}

/** A dtype an operation is not defined on, or a value that does not fit a dtype. */
export class DTypeError extends CotangentError {
  constructor(message: string) {
    super("DTYPE", message);
  }
}

/** An index or axis outside its range, or an index expression that is not one. */
export class IndexError extends CotangentError {
  constructor(message: string) {
    super("INDEX", message);
  }
}

/** An argument of the wrong kind, or an unknown option name. */
export class ArgumentError extends CotangentError {
  constructor(message: string) {
    super("ARGUMENT", message);
  }
}

/** A transform used outside its contract: cotangents, tangents, axes, placeholders, leaked tracers. */
export class TransformError extends CotangentError {
  constructor(message: string) {
    super("TRANSFORM", message);
  }
}

/** The device cannot do it: out of memory, no synchronous read, no such device. */
export class DeviceError extends CotangentError {
  constructor(message: string) {
    super("DEVICE", message);
  }
}

/** A matrix that has no answer: singular, or one whose eigenvalues or singular values are not found. */
export class LinAlgError extends CotangentError {
  constructor(message: string) {
    super("LINALG", message);
  }
}

/** A file that is not what it claims to be; the message names file, offset and cause. */
export class FormatError extends CotangentError {
  constructor(message: string) {
    super("FORMAT", message);
  }
}

/** A broken invariant of the library itself: always a bug here, never the caller's. */
export class InternalError extends CotangentError {
  constructor(message: string) {
    super("INTERNAL", message);
  }
}

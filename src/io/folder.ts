/** Folders and files that grow, where the runtime is Node or offers its file module. */
import { ArgumentError, DeviceError } from "../core/errors.js";
import { because, builtin } from "./files.js";

interface FolderModule {
  mkdirSync(path: string, options: { recursive: boolean }): unknown;
  readdirSync(path: string): string[];
  unlinkSync(path: string): void;
  appendFileSync(path: string, data: string | Uint8Array): void;
  existsSync(path: string): boolean;
  readFileSync(path: string): Uint8Array;
}

const isFolderModule = (x: unknown): x is FolderModule =>
  typeof x === "object" && x !== null && "mkdirSync" in x && "appendFileSync" in x;

const attempt = <R>(op: string, what: string, path: string, run: (fs: FolderModule) => R): R => {
  const fs = builtin("node:fs");
  if (!isFolderModule(fs)) {
    throw new DeviceError(`[${op}] expected a runtime with a file system, got one without`);
  }
  try {
    return run(fs);
  } catch (error) {
    throw new ArgumentError(
      `[${op}] expected to be able to ${what} ${path}, got: ${because(error)}`,
    );
  }
};

/** @throws ArgumentError when the folder is not there and cannot be made */
export const makeFolder = (op: string, path: string): void => {
  attempt(op, "make the folder", path, (fs) => fs.mkdirSync(path, { recursive: true }));
};

/** The names in a folder; none when it is not there. */
export const namesIn = (op: string, path: string): string[] =>
  attempt(op, "read the folder", path, (fs) => (fs.existsSync(path) ? fs.readdirSync(path) : []));

export const removeFile = (op: string, path: string): void =>
  attempt(op, "remove", path, (fs) => fs.unlinkSync(path));

/** @throws ArgumentError when it cannot be written, for example when the disk is full */
export const appendToFile = (op: string, path: string, data: string | Uint8Array): void =>
  attempt(op, "write", path, (fs) => fs.appendFileSync(path, data));

export const readTextFile = (op: string, path: string): string =>
  attempt(op, "read", path, (fs) => new TextDecoder().decode(fs.readFileSync(path)));

export const fileExists = (op: string, path: string): boolean =>
  attempt(op, "look for", path, (fs) => fs.existsSync(path));

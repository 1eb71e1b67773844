/** The level of detail in which evaluations are reported, set by the program. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { defaultEngine } from "../runtime/default-engine.js";
import { levelObserver, mostDetail, type WriteLine, writeError } from "./levels.js";

/** Where lines go. */
export interface LevelOptions {
  /** Takes one line, without its end; standard error, or the console's in browsers, by default. */
  readonly write?: WriteLine;
}

/**
 * Reports every evaluation from now on, in more detail the higher the level; 0 turns it off. In Node the environment
 * variable `COTANGENT_DEBUG` sets it from the start.
 *
 * 1. a line per evaluation: how many kernels, bytes moved, milliseconds
 * 2. also a line per kernel: operations, loops, bytes, milliseconds; kernels then run one by one
 * 3. also the kernels themselves, as text
 * 4. also the WebAssembly generated for them
 * 5. also what the scheduler merged, recomputed and kept apart, and by which rule
 *
 * @throws ArgumentError unless the level is a whole number from 0 to 5
 * @example
 * const lines: string[] = [];
 * mx.debug.setLevel(1, { write: (line) => lines.push(line) });
 * mx.eval(mx.ones([4]).add(1));
 * mx.debug.setLevel(0);
 * lines.length; // 1
 */
export function setLevel(level: number, options: LevelOptions = {}): void {
  if (!Number.isInteger(level) || level < 0 || level > mostDetail) {
    throw new ArgumentError(
      `[setLevel] expected a whole number from 0 to ${mostDetail}, got ${describe(level)}: 0 turns reports off`,
    );
  }
  defaultEngine().observer = level === 0 ? null : levelObserver(level, options.write ?? writeError);
}

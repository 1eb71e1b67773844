/** What ends the program because of what it was given: one line on stderr and exit code 2. */

/** Bad input. The message is one line that says what was expected, what was given, and what to do. */
export class InputError extends Error {
  constructor(message: string) {
    super(message.replace(/\s*\n\s*/g, " "));
    this.name = "InputError";
  }
}

/** The words of an error of the operating system, without its call and path: `no such file or directory`. */
export const reasonOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error);
  return /^E[A-Z]+: ([^,]+),/.exec(message)?.[1] ?? message;
};

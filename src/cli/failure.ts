/** What ends a command with one line and exit code 2: input that cannot be used. */
export class UsageError extends Error {}

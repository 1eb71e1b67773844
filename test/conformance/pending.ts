/** What the golden cases cover and the library does not have yet; a name outside this list may not be missing. */
export const KNOWN_PENDING: readonly string[] = [];

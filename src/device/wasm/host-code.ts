/** Where the code lies that other threads load to run routines in JavaScript, and whether it is there. */
import { fileExists } from "./host.js";

export interface HostCode {
  readonly url: string | null;
  /** False also as long as nobody knows. */
  readonly present: boolean;
}

const addressOf = (): URL | null => {
  try {
    return new URL("./host-thread.js", import.meta.url);
  } catch {
    // Bundled to where scripts have no address.
    return null;
  }
};

/** Looks for it. Outside Node that takes until it is loaded; `found` is called then. */
export const findHostCode = (found: () => void): HostCode => {
  const address = addressOf();
  if (address === null) return { url: null, present: false };
  const url = address.href;
  const exists = fileExists(address);
  if (exists !== null) return { url, present: exists };
  const code = { url, present: false };
  import(url).then(
    () => {
      code.present = true;
      found();
    },
    // Bundled without it: the calling thread runs these routines.
    () => {},
  );
  return code;
};

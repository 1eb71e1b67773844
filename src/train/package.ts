/** Packages and the terminal, at run time: what only Node has is looked for when it is needed. */
import { DeviceError } from "../core/errors.js";

/** The exports of an installed package. */
export const packageExports = async (
  op: string,
  name: string,
): Promise<Record<string, unknown>> => {
  try {
    const found: unknown = await import(name);
    if (typeof found === "object" && found !== null) {
      const plain: unknown = "default" in found ? found.default : null;
      return { ...(typeof plain === "object" ? plain : {}), ...found };
    }
  } catch (error) {
    throw new DeviceError(
      `[${op}] expected the package ${name}, got none that can be loaded here (${String(error)}): run npm install ${name}`,
    );
  }
  throw new DeviceError(`[${op}] expected the package ${name}, got something else`);
};

/** Whether the program's output is a terminal. */
export const isTerminal = (): boolean => {
  const process: unknown = Reflect.get(globalThis, "process");
  if (typeof process !== "object" || process === null || !("stderr" in process)) return false;
  const { stderr } = process;
  return typeof stderr === "object" && stderr !== null && Reflect.get(stderr, "isTTY") === true;
};

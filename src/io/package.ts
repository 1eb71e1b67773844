/** Installed packages, loaded by name when they are needed: bundles for browsers have none of them. */
import { DeviceError } from "../core/errors.js";

/**
 * The exports of an installed package.
 *
 * @throws DeviceError when there is none
 */
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

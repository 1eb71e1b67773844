/** `cotangent info`: what the machine and the library have. */
import * as mx from "../index.js";
import type { Reader } from "./arguments.js";
import { rows } from "./table.js";

export const help: string = `Usage: cotangent info [--json]

Shows the device, threads, BLAS and features that the library works with.`;

export const options = {} as const;

export const run = (reader: Reader): void => {
  const info = { node: process.version, ...mx.deviceInfo() };
  if (reader.flag("json")) console.log(JSON.stringify(info));
  else
    console.log(
      rows(
        Object.entries(info).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]),
      ),
    );
};

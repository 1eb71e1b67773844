/** Renders kernel programs to WebAssembly modules. */
import { isKernel } from "../../kernel/ir.js";
import type { Render } from "../contract.js";
import { renderKernel } from "./kernel.js";

/** The module of a kernel or routine; see the contract for how to call it. */
export const render: Render = (program, features) => {
  if (!isKernel(program)) throw new RangeError("routines");
  return renderKernel(program, features);
};

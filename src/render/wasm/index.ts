/** Renders kernel programs to WebAssembly modules: routines, contractions, and everything else. */
import { isKernel } from "../../kernel/ir.js";
import type { Render } from "../contract.js";
import { renderContract } from "./contract/index.js";
import { renderKernel } from "./kernel.js";
import { renderRoutine } from "./routines/index.js";

/** The module of a kernel or routine; see the contract for how to call it. */
export const render: Render = (program, features) => {
  if (!isKernel(program)) return renderRoutine(program, features);
  const contracts = program.vals.some((v) => v.op === "contract");
  return contracts ? renderContract(program, features) : renderKernel(program, features);
};

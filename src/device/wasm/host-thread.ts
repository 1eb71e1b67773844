/** What a thread loads before it runs routines in JavaScript: module `host` on its view of the shared memory. */
import { type HostMemory, hostModule } from "../../kernel/host-routines.js";
import { argBytes } from "../../render/contract.js";

export const hostImports = (memory: () => HostMemory): WebAssembly.ModuleImports => ({
  ...hostModule(memory, argBytes),
});

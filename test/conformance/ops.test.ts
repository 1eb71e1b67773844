/** Golden cases: ops. */
import { runArea } from "./runner.js";

await runArea("ops");

/** Golden cases: fast. */
import { runArea } from "./runner.js";

await runArea("fast");

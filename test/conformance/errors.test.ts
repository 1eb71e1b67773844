/** Golden cases: errors. */
import { runArea } from "./runner.js";

await runArea("errors");

/** Golden cases: init. */
import { runArea } from "./runner.js";

await runArea("init");

/** Golden cases: printing. */
import { runArea } from "./runner.js";

await runArea("printing");

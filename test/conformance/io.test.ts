/** Golden cases: io. */
import { runArea } from "./runner.js";

await runArea("io/io");

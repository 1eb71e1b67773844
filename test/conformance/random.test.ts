/** Golden cases: random. */
import { runArea } from "./runner.js";

await runArea("random");

/** Golden cases: transforms. */
import { runArea } from "./runner.js";

await runArea("transforms");

/** Golden cases: nn. */
import { runArea } from "./runner.js";

await runArea("nn");

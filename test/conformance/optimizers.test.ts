/** Golden cases: optimizers. */
import { runArea } from "./runner.js";

await runArea("optimizers");

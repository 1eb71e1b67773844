/** Golden cases: linalg. */
import { runArea } from "./runner.js";

await runArea("linalg");

/** Golden cases: losses. */
import { runArea } from "./runner.js";

await runArea("losses");

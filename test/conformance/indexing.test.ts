/** Golden cases: indexing. */
import { runArea } from "./runner.js";

await runArea("indexing");

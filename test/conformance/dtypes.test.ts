/** Golden cases: dtypes. */
import { runArea } from "./runner.js";

await runArea("dtypes");

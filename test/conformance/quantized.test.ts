/** Golden cases: quantized. */
import { runArea } from "./runner.js";

await runArea("quantized");

/** Golden cases: fft. */
import { runArea } from "./runner.js";

await runArea("fft");

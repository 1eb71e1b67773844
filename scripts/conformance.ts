/** `node build/scripts/conformance.js [AREA…] [--fn TEXT] [--max N]`: golden cases without the test runner, for development. */
import { parseArgs } from "node:util";
import { readCases } from "../test/conformance/format.js";
import { Report } from "../test/conformance/report.js";
import { runCase } from "../test/conformance/runner.js";

const AREAS =
  "ops indexing transforms random linalg fft fast quantized nn losses init optimizers dtypes errors printing io/io";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fn: { type: "string" }, max: { type: "string" } },
});
const max = Number(values.max ?? 20);
let failed = 0;
for (const area of positionals.length > 0 ? positionals : AREAS.split(" ")) {
  const report = new Report(area);
  for (const golden of readCases(area)) {
    const text = JSON.stringify([golden.id, golden.fields.fn ?? ""]);
    if (values.fn !== undefined && !text.includes(values.fn)) continue;
    const outcome = await runCase(golden);
    report.add(outcome);
    if (outcome.status !== "failed") continue;
    if (++failed <= max)
      console.log(`FAIL ${area} ${golden.id}\n     ${outcome.details.join("\n     ")}`);
  }
  console.log(report.toString());
}
process.exitCode = failed > 0 ? 1 : 0;

/** `node build/scripts/conformance.js [AREA…] [--fn TEXT] [--max N] [--write-pending]`: golden cases without the test runner, for development. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readCases } from "../test/conformance/format.js";
import { Report } from "../test/conformance/report.js";
import { runCase } from "../test/conformance/runner.js";

const AREAS =
  "ops indexing transforms random linalg fft fast quantized nn losses init optimizers dtypes errors printing io/io";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fn: { type: "string" },
    max: { type: "string" },
    "write-pending": { type: "boolean" },
  },
});
const max = Number(values.max ?? 20);
let failed = 0;
const pending = new Set<string>();
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
  for (const name of report.pendingNames()) pending.add(name);
  console.log(report.toString());
}
if (values["write-pending"] === true && values.fn === undefined && positionals.length === 0) {
  const header =
    "/** What the golden cases cover and the library does not have yet; a name outside this list may not be missing. */";
  const names = [...pending].sort().map((name) => `  ${JSON.stringify(name)},\n`);
  const list = names.length === 0 ? "[]" : `[\n${names.join("")}]`;
  const text = `${header}\nexport const KNOWN_PENDING: readonly string[] = ${list};\n`;
  writeFileSync("test/conformance/pending.ts", text);
}
process.exitCode = failed > 0 ? 1 : 0;

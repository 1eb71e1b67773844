/** The report's words, and that docs/differences.md names every excluded case with its reason, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DIFFERENCES } from "./adapters/differences.js";
import { Report } from "./report.js";

test("docs/differences.md lists what is excluded, case by case", () => {
  const text = readFileSync("docs/differences.md", "utf8");
  const section = text.split("\n## Excluded golden cases\n")[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const want = DIFFERENCES.map(({ cases, parts, reason }) => {
    const names = cases.map((name) => `\`${name}\``);
    return `| ${names.join(", ")} | ${parts.join(", ")} | ${reason} |`;
  });
  assert.deepEqual(rows.sort(), want.sort());
});

test("a report counts passed, excluded and failed; the rest where there is any", () => {
  const report = new Report("area");
  for (const status of ["passed", "passed", "excluded"] as const) report.add({ status });
  assert.equal(report.toString(), "conformance area: 2 passed / 1 excluded / 0 failed");
  report.add({ status: "failed", details: ["no"] });
  report.add({ status: "pending", name: "f" });
  report.add({ status: "inexpressible" });
  assert.equal(
    report.toString(),
    "conformance area: 2 passed / 1 excluded / 1 failed, 1 pending, 1 left out (whole float meets integers)\n  pending: f 1",
  );
});

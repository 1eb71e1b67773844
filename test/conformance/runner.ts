/** Runs golden cases: one outcome per case, none passed over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isKnownDifference, unexpected } from "./adapters/differences.js";
import { type Case, readCases } from "./format.js";
import { runLoad, runSave } from "./kinds/io.js";
import { runInit, runModule, runModuleInit } from "./kinds/module.js";
import { runOp } from "./kinds/op.js";
import { runOptimizer, runSchedule } from "./kinds/optimizer.js";
import { runProgram } from "./kinds/program.js";
import { runSequence, runVmapKeys } from "./kinds/random.js";
import {
  runDTypeInfo,
  runDTypePairs,
  runDTypeRelation,
  runDTypeScalars,
  runDTypeUnary,
  runLimits,
  runPrint,
  runPrintDTypes,
} from "./kinds/tables.js";
import { Inexpressible, Pending } from "./library.js";
import { KNOWN_PENDING } from "./pending.js";
import { type Outcome, Report } from "./report.js";

type Runner = (golden: Case) => readonly string[] | Promise<readonly string[]>;

const RUNNERS: Readonly<Record<string, Runner>> = {
  op: runOp,
  program: runProgram,
  sequence: runSequence,
  vmap_keys: runVmapKeys,
  dtype_pairs: runDTypePairs,
  dtype_scalars: runDTypeScalars,
  dtype_unary: runDTypeUnary,
  can_cast: runDTypeRelation,
  issubdtype: runDTypeRelation,
  isdtype: runDTypeRelation,
  dtype_info: runDTypeInfo,
  iinfo: runLimits,
  finfo: runLimits,
  print: runPrint,
  print_dtypes: runPrintDTypes,
  optimizer: runOptimizer,
  schedule: runSchedule,
  io_load: runLoad,
  io_save: runSave,
  module: runModule,
  module_init: runModuleInit,
  init: runInit,
};

export async function runCase(golden: Case): Promise<Outcome> {
  const runner = RUNNERS[golden.kind];
  if (runner === undefined) {
    return { status: "failed", details: [`unknown kind "${golden.kind}"`] };
  }
  try {
    const details = unexpected(golden.id, await runner(golden));
    if (details.length > 0) return { status: "failed", details };
    return { status: isKnownDifference(golden.id) ? "excluded" : "passed" };
  } catch (error) {
    if (error instanceof Pending) return { status: "pending", name: error.what };
    if (error instanceof Inexpressible) return { status: "inexpressible" };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { status: "failed", details: [text] };
  }
}

/** One test per case that can run; pending ones must be in the list of what is not built yet. */
export async function runArea(area: string): Promise<void> {
  const report = new Report(area);
  await test(area, async (t) => {
    for (const golden of readCases(area)) {
      const outcome = await runCase(golden);
      report.add(outcome);
      if (outcome.status === "passed" || outcome.status === "excluded") {
        await t.test(golden.id, () => {});
      }
      if (outcome.status === "failed") {
        await t.test(golden.id, () => assert.fail(outcome.details.join("\n")));
      }
    }
    await t.test(`${area}: what is pending is known`, () => {
      const unknown = report.pendingNames().filter((name) => !KNOWN_PENDING.includes(name));
      assert.deepEqual(unknown, [], "functions disappeared, or are missing in pending.ts");
    });
  });
  console.log(report.toString());
}

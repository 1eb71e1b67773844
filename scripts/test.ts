/** `npm test`: runs the compiled tests and ends with the line `N passed, N failed`. */

import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "node:test";

/** The event data that counting needs; a structural subset of what node:test emits. */
interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly details: {
    readonly duration_ms?: number | undefined;
    readonly type?: string | undefined;
    readonly error?: unknown;
  };
}

interface Failure {
  /** The depth of the outermost ancestor named in `path` so far: parents report after children. */
  nesting: number;
  path: string;
  readonly message: string;
}

interface FileTally {
  passed: number;
  failed: number;
  skipped: number;
  /** Reported children per nesting depth, waiting for their parent's event. */
  readonly children: number[];
  failures: Failure[];
}

const filters = process.argv.slice(2);

/** Test sources, not build outputs: a test that was removed must not run from a stale build. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sources(path);
      return entry.name.endsWith(".test.ts") ? [path] : [];
    });
}

const files = sources("test")
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
  .map((path) => join("build", path.replace(/\.ts$/, ".js")));

const tallies = new Map<string, FileTally>();

function tallyOf(event: TestEvent): FileTally {
  const file = event.file === undefined ? event.name : relative(process.cwd(), event.file);
  let tally = tallies.get(file);
  if (tally === undefined) {
    tally = { passed: 0, failed: 0, skipped: 0, children: [], failures: [] };
    tallies.set(file, tally);
  }
  return tally;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return cause === undefined ? (error.stack ?? error.message) : String(cause);
}

/** A parent that fails only because its subtests did has nothing of its own to report. */
function failedBySubtests(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "failureType" in error &&
    error.failureType === "subtestsFailed"
  );
}

function record(event: TestEvent, passed: boolean): void {
  const tally = tallyOf(event);
  const { nesting } = event;
  const isParent = (tally.children[nesting + 1] ?? 0) > 0 || event.details.type === "suite";
  tally.children[nesting + 1] = 0;
  tally.children[nesting] = (tally.children[nesting] ?? 0) + 1;
  for (const failure of tally.failures) {
    if (failure.nesting !== nesting + 1) continue;
    failure.path = `${event.name} › ${failure.path}`;
    failure.nesting = nesting;
  }
  if (!isParent || !(passed || failedBySubtests(event.details.error))) {
    if (event.skip !== undefined && event.skip !== false) tally.skipped++;
    else if (passed) tally.passed++;
    else {
      tally.failed++;
      const message = describe(event.details.error);
      tally.failures.push({ nesting, path: event.name, message });
    }
  }
  if (nesting === 0) printFailures(event, tally);
}

function printFailures(event: TestEvent, tally: FileTally): void {
  for (const failure of tally.failures) {
    const file = relative(process.cwd(), event.file ?? "");
    const message = failure.message
      .replace(/\n *at .*\bnode:internal.*/g, "")
      .replace(/^/gm, "     ");
    console.log(`\nFAIL ${file} › ${failure.path}\n${message}`);
  }
  tally.failures = [];
}

const stream = run({ files: [...files], concurrency: 2 });
stream.on("test:pass", (event) => record(event, true));
stream.on("test:fail", (event) => record(event, false));
stream.on("test:stdout", (event) => process.stdout.write(event.message));
stream.on("test:stderr", (event) => process.stderr.write(event.message));
stream.on("end", () => {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, tally] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
    const failed = tally.failed > 0 ? `, ${tally.failed} failed` : "";
    console.log(`${file}: ${tally.passed} passed${failed}`);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
});
stream.resume();

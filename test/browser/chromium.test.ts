/** The package as pages load it, in Chromium: with shared memory and workers, and without; the same results as in Node. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { findChromium, serve, visit } from "./chromium.js";
import type { Report } from "./page.js";
import { work } from "./work.js";

const files = {
  cotangent: "dist/index.js",
  "cotangent/nn": "dist/nn/index.js",
  "cotangent/optimizers": "dist/optimizers/index.js",
} as const;

const html = `<!doctype html>
<meta charset="utf-8">
<script type="importmap">${JSON.stringify({
  imports: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, `/${file}`])),
})}</script>
<script type="module">
  const post = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });
  try {
    const { report } = await import("/build/test/browser/page.js");
    await post(await report());
  } catch (error) {
    await post({ error: String(error?.stack ?? error) });
  }
</script>`;

test("what pages load imports nothing but files beside it", () => {
  assert.ok(existsSync(files.cotangent), "run npm run build first");
  // The command line is Node's; what it shares with the rest lies in chunks, which are looked at.
  const scripts = readdirSync("dist", { recursive: true, encoding: "utf8" }).filter(
    (f) => f.endsWith(".js") && !f.startsWith("cli"),
  );
  const imports =
    /^(?:import|export)\b[^;"']*?["']([^"']+)["'];|(?<![.\w])import\(\s*["']([^"']+)["']/gm;
  let seen = 0;
  for (const file of scripts) {
    for (const [, from, dynamic] of readFileSync(join("dist", file), "utf8").matchAll(imports)) {
      assert.match(from ?? dynamic ?? "", /^\.\.?\//, `${file} imports ${from ?? dynamic}`);
      seen++;
    }
  }
  assert.ok(seen > 0, "no imports found");
});

const chromium = findChromium();
const skip = chromium === null ? "no Chromium is installed" : false;

/** What Node makes of the same files. */
const inNode = async (): Promise<Pick<Report, "printed" | "results">> => {
  const [mx, nn, optim] = await Promise.all(
    Object.values(files).map((file) => import(pathToFileURL(resolve(file)).href)),
  );
  const { stdout, status } = spawnSync(process.execPath, ["build/examples/vjp.js"], {
    encoding: "utf8",
  });
  assert.equal(status, 0);
  // Pages have no library, which adds products up in another order.
  mx.setBlas(false);
  const results = await work({ mx, nn, optim });
  mx.setThreads(1);
  return { printed: stdout.trimEnd().split("\n"), results };
};

const inBrowser = async (isolated: boolean): Promise<Report> => {
  const site = await serve(html, isolated);
  try {
    const report: Report | { error: string } = JSON.parse(
      await visit(chromium ?? "", site, 120_000),
    );
    if ("error" in report) throw new Error(`in the page: ${report.error}`);
    return report;
  } finally {
    site.close();
  }
};

const expected = skip === false ? inNode() : null;

const compare = async (report: Report): Promise<void> => {
  const node = await expected;
  assert.ok(node !== null);
  assert.deepEqual(report.printed.join("\n").split("\n"), node.printed);
  assert.deepEqual(report.results, node.results);
  const [one, two, asynchronous] = report.results.products;
  assert.deepEqual(two, one);
  assert.deepEqual(asynchronous, one);
  const { losses } = report.results;
  assert.equal(losses.length, 300);
  assert.ok((losses.at(-1) ?? 1) < 0.1 * (losses[0] ?? 0), `${losses[0]} to ${losses.at(-1)}`);
};

test("a page that is cross-origin isolated: workers, results as in Node", { skip }, async (t) => {
  const report = await inBrowser(true);
  assert.equal(report.isolated, true);
  await compare(report);
  assert.ok(report.workers >= 2, `${report.workers} workers`);
  assert.equal(report.threads.most, 2);
  assert.equal(report.threads.running, 2);
  assert.ok(report.threads.led > 0, "no asynchronous work was done by a worker");
  t.diagnostic(`${report.longestTick} ms at most between ticks of a 10 ms timer`);
});

test("a page that is not: one thread, results as in Node", { skip }, async () => {
  const report = await inBrowser(false);
  assert.equal(report.isolated, false);
  await compare(report);
  assert.equal(report.workers, 0);
  assert.deepEqual([report.threads.most, report.threads.running], [1, 1]);
});

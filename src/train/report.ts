/** A report of a run: one HTML file that needs nothing else, with the curves of its losses. */
import { readOptions } from "../core/options.js";
import { pathOf, writeAtomically } from "../io/files.js";
import { readTextFile } from "../io/folder.js";
import type { Callback } from "./fit.js";
import type { Run } from "./run.js";

export interface HtmlReportOptions {
  /** The heading. */
  readonly title?: string;
  /** More rows of the table, by name; what is known at the end can be given by a function. */
  readonly figures?:
    | Readonly<Record<string, string>>
    | ((run: Run) => Readonly<Record<string, string>>);
}

const op = "htmlReport";

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => `&#${c.codePointAt(0) ?? 0};`);

const packageFile = (name: string): string =>
  readTextFile(op, pathOf(op, new URL(import.meta.resolve(name))));

/** Columns for the plot: step, loss, its moving average, validation loss; null where there is none. */
const columns = ({ losses, validations }: Run): (number | null)[][] => {
  const measured = new Map(validations.map(({ step, loss }) => [step, loss]));
  let average = losses[0]?.loss ?? 0;
  const finite = (x: number | undefined): number | null =>
    x !== undefined && Number.isFinite(x) ? x : null;
  const averages = losses.map(({ loss }, i) => {
    average += (loss - average) / Math.min(i + 1, 50);
    return finite(average);
  });
  return [
    losses.map((p) => p.step),
    losses.map((p) => finite(p.loss)),
    averages,
    losses.map((p) => finite(measured.get(p.step))),
  ];
};

const page = (title: string, rows: Readonly<Record<string, string>>, run: Run): string => {
  // Closing tags inside the script would end it.
  const script = packageFile("uplot/dist/uPlot.iife.min.js").replaceAll("</", "<\\/");
  const style = packageFile("uplot/dist/uPlot.min.css");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
  h1 { font-size: 1.6rem } table.figures { border-collapse: collapse }
  table.figures td { padding: .15rem 1.5rem .15rem 0; vertical-align: top } table.figures td:first-child { color: #666 }
  ${style}
</style>
<h1>${escape(title)}</h1>
<table class="figures">
${Object.entries(rows)
  .map(([name, value]) => `<tr><td>${escape(name)}</td><td>${escape(value)}</td></tr>`)
  .join("\n")}
</table>
<div id="losses"></div>
<script>${script}</script>
<script>
const data = ${JSON.stringify(columns(run))};
new uPlot({
  width: Math.min(900, document.body.clientWidth), height: 420,
  scales: { x: { time: false } },
  axes: [{ label: "step" }, { label: "loss" }],
  series: [
    { label: "step" },
    { label: "training", stroke: "#a9c1db", width: 1 },
    { label: "training, averaged", stroke: "#4e79a7", width: 2 },
    { label: "validation", stroke: "#e15759", width: 2, spanGaps: true, points: { show: true } },
  ],
}, data, document.getElementById("losses"));
</script>
</html>
`;
};

/**
 * Writes an HTML file at the end of the run: a table of figures and the losses, drawn by uPlot, which is in the file.
 *
 * @throws ArgumentError when it cannot be written
 * @example train.htmlReport("report.html", { title: "First try" })
 */
export const htmlReport = (path: string, options?: HtmlReportOptions): Callback => {
  const o = readOptions<HtmlReportOptions>(op, options, ["title", "figures"]);
  return {
    onEnd: (run) => {
      const more = typeof o.figures === "function" ? o.figures(run) : (o.figures ?? {});
      const seconds = (performance.now() - run.began) / 1000;
      const rows = {
        steps: run.steps === null ? String(run.step) : `${run.step} of ${run.steps}`,
        "training loss": `${run.losses[0]?.loss.toFixed(4) ?? "none"} at first, ${run.average.toFixed(4)} at last`,
        "validation loss": run.validations.at(-1)?.loss.toFixed(4) ?? "not measured",
        speed: `${Math.round(run.examples / seconds).toLocaleString("en")} examples per second`,
        ...(run.stopped === null ? {} : { stopped: run.stopped }),
        ...more,
      };
      writeAtomically(op, path, [new TextEncoder().encode(page(o.title ?? "Training", rows, run))]);
    },
  };
};

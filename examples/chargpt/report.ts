/** The report of a run: one HTML file that needs nothing else, with the loss curve and a differentiated graph. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as Plot from "@observablehq/plot";
import { instance } from "@viz-js/viz";
import * as mx from "cotangent";
import { parseHTML } from "linkedom";
import { InputError, reasonOf } from "./failure.js";
import type { Validation } from "./train.js";

export interface Report {
  readonly losses: readonly number[];
  readonly validations: readonly Validation[];
  /** What the table shows, by name. */
  readonly figures: Readonly<Record<string, string>>;
  /** Text the model wrote. */
  readonly sample: string;
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => `&#${c.codePointAt(0) ?? 0};`);

/** The training loss of every step, and the loss on the validation part, as SVG. */
const lossCurve = ({ losses, validations }: Report): string => {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const points = losses.map((loss, i) => ({ step: i + 1, loss }));
  const chart = Plot.plot({
    document,
    width: 860,
    height: 380,
    marginLeft: 50,
    grid: true,
    x: { label: "step" },
    y: { label: "loss (nats per character)" },
    marks: [
      Plot.lineY(points, { x: "step", y: "loss", stroke: "#4e79a7", strokeOpacity: 0.35 }),
      Plot.lineY(
        points,
        Plot.windowY(
          { k: Math.max(1, Math.round(points.length / 40)), anchor: "end" },
          { x: "step", y: "loss", stroke: "#4e79a7", strokeWidth: 2 },
        ),
      ),
      Plot.lineY(validations, { x: "step", y: "loss", stroke: "#e15759", strokeDasharray: "4 3" }),
      Plot.dot(validations, { x: "step", y: "loss", fill: "#e15759" }),
    ],
  });
  return chart.outerHTML;
};

/** The graph of x·sin(x) and its derivative as SVG, drawn before anything of it is computed. */
const differentiatedGraph = async (): Promise<string> => {
  const x = mx.array([1, 2, 3]);
  const ct = mx.ones([3]);
  const [[y], [dx]] = mx.vjp((t) => t.multiply(mx.sin(t)), [x], [ct]);
  let dot = "";
  const file = {
    write: (text: string): void => {
      dot += text;
    },
  };
  mx.exportToDot(file, y, dx, { x, y, "dy/dx": dx });
  const viz = await instance();
  return viz.renderString(dot, { format: "svg_inline", engine: "dot" });
};

const page = (report: Report, curve: string, graph: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A small GPT, trained by cotangent</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
  h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
  table { border-collapse: collapse } td { padding: .15rem 1.5rem .15rem 0; vertical-align: top } td:first-child { color: #666 }
  pre { background: #f5f5f2; padding: 1rem; overflow-x: auto; white-space: pre-wrap }
  svg { max-width: 100%; height: auto }
  .train { color: #4e79a7 } .validation { color: #e15759 }
</style>
<h1>A small GPT, trained by cotangent</h1>
<table>
${Object.entries(report.figures)
  .map(([name, value]) => `<tr><td>${escape(name)}</td><td>${escape(value)}</td></tr>`)
  .join("\n")}
</table>
<h2>Loss</h2>
<p><span class="train">━ training</span>, each step and smoothed; <span class="validation">╍ validation</span>, on text it never trained on.</p>
${curve}
<h2>What it writes</h2>
<pre>${escape(report.sample)}</pre>
<h2>A differentiated graph</h2>
<p>y = x · sin(x) and its derivative, as <code>mx.vjp</code> records them before anything is computed. The engine makes one kernel of it.</p>
${graph}
</html>
`;

/**
 * Writes `report.html`, in one step.
 *
 * @throws InputError when it cannot be written
 */
export const writeReport = async (folder: string, report: Report): Promise<void> => {
  const path = join(folder, "report.html");
  const beside = `${path}.${process.pid}.tmp`;
  const html = page(report, lossCurve(report), await differentiatedGraph());
  try {
    writeFileSync(beside, html);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw new InputError(`cannot write ${path}: ${reasonOf(error)}`);
  }
};

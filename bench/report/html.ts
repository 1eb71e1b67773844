/** The results as one self-contained HTML page: a bar per library, on a logarithmic scale. */
import type { Row, Run } from "./run.js";
import { duration, rate } from "./text.js";

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const style = `
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --faint: #8884; --own: #2f6fde; --other: #9aa4b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181c; --own: #6ea0ff; --other: #5b6472; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--faint); }
h3 { margin: 1.4rem 0 .3rem; font-size: 1rem; }
.goal { opacity: .7; font-weight: normal; }
.bar { display: grid; grid-template-columns: 13rem 1fr 11rem; gap: .6rem; align-items: center; font-size: .85rem; }
.bar i { display: block; height: .8rem; background: var(--other); border-radius: 2px; }
.bar.own i { background: var(--own); }
.bar b { font-weight: normal; font-variant-numeric: tabular-nums; }
`;

const bars = (run: Run, row: Row): string => {
  const times = row.cells.flatMap(({ median }) => (median === undefined ? [] : [median]));
  const least = Math.log(Math.min(...times) / 2);
  const span = Math.log(Math.max(...times)) - least;
  return row.cells
    .map((cell, i) => {
      const name = escape(run.libraries[i]?.name ?? "");
      if (cell.median === undefined) return "";
      const width = ((Math.log(cell.median) - least) / span) * 100;
      const ratio = i === 0 || cell.ratio === undefined ? "" : ` · ${cell.ratio.toFixed(2)}×`;
      const note = cell.note === undefined ? "" : ` · ${escape(cell.note)}`;
      return `<div class="bar${i === 0 ? " own" : ""}"><span>${name}</span><i style="width:${width.toFixed(1)}%"></i><b>${duration(cell.median)}${ratio}${note}</b></div>`;
    })
    .join("\n");
};

/** The page. */
export const page = (run: Run): string => {
  const groups = [...new Set(run.rows.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const rows = run.rows.filter((row) => row.group === group);
    const parts = rows.map((row) => {
      const goal =
        row.goal === undefined ? "" : ` <span class="goal">goal: ${escape(row.goal)}</span>`;
      const speed = rate(row) === "" ? "" : ` <span class="goal">${rate(row)}</span>`;
      return `<h3>${escape(row.name)}${speed}${goal}</h3>\n${bars(run, row)}`;
    });
    return `<h2>${escape(group)}</h2>\n${parts.join("\n")}`;
  });
  const about = [
    ...run.libraries.map(({ name, version, how }) => `${name} ${version}: ${how}`),
    ...run.missing.map((text) => `not measured: ${text}`),
    ...run.extra.map(({ name, value }) => `${name}: ${value}`),
  ].map((text) => `<li>${escape(text)}</li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>cotangent beside its peers</title><style>${style}</style></head><body>
<h1>cotangent beside its peers</h1>
<p>Node ${escape(run.node)}, ${escape(run.machine)}. Bars are median times on a logarithmic scale: shorter is faster;
× is that library's time divided by ${escape(run.libraries[0]?.name ?? "")}'s.</p>
<ul>${about.join("\n")}</ul>
${sections.join("\n")}
</body></html>
`;
};

/** The results as a table of text, in Markdown. */
import type { Row, Run } from "./run.js";

export const duration = (ms: number): string => {
  if (ms < 1) return `${(ms * 1000).toFixed(1)} µs`;
  return ms < 1000 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(2)} s`;
};

export const bytes = (n: number): string =>
  n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;

/** What the first column's time means as a rate; empty where it means nothing. */
export const rate = (row: Row): string => {
  const [own] = row.cells;
  if (own?.median === undefined) return "";
  if (row.flops !== undefined) return `${(row.flops / own.median / 1e6).toFixed(1)} GFLOP/s`;
  if (row.bytes !== undefined) return `${(row.bytes / own.median / 1e6).toFixed(1)} GB/s`;
  return "";
};

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** A table: one workload per line, one library per column, each cell its time and its ratio to the first. */
export const table = (run: Run): string => {
  const head = ["workload", ...run.libraries.map(({ name }) => name), "rate", "goal"];
  const rule = ["---", ...run.libraries.map(() => "--:"), "--:", "---"];
  const lines = run.rows.map((row) =>
    line([
      row.name,
      ...row.cells.map((cell, i) => {
        if (cell.median === undefined) return cell.note ?? "–";
        const ratio = i === 0 || cell.ratio === undefined ? "" : ` (${cell.ratio.toFixed(2)}×)`;
        return `${duration(cell.median)}${ratio}${cell.note === undefined ? "" : ` ${cell.note}`}`;
      }),
      rate(row),
      row.goal ?? "",
    ]),
  );
  const about = run.libraries.map(({ name, version, how }) => `- ${name} ${version}: ${how}`);
  const notes = run.missing.map((text) => `- not measured: ${text}`);
  const extra = run.extra.map(({ name, value }) => `- ${name}: ${value}`);
  return [
    `Node ${run.node}, ${run.machine}; medians, × is that library's time divided by ${run.libraries[0]?.name ?? ""}'s.`,
    "",
    ...about,
    ...notes,
    "",
    line(head),
    line(rule),
    ...lines,
    "",
    ...extra,
  ].join("\n");
};

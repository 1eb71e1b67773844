/** Tables of text. */

/** Columns padded to their widest entry; those named in `right` are set to the right. */
export const rows = (
  table: readonly (readonly string[])[],
  right: readonly number[] = [],
): string => {
  const widths: number[] = [];
  for (const row of table)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return table
    .map((row) =>
      row
        .map((cell, i) =>
          right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

/** Bytes in a unit that people read. */
export const sizeText = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [x, unit] = [bytes, 0];
  while (x >= 1024 && unit + 1 < units.length) [x, unit] = [x / 1024, unit + 1];
  return `${unit === 0 ? x : x.toFixed(1)} ${units[unit]}`;
};

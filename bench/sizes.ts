/** Figures of the package itself: how large it is, how long it takes from nothing to a first gradient. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { bytes, duration } from "./report/text.js";

const require = createRequire(import.meta.url);

/** Minified or not as it is shipped, every JavaScript file that importing the package loads. */
const shipped = (folder: string): Buffer =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".js"))
      .sort()
      .map((name) => readFileSync(join(folder, name))),
  );

const first = `
const start = performance.now();
const mx = await import("cotangent");
const x = mx.array([1, 2, 3]);
const [, [dx]] = mx.vjp((x) => x.multiply(mx.sin(x)), [x], [mx.ones([3])]);
mx.eval(dx);
console.log(performance.now() - start);
`;

/** The figures, measured now. */
export const sizes = (): { name: string; value: string }[] => {
  const root = dirname(require.resolve("cotangent/package.json"));
  const code = shipped(join(root, "dist"));
  const times = Array.from({ length: 7 }, () =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "-e", first], {
        cwd: import.meta.dirname,
        encoding: "utf8",
      }),
    ),
  ).sort((a, b) => a - b);
  return [
    { name: "import and first vjp", value: duration(times[3] ?? Number.NaN) },
    {
      name: "all of dist",
      value: `${bytes(code.length)}, ${bytes(gzipSync(code).length)} compressed`,
    },
  ];
};

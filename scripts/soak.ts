/** `npm run soak [-- --programs N [--seed S]]`: N random programs of each kind; without that ten thousand training steps, a thousand evaluations short of memory, killed threads, repeated runs. */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { checkGradients, checkValues, checkVmap } from "../test/support/program-checks.js";
import { programs } from "../test/support/random-programs.js";
import { kill, repeat, starve, train } from "../test/support/soak.js";

const timed = async <R>(
  name: string,
  work: () => Promise<R>,
  say: (result: R) => string,
): Promise<void> => {
  const start = performance.now();
  const result = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${say(result)} (${seconds} s)`);
};

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const require = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

const { values: options } = parseArgs({
  options: { programs: { type: "string" }, seed: { type: "string" } },
});
if (options.programs !== undefined) {
  const numRuns = Number(options.programs);
  const seed = Number(options.seed ?? Date.now() % 2 ** 31);
  console.log(`${numRuns} random programs of each kind from seed ${seed}`);
  for (const kind of ["exact", "smooth"] as const) {
    fc.assert(
      fc.property(programs, (program) => {
        checkValues(program, kind);
        checkVmap(program, kind);
        if (kind === "smooth") checkGradients(program);
      }),
      { numRuns, seed, verbose: 1 },
    );
    console.log(`${kind}: all right`);
  }
  process.exit();
}
await timed(
  "10,000 training steps",
  () => train(10_000),
  ({ first, last, live, resident }) => {
    require(last < 0.2 * first, `the loss went from ${first} to ${last}`);
    require(live[1] <= live[0] + 2 ** 16, `live bytes went from ${live[0]} to ${live[1]}`);
    require(resident[1] <=
      resident[0] + 2 ** 26, `resident bytes went from ${resident[0]} to ${resident[1]}`);
    return (
      `loss ${first.toFixed(3)} to ${last.toFixed(4)}; from step 1,000 to the end live ` +
      `${mebibytes(live[0])} to ${mebibytes(live[1])}, resident ${mebibytes(resident[0])} to ${mebibytes(resident[1])}`
    );
  },
);
await timed(
  "1,000 evaluations with a failing allocation",
  () => starve(1000),
  (failures) => `${failures} named errors, all right when evaluated again, nothing left`,
);
await timed(
  "60 evaluations with a killed thread",
  () => kill(60),
  (failures) => `${failures} device errors, the others right, all right when evaluated again`,
);
await timed(
  "300 training steps on 1, 2, 3 and 4 threads, twice",
  () => repeat(300, [1, 2, 3, 4]),
  (all) => {
    require(new Set(all).size === 1, "results differ");
    return "the same bits";
  },
);

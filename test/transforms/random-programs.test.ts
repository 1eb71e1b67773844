/** Random programs: every way to a value gives it, and derivatives and lanes are what the program without them says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkGradients, checkValues, checkVmap } from "../support/program-checks.js";
import { type Kind, programs } from "../support/random-programs.js";

const numRuns = Number(process.env.COTANGENT_PROGRAMS ?? 200);
/** The same programs each time; another number draws others, and a failure prints it with its path. */
const seed = Number(process.env.COTANGENT_SEED ?? 1);

for (const kind of ["exact", "smooth"] satisfies Kind[]) {
  test(`${numRuns} ${kind} programs from seed ${seed}: eager, compiled, reference`, () => {
    fc.assert(
      fc.property(programs, (program) => checkValues(program, kind)),
      { numRuns, seed },
    );
  });

  test(`${numRuns} ${kind} programs from seed ${seed}: vmap against the loop`, () => {
    fc.assert(
      fc.property(programs, (program) => checkVmap(program, kind)),
      { numRuns, seed },
    );
  });
}

test(`${numRuns} smooth programs from seed ${seed}: gradients`, () => {
  let decided = 0;
  fc.assert(
    fc.property(programs, (program) => {
      if (checkGradients(program)) decided++;
    }),
    { numRuns, seed },
  );
  assert.ok(decided > 0.8 * numRuns, `central differences decide ${decided} of ${numRuns}`);
});

/** Stops a run that no longer gets better. */
import { readOptions } from "../core/options.js";
import type { Callback } from "./fit.js";

export interface EarlyStopOptions {
  /** Measurements without a better one after which to stop; 3 by default. */
  readonly patience?: number;
  /** By how much the loss must fall to count as better; 0 by default. */
  readonly minDelta?: number;
}

/**
 * Stops the run when the validation loss has not fallen for some measurements.
 *
 * @example train.earlyStop({ patience: 5 })
 */
export const earlyStop = (options?: EarlyStopOptions): Callback => {
  const { patience = 3, minDelta = 0 } = readOptions<EarlyStopOptions>("earlyStop", options, [
    "patience",
    "minDelta",
  ]);
  return {
    onValidation: (run) => {
      // Counted anew each time, so that a resumed run stops where an uninterrupted one does.
      let best = Number.POSITIVE_INFINITY;
      let since = 0;
      for (const { loss } of run.validations) {
        if (loss < best - minDelta) {
          best = loss;
          since = 0;
        } else since++;
      }
      if (since >= patience) {
        run.stop(`the validation loss has not fallen below ${best} for ${since} measurements`);
      }
    },
  };
};

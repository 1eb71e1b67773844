/** The error of a training run that cannot go on. */
import { CotangentError } from "../core/errors.js";

/** A run that must stop: a loss that is not a number, or data that ends before the steps are taken. */
export class TrainingError extends CotangentError {
  constructor(message: string) {
    super("TRAINING", message);
  }
}

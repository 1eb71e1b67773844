/** Whether forks pay at present, judged by the times that lists took: where they do not, they rest, longer each time. */

/** Forks have to save a thirtieth of the time; after so many milliseconds of lists without, they rest. */
const worthwhile = 0.97;
const mostLoss = 20;
const firstRest = 50;
const longestRest = 5000;

/** All times are in milliseconds. */
export class Profit {
  /** Forks rest until this time. */
  private until = 0;
  /** For how long they rest the next time. */
  private rest = firstRest;
  /** Time lately spent on lists that gained nothing. */
  private loss = 0;

  /** Whether lists shall be walked by one thread at this time. */
  rests(now: number): boolean {
    return now < this.until;
  }

  /** Takes notice of a list that took so long with others' help and would have taken `alone` without. */
  note(milliseconds: number, alone: number, now: number): void {
    if (milliseconds < alone * worthwhile) {
      this.loss = Math.max(0, this.loss - milliseconds);
      if (this.loss === 0) this.rest = firstRest;
      return;
    }
    this.loss += milliseconds;
    if (this.loss < mostLoss) return;
    this.loss = 0;
    this.until = now + this.rest;
    this.rest = Math.min(longestRest, 2 * this.rest);
  }
}

/** Work in order of submission, done in slices between which the event loop turns. */

/** Something done in several steps. */
export interface Work<T> {
  /** Does the next part; true once all is done. */
  step(): boolean;
  result(): T;
  /** What must stay alive until then. */
  readonly keep: unknown;
}

interface Job {
  /** True once settled. */
  step(): boolean;
}

/** A turn of the event loop is held up for about this long at most, when steps are short. */
const sliceMilliseconds = 8;

export class Queue {
  private readonly jobs: Job[] = [];
  private readonly later: (task: () => void) => void;
  private readonly whenIdle: () => void;
  private scheduled = false;

  /** `later` runs a task in another turn of the event loop; `whenIdle` is called whenever all work is done. */
  constructor(later: (task: () => void) => void, whenIdle: () => void) {
    this.later = later;
    this.whenIdle = whenIdle;
  }

  get busy(): boolean {
    return this.jobs.length > 0;
  }

  /** The result of `work`, which starts in a later turn of the event loop, or when somebody drains the queue. */
  push<T>(work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.jobs.push({
        step: () => {
          try {
            if (!work.step()) return false;
            resolve(work.result());
          } catch (error) {
            reject(error);
          }
          return true;
        },
      });
      this.schedule();
    });
  }

  /** Does all that is waiting, now. */
  drain(): void {
    this.work(Infinity);
  }

  private work(until: number): void {
    if (this.jobs.length === 0) return;
    for (let job = this.jobs[0]; job !== undefined; job = this.jobs[0]) {
      if (job.step()) this.jobs.shift();
      if (performance.now() > until) break;
    }
    if (this.jobs.length === 0) this.whenIdle();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.later(() => {
      this.scheduled = false;
      this.work(performance.now() + sliceMilliseconds);
      if (this.jobs.length > 0) this.schedule();
    });
  }
}

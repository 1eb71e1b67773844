/** Work in order of submission, done in slices between which the event loop turns. */

/** Something done in several steps. */
export interface Work<T> {
  /**
   * Does the next part; "done" once all is, "waiting" while others have to do something first. When it `blocks` it waits
   * for that itself.
   */
  step(blocks: boolean): Progress;
  result(): T;
  /** What must stay alive until then. */
  readonly keep: unknown;
}

export type Progress = "done" | "more" | "waiting";

interface Job {
  step(blocks: boolean): Progress;
}

/** A turn of the event loop is held up for about this long at most, when steps are short. */
const sliceMilliseconds = 8;
/** Work that waits for others is looked at this often, should they not say when they are done. */
const patience = 20;

export class Queue {
  private readonly jobs: Job[] = [];
  private readonly later: (task: () => void) => void;
  private readonly whenIdle: () => void;
  private scheduled = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

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
        step: (blocks) => {
          try {
            const progress = work.step(blocks);
            if (progress === "done") resolve(work.result());
            return progress;
          } catch (error) {
            reject(error);
          }
          return "done";
        },
      });
      this.schedule();
    });
  }

  /** To be called when what work waits for may have come. */
  wake(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.schedule();
  }

  /** Does all that is waiting, now. */
  drain(): void {
    this.work(Infinity, true);
  }

  /** True where the first job waits for others. */
  private work(until: number, blocks: boolean): boolean {
    if (this.jobs.length === 0) return false;
    let waits = false;
    for (let job = this.jobs[0]; job !== undefined && !waits; job = this.jobs[0]) {
      const progress = job.step(blocks);
      if (progress === "done") this.jobs.shift();
      waits = progress === "waiting" && !blocks;
      if (performance.now() > until) break;
    }
    if (this.jobs.length === 0) this.whenIdle();
    return waits;
  }

  private schedule(): void {
    if (this.scheduled || this.timer !== null) return;
    this.scheduled = true;
    this.later(() => {
      this.scheduled = false;
      const waits = this.work(performance.now() + sliceMilliseconds, false);
      if (this.jobs.length === 0) return;
      if (!waits) this.schedule();
      else this.timer = setTimeout(() => this.wake(), patience);
    });
  }
}

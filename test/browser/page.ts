/** What a page does: runs the example and the common work, and posts what came of it to the server. */
import type { Packages } from "./work.js";
import { work } from "./work.js";

/** What a page reports. */
export interface Report {
  readonly isolated: boolean;
  readonly printed: readonly string[];
  readonly results: Awaited<ReturnType<typeof work>>;
  /** Workers started, and the longest time between ticks of a 10 ms timer while a product ran asynchronously. */
  readonly workers: number;
  readonly threads: ReturnType<Packages["mx"]["debug"]["threads"]>;
  readonly longestTick: number;
}

const countWorkers = (): (() => number) => {
  let count = 0;
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      count++;
    }
  };
  return () => count;
};

const runExample = async (url: string): Promise<readonly string[]> => {
  const printed: string[] = [];
  const { log } = console;
  console.log = (...values: readonly unknown[]) => void printed.push(values.join(" "));
  try {
    await import(url);
  } finally {
    console.log = log;
  }
  return printed;
};

const longestTick = async ({ mx }: Packages): Promise<number> => {
  const a = mx.ones([1536, 1536]);
  mx.eval(a);
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 10);
  await mx.asyncEval(a.matmul(a));
  clearInterval(timer);
  return longest;
};

/** Runs everything; the names are those of the page's import map. */
export const report = async (): Promise<Report> => {
  const workers = countWorkers();
  const [mx, nn, optim] = await Promise.all(
    ["cotangent", "cotangent/nn", "cotangent/optimizers"].map((name) => import(name)),
  );
  const printed = await runExample("/build/examples/vjp.js");
  const results = await work({ mx, nn, optim });
  return {
    isolated: globalThis.crossOriginIsolated,
    printed,
    results,
    longestTick: await longestTick({ mx, nn, optim }),
    workers: workers(),
    threads: mx.debug.threads(),
  };
};

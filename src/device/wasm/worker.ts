/** The script of a worker thread, as source: the package is bundled, and its workers need no file of their own. */
import { control, line, news } from "./control.js";

/** What a worker is started with. */
export interface WorkerData {
  readonly memory: WebAssembly.Memory;
  readonly walker: Uint8Array<ArrayBuffer>;
  readonly base: number;
  readonly thread: number;
}

/**
 * Serves until told to stop; between, instantiates the kernels made known since. Numbers come from the layout of the
 * control block. A worker that cannot go on says so; one that is killed leaves its marker file closed.
 */
export const workerSource: string = `"use strict";
const serveAll = ({ memory, walker, base, thread }, leave) => {
  const mine = base + ${line.first} + thread * ${line.bytes};
  let words = new Int32Array(memory.buffer);
  // Growing by nothing brings the view up to date with growth by other threads.
  const refresh = () => {
    memory.grow(0);
    words = new Int32Array(memory.buffer);
  };
  const get = (address) => Atomics.load(words, address >>> 2);
  const set = (address, value) => Atomics.store(words, address >>> 2, value);
  try {
    const env = { memory, table: new WebAssembly.Table({ initial: 64, element: "anyfunc" }), now: () => performance.now() };
    const { serve } = new WebAssembly.Instance(new WebAssembly.Module(walker), { env }).exports;
    let last = base + ${control.firstNews};
    let installed = 0;
    const install = () => {
      refresh();
      for (const count = get(base + ${control.newsCount}); installed < count; installed++) {
        last = get(last);
        const slot = get(last + ${news.slot});
        const from = last + ${news.bytes};
        const bytes = new Uint8Array(memory.buffer, from, get(last + ${news.length})).slice();
        const { k } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env, m: Math }).exports;
        if (slot >= env.table.length) env.table.grow(Math.max(slot + 1 - env.table.length, env.table.length));
        env.table.set(slot, k);
      }
      set(mine + ${line.installed}, installed);
    };
    let seen = get(base + ${control.epoch});
    Atomics.add(words, (base + ${control.ready}) >>> 2, 1);
    while (get(base + ${control.stop}) === 0) {
      install();
      seen = serve(base, thread, seen, installed);
    }
  } catch (error) {
    refresh();
    set(base + ${control.failed}, 1);
    Atomics.notify(words, (base + ${control.done}) >>> 2);
  }
  set(mine + ${line.busy}, 0);
  Atomics.add(words, (base + ${control.gone}) >>> 2, 1);
  leave();
};
if (typeof process === "object" && typeof require === "function") {
  const { workerData } = require("node:worker_threads");
  const { memory, base, thread } = workerData;
  let marker = -1;
  try {
    marker = require("node:fs").openSync(process.execPath, "r");
  } catch {}
  memory.grow(0);
  new Int32Array(memory.buffer)[(base + ${line.first} + thread * ${line.bytes} + ${line.marker}) >>> 2] = marker;
  serveAll(workerData, () => process.exit());
} else {
  onmessage = (event) => serveAll(event.data, () => close());
}
`;

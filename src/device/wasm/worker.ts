/** The script of a worker thread, as source: the package is bundled, and its workers need no file of their own. */
import type { BlasSource } from "./blas.js";
import { control, lead, line, news, state } from "./control.js";
import { record } from "./records.js";

/** The code that threads need besides kernels. */
export interface ThreadCode {
  readonly walker: Uint8Array<ArrayBuffer>;
  readonly blas: BlasSource | null;
  /** The address of the module with routines in JavaScript. */
  readonly host: string | null;
}

/** What a worker is started with. */
export interface WorkerData extends ThreadCode {
  readonly memory: WebAssembly.Memory;
  readonly base: number;
  readonly thread: number;
}

/**
 * What both kinds of workers begin with. `open` gives a worker's view of the shared memory: `words` are brought up to
 * date by `refresh`; `install` instantiates the kernels made known since, having loaded
 * what they need. Numbers come from the layouts of the control blocks.
 */
const prelude = `"use strict";
const gemms = ({ koffi, library, f32, f64, quiet, base }) => {
  const lib = require(koffi).load(library);
  for (const declaration of quiet) {
    try {
      lib.func(declaration)(1);
    } catch {}
  }
  const link = (declaration) => {
    const f = lib.func(declaration);
    return (ta, tb, m, n, k, a, lda, b, ldb, c, ldc) =>
      f(101, 111 + ta, 111 + tb, m, n, k, 1, base + (a >>> 0), lda, base + (b >>> 0), ldb, 0, base + (c >>> 0), ldc);
  };
  return { f32: link(f32), f64: link(f64) };
};
const open = ({ memory, walker, blas, host }, newsCount, firstNews, installedAt) => {
  const s = { words: new Int32Array(memory.buffer), installed: 0 };
  // Growing by nothing brings the view up to date with growth by other threads.
  s.refresh = () => {
    memory.grow(0);
    s.words = new Int32Array(memory.buffer);
  };
  s.get = (address) => Atomics.load(s.words, address >>> 2);
  s.set = (address, value) => Atomics.store(s.words, address >>> 2, value);
  s.notify = (address) => Atomics.notify(s.words, address >>> 2);
  s.wait = (address, value, ms) => Atomics.wait(s.words, address >>> 2, value, ms);
  let last = firstNews;
  s.start = () => {
    const env = { memory, table: new WebAssembly.Table({ initial: 64, element: "anyfunc" }), now: () => performance.now() };
    const imports = { env, m: Math, blas: blas === null ? {} : gemms(blas), host: null };
    const views = () => {
      s.refresh();
      return { i32: s.words, u8: new Uint8Array(s.words.buffer) };
    };
    s.install = async () => {
      s.refresh();
      for (const count = s.get(newsCount); s.installed < count; s.installed++) {
        last = s.get(last);
        const kernels = s.get(last + ${news.kernels});
        const from = last + ${news.places} + 4 * kernels;
        const bytes = new Uint8Array(memory.buffer, from, s.get(last + ${news.length})).slice();
        const module = new WebAssembly.Module(bytes);
        if (imports.host === null && WebAssembly.Module.imports(module).some((i) => i.module === "host"))
          imports.host = (await import(host)).hostImports(views);
        const made = new WebAssembly.Instance(module, imports).exports;
        for (let i = 0; i < kernels; i++) {
          const slot = s.get(last + ${news.places} + 4 * i);
          if (slot < 0) continue;
          if (slot >= env.table.length) env.table.grow(Math.max(slot + 1 - env.table.length, env.table.length));
          env.table.set(slot, made[i === 0 ? "k" : "k" + i]);
        }
      }
      s.set(installedAt, s.installed);
    };
    return new WebAssembly.Instance(new WebAssembly.Module(walker), { env }).exports;
  };
  return s;
};
// Runs \`main(data, leave, tell)\`; the word at \`markerAt(data)\` gets a file descriptor that is open as long as the thread lives.
const run = (main, markerAt) => {
  if (typeof process === "object" && typeof require === "function") {
    const { workerData, parentPort } = require("node:worker_threads");
    let marker = -1;
    try {
      marker = require("node:fs").openSync(process.execPath, "r");
    } catch {}
    workerData.memory.grow(0);
    new Int32Array(workerData.memory.buffer)[markerAt(workerData) >>> 2] = marker;
    main(workerData, () => process.exit(), () => parentPort.postMessage(0));
  } else {
    onmessage = (event) =>
      main(event.data, () => { postMessage(0); close(); }, () => postMessage(0));
  }
};
`;

/** A worker that helps: serves until told to stop. One that cannot go on says so; one that is killed leaves its marker closed. */
export const workerSource: string = `${prelude}
run(async ({ memory, walker, base, thread, blas, host }, leave) => {
  const mine = base + ${line.first} + thread * ${line.bytes};
  const s = open({ memory, walker, blas, host }, base + ${control.newsCount}, base + ${control.firstNews}, mine + ${line.installed});
  try {
    const { serve } = s.start();
    let seen = s.get(base + ${control.epoch});
    Atomics.add(s.words, (base + ${control.ready}) >>> 2, 1);
    while (s.get(base + ${control.stop}) === 0) {
      await s.install();
      seen = serve(base, thread, seen, s.installed);
    }
  } catch (error) {
    s.refresh();
    s.set(base + ${control.failed}, 1);
    s.notify(base + ${control.done});
  }
  s.set(mine + ${line.busy}, 0);
  Atomics.add(s.words, (base + ${control.gone}) >>> 2, 1);
  leave();
}, ({ base, thread }) => base + ${line.first} + thread * ${line.bytes} + ${line.marker});
`;

/** A worker that leads: walks the lists that it is given, and says when it has done one. */
export const leaderSource: string = `${prelude}
run(async ({ memory, walker, base, blas, host }, leave, tell) => {
  const s = open({ memory, walker, blas, host }, base + ${lead.newsCount}, base + ${lead.firstNews}, base + ${lead.installed});
  // Sleeps until helpers have finished more tiles, or some time has passed.
  const sleep = (pool) => {
    const start = performance.now();
    s.set(pool + ${control.waiting}, 1);
    const done = s.get(pool + ${control.done});
    const open = s.get(pool + ${control.open}) !== 0;
    const tiles = s.get(s.get(pool + ${control.job}) + ${record.tiles});
    if (open && done + s.get(pool + ${control.own}) < tiles) s.wait(pool + ${control.done}, done, 20);
    s.set(pool + ${control.waiting}, 0);
    new Float64Array(memory.buffer)[(pool + ${control.waited}) >>> 3] += performance.now() - start;
  };
  try {
    const { walk } = s.start();
    s.set(base + ${lead.ready}, 1);
    tell();
    for (;;) {
      for (let now = s.get(base); now !== ${state.running}; now = s.get(base)) {
        if (now === ${state.stopping}) throw null;
        s.wait(base + ${lead.state}, now);
      }
      const start = performance.now();
      await s.install();
      const pool = s.get(base + ${lead.pool});
      const end = s.get(base + ${lead.end});
      let at = s.get(base + ${lead.first});
      for (;;) {
        at = walk(at, end, s.get(base + ${lead.scratch}), pool, Infinity);
        if (at === end || s.get(base + ${lead.quit}) !== 0) break;
        sleep(pool);
      }
      s.set(base + ${lead.first}, at);
      new Float64Array(memory.buffer)[(base + ${lead.elapsed}) >>> 3] = performance.now() - start;
      s.set(base + ${lead.state}, ${state.done});
      s.notify(base + ${lead.state});
      tell();
    }
  } catch (error) {
    s.refresh();
  }
  s.set(base + ${lead.gone}, 1);
  s.notify(base + ${lead.state});
  tell();
  leave();
}, ({ base }) => base + ${lead.marker});
`;

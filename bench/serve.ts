/** Offers a JavaScript library to another process, where it runs under its own flags and globals: see remote.ts. */
import { createInterface } from "node:readline";
import type { Library, Timed } from "./library.js";
import type { Answer, Request } from "./remote.js";

const [which = "ours", name = "ours", threads = "1", shared = "shared"] = process.argv.slice(2);
// What a page without cross-origin isolation sees.
if (shared === "unshared") Reflect.deleteProperty(globalThis, "SharedArrayBuffer");

const load = async (): Promise<Library> => {
  if (which === "onnx") return (await import("./libraries/onnx.js")).onnx(Number(threads));
  if (which === "numpy-ts") return (await import("./libraries/numpy-ts.js")).numpyTs();
  const { ours, wideVectors } = await import("./libraries/ours.js");
  const { used, reason } = wideVectors();
  if (process.env["COTANGENT_V8_FLAGS"] === "1" && !used) {
    console.error(reason);
    process.exit(1);
  }
  return ours(name, Number(threads), `${threads} threads, ${shared} memory`);
};
const library = await load();
let job: Timed | null = null;

const answer = async (request: Request): Promise<Answer> => {
  if (request.do === "hello") {
    return { name: library.name, version: library.version, how: library.how };
  }
  if (request.do === "open") {
    job = await library.open(request.kind, request.params);
    return { opened: job !== null };
  }
  if (job === null) return { error: "no job is open" };
  if (request.do === "time") return { ms: await job.time(request.calls) };
  if (request.do === "result") return { result: await job.result() };
  await job.close();
  return {};
};

for await (const line of createInterface({ input: process.stdin })) {
  const reply: Answer = await answer(JSON.parse(line)).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

/** A library in a process of its own, spoken to in lines of JSON: request on its stdin, answer on its stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Library, Params, Timed } from "./library.js";

export interface Answer {
  readonly name?: string;
  readonly version?: string;
  readonly how?: string;
  readonly opened?: boolean;
  readonly ms?: number;
  readonly result?: readonly number[];
  readonly error?: string;
}

export type Request =
  | { readonly do: "hello" }
  | { readonly do: "open"; readonly kind: string; readonly params: Params }
  | { readonly do: "time"; readonly calls: number }
  | { readonly do: "result" }
  | { readonly do: "close" };

/** Starts the process; `null`, with the reason, where the library cannot be had. */
export const remote = async (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Library | string> => {
  const child: ChildProcess = spawn(command, [...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) return "no pipes";
  let complaint = "";
  stderr.on("data", (chunk) => {
    complaint = (complaint + String(chunk)).slice(-2000);
  });
  const waiting: ((answer: Answer) => void)[] = [];
  const give = (answer: Answer): void => waiting.shift()?.(answer);
  createInterface({ input: stdout }).on("line", (line) => {
    if (line.startsWith("{")) give(JSON.parse(line));
  });
  let gone: string | null = null;
  const end = (why: string): void => {
    gone = why;
    while (waiting.length > 0) give({ error: why });
  };
  child.on("error", (error) => end(error.message));
  child.on("exit", (code) => {
    const last = complaint.trim().split("\n").at(-1) ?? "";
    end(`${command} ended with ${code}${last === "" ? "" : `: ${last}`}`);
  });
  stdin.on("error", () => {});
  const ask = (request: Request): Promise<Answer> =>
    new Promise((resolve) => {
      if (gone !== null) return resolve({ error: gone });
      waiting.push(resolve);
      stdin.write(`${JSON.stringify(request)}\n`);
    });
  const certain = async (request: Request): Promise<Answer> => {
    const answer = await ask(request);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  const hello = await ask({ do: "hello" });
  if (hello.error !== undefined) return hello.error;
  const timed: Timed = {
    time: async (calls) => (await certain({ do: "time", calls })).ms ?? Number.NaN,
    result: async () => (await certain({ do: "result" })).result ?? [],
    close: async () => {
      await certain({ do: "close" });
    },
  };
  return {
    name: hello.name ?? command,
    version: hello.version ?? "",
    how: hello.how ?? "",
    open: async (kind, params) =>
      (await certain({ do: "open", kind, params })).opened ? timed : null,
    async close() {
      stdin.end();
      child.kill();
    },
  };
};

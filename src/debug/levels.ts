/** Evaluations reported as they happen, in five levels of detail: what the environment variable COTANGENT_DEBUG asks for. */
import type { Observer } from "../schedule/observer.js";
import { decisionLine } from "./decisions.js";
import { lineOf, programText, readable, reportOf, trafficOf, wasmText } from "./report.js";

/** Takes one line of text, without its end. */
export type WriteLine = (line: string) => void;

export const mostDetail = 5;

const indent = (text: string): string => text.replace(/^/gm, "    ");

/** An observer that writes what it is told: see the documentation of `setLevel`. */
export const levelObserver = (level: number, write: WriteLine): Observer => {
  let count = 0;
  const say = (text: string): void => {
    for (const line of text.split("\n")) write(`[cotangent] ${line}`);
  };
  return {
    singly: level >= 2,
    decisions: level >= 5 ? "new" : "none",
    planned: (decisions) => {
      for (const d of decisions) say(`plan: ${decisionLine(d)}`);
    },
    evaluated: ({ commands, steps, start, end, asynchronous }) => {
      const traffic = commands.map(trafficOf);
      const read = traffic.reduce((n, t) => n + t.bytesRead, 0);
      const written = traffic.reduce((n, t) => n + t.bytesWritten, 0);
      say(
        `evaluation ${count++}${asynchronous ? ", asynchronous" : ""}: ${commands.length} ` +
          `${commands.length === 1 ? "kernel" : "kernels"}, ${readable(read)} read, ` +
          `${readable(written)} written, ${(end - start).toFixed(3)} ms`,
      );
      for (const [i, step] of level >= 2 ? steps.entries() : []) {
        say(`  ${lineOf(reportOf(step.command, step.end - step.start), i)}`);
        if (level >= 3) say(indent(programText(step.command)));
        if (level >= 4) say(indent(wasmText(step.command)));
      }
    },
  };
};

const hostProcess = (): object => {
  const found: unknown = Reflect.get(globalThis, "process");
  return typeof found === "object" && found !== null ? found : {};
};

const member = (holder: unknown, name: string): unknown =>
  typeof holder === "object" && holder !== null ? Reflect.get(holder, name) : undefined;

/** Standard error in Node, the console's error stream elsewhere. */
export const writeError: WriteLine = (line) => {
  const stderr = member(hostProcess(), "stderr");
  const write = member(stderr, "write");
  if (typeof write === "function") Reflect.apply(write, stderr, [`${line}\n`]);
  else console.error(line);
};

/** The observer that the environment asks for; null where it asks for none, or there is no environment. */
export const observerOfEnvironment = (): Observer | null => {
  const text = member(member(hostProcess(), "env"), "COTANGENT_DEBUG");
  const level = typeof text === "string" ? Math.floor(Number(text)) : 0;
  return level >= 1 ? levelObserver(Math.min(level, mostDetail), writeError) : null;
};

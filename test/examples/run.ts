/** Runs a compiled example in a process of its own and collects what it says. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `build/examples/NAME.js`.
 *
 * @param interruptAt sends Ctrl-C's signal once stdout holds this text
 */
export const runExample = (
  name: string,
  args: readonly string[] = [],
  interruptAt: string | null = null,
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const file = join(root, "build", "examples", `${name}.js`);
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    let interrupted = interruptAt === null;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (interrupted || interruptAt === null || !stdout.includes(interruptAt)) return;
      interrupted = true;
      child.kill("SIGINT");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });

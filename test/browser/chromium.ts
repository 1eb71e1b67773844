/** Chromium for tests: a server of the package's files that says which headers pages get, and pages that post a report. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, extname, join, normalize } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The path of a Chromium: that in CHROMIUM, or one on the path; null where there is none. */
export const findChromium = (): string | null => {
  const given = process.env.CHROMIUM;
  if (given !== undefined) return given;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // The next one may be there.
      }
    }
  }
  return null;
};

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};

/** What makes a page cross-origin isolated, so that memory can be shared. */
const isolating = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

export interface Site {
  readonly url: string;
  /** The next report posted by a page. */
  report(): Promise<string>;
  close(): void;
}

/** Serves `html` at / and the files below the working directory; pages post to /report. */
export const serve = async (html: string, isolated: boolean): Promise<Site> => {
  let give: ((text: string) => void) | null = null;
  const headers = isolated ? isolating : {};
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    if (request.method === "POST" && path === "/report") {
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (part: string) => {
        text += part;
      });
      request.on("end", () => {
        response.end();
        give?.(text);
      });
      return;
    }
    try {
      const body = path === "/" ? html : readFileSync(join(process.cwd(), path));
      const type = types[path === "/" ? ".html" : extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type, ...headers }).end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    report: () =>
      new Promise((resolve) => {
        give = resolve;
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const ended = (browser: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    browser.once("exit", () => resolve());
  });

/** Ends a process and those it has started. */
const endGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
};

/** What a dying helper still writes into the folder is no failure of the page. */
const removeLater = (folder: string): void => {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  } catch {
    // It is in the system's folder for temporary files.
  }
};

/** Opens a page in a browser of its own, waits for its report, and closes the browser. Throws when none comes. */
export const visit = async (
  chromium: string,
  site: Site,
  milliseconds: number,
): Promise<string> => {
  const profile = mkdtempSync(join(tmpdir(), "cotangent-chromium-"));
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    `--user-data-dir=${profile}`,
  ];
  const report = site.report();
  // A process group of its own: the browser's helpers, which write into the profile, end with it.
  const browser = spawn(chromium, [...flags, site.url], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let said = "";
  browser.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-4000);
  });
  const over = ended(browser);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      report,
      over.then(() => {
        throw new Error(`the browser ended without a report: ${said}`);
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no report after ${milliseconds} ms: ${said}`)),
          milliseconds,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
    endGroup(browser);
    await over;
    removeLater(profile);
  }
};

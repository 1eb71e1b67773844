/** What Node offers beyond the web platform, reached at run time so that nothing here depends on it. */

export type Callable = (...args: readonly unknown[]) => unknown;

const isObject = (x: unknown): x is object =>
  (typeof x === "object" || typeof x === "function") && x !== null;
export const isCallable = (x: unknown): x is Callable => typeof x === "function";

/** Method `name` of `holder`, bound, or null where there is none. */
export const method = (holder: unknown, name: string): Callable | null => {
  if (!isObject(holder)) return null;
  const f: unknown = Reflect.get(holder, name);
  return isCallable(f) ? (...args) => Reflect.apply(f, holder, args) : null;
};

/** A function of a built-in Node module, or null outside Node. */
const builtin = (id: string, name: string): Callable | null => {
  try {
    const module = method(Reflect.get(globalThis, "process"), "getBuiltinModule")?.(id);
    return method(module, name);
  } catch {
    return null;
  }
};

/** Sets a V8 flag where that is possible. */
export const setEngineFlag = (flag: string): void => {
  builtin("node:v8", "setFlagsFromString")?.(flag);
};

/** Whether flags of V8 can be set here. */
export const hasEngineFlags = (): boolean => builtin("node:v8", "setFlagsFromString") !== null;

/** A package that may be installed beside this one, and where it lies; null where it is not. */
export const optionalPackage = (
  name: string,
): { readonly exports: unknown; readonly path: string } | null => {
  try {
    const require = builtin("node:module", "createRequire")?.(import.meta.url);
    const path = method(require, "resolve")?.(name);
    if (!isCallable(require) || typeof path !== "string") return null;
    return { exports: require(path), path };
  } catch {
    return null;
  }
};

const processValue = (name: string): unknown =>
  Reflect.get(Reflect.get(globalThis, "process") ?? {}, name);

/** What this Node was built with, by the name of a variable of its build. */
export const buildVariable = (name: string): unknown => {
  const variables: unknown = Reflect.get(Object(processValue("config")), "variables");
  return Reflect.get(Object(variables), name);
};

/** The name of the operating system in Node, else null. */
export const platform = (): string | null => {
  const known = processValue("platform");
  return typeof known === "string" ? known : null;
};

/** What is known of the machine: the processor's name, the architecture, bytes of memory; null where nobody says. */
export const machine = (): {
  readonly processor: string | null;
  readonly architecture: string | null;
  readonly memory: number | null;
} => {
  const cores = builtin("node:os", "cpus")?.();
  const first: unknown = Array.isArray(cores) ? cores[0] : null;
  const model: unknown = isObject(first) ? Reflect.get(first, "model") : null;
  const architecture = processValue("arch");
  const memory = builtin("node:os", "totalmem")?.();
  return {
    processor: typeof model === "string" ? model.trim() : null,
    architecture: typeof architecture === "string" ? architecture : null,
    memory: typeof memory === "number" ? memory : null,
  };
};

/** An environment variable, or null where there is none. */
export const environment = (name: string): string | null => {
  const value: unknown = Reflect.get(processValue("env") ?? {}, name);
  return typeof value === "string" ? value : null;
};

/** Finds dead objects inside a running job: after `minor` or `major`, `deref` of a WeakRef to one gives undefined. */
export interface SyncCollector {
  /** Ends the list of objects that WeakRefs made or read in this job keep alive. */
  checkpoint(): void;
  /** A checkpoint and a collection of objects made lately; of no use where those keep all WeakRef targets alive. */
  minor(): void;
  major(): void;
}

/**
 * A microtask checkpoint of a context of its own ends the list of objects kept alive, and runs none of the user's
 * microtasks; then a collection can be asked for. Null where any part of this is missing.
 */
export const syncCollector = (): SyncCollector | null => {
  const createContext = builtin("node:vm", "createContext");
  const runInContext = builtin("node:vm", "runInContext");
  const runInNewContext = builtin("node:vm", "runInNewContext");
  if (createContext === null || runInContext === null || runInNewContext === null) return null;
  try {
    const context = createContext({}, { microtaskMode: "afterEvaluate" });
    setEngineFlag("--expose-gc");
    const gc = runInNewContext("gc");
    setEngineFlag("--no-expose-gc");
    if (!isCallable(gc)) return null;
    const checkpoint = (): void => {
      runInContext("", context);
    };
    return {
      checkpoint,
      minor: () => {
        checkpoint();
        gc({ type: "minor" });
      },
      major: () => {
        checkpoint();
        gc();
      },
    };
  } catch {
    return null;
  }
};

/** Whether `collect` clears WeakRefs to objects that are dead. Registers may keep the last one alive, so most are enough. */
export const findsDead = (collect: () => void): boolean => {
  const refs = Array.from({ length: 8 }, () => new WeakRef({ made: collect }));
  collect();
  return refs.filter((r) => r.deref() === undefined).length > 4;
};

/** Runs tasks in later turns of the event loop, timers and I/O having their turn before. */
const laterTurn = (): ((task: () => void) => void) => {
  const immediate = method(globalThis, "setImmediate");
  if (immediate !== null) return (task) => void immediate(task);
  if (typeof MessageChannel === "undefined") return (task) => void setTimeout(task, 0);
  // Browsers let a timer that a timer has set wait for 4 ms.
  const { port1, port2 } = new MessageChannel();
  const tasks: (() => void)[] = [];
  port1.onmessage = () => tasks.shift()?.();
  return (task) => {
    tasks.push(task);
    port2.postMessage(null);
  };
};

let later: ((task: () => void) => void) | null = null;

/** Runs `task` in a later turn of the event loop. */
export const macrotask = (task: () => void): void => {
  later ??= laterTurn();
  later(task);
};

/** How many threads can run at once. */
export const parallelism = (): number => {
  const known = builtin("node:os", "availableParallelism")?.();
  if (typeof known === "number") return known;
  const cores: unknown = Reflect.get(
    Reflect.get(globalThis, "navigator") ?? {},
    "hardwareConcurrency",
  );
  return typeof cores === "number" ? cores : 1;
};

/** Whether there is a file; null where nobody knows, as for what is not a file. */
export const fileExists = (address: URL): boolean | null => {
  const exists = address.protocol === "file:" ? builtin("node:fs", "existsSync") : null;
  return exists === null ? null : exists(address) === true;
};

/** Whether a file descriptor of this process is open; null where nobody knows. */
export const isOpen = (descriptor: number): boolean | null => {
  const stat = builtin("node:fs", "fstatSync");
  if (stat === null || descriptor < 0) return null;
  try {
    stat(descriptor);
    return true;
  } catch {
    return false;
  }
};

/** Another thread that runs a script of ours. */
export interface Thread {
  terminate(): void;
}

const construct = (f: unknown, args: readonly unknown[]): object | null => {
  if (!isCallable(f)) return null;
  const made: unknown = Reflect.construct(f, args);
  return isObject(made) ? made : null;
};

/** A worker of Node's; it does not keep the process alive. */
const nodeThread = (
  source: string,
  data: object,
  ended: () => void,
  told: () => void,
): Thread | null => {
  const threads = method(
    Reflect.get(globalThis, "process"),
    "getBuiltinModule",
  )?.("node:worker_threads");
  if (!isObject(threads)) return null;
  const worker = construct(Reflect.get(threads, "Worker"), [
    source,
    { eval: true, workerData: data, execArgv: [] },
  ]);
  const on = method(worker, "on");
  on?.("exit", ended);
  on?.("error", ended);
  on?.("message", told);
  method(worker, "unref")?.();
  return { terminate: () => method(worker, "terminate")?.() };
};

/** A worker of the web platform. */
const webThread = (
  source: string,
  data: object,
  ended: () => void,
  told: () => void,
): Thread | null => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = construct(Reflect.get(globalThis, "Worker"), [url]);
  URL.revokeObjectURL(url);
  method(worker, "addEventListener")?.("error", ended);
  method(worker, "addEventListener")?.("message", told);
  method(worker, "postMessage")?.(data);
  return worker === null ? null : { terminate: () => method(worker, "terminate")?.() };
};

/**
 * Starts a thread that runs `source`; `ended` is called when it has ended, `told` when it has sent a message. Null where
 * that is not possible.
 */
export const startThread = (
  source: string,
  data: object,
  ended: () => void,
  told: () => void,
): Thread | null => {
  try {
    return nodeThread(source, data, ended, told) ?? webThread(source, data, ended, told);
  } catch {
    return null;
  }
};

/** Sleeps until the word changes from `value` or some time has passed; false where a thread may not sleep. */
export const sleepOn = (words: Int32Array, index: number, value: number, ms: number): boolean => {
  try {
    Atomics.wait(words, index, value, ms);
    return true;
  } catch {
    return false;
  }
};

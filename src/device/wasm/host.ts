/** What Node offers beyond the web platform, reached at run time so that nothing here depends on it. */

type Callable = (...args: readonly unknown[]) => unknown;

const isObject = (x: unknown): x is object => typeof x === "object" && x !== null;
const isCallable = (x: unknown): x is Callable => typeof x === "function";

/** Method `name` of `holder`, bound, or null where there is none. */
const method = (holder: unknown, name: string): Callable | null => {
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

/** Whether `collect` clears WeakRefs to objects that are dead. */
export const findsDead = (collect: () => void): boolean => {
  const refs = Array.from({ length: 8 }, () => new WeakRef({ made: collect }));
  collect();
  return refs.every((r) => r.deref() === undefined);
};

/** Runs `task` in a later turn of the event loop, timers and I/O having their turn before. */
export const macrotask = (task: () => void): void => {
  const immediate = method(globalThis, "setImmediate");
  if (immediate !== null) immediate(task);
  else setTimeout(task, 0);
};

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

/** Finds dead objects inside a running job: afterwards `deref` of a WeakRef to one gives undefined. */
export interface SyncCollector {
  /** Only objects made lately; null where the engine keeps WeakRef targets alive in such collections. */
  readonly minor: (() => void) | null;
  readonly major: () => void;
}

const deadAfter = (collect: () => void): boolean => {
  const make = (): WeakRef<object> => new WeakRef({ made: collect });
  const refs = Array.from({ length: 8 }, make);
  collect();
  return refs.every((r) => r.deref() === undefined);
};

/**
 * A microtask checkpoint of a context of its own ends the list of objects that WeakRefs keep alive during a job, and
 * runs none of the user's microtasks; then a collection is asked for. Null where any part of this is missing.
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
    const minor = (): void => {
      runInContext("", context);
      gc({ type: "minor" });
    };
    const major = (): void => {
      runInContext("", context);
      gc();
    };
    return deadAfter(minor) ? { minor, major } : deadAfter(major) ? { minor: null, major } : null;
  } catch {
    return null;
  }
};

/** Runs `task` in a later turn of the event loop, timers and I/O having their turn before. */
export const macrotask = (task: () => void): void => {
  const immediate = method(globalThis, "setImmediate");
  if (immediate !== null) immediate(task);
  else setTimeout(task, 0);
};

/** Scopes of `tidy`: which handles were made in the innermost one, and which of those belong to something that outlives it. */
import type { Node } from "./node.js";

/** What a scope needs of an array. */
interface Handle {
  readonly node: Node;
  dispose(): void;
}

interface Scope {
  readonly outer: Scope | null;
  readonly made: Handle[];
  /** Handles that the library holds on to. */
  readonly kept: Set<Handle>;
  /** Handles that were given another node. */
  readonly rebound: Set<Handle>;
}

let current: Scope | null = null;

/** To be called for every new handle. */
export const made = (h: Handle): void => {
  if (current !== null) current.made.push(h);
};

/** For a handle that the library itself goes on holding: no scope frees it. */
export const keep = <H extends Handle>(h: H): H => {
  current?.kept.add(h);
  return h;
};

/** For a handle that was given another node: where the handle is older than the scope, the node outlives it too. */
export const rebound = (h: Handle): void => {
  current?.rebound.add(h);
};

/** Runs `body` in a scope of its own, from which {@link closeScope} takes what it made. */
export const inScope = <T>(body: () => T): readonly [T, Scope] => {
  const scope: Scope = {
    outer: current,
    made: [],
    kept: new Set(),
    rebound: new Set(),
  };
  current = scope;
  try {
    return [body(), scope];
  } finally {
    current = scope.outer;
  }
};

/** The handles that outlive a scope besides its results; they must be computed before it is closed. */
export const lasting = (scope: Scope): Handle[] => {
  const made = new Set(scope.made);
  return [...scope.kept, ...[...scope.rebound].filter((h) => !made.has(h))];
};

/** Hands everything over to the scope around this one, freeing nothing. */
export const leaveScope = ({ outer, made, kept, rebound }: Scope): void => {
  if (outer === null) return;
  for (const h of made) outer.made.push(h);
  for (const h of kept) outer.kept.add(h);
  for (const h of rebound) outer.rebound.add(h);
};

/** Frees what the scope made and is not among `alive`. */
export const closeScope = (scope: Scope, alive: ReadonlySet<Handle>): void => {
  const { outer, made } = scope;
  for (const h of made) if (!alive.has(h)) h.dispose();
  leaveScope({ ...scope, made: outer === null ? [] : made.filter((h) => alive.has(h)) });
};

/** What the scheduler decides about kernels and why, in words, for whoever listens; nothing is kept when nobody does. */
import type { Op } from "./graph.js";

/** Operations that became one kernel, or that stayed apart although one reads what the other computes. */
export interface Decision {
  readonly kind: "merged" | "apart" | "recomputed" | "finished";
  /** The operations of the earlier kernel; those of the later one where there is one. */
  readonly first: readonly string[];
  readonly second: readonly string[];
  /** Bytes of memory traffic: saved by the merge, or spent because there was none. */
  readonly bytes: number;
  /** The rule that decided. */
  readonly why: string;
}

let listening: Decision[] | null = null;
let reasons: string[] = [];

/** Runs `body` and gives the decisions made in it. */
export const decisionsOf = <T>(body: () => T): { result: T; decisions: readonly Decision[] } => {
  const before = listening;
  const decisions: Decision[] = [];
  listening = decisions;
  try {
    return { result: body(), decisions };
  } finally {
    listening = before;
  }
};

export const isListening = (): boolean => listening !== null;

/** Says which rule refuses what is being tried. Gives null, as those do that find nothing. */
export const refuse = (why: string): null => {
  if (listening !== null && !reasons.includes(why)) reasons.push(why);
  return null;
};

/** The same for questions answered by yes or no. */
export const deny = (why: string): false => {
  refuse(why);
  return false;
};

/** The rules that refused since the last call of this function. */
export const takeReasons = (): readonly string[] => {
  const taken = reasons;
  reasons = [];
  return taken;
};

export const decide = (
  kind: Decision["kind"],
  first: readonly Op[],
  second: readonly Op[],
  bytes: number,
  why: string,
): void => {
  listening?.push({
    kind,
    first: first.map((op) => op.name),
    second: second.map((op) => op.name),
    bytes,
    why,
  });
};

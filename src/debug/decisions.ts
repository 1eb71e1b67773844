/** The scheduler's decisions as lines for people. */
import type { Decision } from "../schedule/decisions.js";
import { readable } from "./report.js";

const most = 12;

/** Names of operations, the first ones where there are many. */
const names = (ops: readonly string[]): string =>
  ops.length <= most
    ? ops.join(", ")
    : `${ops.slice(0, most).join(", ")} and ${ops.length - most} more`;

/** A line about a decision. */
export const decisionLine = ({ kind, first, second, bytes, why }: Decision): string => {
  switch (kind) {
    case "merged":
      return second.length === 0
        ? `merged: ${names(first)}: ${why}`
        : `merged: ${names(first)} with ${names(second)}, ${readable(bytes)} saved: ${why}`;
    case "apart":
      return `apart: ${names(first)} from ${names(second)}, ${readable(bytes)} through memory: ${why}`;
    case "recomputed":
      return `recomputed: ${names(first)} in ${names(second)}, ${readable(bytes)} not stored: ${why}`;
    case "finished":
      return `in two kernels: ${names(first)}: ${why}`;
  }
};

/** Looking into evaluations: kernels as text, what fused and why, bytes moved, when each kernel ran, what threads did. */
export { type ThreadCounts, threads } from "../runtime/threads.js";
export type { Decision } from "../schedule/decisions.js";
export {
  type ChromeEvent,
  type ChromeTrace,
  type Explanation,
  explain,
  type KernelsOptions,
  kernels,
  schedule,
  trace,
} from "./evaluation.js";
export type { WriteLine } from "./levels.js";
export { type EvaluationMemory, type MemoryReport, memory } from "./memory.js";
export type { KernelReport } from "./report.js";
export { type LevelOptions, setLevel } from "./set-level.js";

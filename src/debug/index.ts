/** Looking into evaluations: their kernels as text, what fused, bytes moved, and when each kernel ran. */
export { type ThreadCounts, threads } from "../runtime/threads.js";
export {
  type ChromeEvent,
  type ChromeTrace,
  type Explanation,
  explain,
  type KernelReport,
  kernels,
  trace,
} from "./evaluation.js";
export { type EvaluationMemory, type MemoryReport, memory } from "./memory.js";

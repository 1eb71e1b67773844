/** Renders the hand-written routines as WebAssembly modules. */
import type { Routine } from "../../../core/routine.js";
import type { HostRoutine } from "../../../kernel/host-routines.js";
import type { Features, Rendered } from "../../contract.js";
import { type AttentionRoutine, renderAttention } from "../attention/index.js";
import { fourierWork } from "../fourier/index.js";
import { type QuantizedRoutine, renderQuantized } from "../quantized/index.js";
import { renderWork, type Work } from "./frame.js";
import { renderHost } from "./host.js";
import { scanWork } from "./scan.js";
import { scatterWork } from "./scatter.js";
import { sortWork } from "./sort.js";

const workOf = (r: Exclude<Routine, AttentionRoutine | HostRoutine | QuantizedRoutine>): Work => {
  switch (r.routine) {
    case "scatter":
      return scatterWork(r);
    case "scan":
      return scanWork(r);
    case "sort":
      return sortWork(r);
  }
};

export const renderRoutine = (r: Routine, features: Features): Rendered => {
  switch (r.routine) {
    case "matrix":
      return renderHost(r, features);
    case "fourier": {
      const work = fourierWork(r);
      return work === null ? renderHost(r, features) : renderWork(work, features);
    }
    case "attention":
    case "attentionGradient":
      return renderAttention(r, features);
    case "quantizedProduct":
      return renderQuantized(r, features);
    default:
      return renderWork(workOf(r), features);
  }
};

/** `nn.utils`: helpers for modules. */
export { checkpoint } from "./module/value-and-grad.js";

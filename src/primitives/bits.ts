/** Bitwise operations and shifts of integers; on bool the logical ones. All are flat. */
import { bind } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import { promoted } from "./cast.js";
import { elementwise } from "./families/elementwise.js";

export const bitwiseAndP: Primitive = elementwise({ name: "bitwiseAnd", fn: "and" });
export const bitwiseOrP: Primitive = elementwise({ name: "bitwiseOr", fn: "or" });
export const bitwiseXorP: Primitive = elementwise({ name: "bitwiseXor", fn: "xor" });
export const bitwiseInvertP: Primitive = elementwise({ name: "bitwiseInvert", fn: "not" });
export const leftShiftP: Primitive = elementwise({ name: "leftShift", fn: "shl" });
export const rightShiftP: Primitive = elementwise({ name: "rightShift", fn: "shr" });

type Binary = (a: Node, b: Node) => Node;
export const bitwiseAnd: Binary = promoted(bitwiseAndP);
export const bitwiseOr: Binary = promoted(bitwiseOrP);
export const bitwiseXor: Binary = promoted(bitwiseXorP);
export const leftShift: Binary = promoted(leftShiftP);
export const rightShift: Binary = promoted(rightShiftP);
/** Every bit flipped; on bool, "not". */
export const bitwiseInvert = (x: Node): Node => bind(bitwiseInvertP, [x], undefined);

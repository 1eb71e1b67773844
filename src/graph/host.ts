/** Graph nodes for data that is already there, as bytes in host memory. */
import type { DType } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import { HostStorage } from "../core/storage.js";
import { Node, noNodes, type Shape, sizeOf } from "./node.js";

/** A data node over `bytes` (row-major, little-endian), which it owns from now on. */
export const hostNode = (shape: Shape, dtype: DType, bytes: Uint8Array): Node => {
  if (bytes.byteLength !== sizeOf(shape) * dtype.size) {
    throw new InternalError(
      `[hostNode] ${bytes.byteLength} bytes cannot be ${dtype.name}[${shape.join(", ")}]`,
    );
  }
  const node = new Node(null, noNodes, undefined, shape, dtype, 0);
  node.data = new HostStorage(bytes);
  return node;
};

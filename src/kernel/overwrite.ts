/** Which outputs of a kernel may lie where one of its inputs lies: each element is read at one point, before it is written there. */
import {
  axesOf,
  domainsOf,
  elementBytes,
  ixDomain,
  ixValues,
  operandsOf,
  stagesOf,
} from "./domains.js";
import { textOfIx } from "./index-math.js";
import type { Kernel, Mask, Store, Val, ValId } from "./ir.js";

/** Buffer `write` may have the address of buffer `read`. */
export interface Overwrite {
  readonly write: number;
  readonly read: number;
}

type Load = Extract<Val, { op: "load" }>;

/** Something computed with, and the loop in which that happens: loops of equal place and axes are one. */
interface Root {
  readonly ids: readonly ValId[];
  /** Loops run in the order of their places. */
  readonly place: number;
  readonly rows: Mask;
  readonly store: Store | null;
}

const rootsOf = (kernel: Kernel): Root[] => {
  const stages = stagesOf(kernel);
  const domains = domainsOf(kernel);
  const rowMask = axesOf(kernel.axes, "row");
  const grid = axesOf(kernel.axes, "grid");
  const last = Math.max(0, ...stages);
  // What is done once per point comes after the loops over rows.
  const root = (ids: readonly ValId[], stage: number, rows: Mask, store: Store | null): Root => ({
    ids,
    place: rows === 0 ? 2 * last + 1 : 2 * stage,
    rows,
    store,
  });
  const roots: Root[] = [];
  for (const [id, v] of kernel.vals.entries()) {
    if (v.op !== "reduce") continue;
    const ids = v.at === null ? [v.in] : [v.in, v.at];
    if ((v.over & grid) === 0) roots.push(root(ids, (stages[id] ?? 1) - 1, v.over, null));
    else roots.push(root(ids, stages[v.in] ?? 0, (domains[v.in] ?? 0) & rowMask, null));
  }
  for (const store of kernel.stores) {
    const ids = [store.value];
    ixValues(store.ix, (id) => ids.push(id));
    // Terminal reductions have their roots already.
    if (kernel.bufs[store.buf]?.access === "partial") continue;
    const stage = Math.max(...ids.map((id) => stages[id] ?? 0));
    roots.push(root(ids, stage, store.over & rowMask, store));
  }
  return roots;
};

/** For every value whether a load of `buf` is computed for it in its own loop. */
const reachOf = (kernel: Kernel, buf: number): boolean[] => {
  const reached: boolean[] = [];
  for (const v of kernel.vals) {
    let found = v.op === "load" && v.buf === buf;
    if (v.op !== "reduce" && v.op !== "contract")
      operandsOf(v, (id) => {
        found ||= reached[id] === true;
      });
    reached.push(found);
  }
  return reached;
};

const allows = (
  kernel: Kernel,
  domains: readonly Mask[],
  roots: readonly Root[],
  own: Root,
  { ix, over, buf, value }: Store,
  read: number,
): boolean => {
  const storage = kernel.bufs[read]?.storage;
  const target = kernel.bufs[buf]?.storage;
  if (storage === undefined || target === undefined) return false;
  if (elementBytes(storage) !== elementBytes(target)) return false;
  const text = textOfIx(ix);
  const same = (v: Load): boolean =>
    v.guards.length === 0 && ixDomain(v.ix, domains) === over && textOfIx(v.ix) === text;
  if (!kernel.vals.every((v) => v.op !== "load" || v.buf !== read || same(v))) return false;
  const reached = reachOf(kernel, read);
  const reaches = (r: Root): boolean => r.ids.some((id) => reached[id] === true);
  const packed = (id: ValId): boolean => reached[id] === true;
  if (kernel.vals.some((v) => v.op === "contract" && (packed(v.a) || packed(v.b)))) return false;
  return roots.every((r) => {
    if (r === own || !reaches(r) || r.place < own.place) return true;
    // In the same loop a load that the own value needs too is made once, before anything is written.
    return r.place === own.place && r.rows === own.rows && reached[value] === true;
  });
};

/** All such pairs of a legal kernel. Renderers and the interpreter must give the same results when buffers lie so. */
export const overwrites = (kernel: Kernel): Overwrite[] => {
  const domains = domainsOf(kernel);
  const roots = rootsOf(kernel);
  const found: Overwrite[] = [];
  for (const own of roots) {
    const { store } = own;
    if (store === null || store.ix.k !== "affine") continue;
    if (kernel.stores.some((s) => s !== store && s.buf === store.buf)) continue;
    for (const [read, b] of kernel.bufs.entries()) {
      if (b.access === "read" && allows(kernel, domains, roots, own, store, read))
        found.push({ write: store.buf, read });
    }
  }
  return found;
};

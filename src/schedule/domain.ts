/** Where an operation's dimensions lie on the axes of its group; equal places within a group are one object. */
import type { Atoms } from "./atoms.js";

export interface Domain {
  /** Atoms of each dimension of what the operation is computed over. */
  readonly lists: readonly Atoms[];
  /** All of them. */
  readonly mask: number;
}

export const nowhere: Domain = { lists: [], mask: 0 };

const sameAtoms = (a: Atoms, b: Atoms): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

const sameLists = (a: readonly Atoms[], b: readonly Atoms[]): boolean => {
  if (a.length !== b.length) return false;
  for (let d = 0; d < a.length; d++) {
    const [x, y] = [a[d], b[d]];
    if (x === undefined || y === undefined || (x !== y && !sameAtoms(x, y))) return false;
  }
  return true;
};

/** The domain of these lists, the one that `known` has if it has it; null where an atom would stand in two places. */
export const internDomain = (known: Domain[], lists: readonly Atoms[]): Domain | null => {
  let mask = 0;
  for (const list of lists) {
    for (const a of list) {
      if ((mask >> a) & 1) return null;
      mask |= 1 << a;
    }
  }
  for (const d of known) if (d.mask === mask && sameLists(d.lists, lists)) return d;
  const made = { lists, mask };
  known.push(made);
  return made;
};

/** Unknown lengths of axes: which are equal, which are products or sums of others, and what follows from some of them. */
import { pick } from "./leaves.js";

/** An unknown, by number. */
export type Length = number;

interface Equation {
  readonly how: "product" | "sum";
  readonly left: readonly Length[];
  readonly right: readonly Length[];
}

/** Lengths with the values they had when the graph was traced. */
export class Lengths {
  private readonly parent: number[] = [];
  private readonly traced: number[] = [];
  private readonly fixed = new Set<Length>();
  private readonly equations: Equation[] = [];

  fresh(traced: number): Length {
    this.parent.push(this.parent.length);
    return this.traced.push(traced) - 1;
  }

  private root(x: Length): Length {
    let r = x;
    for (let p = pick(this.parent, r); p !== r; p = pick(this.parent, r)) r = p;
    this.parent[x] = r;
    return r;
  }

  equal(a: Length, b: Length): void {
    this.parent[this.root(a)] = this.root(b);
  }

  /** It has to stay what it was. */
  fix(x: Length): void {
    this.fixed.add(x);
  }

  relate(how: Equation["how"], left: readonly Length[], right: readonly Length[]): void {
    this.equations.push({ how, left, right });
  }

  /** The lengths that `x` was said to be the product of, if they had the values `traced`. */
  factors(x: Length, traced: readonly number[]): readonly Length[] | null {
    for (const { how, left, right } of this.equations) {
      const [whole] = right;
      if (how !== "product" || right.length !== 1 || whole === undefined) continue;
      if (this.root(whole) !== this.root(x) || left.length !== traced.length) continue;
      if (left.every((y, i) => this.traced[y] === traced[i])) return left;
    }
    return null;
  }

  /** All lengths when those of `given` have new values; null when that cannot be. */
  solve(given: ReadonlyMap<Length, number>): ((x: Length) => number) | null {
    const known = new Map<Length, number>();
    const set = (x: Length, value: number): boolean => {
      const r = this.root(x);
      const old = known.get(r);
      if (old !== undefined) return old === value;
      known.set(r, value);
      return true;
    };
    for (const [x, value] of given) if (!set(x, value)) return null;
    for (const x of this.fixed) if (!set(x, pick(this.traced, x))) return null;
    for (let changed = true; changed; ) {
      changed = false;
      for (const e of this.equations) {
        const found = this.missing(e, known);
        if (found === null) continue;
        if (!Number.isInteger(found.value) || found.value < 0) return null;
        set(found.x, found.value);
        changed = true;
      }
    }
    const value = (x: Length): number => known.get(this.root(x)) ?? pick(this.traced, x);
    const total = (how: Equation["how"], xs: readonly Length[]): number =>
      xs.reduce((t, x) => (how === "sum" ? t + value(x) : t * value(x)), how === "sum" ? 0 : 1);
    for (const { how, left, right } of this.equations)
      if (total(how, left) !== total(how, right)) return null;
    return value;
  }

  /** The only unknown of an equation. */
  private missing(
    { how, left, right }: Equation,
    known: ReadonlyMap<Length, number>,
  ): { x: Length; value: number } | null {
    let x: Length | null = null;
    let onLeft = false;
    const totals = [left, right].map((side, i) =>
      side.reduce(
        (t, y) => {
          const v = known.get(this.root(y));
          if (v !== undefined) return how === "sum" ? t + v : t * v;
          if (x !== null) return Number.NaN;
          x = y;
          onLeft = i === 0;
          return t;
        },
        how === "sum" ? 0 : 1,
      ),
    );
    if (x === null) return null;
    const [whole, part] = onLeft
      ? [pick(totals, 1), pick(totals, 0)]
      : [pick(totals, 0), pick(totals, 1)];
    if (Number.isNaN(whole) || Number.isNaN(part)) return null;
    return { x, value: how === "sum" ? whole - part : whole / part };
  }
}

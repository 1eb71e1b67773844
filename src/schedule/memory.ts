/** Places the values of a plan in memory by their lifetimes over the command order, and says how little could have done. */

/** One value that needs memory. */
export interface Value {
  readonly bytes: number;
  /** Commands that write it first and touch it last: a leaf is there from -1 on, what the caller keeps until `Infinity`. */
  readonly from: number;
  readonly to: number;
  /** The slot it is given in: leaves' and results'. Null for what lives inside one evaluation. */
  readonly slot: number | null;
}

/** Value `over`, first written by the command that touches `under` last, may lie exactly where `under` lies. */
export interface Overlay {
  readonly over: number;
  readonly under: number;
}

export interface Place {
  readonly slot: number;
  readonly offset: number;
}

export interface MemoryPlan {
  readonly places: readonly Place[];
  /** Size of the slot for what finds no place elsewhere. */
  readonly arena: number;
  /** For each result that takes over the memory of a leaf: the slots of both. */
  readonly donors: ReadonlyMap<number, number>;
  /** Bytes of the leaves. */
  readonly leaves: number;
  /** Bytes of the results that have memory of their own. */
  readonly results: number;
  /** Those, and the arena. */
  readonly planned: number;
  /** The most bytes alive at one command, however they are placed: no plan for this order needs less. */
  readonly bound: number;
}

const align = 64;
/** Tensors of the same power-of-two size would otherwise compete for the same cache sets. */
const stagger = 256;
const large = 65536;
/** Slots smaller than this are not worth looking into for other values. */
const leastRegion = 4096;

const whole = (bytes: number): number => Math.ceil(bytes / align) * align;
const sizeIn = (bytes: number): number => whole(bytes) + (bytes >= large ? stagger : 0);

interface Occupant {
  readonly id: number;
  readonly offset: number;
  readonly end: number;
}

/** Memory that values can be placed in; `limit` is its size where that is given. */
interface Region {
  readonly slot: number;
  readonly limit: number;
  /** By offset. */
  readonly occupants: Occupant[];
  used: number;
}

class Placer {
  private readonly values: readonly Value[];
  /** For each value those it may share an address with, at the command where one ends and the other begins. */
  private readonly partners: ReadonlyMap<number, ReadonlySet<number>>;
  readonly places: (Place | null)[];
  private readonly regions: Region[] = [];
  readonly arena: Region;

  constructor(
    values: readonly Value[],
    partners: ReadonlyMap<number, ReadonlySet<number>>,
    arenaSlot: number,
  ) {
    this.values = values;
    this.partners = partners;
    this.places = values.map(({ slot }) => (slot === null ? null : { slot, offset: 0 }));
    this.arena = { slot: arenaSlot, limit: Number.POSITIVE_INFINITY, occupants: [], used: 0 };
  }

  /** A slot of `bytes` whose memory is free except while `ids` live in it. */
  open(slot: number, bytes: number, ids: readonly number[]): void {
    const occupants = ids.map((id) => ({ id, offset: 0, end: whole(bytes) }));
    this.regions.push({ slot, limit: bytes, occupants, used: bytes });
  }

  private value(id: number): Value {
    return this.values[id] ?? { bytes: 0, from: 0, to: 0, slot: null };
  }

  private overlap(a: Value, b: Value): boolean {
    return a.from <= b.to && b.from <= a.to;
  }

  private arePartners(a: number, b: number): boolean {
    return this.partners.get(a)?.has(b) === true;
  }

  /** Whether value `id` can lie at `offset`. */
  private fits(region: Region, id: number, offset: number, end: number): boolean {
    const value = this.value(id);
    return region.occupants.every(
      (o) =>
        o.end <= offset ||
        end <= o.offset ||
        !this.overlap(value, this.value(o.id)) ||
        (o.offset === offset && this.arePartners(id, o.id)),
    );
  }

  /** The lowest offset that is free over the value's life, or that of something it may overwrite. */
  private offsetIn(region: Region, id: number, size: number): number {
    const value = this.value(id);
    let shared = Number.POSITIVE_INFINITY;
    let gap = 0;
    for (const o of region.occupants) {
      if (!this.overlap(value, this.value(o.id))) continue;
      if (
        o.offset < shared &&
        this.arePartners(id, o.id) &&
        this.fits(region, id, o.offset, o.offset + size)
      )
        shared = o.offset;
      if (o.offset - gap < size) gap = Math.max(gap, o.end);
    }
    return Math.min(shared, gap);
  }

  place(id: number): void {
    const { bytes } = this.value(id);
    const size = sizeIn(bytes);
    const inArena = this.offsetIn(this.arena, id, size);
    if (inArena + size > this.arena.used) {
      for (const region of this.regions) {
        if (region.limit < bytes) continue;
        const offset = this.offsetIn(region, id, whole(bytes));
        if (offset + bytes > region.limit) continue;
        this.put(region, id, offset, whole(bytes));
        return;
      }
    }
    this.put(this.arena, id, inArena, size);
  }

  private put(region: Region, id: number, offset: number, size: number): void {
    this.places[id] = { slot: region.slot, offset };
    const { occupants } = region;
    const at = occupants.findIndex((o) => o.offset > offset);
    const made = { id, offset, end: offset + size };
    if (at < 0) occupants.push(made);
    else occupants.splice(at, 0, made);
    region.used = Math.max(region.used, offset + size);
  }
}

const partnersOf = (overlays: readonly Overlay[]): Map<number, Set<number>> => {
  const partners = new Map<number, Set<number>>();
  const add = (a: number, b: number): void => {
    const known = partners.get(a);
    if (known === undefined) partners.set(a, new Set([b]));
    else known.add(b);
  };
  for (const { over, under } of overlays) {
    add(over, under);
    add(under, over);
  }
  return partners;
};

/** The most bytes alive at one command; what may overwrite something that ends there counts only as far as it is larger. */
const boundOf = (values: readonly Value[], overlays: readonly Overlay[]): number => {
  const last = values.reduce((n, v) => Math.max(n, v.from, v.to === Infinity ? 0 : v.to), 0);
  const change = new Float64Array(last + 3);
  const add = (command: number, bytes: number): void => {
    const at = Math.min(command, last + 1) + 1;
    change[at] = (change[at] ?? 0) + bytes;
  };
  for (const { bytes, from, to } of values) {
    add(from, bytes);
    add(to + 1, -bytes);
  }
  const most = new Map<number, number>();
  const ends = new Map<number, Set<number>>();
  for (const { over, under } of overlays) {
    const [a, b] = [values[over], values[under]];
    if (a === undefined || b === undefined) continue;
    most.set(over, Math.max(most.get(over) ?? 0, Math.min(a.bytes, b.bytes)));
    const known = ends.get(a.from);
    if (known === undefined) ends.set(a.from, new Set([under]));
    else known.add(under);
  }
  const saved = new Map<number, number>();
  for (const [over, bytes] of most) {
    const from = values[over]?.from ?? 0;
    saved.set(from, (saved.get(from) ?? 0) + bytes);
  }
  let live = 0;
  let bound = 0;
  for (let c = -1; c <= last; c++) {
    live += change[c + 1] ?? 0;
    let ending = 0;
    for (const id of ends.get(c) ?? []) ending += values[id]?.bytes ?? 0;
    bound = Math.max(bound, live - Math.min(saved.get(c) ?? 0, ending));
  }
  return bound;
};

/** Which results take over the memory of which leaves, both by id: of the same size, and dead or overwritable by then. */
const donate = (
  values: readonly Value[],
  partners: ReadonlyMap<number, ReadonlySet<number>>,
): Map<number, number> => {
  const dying = new Map<number, number[]>();
  for (const [id, v] of values.entries()) {
    if (v.slot === null || v.from >= 0 || v.to === Infinity) continue;
    const known = dying.get(v.bytes);
    if (known === undefined) dying.set(v.bytes, [id]);
    else known.push(id);
  }
  const donors = new Map<number, number>();
  if (dying.size === 0) return donors;
  for (const [id, v] of values.entries()) {
    if (v.slot === null || v.from < 0) continue;
    const leaves = dying.get(v.bytes);
    const at =
      leaves?.findIndex((leaf) => {
        const to = values[leaf]?.to ?? Infinity;
        return to < v.from || (to === v.from && partners.get(id)?.has(leaf) === true);
      }) ?? -1;
    const leaf = leaves?.[at];
    if (leaves === undefined || leaf === undefined) continue;
    leaves.splice(at, 1);
    donors.set(id, leaf);
  }
  return donors;
};

type Order = (a: Value, b: Value) => number;
const life = (v: Value): number => v.to - v.from + 1;

/** In which order values are placed: the first that comes close to the bound is taken, else the best. */
const orders: readonly Order[] = [
  (a, b) => b.bytes - a.bytes || a.from - b.from,
  (a, b) => b.bytes * life(b) - a.bytes * life(a) || a.from - b.from,
  (a, b) => a.from - b.from || b.bytes - a.bytes,
];
const closeTo = 1.02;

/** Places for `values`, overlapping only where lifetimes do not or where an overlay allows it. */
export const planMemory = (
  values: readonly Value[],
  overlays: readonly Overlay[],
  arenaSlot: number,
): MemoryPlan => {
  const partners = partnersOf(overlays);
  const bound = boundOf(values, overlays);
  const given = donate(values, partners);
  const takers = new Map([...given].map(([result, leaf]) => [leaf, result]));
  let [leaves, results] = [0, 0];
  const opened: [slot: number, bytes: number, ids: readonly number[]][] = [];
  for (const [id, v] of values.entries()) {
    if (v.slot === null) continue;
    const donor = given.get(id);
    if (v.from < 0) leaves += v.bytes;
    else if (donor === undefined) results += v.bytes;
    const keeps = v.from < 0 && v.to === Infinity;
    if (keeps || takers.has(id) || v.bytes < leastRegion) continue;
    opened.push([v.slot, v.bytes, donor === undefined ? [id] : [id, donor]]);
  }
  const ids = [...values.keys()].filter((id) => values[id]?.slot === null);
  let best: Placer | null = null;
  for (const order of orders) {
    const placer = new Placer(values, partners, arenaSlot);
    for (const [slot, bytes, occupants] of opened) placer.open(slot, bytes, occupants);
    const sorted = ids.flatMap((id) => {
      const value = values[id];
      return value === undefined ? [] : [{ id, value }];
    });
    for (const { id } of sorted.sort((a, b) => order(a.value, b.value) || a.id - b.id))
      placer.place(id);
    if (best === null || placer.arena.used < best.arena.used) best = placer;
    if (leaves + results + best.arena.used <= bound * closeTo) break;
  }
  const slotOf = (id: number): number => values[id]?.slot ?? -1;
  const arena = best?.arena.used ?? 0;
  return {
    places: (best?.places ?? []).map((p) => p ?? { slot: arenaSlot, offset: 0 }),
    arena,
    donors: new Map([...given].map(([result, leaf]) => [slotOf(result), slotOf(leaf)])),
    leaves,
    results,
    planned: leaves + results + arena,
    bound,
  };
};

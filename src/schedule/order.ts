/** The order in which kernels run while they are being merged: a topological one, kept by moving what a merge has to wait for. */
import type { Group } from "./candidate.js";
import { deny } from "./decisions.js";
import type { Op, TensorGraph } from "./graph.js";

/** Items that a merge may move to an earlier time. */
const mostHoisted = 48;

export interface Item {
  /** Null for operations that are no part of any merging: routines, empty ones. */
  readonly group: Group | null;
  readonly ops: readonly Op[];
  /** What computes what it reads. */
  feeds: readonly Op[];
  /** Place in the current order of items. */
  place: number;
  /** Number of the search that has seen it. */
  mark: number;
}

export class Order {
  private readonly itemOf: (Item | undefined)[];
  private items: (Item | null)[] = [];
  /** By operation, the number of the item that was last found to read it. */
  private readonly seen: Int32Array;
  private searches = 0;
  /** The last place of an item that the last search marked, or -1. */
  private last = -1;
  private gathered = 0;

  constructor(graph: TensorGraph) {
    this.itemOf = new Array<Item | undefined>(graph.ops.length).fill(undefined);
    this.seen = new Int32Array(graph.ops.length);
  }

  item(op: Op): Item | undefined {
    return this.itemOf[op.id];
  }

  /** Items in order. */
  *all(): Generator<Item> {
    for (const item of this.items) if (item !== null) yield item;
  }

  add(group: Group | null, ops: readonly Op[]): void {
    this.items.push(this.made(group, ops));
  }

  private made(group: Group | null, ops: readonly Op[]): Item {
    const item: Item = { group, ops, feeds: ops, place: 0, mark: 0 };
    for (const op of ops) this.itemOf[op.id] = item;
    return item;
  }

  /** Adds to `feeds` those of `ops` that lie outside the item and are not there yet, as far as this gathering knows. */
  private gather(item: Item, ops: readonly Op[], feeds: Op[]): void {
    for (const p of ops) {
      if (this.seen[p.id] === this.gathered || this.itemOf[p.id] === item) continue;
      this.seen[p.id] = this.gathered;
      feeds.push(p);
    }
  }

  /** Puts all items into a first topological order. */
  sort(): void {
    const order: Item[] = [];
    const open = ++this.searches;
    const done = ++this.searches;
    for (const item of this.items) {
      if (item === null) continue;
      this.gathered++;
      const feeds: Op[] = [];
      for (const op of item.ops) this.gather(item, op.sources, feeds);
      item.feeds = feeds;
    }
    for (const start of this.items) {
      const stack: Item[] = start === null ? [] : [start];
      for (let item = stack.at(-1); item !== undefined; item = stack.at(-1)) {
        if (item.mark === done) stack.pop();
        else if (item.mark === open) {
          item.mark = done;
          item.place = order.push(item) - 1;
          stack.pop();
        } else {
          item.mark = open;
          for (const p of item.feeds) {
            const from = this.itemOf[p.id];
            if (from !== undefined && from.mark < open) stack.push(from);
          }
        }
      }
    }
    this.items = order;
  }

  /**
   * Marks the items after `a` that `b` depends on; false where one of them depends on `a`, where they are many, or where
   * what reads `a` would wait for them and what it reads stay in memory, unless that costs less than `gain`.
   */
  separable(a: Item, b: Item, gain: number): boolean {
    const search = ++this.searches;
    const stack: Item[] = [b];
    let hoisted = 0;
    this.last = -1;
    for (let to = stack.pop(); to !== undefined; to = stack.pop()) {
      for (const op of to.feeds) {
        const from = this.itemOf[op.id];
        if (from === undefined || from === to || from.mark === search) continue;
        if (from === a) {
          if (to !== b)
            return deny("another kernel that cannot be part of this one lies between them");
        } else if (from.place > a.place) {
          if (++hoisted > mostHoisted)
            return deny(`more than ${mostHoisted} kernels would have to run before it`);
          from.mark = search;
          this.last = Math.max(this.last, from.place);
          stack.push(from);
        }
      }
    }
    if (hoisted > 0 && this.delayed(a, b, this.last) > gain)
      return deny("values that others are ready to read would stay in memory for long");
    return true;
  }

  /** Bytes of what `a` stores for readers that come before the item at `last`, which would now come before them. */
  private delayed(a: Item, b: Item, last: number): number {
    let bytes = 0;
    for (const op of a.ops) {
      for (const r of op.out.readers) {
        const to = this.itemOf[r.id];
        if (to === undefined || to === a || to === b || to.place >= last) continue;
        bytes += op.out.bytes;
        break;
      }
    }
    return bytes;
  }

  /** Puts the merged item where the first was, after what the second depends on; follows a call of `separable`. */
  replace(a: Item, b: Item, group: Group): void {
    const merged = this.made(group, group.ops);
    const feeds: Op[] = [];
    this.gathered++;
    this.gather(merged, a.feeds, feeds);
    this.gather(merged, b.feeds, feeds);
    merged.feeds = feeds;
    this.items[a.place] = null;
    this.items[b.place] = null;
    this.insert(merged, a.place);
  }

  /** Inserts at `from`, where there is room, moving the items that the last search marked ahead of it. */
  private insert(item: Item, from: number): void {
    const before: Item[] = [];
    const after: Item[] = [];
    for (let i = from; i <= this.last; i++) {
      const x = this.items[i] ?? null;
      if (x !== null) (x.mark === this.searches ? before : after).push(x);
    }
    let place = from;
    for (const x of before) this.put(x, place++);
    this.put(item, place++);
    for (const x of after) this.put(x, place++);
    while (place <= this.last) this.put(null, place++);
  }

  private put(item: Item | null, place: number): void {
    this.items[place] = item;
    if (item !== null) item.place = place;
  }
}

/** How a plan lies in memory: one layout, and one command list, for each set of leaves that nobody needs afterwards. */
import { InternalError } from "../core/errors.js";
import type { Device, Executable, Ref, Step } from "../device/contract.js";
import { type MemoryPlan, type Overlay, type Place, planMemory, type Value } from "./memory.js";

/** Layouts kept per plan: which leaves die hardly ever changes. */
const mostLayouts = 4;

/** One way to lay a plan out in memory. */
export interface Layout {
  readonly executable: Executable;
  /** Bytes of the slot behind the outputs'; no such slot where it is 0. */
  readonly arena: number;
  /** For each output the leaf whose memory it takes over, or -1. */
  readonly donors: readonly number[];
  readonly memory: MemoryPlan;
}

/** Gives a slot for a loop's own use. */
export type FreshSlot = () => number;

/** One or more commands whose buffers are values by number. */
export interface Call {
  readonly values: readonly number[];
  /** Its working memory, or -1. */
  readonly work: number;
  /** The commands with their buffers. */
  address(buffers: readonly Ref[], work: Ref | null, fresh: FreshSlot): Step;
}

/** What a plan computes with, before it has addresses. */
export interface Unplaced {
  readonly calls: readonly Call[];
  readonly values: readonly Value[];
  readonly overlays: readonly Overlay[];
  /** How many leaves there are; their slots come first, those of the outputs follow. */
  readonly leaves: number;
  /** How many outputs there are. */
  readonly outputs: number;
  /** Leaves that are results themselves. */
  readonly kept: ReadonlySet<number>;
}

/** A plan with places for its values. */
interface Placed {
  readonly memory: MemoryPlan;
  /** The commands, where `refOf` says what a place stands for. */
  steps(refOf: (place: Place) => Ref, fresh: FreshSlot): Step[];
}

/** Places values when nobody needs the leaves `dying` afterwards. The slot of the arena follows those of the outputs. */
export const placePlan = (plan: Unplaced, dying: ReadonlySet<number>): Placed => {
  const { leaves, outputs, calls, kept } = plan;
  const arenaSlot = leaves + outputs;
  const values = plan.values.map((v): Value => {
    const isLeaf = v.slot !== null && v.slot < leaves;
    return isLeaf && (!dying.has(v.slot) || kept.has(v.slot)) ? { ...v, to: Infinity } : v;
  });
  // What stays cannot be overwritten.
  const overlays = plan.overlays.filter(({ under }) => values[under]?.to !== Infinity);
  const memory = planMemory(values, overlays, arenaSlot);
  const placeOf = (id: number): Place => {
    const place = memory.places[id];
    if (place === undefined) throw new InternalError("[plan] a tensor without memory");
    // Results without elements may be all that is in the arena: then there is none, and any slot will do.
    return place.slot === arenaSlot && memory.arena === 0 ? { slot: 0, offset: 0 } : place;
  };
  return {
    memory,
    steps: (refOf, fresh) =>
      calls.map(({ values: used, work, address }) =>
        address(
          used.map((id) => refOf(placeOf(id))),
          work < 0 ? null : refOf(placeOf(work)),
          fresh,
        ),
      ),
  };
};

export class Layouts {
  private readonly device: Device;
  private readonly plan: Unplaced;
  /** The one for when all leaves stay, which is nearly always so. */
  private whole: Layout | null = null;
  private readonly made = new Map<string, Layout>();

  constructor(device: Device, plan: Unplaced) {
    this.device = device;
    this.plan = plan;
  }

  /** The layout for when nobody needs the leaves `dying` (in rising order) afterwards. */
  layout(dying: readonly number[]): Layout {
    if (dying.length === 0) {
      this.whole ??= this.make(new Set());
      return this.whole;
    }
    const key = dying.join();
    const known = this.made.get(key);
    if (known !== undefined) return known;
    if (this.made.size >= mostLayouts) this.forget();
    const layout = this.make(new Set(dying));
    this.made.set(key, layout);
    return layout;
  }

  release(): void {
    this.whole?.executable.release();
    this.whole = null;
    this.forget();
  }

  private forget(): void {
    for (const { executable } of this.made.values()) executable.release();
    this.made.clear();
  }

  private make(dying: ReadonlySet<number>): Layout {
    const { leaves, outputs } = this.plan;
    const { memory, steps } = placePlan(this.plan, dying);
    const slots = leaves + outputs + (memory.arena > 0 ? 1 : 0);
    let next = slots;
    return {
      executable: this.device.prepare(
        steps(
          (place) => place,
          () => next++,
        ),
        slots,
      ),
      arena: memory.arena,
      donors: Array.from({ length: outputs }, (_, i) => memory.donors.get(leaves + i) ?? -1),
      memory,
    };
  }
}

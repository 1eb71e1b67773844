/** The engine: evaluates pending graphs on one device through cached plans. */
import { type CotangentError, IndexError, InternalError, LinAlgError } from "../core/errors.js";
import { faults } from "../core/routine.js";
import { HostStorage, type Storage } from "../core/storage.js";
import type { Device, Fault, Scalar } from "../device/contract.js";
import type { Evaluator } from "../graph/evaluator.js";
import { overwritten } from "../graph/hole.js";
import { type Node, unuse } from "../graph/node.js";
import { isTracing, keepOrDetach } from "../graph/trace.js";
import { type Decision, decisionsOf } from "./decisions.js";
import type { Layout } from "./layout.js";
import type { MemoryPlan } from "./memory.js";
import { type Observer, runObserved, submitObserved } from "./observer.js";
import { collect, isReadyCall, type Pending, pendingCall, sameWords } from "./pending.js";
import { makePlan, type Partition, type Plan, paramValues } from "./plan.js";

interface Entry {
  readonly words: Int32Array;
  readonly plan: Plan;
  /** What was decided, if anybody wanted to know. */
  readonly decisions: readonly Decision[] | null;
}

const none: readonly number[] = [];

/** Whether a result is a leaf as it is. */
const isResult = ({ roots }: Plan, leaf: number): boolean =>
  roots.some((place) => place.kind === "leaf" && place.leaf === leaf);

/** Plans kept; beyond it the least recently used goes. */
const capacity = 1024;

const faultError = ({ code }: Fault): CotangentError => {
  switch (code) {
    case faults.singular:
      return new LinAlgError(
        "[eval] expected an invertible matrix, got a singular one in linalg.inv or linalg.solve: use linalg.pinv",
      );
    case faults.eigenvalues:
      return new LinAlgError(
        "[eval] expected finite matrices with eigenvalues to be found, got one where the iteration did not end: look for NaN and infinities",
      );
    case faults.singularValues:
      return new LinAlgError(
        "[eval] expected finite matrices with singular values to be found, got one where the iteration did not end: look for NaN and infinities",
      );
    default:
      return new IndexError(
        "[eval] an index array holds an index outside the axis it selects from: " +
          "indices must lie in [-size, size) of that axis",
      );
  }
};

/** What a submission needs. */
interface Prepared {
  readonly layout: Layout;
  readonly params: readonly Scalar[];
  readonly slots: Storage[];
}

export class Engine implements Evaluator {
  readonly device: Device;
  private readonly partition: Partition;
  private readonly plans = new Map<number, Entry>();
  /** Plans made so far: tests use it to show that nothing is planned twice. */
  planned = 0;
  /** Is told of evaluations and plans. */
  observer: Observer | null = null;
  /** Is told how the memory of each evaluation was laid out. */
  memoryObserver: ((memory: MemoryPlan) => void) | null = null;
  /** Command lists run so far. */
  submissions = 0;

  constructor(device: Device, partition: Partition) {
    this.device = device;
    this.partition = partition;
  }

  private planOf(pending: Pending): Plan {
    const entry = this.plans.get(pending.hash);
    const wanted = this.observer?.decisions ?? "none";
    if (
      entry !== undefined &&
      sameWords(pending, entry.words) &&
      (wanted !== "all" || entry.decisions !== null)
    ) {
      if (wanted === "all") this.observer?.planned(entry.decisions ?? []);
      if (this.plans.size > capacity / 2) {
        this.plans.delete(pending.hash);
        this.plans.set(pending.hash, entry);
      }
      return entry.plan;
    }
    const make = (): Plan => makePlan(this.device, pending, this.partition);
    const { result: plan, decisions } =
      wanted === "none" ? { result: make(), decisions: null } : decisionsOf(make);
    if (decisions !== null) this.observer?.planned(decisions);
    this.planned++;
    entry?.plan.release();
    this.plans.set(pending.hash, { words: pending.words, plan, decisions });
    if (this.plans.size > capacity) {
      for (const [hash, oldest] of this.plans) {
        this.plans.delete(hash);
        oldest.plan.release();
        break;
      }
    }
    return plan;
  }

  /** Plans anew what is evaluated next: to be called when the device would load other kernels than before. */
  forgetPlans(): void {
    for (const { plan } of this.plans.values()) plan.release();
    this.plans.clear();
  }

  private upload(n: Node): Storage {
    const data = n.data;
    if (data === null) throw new InternalError("[eval] a leaf without data");
    if (this.device.owns(data)) return data;
    const storage = this.device.upload(data instanceof HostStorage ? data.bytes : data.read());
    n.data = storage;
    return storage;
  }

  /**
   * The leaves that nobody but this call can ask for again: state that it replaces. Their memory is free for its results.
   * In other evaluations dropped handles cannot be told from live ones, and asynchronous ones may be looked at meanwhile.
   */
  private dying({ leaves, template }: Pending): readonly number[] {
    if (template === null || isTracing()) return none;
    const found: number[] = [];
    for (let i = 0; i < leaves.length; i++) {
      const n = leaves[i];
      if (n === undefined || n.handles > 0 || n.uses !== 1) continue;
      if (n.data !== null && this.device.owns(n.data) && !n.data.shared) found.push(i);
    }
    return found;
  }

  /** Everything a run needs: leaves' storages, outputs, arena. Keeps nothing of it when there is no room for all. */
  private bind(pending: Pending, plan: Plan, layout: Layout): Storage[] {
    const slots: Storage[] = [];
    const taken: Storage[] = [];
    const take = (bytes: number): Storage => {
      const storage = this.device.allocate(bytes);
      taken.push(storage);
      return storage;
    };
    try {
      for (const n of pending.leaves) slots.push(this.upload(n));
      for (let i = 0; i < plan.outputs.length; i++) {
        const donor = slots[layout.donors[i] ?? -1];
        slots.push(donor ?? take(plan.outputs[i] ?? 0));
      }
      if (layout.arena > 0) slots.push(take(layout.arena));
    } catch (error) {
      for (const storage of taken) storage.dispose();
      throw error;
    }
    return slots;
  }

  /** All that a submission of the pending graph needs, its results in place; `dying` leaves may be overwritten. */
  private prepare(pending: Pending, plan: Plan, dying: readonly number[]): Prepared {
    const layout = plan.layout(dying);
    const params = paramValues(plan, pending.order);
    const slots = this.bind(pending, plan, layout);
    this.memoryObserver?.(layout.memory);
    this.submissions++;
    return { layout, params, slots };
  }

  /** From now on the memory of the leaves `dying` is that of the results, or of nobody. */
  private takeOver({ leaves }: Pending, layout: Layout, dying: readonly number[]): void {
    for (const i of dying) {
      const n = leaves[i];
      if (n === undefined) continue;
      if (!layout.donors.includes(i)) n.data?.dispose();
      n.data = null;
      n.attrs = overwritten;
    }
  }

  private finish(pending: Pending, plan: Plan, slots: readonly Storage[]): void {
    const taken = new Set<number>();
    for (const [i, n] of pending.roots.entries()) {
      const place = plan.roots[i];
      if (place === undefined) continue;
      if (place.kind === "empty") n.data = new HostStorage(new Uint8Array(0));
      else {
        const slot = place.kind === "leaf" ? place.leaf : place.slot;
        const storage = slots[slot];
        const shared = place.kind === "leaf" || taken.has(slot);
        taken.add(slot);
        n.data = (shared ? storage?.share() : storage) ?? null;
      }
      keepOrDetach(n);
    }
    const several = pending.template !== null && pending.roots.length > 1;
    if (several && pending.roots.every((n) => n.prim === null)) unuse(pending.leaves);
  }

  /** Gives back what was made for one run; of one that failed, its results and what they took over too. */
  private release(plan: Plan, slots: readonly Storage[], failed: boolean): void {
    const from = failed ? plan.leaves : plan.leaves + plan.outputs.length;
    for (let i = from; i < slots.length; i++) slots[i]?.dispose();
  }

  /**
   * What has to be run, one after the other: each is looked at after the one before was run. Compiled calls are run whole,
   * by plans of their own, unless they are small and something else is wanted of them.
   */
  private *steps(nodes: readonly Node[]): Generator<Pending, void, undefined> {
    for (const n of nodes) {
      const call = isReadyCall(n) ? pendingCall(n) : null;
      if (call !== null) yield call;
    }
    for (;;) {
      const roots = nodes.filter((n) => n.data === null);
      if (roots.length === 0) return;
      const pending = collect(roots);
      if (pending.calls.length === 0) {
        yield pending;
        return;
      }
      for (const n of pending.calls) {
        // Another result of the same call came first.
        if (n.data !== null) continue;
        yield* this.steps(n.ins);
        const call = pendingCall(n);
        if (call !== null) yield call;
      }
    }
  }

  evaluate(nodes: readonly Node[]): void {
    for (const pending of this.steps(nodes)) {
      const plan = this.planOf(pending);
      const replaced = this.dying(pending);
      // State that a call hands on unchanged lies where it lay.
      const kept = replaced.filter((i) => isResult(plan, i));
      const dying = kept.length === 0 ? replaced : replaced.filter((i) => !kept.includes(i));
      const { layout, params, slots } = this.prepare(pending, plan, dying);
      let fault: Fault | null = null;
      let done = false;
      const { device, observer } = this;
      const { executable } = layout;
      try {
        fault =
          observer === null
            ? device.run(executable, slots, params)
            : runObserved({ device, executable, slots, params, observer });
        done = fault === null;
      } finally {
        if (dying.length > 0) this.takeOver(pending, layout, dying);
        this.release(plan, slots, !done);
      }
      if (fault !== null) throw faultError(fault);
      this.finish(pending, plan, slots);
      if (kept.length > 0) this.takeOver(pending, layout, kept);
    }
  }

  async evaluateAsync(nodes: readonly Node[]): Promise<void> {
    for (const pending of this.steps(nodes)) {
      const plan = this.planOf(pending);
      const { layout, params, slots } = this.prepare(pending, plan, none);
      let fault: Fault | null = null;
      let done = false;
      const { device, observer } = this;
      const { executable } = layout;
      try {
        fault = await (observer === null
          ? device.submit(executable, slots, params)
          : submitObserved({ device, executable, slots, params, observer }));
        done = fault === null;
      } finally {
        this.release(plan, slots, !done);
      }
      if (fault !== null) throw faultError(fault);
      this.finish(pending, plan, slots);
    }
  }

  collect(): void {
    this.device.collect();
  }
}

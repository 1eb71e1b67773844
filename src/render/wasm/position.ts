/** argmax and argmin of rows: the best value and where it was, first come first kept. */
import type { ComputeType, ScalarOp } from "../../core/scalar.js";
import type { ValId } from "../../kernel/ir.js";
import type { Variable } from "./block.js";
import type { WasmType } from "./encoder.js";
import { type Accumulator, identityOf, type Reduce } from "./fold.js";
import type { Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Ops } from "./ops.js";
import { has } from "./plan.js";
import { type Values, words } from "./values.js";

/** A value and its position. */
type Found = readonly [best: Ref, at: Ref];

/** argmax or argmin of one frame. */
export class Position implements Accumulator {
  readonly #values: Values;
  readonly #frame: Frame;
  readonly #id: ValId;
  readonly #v: Reduce;
  readonly #along: boolean;
  readonly #spread: boolean;
  readonly #ops: Ops;
  readonly #t: ComputeType;
  readonly #better: ScalarOp;
  /** Elements do not come in the order of their positions: the vector axis runs innermost, but is not the last reduced one. */
  readonly #unordered: boolean;
  readonly #slots: readonly { readonly best: Variable; readonly at: Variable }[];

  constructor(
    values: Values,
    frame: Frame,
    id: ValId,
    v: Reduce,
    along: boolean,
    spread: boolean,
    slots: number,
  ) {
    this.#values = values;
    this.#frame = frame;
    this.#id = id;
    this.#v = v;
    this.#along = along;
    this.#spread = spread;
    this.#ops = spread ? values.vector : values.scalar;
    this.#t = values.typeOf(v.in);
    this.#better = v.how === "argmax" ? "gt" : "lt";
    const worst = this.#ops.constant(this.#t, identityOf(v.how, this.#t));
    const { code, plan } = values;
    this.#unordered = has(v.over, plan.vector) && v.over >> (plan.vector + 1) !== 0;
    const empty = plan.kernel.axes.some((a, i) => has(v.over, i) && a.size === 0);
    // No real position is greater, so on ties any of them wins.
    const nowhere = this.#ops.constant("u32", empty ? 0 : 0xffffffff);
    this.#slots = Array.from({ length: along ? slots : 1 }, () => ({
      best: code.variable(worst),
      at: code.variable(nowhere),
    }));
  }

  update(frame: Frame, slot: number): void {
    const { code } = this.#values;
    const to = this.#slots[slot % this.#slots.length];
    if (to === undefined || this.#v.at === null) return;
    const read = (id: ValId): Ref =>
      this.#spread ? this.#values.vectorAt(frame, id) : this.#values.scalarAt(frame, id);
    const value = read(this.#v.in);
    const where = read(this.#v.at);
    const l = this.#ops.of(this.#t);
    const better = this.#ops.apply(this.#better, this.#t, "bool", [value, code.get(to.best)]);
    let take = l.either(better, this.#first(frame));
    if (this.#unordered) {
      const same = this.#ops.apply("eq", this.#t, "bool", [value, code.get(to.best)]);
      const before = this.#ops.apply("lt", "u32", "bool", [where, code.get(to.at)]);
      take = l.either(take, l.both(same, before));
    }
    if (this.#along && frame.tail !== null) take = l.both(take, frame.tail.mask);
    const best = this.#ops.apply("select", this.#t, this.#t, [take, value, code.get(to.best)]);
    const at = this.#ops.apply("select", "u32", "u32", [take, where, code.get(to.at)]);
    code.pin(best);
    code.pin(at);
    code.set(to.best, best);
    code.set(to.at, at);
  }

  /** The lane that holds the row's first element, which is taken whatever it is. */
  #first(frame: Frame): Ref {
    const { code, plan } = this.#values;
    let all: Ref | null = null;
    plan.kernel.axes.forEach((_, axis) => {
      const i = has(this.#v.over, axis) ? frame.index[axis] : undefined;
      if (i === undefined) return;
      const at = i.plus === 0 ? i.ref : code.op("i32.add", i.ref, code.i32(i.plus));
      all = all === null ? at : code.op("i32.or", all, at);
    });
    const none = code.op("i32.eqz", all ?? code.i32(0));
    if (!this.#spread) return none;
    const everywhere = this.#ops.splat("bool", none);
    if (!this.#along) return everywhere;
    const bytes = new Uint8Array(16).fill(255, 0, this.#ops.width);
    return code.op("v128.and", everywhere, code.v128(bytes));
  }

  flush(): void {}

  /** Of two finds the better one, of equal ones the earlier. */
  #best(o: Ops, [b, p]: Found, [b2, p2]: Found): Found {
    const l = o.of(this.#t);
    const tie = l.both(
      o.apply("eq", this.#t, "bool", [b2, b]),
      o.apply("lt", "u32", "bool", [p2, p]),
    );
    // Only the row's first element can be NaN here, and it wins.
    const nan = o.apply("ne", this.#t, "bool", [b2, b2]);
    const won = l.either(o.apply(this.#better, this.#t, "bool", [b2, b]), l.either(tie, nan));
    return [
      o.apply("select", this.#t, this.#t, [won, b2, b]),
      o.apply("select", "u32", "u32", [won, p2, p]),
    ];
  }

  /** The find of all slots and, along the row, of all lanes. */
  #found(): Found {
    const { code, vector } = this.#values;
    const slots = this.#slots.map(({ best, at }): Found => [code.get(best), code.get(at)]);
    const all = slots.reduce((a, b) => this.#best(this.#ops, a, b));
    if (!this.#along) return all;
    const swaps =
      vector.width === 4
        ? [
            [2, 3, 0, 1],
            [1, 0, 3, 2],
          ]
        : [[2, 3, 0, 1]];
    const [best, at] = swaps.reduce((both: Found, lanes) => {
      const [b, p] = both.map((v) => code.lane("i8x16.shuffle", words(lanes, 0), v, v));
      return this.#best(vector, both, [b ?? 0, p ?? 0]);
    }, all);
    return [vector.extract(this.#t, best, 0), vector.extract("u32", at, 0)];
  }

  get kinds(): readonly WasmType[] {
    const [slot] = this.#slots;
    return slot === undefined ? [] : [slot.best.type, slot.at.type];
  }

  collected(): readonly Ref[] {
    return this.#found();
  }

  join(parts: readonly Ref[]): void {
    const { code } = this.#values;
    const [slot] = this.#slots;
    const [best, at] = parts;
    if (slot === undefined || best === undefined || at === undefined) return;
    const found = this.#best(this.#ops, [code.get(slot.best), code.get(slot.at)], [best, at]);
    for (const f of found) code.pin(f);
    code.set(slot.best, found[0]);
    code.set(slot.at, found[1]);
  }

  finish(): void {
    const { code } = this.#values;
    const [best, at] = this.#found();
    code.pin(best);
    code.pin(at);
    this.#frame.memo.set(this.#id, { ref: at, vector: this.#spread && !this.#along });
  }
}

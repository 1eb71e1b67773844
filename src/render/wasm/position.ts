/** argmax and argmin of rows: the best value and where it was, first come first kept. */
import type { ComputeType, ScalarOp } from "../../core/scalar.js";
import type { ValId } from "../../kernel/ir.js";
import type { Variable } from "./block.js";
import { type Accumulator, identityOf, type Reduce } from "./fold.js";
import type { Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Ops } from "./ops.js";
import { has } from "./plan.js";
import { type Values, words } from "./values.js";

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

  finish(): void {
    const { code, vector } = this.#values;
    const [first, ...rest] = this.#slots;
    if (first === undefined) return;
    if (!this.#along) {
      const at = code.get(first.at);
      code.pin(at);
      this.#frame.memo.set(this.#id, { ref: at, vector: this.#spread });
      return;
    }
    const t = this.#t;
    const l = vector.of(t);
    type Found = readonly [best: Ref, at: Ref];
    const better = ([b, p]: Found, [b2, p2]: Found): Found => {
      const tie = l.both(
        vector.apply("eq", t, "bool", [b2, b]),
        vector.apply("lt", "u32", "bool", [p2, p]),
      );
      // Only the row's first element can be NaN here, and it wins.
      const nan = vector.apply("ne", t, "bool", [b2, b2]);
      const won = l.either(vector.apply(this.#better, t, "bool", [b2, b]), l.either(tie, nan));
      return [l.select(won, b2, b), l.select(won, p2, p)];
    };
    const slots = [first, ...rest].map(({ best, at }): Found => [code.get(best), code.get(at)]);
    const swaps =
      vector.width === 4
        ? [
            [2, 3, 0, 1],
            [1, 0, 3, 2],
          ]
        : [[2, 3, 0, 1]];
    const [best, found] = swaps.reduce((both: Found, lanes) => {
      const [b, p] = both.map((v) => code.lane("i8x16.shuffle", words(lanes, 0), v, v));
      return better(both, [b ?? 0, p ?? 0]);
    }, slots.reduce(better));
    const at = vector.extract("u32", found, 0);
    code.pin(best);
    code.pin(at);
    this.#frame.memo.set(this.#id, { ref: at, vector: false });
  }
}

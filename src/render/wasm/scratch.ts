/** Values kept in scratch memory from one loop over rows to later ones. */
import type { ValId } from "../../kernel/ir.js";
import type { Code } from "./block.js";
import type { Frame, Place } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Stash } from "./nests.js";
import type { Values } from "./values.js";

export class Scratch {
  readonly #code: Code;
  readonly #values: Values;
  readonly #scratch: Ref;
  readonly #stashes: readonly Stash[];

  constructor(values: Values, scratch: Ref, stashes: readonly Stash[]) {
    this.#code = values.code;
    this.#values = values;
    this.#scratch = scratch;
    this.#stashes = stashes;
    this.#use();
  }

  #scratchPlace(
    frame: Frame,
    offset: number,
    strides: readonly (readonly [number, number])[],
    extra: number,
  ): Place {
    const ix = { k: "affine" as const, off: 0, terms: strides };
    const place = this.#values.addresses.placeFrom(frame, this.#scratch, 1, ix);
    return { address: place.address, offset: place.offset + offset + extra };
  }

  #use(): void {
    const code = this.#code;
    const values = this.#values;
    for (const { id, offset, strides } of this.#stashes) {
      const vector = values.varies(id);
      const type = this.#stashType(id);
      values.stashed.set(id, (frame) => {
        const place = this.#scratchPlace(frame, offset, strides, this.#stashSlot(frame, vector));
        return { ref: code.load(`${type}.load`, place.address, place.offset, true), vector };
      });
    }
  }

  #stashType(id: ValId): string {
    if (this.#values.varies(id)) return "v128";
    const t = this.#values.typeOf(id);
    if (t === "f32" || t === "f64") return t;
    return t === "i64" || t === "u64" ? "i64" : "i32";
  }

  /** Side by side vectors along a grid axis have scratch of their own. */
  #stashSlot(frame: Frame, vector: boolean): number {
    const inGrid = this.#values.plan.kernel.axes[this.#values.plan.vector]?.role === "grid";
    return vector && inGrid ? 16 * frame.slot : 0;
  }

  /** Writes the value at a frame of its own loop. */
  keep(frame: Frame, id: ValId): void {
    const stash = this.#stashes.find((s) => s.id === id);
    if (stash === undefined) return;
    const { ref, vector } = this.#values.at(frame, id);
    const place = this.#scratchPlace(
      frame,
      stash.offset,
      stash.strides,
      this.#stashSlot(frame, vector),
    );
    this.#code.store(`${this.#stashType(id)}.store`, place.address, ref, place.offset);
  }
}

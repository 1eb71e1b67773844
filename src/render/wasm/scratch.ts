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

  #place(frame: Frame, stash: Stash): Place {
    const ix = { k: "affine" as const, off: 0, terms: stash.strides };
    const { address, offset } = this.#values.addresses.placeFrom(frame, this.#scratch, 1, ix);
    return { address, offset: offset + stash.offset + frame.point * stash.pointStride };
  }

  #use(): void {
    const code = this.#code;
    const values = this.#values;
    for (const stash of this.#stashes) {
      const vector = values.varies(stash.id);
      const type = this.#stashType(stash.id);
      values.stashed.set(stash.id, (frame) => {
        const place = this.#place(frame, stash);
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

  /** Writes the value at a frame of its own loop. */
  keep(frame: Frame, id: ValId): void {
    const stash = this.#stashes.find((s) => s.id === id);
    if (stash === undefined) return;
    const { ref } = this.#values.at(frame, id);
    const place = this.#place(frame, stash);
    this.#code.store(`${this.#stashType(id)}.store`, place.address, ref, place.offset);
  }
}

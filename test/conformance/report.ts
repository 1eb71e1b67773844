/** Counts of golden cases by outcome, the pending ones by name. */
import { takeImpossible } from "./kinds/op.js";

export type Outcome =
  | { readonly status: "passed" }
  | { readonly status: "failed"; readonly details: readonly string[] }
  | { readonly status: "pending"; readonly name: string }
  | { readonly status: "excluded" }
  | { readonly status: "inexpressible" };

export class Report {
  readonly #area: string;
  readonly #counts = { passed: 0, failed: 0, pending: 0, excluded: 0, inexpressible: 0 };
  #impossible = 0;
  readonly #pending = new Map<string, number>();

  constructor(area: string) {
    this.#area = area;
  }

  add(outcome: Outcome): void {
    this.#impossible += takeImpossible();
    this.#counts[outcome.status]++;
    if (outcome.status !== "pending") return;
    this.#pending.set(outcome.name, (this.#pending.get(outcome.name) ?? 0) + 1);
  }

  get failed(): number {
    return this.#counts.failed;
  }

  pendingNames(): string[] {
    return [...this.#pending.keys()].sort();
  }

  /** `passed / excluded / failed`; excluded are cases named in adapters/differences.ts, other counts are there when not zero. */
  toString(): string {
    const { passed, failed, pending, excluded, inexpressible } = this.#counts;
    const names = this.pendingNames().map((name) => `${name} ${this.#pending.get(name)}`);
    const rest = [
      [pending, "pending"],
      [inexpressible, "left out (whole float meets integers)"],
      [this.#impossible, "recorded derivatives of another shape than their value left out"],
    ] as const;
    const extra = rest.filter(([n]) => n > 0).map(([n, what]) => `, ${n} ${what}`);
    const list = names.length > 0 ? `\n  pending: ${names.join(", ")}` : "";
    return `conformance ${this.#area}: ${passed} passed / ${excluded} excluded / ${failed} failed${extra.join("")}${list}`;
  }
}

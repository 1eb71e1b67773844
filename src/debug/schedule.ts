/** Pictures of schedules: kernels and the buffers between them, in Graphviz's DOT language. */
import type { Routine } from "../core/routine.js";
import type { Storage } from "../core/storage.js";
import type { Command, Ref } from "../device/contract.js";
import { type Ix, isKernel } from "../kernel/ir.js";
import type { Evaluation } from "../schedule/observer.js";
import { nameOf, readable, reportOf } from "./report.js";

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;

/** How many of a routine's buffers are its operands: these come first. */
const operandsOf = (r: Routine, buffers: number): number => {
  if (r.routine === "sort") return 1;
  if (r.routine !== "matrix") return buffers - 1;
  return r.what === "solve" || r.what === "triangular" ? 2 : 1;
};

/** Whether a command writes its buffer `i`. */
const writes = ({ loaded, buffers }: Command, i: number): boolean => {
  const { program } = loaded;
  return isKernel(program)
    ? program.bufs[i]?.access !== "read"
    : i >= operandsOf(program, buffers.length);
};

const typeOf = ({ loaded }: Command, i: number): string => {
  const { program } = loaded;
  if (isKernel(program)) return program.bufs[i]?.storage.name ?? "";
  return program.dtype.name;
};

/** The least element that an index reaches. */
const leastOf = (ix: Ix): number => {
  if (ix.k === "affine")
    return ix.off + ix.terms.reduce((n, [, stride]) => n + Math.min(stride, 0), 0);
  return ix.k === "sum" ? ix.of.reduce((n, part) => n + leastOf(part), 0) : 0;
};

/** Where in its buffer `i` a command begins to write: parts of one tensor begin at different places. */
const firstWritten = ({ loaded }: Command, i: number): number => {
  const { program } = loaded;
  const store = isKernel(program) ? program.stores.find((x) => x.buf === i) : undefined;
  return store === undefined ? 0 : leastOf(store.ix);
};

/** What is known of a piece of memory: which kernels wrote it, from which element on, or that it was there. */
interface Buffer {
  readonly id: string;
  writers: { readonly id: string; readonly first: number }[];
  read: boolean;
}

class Picture {
  readonly lines: string[] = [];
  private readonly buffers = new Map<Storage, Map<number, Buffer>>();
  private count = 0;

  private bufferOf(storage: Storage, offset: number): Buffer {
    const found = this.buffers.get(storage) ?? new Map<number, Buffer>();
    this.buffers.set(storage, found);
    const known = found.get(offset);
    if (known !== undefined) return known;
    const made: Buffer = { id: `b${this.count++}`, writers: [], read: false };
    found.set(offset, made);
    return made;
  }

  kernel(id: string, command: Command, slots: readonly Storage[], milliseconds: number): void {
    const report = reportOf(command, milliseconds);
    const label = [
      nameOf(report),
      `[${report.axes.join(", ")}]`,
      `${readable(report.bytesRead)} read, ${readable(report.bytesWritten)} written`,
      `${milliseconds.toFixed(3)} ms`,
    ].join("\n");
    this.lines.push(`  ${id} [label=${quote(label)}, shape=box, style=rounded];`);
    command.buffers.forEach((ref, i) => {
      if (!writes(command, i)) this.reads(id, command, i, ref, slots);
    });
    command.buffers.forEach((ref, i) => {
      const storage = slots[ref.slot];
      if (!writes(command, i) || storage === undefined) return;
      const b = this.bufferOf(storage, ref.offset);
      // Parts of one tensor have a writer each. After a reader, or at the same element, it is another tensor's place.
      const first = firstWritten(command, i);
      b.writers = b.read ? [] : b.writers.filter((w) => w.first !== first);
      b.writers.push({ id, first });
      b.read = false;
    });
  }

  private reads(
    id: string,
    command: Command,
    i: number,
    ref: Ref,
    slots: readonly Storage[],
  ): void {
    const storage = slots[ref.slot];
    if (storage === undefined) return;
    const b = this.bufferOf(storage, ref.offset);
    const known = b.writers.length > 0;
    if (!known && !b.read) {
      const label = `${readable(storage.byteLength)} in memory`;
      this.lines.push(
        `  ${b.id} [label=${quote(label)}, shape=ellipse, style=filled, fillcolor="#eef3f8"];`,
      );
    }
    b.read = true;
    for (const from of known ? new Set(b.writers.map((w) => w.id)) : [b.id])
      this.lines.push(`  ${from} -> ${id} [label=${quote(typeOf(command, i))}];`);
  }
}

/** The picture of what was evaluated. */
export const pictureOf = (evaluations: readonly Evaluation[]): string => {
  const picture = new Picture();
  let n = 0;
  for (const { steps, slots } of evaluations) {
    for (const { command, start, end } of steps)
      picture.kernel(`k${n++}`, command, slots, end - start);
  }
  return [
    "digraph {",
    '  node [fontname="Helvetica", fontsize=11];',
    '  edge [fontname="Helvetica", fontsize=9, arrowsize=0.7];',
    ...picture.lines,
    "}",
    "",
  ].join("\n");
};

/** WebAssembly modules as text, in WebAssembly's text format, for reading what was generated: what the encoder writes and no more. */
import { InternalError } from "../../core/errors.js";
import { instructionAt, type Op } from "./opcodes.js";

const valueTypes: Readonly<Record<number, string>> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
};

/** Reads Wasm's number formats from a range of bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const b = this.#bytes[this.at++];
    if (b === undefined) throw new InternalError("[disassemble] the module ends too early");
    return b;
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.#bytes.slice(this.at - count, this.at);
  }

  view(count: number): DataView {
    return new DataView(this.take(count).buffer);
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const b = this.byte();
      value += (b & 0x7f) * scale;
      if (b < 0x80) return value;
    }
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = this.byte();
      value |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return BigInt.asIntN(Number(shift) + 7, value);
    }
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()));
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.unsigned() }, read);
  }

  type(): string {
    const code = this.byte();
    const name = valueTypes[code];
    if (name === undefined) throw new InternalError(`[disassemble] unknown type ${code}`);
    return name;
  }
}

const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;

const float = (value: number, nan: string): string => {
  if (Number.isNaN(value)) return nan;
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
};

const float32 = (view: DataView): string => {
  const bits = view.getUint32(0, true);
  const nan = `${bits >>> 31 === 0 ? "" : "-"}nan:${hex(bits & 0x7fffff)}`;
  return float(view.getFloat32(0, true), nan);
};

const float64 = (view: DataView): string => {
  const bits = view.getBigUint64(0, true);
  const nan = `${bits >> 63n === 0n ? "" : "-"}nan:0x${(bits & 0xfffffffffffffn).toString(16)}`;
  return float(view.getFloat64(0, true), nan);
};

const words = (view: DataView): string =>
  [0, 4, 8, 12].map((at) => hex(view.getUint32(at, true))).join(" ");

/** What follows the name of an instruction of the table. */
const immediateText = (r: Reader, op: Op): string => {
  switch (op.immediate) {
    case "none":
      return "";
    case "lane":
      return ` ${r.byte()}`;
    case "shuffle":
      return ` ${[...r.take(16)].join(" ")}`;
    default: {
      const align = r.unsigned();
      const offset = r.unsigned();
      const place =
        (offset === 0 ? "" : ` offset=${offset}`) +
        (align === op.align ? "" : ` align=${2 ** align}`);
      return op.immediate === "memory" ? place : `${place} ${r.byte()}`;
    }
  }
};

/** What the encoder writes beside the instructions of the table: by opcode, the text. */
const plain = (r: Reader, code: number): string | null => {
  switch (code) {
    case 0x00:
      return "unreachable";
    case 0x01:
      return "nop";
    case 0x0c:
      return `br ${r.unsigned()}`;
    case 0x0d:
      return `br_if ${r.unsigned()}`;
    case 0x0f:
      return "return";
    case 0x10:
      return `call ${r.unsigned()}`;
    case 0x11: {
      const type = r.unsigned();
      r.byte();
      return `call_indirect (type ${type})`;
    }
    case 0x1a:
      return "drop";
    case 0x1b:
      return "select";
    case 0x1c:
      return `select (result ${r.list(() => r.type()).join(" ")})`;
    case 0x20:
      return `local.get ${r.unsigned()}`;
    case 0x21:
      return `local.set ${r.unsigned()}`;
    case 0x22:
      return `local.tee ${r.unsigned()}`;
    case 0x41:
      return `i32.const ${r.signed()}`;
    case 0x42:
      return `i64.const ${r.signed()}`;
    case 0x43:
      return `f32.const ${float32(r.view(4))}`;
    case 0x44:
      return `f64.const ${float64(r.view(8))}`;
    default:
      return null;
  }
};

const blockType = (r: Reader): string => {
  const code = r.byte();
  return code === 0x40 ? "" : ` (result ${valueTypes[code] ?? code})`;
};

const structures: Readonly<Record<number, string>> = { 2: "block", 3: "loop", 4: "if" };

const prefixed = (r: Reader, prefix: number): string => {
  const code = r.unsigned();
  if (prefix === 0xfd && code === 12) return `v128.const i32x4 ${words(r.view(16))}`;
  if (prefix === 0xfc && (code === 10 || code === 11)) {
    r.take(code === 10 ? 2 : 1);
    return code === 10 ? "memory.copy" : "memory.fill";
  }
  if (prefix === 0xfc && code === 8) {
    const segment = r.unsigned();
    r.take(1);
    return `memory.init ${segment}`;
  }
  const found = instructionAt(prefix, code);
  if (found === null)
    throw new InternalError(`[disassemble] unknown instruction ${prefix} ${code}`);
  return `${found[0]}${immediateText(r, found[1])}`;
};

/** The instructions of a function up to its end, one a line, indented by structure. */
function* instructions(r: Reader): Generator<string> {
  let depth = 0;
  for (;;) {
    const code = r.byte();
    if (code === 0x0b || code === 0x05) depth--;
    if (depth < 0) return;
    const indent = "  ".repeat(depth + 2);
    const structure = structures[code];
    if (structure !== undefined) {
      yield `${indent}${structure}${blockType(r)}`;
      depth++;
    } else if (code === 0x05) {
      yield `${indent}else`;
      depth++;
    } else if (code === 0x0b) yield `${indent}end`;
    else if (code === 0xfc || code === 0xfd || code === 0xfe) yield indent + prefixed(r, code);
    else {
      const known = plain(r, code);
      const found = known === null ? instructionAt(0, code) : null;
      if (known === null && found === null)
        throw new InternalError(`[disassemble] unknown instruction ${code}`);
      yield indent + (found === null ? known : `${found[0]}${immediateText(r, found[1])}`);
    }
  }
}

const limits = (r: Reader): string => {
  const flags = r.byte();
  const least = r.unsigned();
  const most = (flags & 1) === 1 ? ` ${r.unsigned()}` : "";
  return `${least}${most}${(flags & 2) === 2 ? " shared" : ""}`;
};

interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

const signatureText = ({ params, results }: Signature): string =>
  (params.length === 0 ? "" : ` (param ${params.join(" ")})`) +
  (results.length === 0 ? "" : ` (result ${results.join(" ")})`);

class Disassembler {
  readonly #lines: string[] = [];
  readonly #types: Signature[] = [];
  readonly #functions: number[] = [];
  #imported = 0;

  #section(id: number, r: Reader): void {
    switch (id) {
      case 0:
        this.#lines.push(`  ;; custom section ${JSON.stringify(r.name())}`);
        return;
      case 1:
        r.list(() => {
          r.byte();
          const params = r.list(() => r.type());
          const results = r.list(() => r.type());
          const n = this.#types.push({ params, results }) - 1;
          this.#lines.push(`  (type (;${n};) (func${signatureText({ params, results })}))`);
        });
        return;
      case 2:
        r.list(() => this.#import(r));
        return;
      case 3:
        this.#functions.push(...r.list(() => r.unsigned()));
        return;
      case 7:
        r.list(() => {
          const name = r.name();
          r.byte();
          this.#lines.push(`  (export ${JSON.stringify(name)} (func ${r.unsigned()}))`);
        });
        return;
      case 10: {
        let n = 0;
        r.list(() => this.#function(r, n++));
        return;
      }
      case 11: {
        let n = 0;
        r.list(() => {
          r.byte();
          const bytes = r.unsigned();
          r.take(bytes);
          this.#lines.push(`  (data (;${n++};) ;; ${bytes} bytes\n  )`);
        });
        return;
      }
      case 12:
        r.unsigned();
        return;
      default:
        throw new InternalError(`[disassemble] unknown section ${id}`);
    }
  }

  #import(r: Reader): void {
    const from = `${JSON.stringify(r.name())} ${JSON.stringify(r.name())}`;
    const kind = r.byte();
    let what = "";
    if (kind === 0) what = `func (;${this.#imported++};) (type ${r.unsigned()})`;
    else if (kind === 1) {
      r.byte();
      what = `table ${limits(r)} funcref`;
    } else what = `memory ${limits(r)}`;
    this.#lines.push(`  (import ${from} (${what}))`);
  }

  #function(r: Reader, n: number): void {
    const end = r.unsigned() + r.at;
    const type = this.#functions[n] ?? 0;
    const signature = this.#types[type] ?? { params: [], results: [] };
    const about = `(type ${type})${signatureText(signature)}`;
    this.#lines.push(`  (func (;${this.#imported + n};) ${about}`);
    const locals = r.list(() => {
      const count = r.unsigned();
      return new Array<string>(count).fill(r.type());
    });
    const all = locals.flat();
    if (all.length > 0) this.#lines.push(`    (local ${all.join(" ")})`);
    for (const line of instructions(r)) this.#lines.push(line);
    this.#lines.push("  )");
    if (r.at !== end) throw new InternalError("[disassemble] a function ends at another place");
  }

  text(bytes: Uint8Array): string {
    this.#lines.push("(module");
    const r = new Reader(bytes, 8);
    while (r.at < bytes.length) {
      const id = r.byte();
      const end = r.unsigned() + r.at;
      this.#section(id, r);
      r.at = end;
    }
    return [...this.#lines, ")"].join("\n");
  }
}

/** The text of a module that `Module` has encoded. */
export const disassemble = (bytes: Uint8Array): string => new Disassembler().text(bytes);

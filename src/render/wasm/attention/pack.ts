/** Copies blocks of rows into scratch as float32, in the orders in which register tiles read them. */
import type { DType } from "../../../core/dtype.js";
import type { Features } from "../../contract.js";
import { transpose } from "../contract/pack.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { Frame } from "../routines/frame.js";
import { loadScalar, loadVector } from "../storage.js";

/** Columns of a panel: what two vectors hold. */
export const panelColumns = 8;
/** Bytes of one line of a panel. */
export const panelLine = 32;

/** Rows of `columns` elements, one after another, as they are in memory. */
export interface Rows {
  readonly dtype: DType;
  readonly columns: number;
}

/** A function (from, to, rows) written by `body`. */
const packer = (
  module: Module,
  features: Features,
  body: (f: Frame, from: Ref, to: Ref, rows: Ref) => void,
): Func => {
  const func = module.func(["i32", "i32", "i32"]);
  const f = new Frame(func, features);
  body(f, f.code.param(0), f.code.param(1), f.code.param(2));
  f.code.finish();
  return func;
};

/** Rows `pitch` bytes apart, each element times `factor`. */
export const packRows = (
  module: Module,
  features: Features,
  { dtype, columns }: Rows,
  pitch: number,
  factor: number,
): Func =>
  packer(module, features, (f, from, to, rows) => {
    const { code, one, four } = f;
    const whole = columns - (columns % 4);
    const scaled = (o: typeof one, x: Ref): Ref =>
      factor === 1 ? x : o.narrow.mul(x, o.narrow.constant(factor));
    code.loop(f.constant(0), rows, 1, (r) => {
      const source = f.at(from, r, columns * dtype.size);
      const target = f.at(to, r, pitch);
      code.loop(f.constant(0), f.constant(whole), 4, (i) => {
        const x = loadVector(four, dtype, f.at(source, i, dtype.size), 0, true);
        code.store("v128.store", f.at(target, i, 4), scaled(four, x));
      });
      for (let i = whole; i < columns; i++) {
        const x = loadScalar(one, dtype, source, i * dtype.size, true);
        code.store("f32.store", target, scaled(one, x), 4 * i);
      }
    });
  });

/** Panels of eight columns, `panel` bytes apart: a line of each row. What is missing in the last one is zero. */
export const packPanels = (
  module: Module,
  features: Features,
  { dtype, columns }: Rows,
  panel: number,
  factor: number,
): Func =>
  packer(module, features, (f, from, to, rows) => {
    const { code, one, four } = f;
    const whole = columns - (columns % panelColumns);
    const scaled = (o: typeof one, x: Ref): Ref =>
      factor === 1 ? x : o.narrow.mul(x, o.narrow.constant(factor));
    code.loop(f.constant(0), rows, 1, (r) => {
      const source = f.at(from, r, columns * dtype.size);
      const target = f.at(to, r, panelLine);
      const vector = (from: Ref, to: Ref, at: number): void => {
        const x = loadVector(four, dtype, from, at * dtype.size, true);
        code.store("v128.store", to, scaled(four, x), 4 * at);
      };
      code.loop(f.constant(0), f.constant(whole), panelColumns, (i) => {
        const from = f.at(source, i, dtype.size);
        const to = f.at(target, i, panel / panelColumns);
        vector(from, to, 0);
        vector(from, to, 4);
      });
      for (let i = 0; whole < columns && i < panelColumns; i++) {
        const x =
          whole + i < columns
            ? scaled(one, loadScalar(one, dtype, source, (whole + i) * dtype.size, true))
            : one.narrow.constant(0);
        code.store("f32.store", target, x, (whole / panelColumns) * panel + 4 * i);
      }
    });
  });

/** Panels of eight rows, `panel` bytes apart: a line of each column. What is missing in the last one repeats its last row. */
export const packAcross = (
  module: Module,
  features: Features,
  { dtype, columns }: Rows,
  panel: number,
): Func =>
  packer(module, features, (f, from, to, rows) => {
    const { code, one, four } = f;
    const whole = columns - (columns % 4);
    const last = f.sub(rows, f.constant(1));
    code.loop(f.constant(0), rows, panelColumns, (r) => {
      const target = f.at(to, r, panel / panelColumns);
      const sources = Array.from({ length: panelColumns }, (_, i) =>
        f.at(from, f.min(f.add(r, f.constant(i)), last), columns * dtype.size),
      );
      for (const s of sources) code.pin(s);
      code.loop(f.constant(0), f.constant(whole), 4, (d) => {
        const line = f.at(target, d, panelLine);
        for (const half of [0, 4]) {
          const loaded = sources
            .slice(half, half + 4)
            .map((s) => loadVector(four, dtype, f.at(s, d, dtype.size), 0, true));
          transpose(code, loaded).forEach((v, j) => {
            code.store("v128.store", line, v, panelLine * j + 4 * half);
          });
        }
      });
      for (let d = whole; d < columns; d++) {
        sources.forEach((s, i) => {
          const x = loadScalar(one, dtype, s, d * dtype.size, true);
          code.store("f32.store", target, x, panelLine * d + 4 * i);
        });
      }
    });
  });

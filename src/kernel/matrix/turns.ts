/** Rotations of neighbouring rows, kept until there are many and then applied strip by strip, so that strips stay in cache. */
import { scratch } from "./mat.js";
import { turnAll, turnRows } from "./rows.js";

/** Columns of a strip. */
const strip = 128;
/** Sweeps kept at most. */
const mostSweeps = 16;

export class Turns {
  private readonly planes: readonly Float64Array[];
  private readonly width: number;
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  /** Of each sweep: its first row, its way (1 or -1), and where its rotations start. */
  private readonly first: number[] = [];
  private readonly way: number[] = [];
  private readonly from: number[] = [];
  private used = 0;

  /** For rows of `width` elements, of which the first `rows` turn. */
  constructor(planes: readonly Float64Array[], rows: number, width: number) {
    this.planes = planes;
    this.width = width;
    const capacity = planes.length === 0 ? 0 : mostSweeps * rows;
    this.cosines = scratch(capacity, false).re;
    this.sines = scratch(capacity, false).re;
  }

  /** Starts a sweep of up to `count` rotations: of rows `first` and `first + way`, then one row on, and so on. */
  begin(first: number, way: number, count: number): void {
    if (this.planes.length === 0) return;
    if (this.used + count > this.cosines.length) this.flush();
    this.first.push(first);
    this.way.push(way);
    this.from.push(this.used);
  }

  push(c: number, s: number): void {
    if (this.planes.length === 0) return;
    this.cosines[this.used] = c;
    this.sines[this.used++] = s;
  }

  /** Rows `i` and `j`, at once. */
  now(i: number, j: number, c: number, s: number): void {
    this.flush();
    for (const a of this.planes) turnRows(a, i * this.width, j * this.width, this.width, c, s);
  }

  /** Applies what is kept. */
  flush(): void {
    const { width } = this;
    for (const a of this.planes)
      for (let column = 0; column < width; column += strip) {
        const columns = Math.min(strip, width - column);
        for (let k = 0; k < this.first.length; k++) {
          const from = this.from[k] ?? 0;
          const count = (this.from[k + 1] ?? this.used) - from;
          const at = (this.first[k] ?? 0) * width + column;
          turnAll(
            a,
            at,
            (this.way[k] ?? 1) * width,
            columns,
            this.cosines,
            this.sines,
            from,
            count,
          );
        }
      }
    this.first.length = 0;
    this.way.length = 0;
    this.from.length = 0;
    this.used = 0;
  }

  /** Changes the sign of row `i`, which must not turn any more. */
  negate(i: number): void {
    this.flush();
    const { width } = this;
    for (const a of this.planes)
      for (let p = i * width; p < (i + 1) * width; p++) a[p] = -(a[p] ?? 0);
  }
}

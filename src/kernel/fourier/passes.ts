/** One pass of a self-sorting (Stockham) transform: groups of `radix` elements combined, twiddled and written in order. */
import type { Parts } from "./work.js";

/**
 * From transforms of radix · m points, `stride` of them interleaved, to radix · stride interleaved ones of m points.
 * `twiddles` has, for each position below m, e^(−2πi·p·j / (radix · m)) for j from 1 to radix − 1.
 */
export interface Stage {
  readonly radix: number;
  readonly m: number;
  readonly twiddles: Float64Array;
}

const two = ({ m, twiddles: w }: Stage, x: Parts, y: Parts, s: number): void => {
  const [xr, xi, yr, yi] = [x.re, x.im, y.re, y.im];
  const far = m * s;
  for (let p = 0; p < m; p++) {
    const wr = w[2 * p] ?? 0;
    const wi = w[2 * p + 1] ?? 0;
    const to = 2 * p * s;
    for (let q = 0; q < s; q++) {
      const i = p * s + q;
      const o = to + q;
      const ar = xr[i] ?? 0;
      const ai = xi[i] ?? 0;
      const br = xr[i + far] ?? 0;
      const bi = xi[i + far] ?? 0;
      yr[o] = ar + br;
      yi[o] = ai + bi;
      const dr = ar - br;
      const di = ai - bi;
      yr[o + s] = dr * wr - di * wi;
      yi[o + s] = dr * wi + di * wr;
    }
  }
};

const sin60 = Math.sqrt(3) / 2;

const three = ({ m, twiddles: w }: Stage, x: Parts, y: Parts, s: number): void => {
  const [xr, xi, yr, yi] = [x.re, x.im, y.re, y.im];
  const far = m * s;
  for (let p = 0; p < m; p++) {
    const w1r = w[4 * p] ?? 0;
    const w1i = w[4 * p + 1] ?? 0;
    const w2r = w[4 * p + 2] ?? 0;
    const w2i = w[4 * p + 3] ?? 0;
    const to = 3 * p * s;
    for (let q = 0; q < s; q++) {
      const i = p * s + q;
      const o = to + q;
      const ar = xr[i] ?? 0;
      const ai = xi[i] ?? 0;
      const br = xr[i + far] ?? 0;
      const bi = xi[i + far] ?? 0;
      const cr = xr[i + 2 * far] ?? 0;
      const ci = xi[i + 2 * far] ?? 0;
      const sr = br + cr;
      const si = bi + ci;
      // −i · sin 60° · (b − c)
      const tr = sin60 * (bi - ci);
      const ti = -sin60 * (br - cr);
      const ur = ar - 0.5 * sr;
      const ui = ai - 0.5 * si;
      yr[o] = ar + sr;
      yi[o] = ai + si;
      const er = ur + tr;
      const ei = ui + ti;
      const fr = ur - tr;
      const fi = ui - ti;
      yr[o + s] = er * w1r - ei * w1i;
      yi[o + s] = er * w1i + ei * w1r;
      yr[o + 2 * s] = fr * w2r - fi * w2i;
      yi[o + 2 * s] = fr * w2i + fi * w2r;
    }
  }
};

const four = ({ m, twiddles: w }: Stage, x: Parts, y: Parts, s: number): void => {
  const [xr, xi, yr, yi] = [x.re, x.im, y.re, y.im];
  const far = m * s;
  for (let p = 0; p < m; p++) {
    const w1r = w[6 * p] ?? 0;
    const w1i = w[6 * p + 1] ?? 0;
    const w2r = w[6 * p + 2] ?? 0;
    const w2i = w[6 * p + 3] ?? 0;
    const w3r = w[6 * p + 4] ?? 0;
    const w3i = w[6 * p + 5] ?? 0;
    const to = 4 * p * s;
    for (let q = 0; q < s; q++) {
      const i = p * s + q;
      const o = to + q;
      const ar = xr[i] ?? 0;
      const ai = xi[i] ?? 0;
      const br = xr[i + far] ?? 0;
      const bi = xi[i + far] ?? 0;
      const cr = xr[i + 2 * far] ?? 0;
      const ci = xi[i + 2 * far] ?? 0;
      const dr = xr[i + 3 * far] ?? 0;
      const di = xi[i + 3 * far] ?? 0;
      const pr = ar + cr;
      const pi = ai + ci;
      const mr = ar - cr;
      const mi = ai - ci;
      const sr = br + dr;
      const si = bi + di;
      // −i · (b − d)
      const tr = bi - di;
      const ti = dr - br;
      yr[o] = pr + sr;
      yi[o] = pi + si;
      const er = mr + tr;
      const ei = mi + ti;
      yr[o + s] = er * w1r - ei * w1i;
      yi[o + s] = er * w1i + ei * w1r;
      const fr = pr - sr;
      const fi = pi - si;
      yr[o + 2 * s] = fr * w2r - fi * w2i;
      yi[o + 2 * s] = fr * w2i + fi * w2r;
      const gr = mr - tr;
      const gi = mi - ti;
      yr[o + 3 * s] = gr * w3r - gi * w3i;
      yi[o + 3 * s] = gr * w3i + gi * w3r;
    }
  }
};

/** e^(−2πi·k/n), exact where a part is 0 or ±1. */
export const unitRoot = (k: number, n: number): readonly [number, number] => {
  // The quarter of the circle, and the place in it in parts of n, by whole numbers.
  const quarter = Math.floor((4 * (k % n)) / n);
  const place = 4 * (k % n) - quarter * n;
  const unit = Math.PI / (2 * n);
  const near = 2 * place <= n;
  const c = near ? Math.cos(place * unit) : Math.sin((n - place) * unit);
  const s = near ? Math.sin(place * unit) : Math.cos((n - place) * unit);
  switch (quarter) {
    case 0:
      return [c, 0 - s];
    case 1:
      return [0 - s, 0 - c];
    case 2:
      return [0 - c, s];
    default:
      return [s, c];
  }
};

/** Any odd radix: elements at equal distance from the middle are added and subtracted first. */
const odd = ({ radix, m, twiddles: w }: Stage, x: Parts, y: Parts, s: number): void => {
  const [xr, xi, yr, yi] = [x.re, x.im, y.re, y.im];
  const far = m * s;
  const half = (radix - 1) / 2;
  const roots = Array.from({ length: radix }, (_, k) => unitRoot(k, radix));
  const cosines = Float64Array.from(roots, ([c]) => c);
  const sines = Float64Array.from(roots, ([, d]) => d);
  const sums = new Float64Array(2 * half);
  const differences = new Float64Array(2 * half);
  const step = 2 * (radix - 1);
  for (let p = 0; p < m; p++) {
    for (let q = 0; q < s; q++) {
      const i = p * s + q;
      const o = radix * p * s + q;
      const ar = xr[i] ?? 0;
      const ai = xi[i] ?? 0;
      let totalR = ar;
      let totalI = ai;
      for (let k = 0; k < half; k++) {
        const u = i + (k + 1) * far;
        const v = i + (radix - 1 - k) * far;
        const [ur, ui, vr, vi] = [xr[u] ?? 0, xi[u] ?? 0, xr[v] ?? 0, xi[v] ?? 0];
        sums[2 * k] = ur + vr;
        sums[2 * k + 1] = ui + vi;
        differences[2 * k] = ur - vr;
        differences[2 * k + 1] = ui - vi;
        totalR += ur + vr;
        totalI += ui + vi;
      }
      yr[o] = totalR;
      yi[o] = totalI;
      for (let j = 1; j <= half; j++) {
        let er = ar;
        let ei = ai;
        let tr = 0;
        let ti = 0;
        let at = 0;
        for (let k = 0; k < half; k++) {
          at += j;
          if (at >= radix) at -= radix;
          const c = cosines[at] ?? 0;
          const d = sines[at] ?? 0;
          er += c * (sums[2 * k] ?? 0);
          ei += c * (sums[2 * k + 1] ?? 0);
          // i · d · difference
          tr -= d * (differences[2 * k + 1] ?? 0);
          ti += d * (differences[2 * k] ?? 0);
        }
        const near = p * step + 2 * (j - 1);
        const behind = p * step + 2 * (radix - j - 1);
        const [nr, ni] = [w[near] ?? 0, w[near + 1] ?? 0];
        const [br, bi] = [w[behind] ?? 0, w[behind + 1] ?? 0];
        const [fr, fi, gr, gi] = [er + tr, ei + ti, er - tr, ei - ti];
        yr[o + j * s] = fr * nr - fi * ni;
        yi[o + j * s] = fr * ni + fi * nr;
        yr[o + (radix - j) * s] = gr * br - gi * bi;
        yi[o + (radix - j) * s] = gr * bi + gi * br;
      }
    }
  }
};

export const stageOf = (radix: number, m: number): Stage => {
  const twiddles = new Float64Array(2 * (radix - 1) * m);
  let at = 0;
  for (let p = 0; p < m; p++)
    for (let j = 1; j < radix; j++) {
      const [c, d] = unitRoot(p * j, radix * m);
      twiddles[at++] = c;
      twiddles[at++] = d;
    }
  return { radix, m, twiddles };
};

export const runStage = (stage: Stage, x: Parts, y: Parts, stride: number): void => {
  switch (stage.radix) {
    case 2:
      two(stage, x, y, stride);
      break;
    case 3:
      three(stage, x, y, stride);
      break;
    case 4:
      four(stage, x, y, stride);
      break;
    default:
      odd(stage, x, y, stride);
  }
};

/** Which elements of an axis make up each element of its scaled form, and with what weights; rounded to float32 as MLX does. */

/** One of the elements that are added up: where it is read, and its weight, for every element of the result. */
export interface Tap {
  readonly places: readonly number[];
  readonly weights: readonly number[];
}

const f = Math.fround;

const lengthOf = (length: number, scale: number): number => Math.trunc(scale * length);

const clamp = (i: number, length: number): number => Math.min(Math.max(i, 0), length - 1);

/** Where the elements of the result lie on the axis. */
const positions = (length: number, scale: number, alignCorners: boolean): number[] => {
  const count = lengthOf(length, scale);
  if (alignCorners) {
    const step = f((length - 1) / Math.max(count - 1, 1));
    return Array.from({ length: count }, (_, i) => f(i * step));
  }
  const step = 1 / scale;
  const start = f(((count - 1) * step - length + 1) / 2);
  return Array.from({ length: count }, (_, i) => f(f(i * f(step)) - start));
};

/** The nearest element for each of the result. */
export const nearestPlaces = (length: number, scale: number): number[] => {
  const count = lengthOf(length, scale);
  const step = f(length / count);
  return Array.from({ length: count }, (_, i) => {
    if (count <= length) return Math.trunc(f(i * step));
    const at = f(f((i + 0.5) * step) - 0.5);
    const below = Math.floor(at);
    const rest = at - below;
    const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
    return clamp(up ? below + 1 : below, length);
  });
};

/** Between the two neighbours. */
export const linearTaps = (length: number, scale: number, alignCorners: boolean): Tap[] => {
  const at = positions(length, scale, alignCorners).map((x) => clamp(x, length));
  const after = at.map((x) => f(x - Math.floor(x)));
  return [
    { places: at.map(Math.floor), weights: after.map((w) => 1 - w) },
    { places: at.map(Math.ceil), weights: after },
  ];
};

/** The cubic convolution kernel within 1 of its middle, and from there to 2. */
const inner = (x: number, a: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
const outer = (x: number, a: number): number => (((x - 5) * x + 8) * x - 4) * a;

/** Between four neighbours; the edge is repeated outside. */
export const cubicTaps = (length: number, scale: number, alignCorners: boolean): Tap[] => {
  const at = positions(length, scale, alignCorners);
  return [-1, 0, 1, 2].map((k) => {
    const kernel = k === 0 || k === 1 ? inner : outer;
    return {
      places: at.map((x) => clamp(Math.floor(x) + k, length)),
      weights: at.map((x) => kernel(Math.abs(x - (Math.floor(x) + k)), -0.75)),
    };
  });
};

/** Averages with a kernel that is as wide as an element of the result; what lies outside does not count. */
const smoothTaps = (
  length: number,
  scale: number,
  radius: number,
  kernel: (x: number) => number,
): Tap[] => {
  const at = positions(length, scale, false);
  const width = scale < 1 ? 1 / scale : 1;
  const reach = Math.ceil(radius * width) + 1;
  const steps = Array.from({ length: 2 * reach - 1 }, (_, i) => i - reach + 1);
  const weight = (x: number, k: number): number => {
    const place = Math.floor(x) + k;
    return place < 0 || place >= length ? 0 : kernel(Math.abs(x - place) / width);
  };
  const sums = at.map((x) => {
    const sum = steps.reduce((total, k) => total + weight(x, k), 0);
    return sum > 0 ? sum : 1;
  });
  const taps = steps.map((k) => ({
    places: at.map((x) => clamp(Math.floor(x) + k, length)),
    weights: at.map((x, i) => weight(x, k) / (sums[i] ?? 1)),
  }));
  const [first] = taps;
  const used = taps.filter(({ weights }) => weights.some((w) => w !== 0));
  return used.length === 0 && first !== undefined ? [first] : used;
};

export const smoothLinearTaps = (length: number, scale: number): Tap[] =>
  smoothTaps(length, scale, 1, (x) => Math.max(1 - x, 0));

export const smoothCubicTaps = (length: number, scale: number): Tap[] =>
  smoothTaps(length, scale, 2, (x) => (x <= 1 ? inner(x, -0.5) : x <= 2 ? outer(x, -0.5) : 0));

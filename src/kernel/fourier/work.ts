/** Working memory of Fourier transforms: pairs of split complex arrays in double precision, used again. */

/** Real and imaginary parts. */
export interface Parts {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Two arrays: a pass reads one and writes the other. What matters is in `now`. */
export interface Work {
  now: Parts;
  next: Parts;
}

const partsOf = (size: number): Parts => ({
  re: new Float64Array(size),
  im: new Float64Array(size),
});

/** So many elements are kept between transforms, in so many pieces. */
const keptElements = 1 << 20;
const keptPieces = 4;
const kept: Work[] = [];

/** Memory for `size` elements or more, of any content. */
const borrow = (size: number): Work => {
  const found = kept.findIndex(({ now }) => now.re.length >= size);
  const [work] = found < 0 ? [] : kept.splice(found, 1);
  return work ?? { now: partsOf(size), next: partsOf(size) };
};

const giveBack = (work: Work): void => {
  if (work.now.re.length > keptElements) return;
  kept.push(work);
  kept.sort((a, b) => a.now.re.length - b.now.re.length);
  const total = (): number => kept.reduce((n, { now }) => n + now.re.length, 0);
  while (kept.length > keptPieces || total() > keptElements + keptElements / 4) kept.shift();
};

/** What `use` gives, with memory for `size` elements. */
export const withWork = <T>(size: number, use: (work: Work) => T): T => {
  const work = borrow(size);
  try {
    return use(work);
  } finally {
    giveBack(work);
  }
};

export const exchange = (work: Work): void => {
  const { now } = work;
  work.now = work.next;
  work.next = now;
};

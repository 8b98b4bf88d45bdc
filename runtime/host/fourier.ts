/**
 * Fourier transforms of any length, in double. What a length needs is prepared once and kept: its factors and their roots of unity (Stockham's
 * order, which needs no reversal of bits), or, where a prime factor is large, the transform of a chirp (Bluestein).
 */

/** Complex numbers: re and im apart. */
export interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export const makeComplex = (length: number): Complex => ({
  re: new Float64Array(length),
  im: new Float64Array(length),
});

/**
 * Transforms of one length, of `lanes` neighbours at once: element k of lane i stands at k * lanes + i. The result stands in x or in `other`,
 * both of which are written to.
 */
export type Transform = (x: Complex, other: Complex, lanes: number) => Complex;

/** How many transforms are kept, of lengths up to which. */
const [mostKept, longestKept] = [16, 2 ** 16];
const kept = new Map<number, Transform>();

/** X[k] = sum x[n] exp(-2 pi i k n / N). Swapping re and im of what goes in and of what comes out gives the inverse, times N. */
export function transformOf(length: number): Transform {
  const known = kept.get(length);
  if (known !== undefined) return known;
  const made = prepare(length);
  if (length > longestKept) return made;
  const [oldest] = kept.keys();
  if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
  kept.set(length, made);
  return made;
}

/** Prime factors beyond it are left to a convolution. */
const largestFactor = 13;

/** Real signals of an even length: even samples in re, odd ones in im, [length / 2] of each lane; the spectrum [length] goes to `result`. */
export type RealTransform = (x: Complex, other: Complex, result: Complex, lanes: number) => void;

/** A complex transform of half the length, E + i O, then X[k] = E[k] + w^k O[k] and X[k + length / 2] = E[k] - w^k O[k]. */
export function realTransformOf(length: number): RealTransform {
  const half = length / 2;
  const transform = transformOf(half);
  const roots = rootsOf(length, half, (k) => k);
  return (x, other, result, lanes) => {
    const { re, im } = transform(x, other, lanes);
    const yr = result.re;
    const yi = result.im;
    for (let k = 0; k < half; k++) {
      const c = roots.re[k] as number;
      const s = roots.im[k] as number;
      const upper = half * lanes;
      let at = k * lanes;
      let mirrored = (k === 0 ? 0 : half - k) * lanes;
      for (const end = at + lanes; at < end; at++, mirrored++) {
        const ar = re[at] as number;
        const ai = im[at] as number;
        const br = re[mirrored] as number;
        const bi = im[mirrored] as number;
        const evenR = (ar + br) / 2;
        const evenI = (ai - bi) / 2;
        const oddR = (ai + bi) / 2;
        const oddI = (br - ar) / 2;
        const turnedR = oddR * c - oddI * s;
        const turnedI = oddR * s + oddI * c;
        yr[at] = evenR + turnedR;
        yi[at] = evenI + turnedI;
        yr[at + upper] = evenR - turnedR;
        yi[at + upper] = evenI - turnedI;
      }
    }
  };
}

function prepare(length: number): Transform {
  if (length <= 1) return (x) => x;
  const factors = factorsOf(length);
  return factors.every((factor) => factor <= largestFactor) ? byFactors(length, factors) : asConvolution(length);
}

/** Fours first, then the primes. */
function factorsOf(length: number): number[] {
  const factors: number[] = [];
  let rest = length;
  for (; rest % 4 === 0; rest /= 4) factors.push(4);
  for (let prime = 2; prime * prime <= rest; prime++) for (; rest % prime === 0; rest /= prime) factors.push(prime);
  if (rest > 1) factors.push(rest);
  return factors;
}

interface Stage {
  readonly radix: number;
  /** what is left of the length behind this stage */
  readonly rest: number;
  /** exp(-2 pi i p j / (radix rest)) at p * radix + j */
  readonly roots: Complex;
}

function byFactors(length: number, factors: readonly number[]): Transform {
  let rest = length;
  const stages = factors.map((radix): Stage => {
    rest /= radix;
    const [own, size] = [rest, rest * radix];
    return { radix, rest, roots: rootsOf(size, size, (k) => ((k % radix) * Math.floor(k / radix)) % (own * radix)) };
  });
  const units = factors.map((radix) => rootsOf(radix, radix, (k) => k));
  return (x, other, lanes) => {
    let [from, to] = [x, other];
    let stride = lanes;
    for (const [i, stage] of stages.entries()) {
      if (stage.radix === 4) pass4(stage, from, to, stride);
      else if (stage.radix === 2) pass2(stage, from, to, stride);
      else passAny(stage, units[i] as Complex, from, to, stride);
      stride *= stage.radix;
      [from, to] = [to, from];
    }
    return from;
  };
}

/** exp(-2 pi i power(k) / length) for k < count */
function rootsOf(length: number, count: number, power: (k: number) => number): Complex {
  const roots = makeComplex(count);
  for (let k = 0; k < count; k++) {
    const angle = (-2 * Math.PI * power(k)) / length;
    roots.re[k] = Math.cos(angle);
    roots.im[k] = Math.sin(angle);
  }
  return roots;
}

function pass2({ rest, roots }: Stage, from: Complex, to: Complex, stride: number): void {
  const xr = from.re;
  const xi = from.im;
  const yr = to.re;
  const yi = to.im;
  const wr = roots.re;
  const wi = roots.im;
  for (let p = 0; p < rest; p++) {
    const c = wr[2 * p + 1] as number;
    const s = wi[2 * p + 1] as number;
    let a = stride * p;
    let b = stride * (p + rest);
    let low = 2 * stride * p;
    let high = 2 * stride * p + stride;
    for (const end = a + stride; a < end; a++, b++, low++, high++) {
      const ar = xr[a] as number;
      const ai = xi[a] as number;
      const br = xr[b] as number;
      const bi = xi[b] as number;
      yr[low] = ar + br;
      yi[low] = ai + bi;
      yr[high] = (ar - br) * c - (ai - bi) * s;
      yi[high] = (ar - br) * s + (ai - bi) * c;
    }
  }
}

function pass4({ rest, roots }: Stage, from: Complex, to: Complex, stride: number): void {
  const xr = from.re;
  const xi = from.im;
  const yr = to.re;
  const yi = to.im;
  const wr = roots.re;
  const wi = roots.im;
  const step = stride * rest;
  for (let p = 0; p < rest; p++) {
    const c1 = wr[4 * p + 1] as number;
    const s1 = wi[4 * p + 1] as number;
    const c2 = wr[4 * p + 2] as number;
    const s2 = wi[4 * p + 2] as number;
    const c3 = wr[4 * p + 3] as number;
    const s3 = wi[4 * p + 3] as number;
    let y = 4 * stride * p;
    for (let a = stride * p, end = a + stride; a < end; a++, y++) {
      const b = a + step;
      const c = a + 2 * step;
      const d = a + 3 * step;
      const ar = xr[a] as number;
      const ai = xi[a] as number;
      const br = xr[b] as number;
      const bi = xi[b] as number;
      const cr = xr[c] as number;
      const ci = xi[c] as number;
      const dr = xr[d] as number;
      const di = xi[d] as number;
      const evenR = ar + cr;
      const evenI = ai + ci;
      const oddR = br + dr;
      const oddI = bi + di;
      // the difference of the odd ones times -i
      const leftR = ar - cr;
      const leftI = ai - ci;
      const turnedR = bi - di;
      const turnedI = dr - br;
      yr[y] = evenR + oddR;
      yi[y] = evenI + oddI;
      const r1 = leftR + turnedR;
      const i1 = leftI + turnedI;
      yr[y + stride] = r1 * c1 - i1 * s1;
      yi[y + stride] = r1 * s1 + i1 * c1;
      const r2 = evenR - oddR;
      const i2 = evenI - oddI;
      yr[y + 2 * stride] = r2 * c2 - i2 * s2;
      yi[y + 2 * stride] = r2 * s2 + i2 * c2;
      const r3 = leftR - turnedR;
      const i3 = leftI - turnedI;
      yr[y + 3 * stride] = r3 * c3 - i3 * s3;
      yi[y + 3 * stride] = r3 * s3 + i3 * c3;
    }
  }
}

/** A stage of any radix, by its definition; `unit` holds the radix's own roots. */
function passAny({ radix, rest, roots }: Stage, unit: Complex, from: Complex, to: Complex, stride: number): void {
  const xr = from.re;
  const xi = from.im;
  const yr = to.re;
  const yi = to.im;
  const step = stride * rest;
  for (let p = 0; p < rest; p++) {
    for (let j = 0; j < radix; j++) {
      const c = roots.re[p * radix + j] as number;
      const s = roots.im[p * radix + j] as number;
      const target = stride * (radix * p + j);
      for (let q = 0; q < stride; q++) {
        let sumR = 0;
        let sumI = 0;
        for (let k = 0, at = 0, source = stride * p + q; k < radix; k++, source += step) {
          const ur = unit.re[at] as number;
          const ui = unit.im[at] as number;
          const re = xr[source] as number;
          const im = xi[source] as number;
          sumR += re * ur - im * ui;
          sumI += re * ui + im * ur;
          at += j;
          if (at >= radix) at -= radix;
        }
        yr[target + q] = sumR * c - sumI * s;
        yi[target + q] = sumR * s + sumI * c;
      }
    }
  }
}

/** With kn = (k² + n² - (k - n)²) / 2 the transform is a convolution with a chirp, done at a power of two. */
function asConvolution(length: number): Transform {
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const transform = byFactors(size, factorsOf(size));
  // n² is taken modulo 2 length, which keeps the angle exact
  const chirp = rootsOf(2 * length, length, (n) => (n * n) % (2 * length));
  const filter = makeComplex(size);
  for (let n = 0; n < length; n++) {
    filter.re[n] = filter.re[(size - n) % size] = (chirp.re[n] as number) / size;
    filter.im[n] = filter.im[(size - n) % size] = -(chirp.im[n] as number) / size;
  }
  const spectrum = transform(filter, makeComplex(size), 1);
  return (x, _, lanes) => {
    const [work, other] = [makeComplex(size), makeComplex(size)];
    for (let lane = 0; lane < lanes; lane++) {
      work.re.fill(0, length);
      work.im.fill(0, length);
      for (let n = 0; n < length; n++) multiplyInto(work, n, x, n * lanes + lane, chirp, n);
      const there = transform(work, other, 1);
      for (let k = 0; k < size; k++) multiplyInto(there, k, there, k, spectrum, k);
      const spare = there === work ? other : work;
      // re and im swapped: the inverse
      const back = transform({ re: there.im, im: there.re }, { re: spare.im, im: spare.re }, 1);
      const convolved = { re: back.im, im: back.re };
      for (let k = 0; k < length; k++) multiplyInto(x, k * lanes + lane, convolved, k, chirp, k);
    }
    return x;
  };
}

/** target[at] = x[i] y[j] */
function multiplyInto(target: Complex, at: number, x: Complex, i: number, y: Complex, j: number): void {
  const a = x.re[i] as number;
  const b = x.im[i] as number;
  const c = y.re[j] as number;
  const d = y.im[j] as number;
  target.re[at] = a * c - b * d;
  target.im[at] = a * d + b * c;
}

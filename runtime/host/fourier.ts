/** Fourier transforms of any length, in double: powers of two by halving, other lengths as a convolution (Bluestein). */

/** Complex numbers: re and im apart. */
export interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export const makeComplex = (length: number): Complex => ({
  re: new Float64Array(length),
  im: new Float64Array(length),
});

/** X[k] = sum x[n] exp(-2 pi i k n / N), or, inverse, with +i and divided by N. */
export function fourier(x: Complex, inverse: boolean): Complex {
  if (!inverse) return transform(x);
  const length = x.re.length;
  // swapping re and im turns the sign of the exponent around
  const swapped = transform({ re: x.im, im: x.re });
  return { re: swapped.im.map((value) => value / length), im: swapped.re.map((value) => value / length) };
}

const isPowerOfTwo = (length: number): boolean => (length & (length - 1)) === 0;

function transform(x: Complex): Complex {
  const { length } = x.re;
  if (length <= 1) return { re: x.re.slice(), im: x.im.slice() };
  return isPowerOfTwo(length) ? transformPowerOfTwo(x) : transformAnyLength(x);
}

/** Cooley and Tukey: bit-reversed order, then butterflies of doubling span. */
function transformPowerOfTwo(x: Complex): Complex {
  const { length } = x.re;
  const result = makeComplex(length);
  const bits = Math.log2(length);
  for (let i = 0; i < length; i++) {
    const from = reverseBits(i, bits);
    result.re[i] = x.re[from] as number;
    result.im[i] = x.im[from] as number;
  }
  const roots = unitRoots(length, length / 2);
  for (let span = 1; span < length; span *= 2) butterflies(result, roots, span);
  return result;
}

function butterflies({ re, im }: Complex, roots: Complex, span: number): void {
  const { length } = re;
  const step = length / (2 * span);
  for (let begin = 0; begin < length; begin += 2 * span) {
    for (let k = 0; k < span; k++) {
      const [low, high] = [begin + k, begin + k + span];
      const [c, s] = [roots.re[k * step] as number, roots.im[k * step] as number];
      const a = (re[high] as number) * c - (im[high] as number) * s;
      const b = (re[high] as number) * s + (im[high] as number) * c;
      re[high] = (re[low] as number) - a;
      im[high] = (im[low] as number) - b;
      re[low] = (re[low] as number) + a;
      im[low] = (im[low] as number) + b;
    }
  }
}

function reverseBits(value: number, bits: number): number {
  let result = 0;
  for (let i = 0; i < bits; i++) result |= ((value >> i) & 1) << (bits - 1 - i);
  return result;
}

/** exp(-2 pi i k / length) for k < count. */
function unitRoots(length: number, count: number): Complex {
  const roots = makeComplex(count);
  for (let k = 0; k < count; k++) {
    const angle = (-2 * Math.PI * k) / length;
    roots.re[k] = Math.cos(angle);
    roots.im[k] = Math.sin(angle);
  }
  return roots;
}

/** With kn = (k² + n² - (k - n)²) / 2 the transform is a convolution with a chirp, done at a power of two. */
function transformAnyLength(x: Complex): Complex {
  const { length } = x.re;
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const chirp = chirpOf(length);
  const a = makeComplex(size);
  const b = makeComplex(size);
  for (let n = 0; n < length; n++) {
    multiplyInto(a, n, x.re[n] as number, x.im[n] as number, chirp.re[n] as number, chirp.im[n] as number);
    b.re[n] = b.re[(size - n) % size] = chirp.re[n] as number;
    b.im[n] = b.im[(size - n) % size] = -(chirp.im[n] as number);
  }
  const [left, right] = [transform(a), transform(b)];
  const product = makeComplex(size);
  for (let i = 0; i < size; i++)
    multiplyInto(product, i, left.re[i] as number, left.im[i] as number, right.re[i] as number, right.im[i] as number);
  const convolved = fourier(product, true);
  const result = makeComplex(length);
  for (let k = 0; k < length; k++) {
    multiplyInto(
      result,
      k,
      convolved.re[k] as number,
      convolved.im[k] as number,
      chirp.re[k] as number,
      chirp.im[k] as number,
    );
  }
  return result;
}

/** exp(-pi i n² / length); n² is taken modulo 2 length, which keeps the angle exact. */
function chirpOf(length: number): Complex {
  const chirp = makeComplex(length);
  for (let n = 0; n < length; n++) {
    const angle = (-Math.PI * ((n * n) % (2 * length))) / length;
    chirp.re[n] = Math.cos(angle);
    chirp.im[n] = Math.sin(angle);
  }
  return chirp;
}

function multiplyInto(target: Complex, at: number, a: number, b: number, c: number, d: number): void {
  target.re[at] = a * c - b * d;
  target.im[at] = a * d + b * c;
}

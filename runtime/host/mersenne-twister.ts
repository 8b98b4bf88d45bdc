/**
 * MT19937 (Matsumoto and Nishimura, 1998) with the derived distributions of numpy's `RandomState`, whose streams are frozen: ONNX's
 * reference evaluator draws from it, so that what a seeded random operator gives is defined.
 */

const size = 624;
const middle = 397;

/** A stream of random numbers. */
export interface RandomState {
  /** in [0, 1), 53 bits */
  readonly uniform: () => number;
  /** standard normal */
  readonly normal: () => number;
  /** 1 with the chance `p`, else 0 */
  readonly bernoulli: (p: number) => number;
}

/** The stream of a seed (its integer part, modulo 2^32); `call` > 0 gives further streams of the same seed. */
export function randomState(seed: number, call = 0): RandomState {
  const key = call === 0 ? seeded(Math.trunc(seed) >>> 0) : seededByList([Math.trunc(seed) >>> 0, call >>> 0]);
  const word = wordsOf(key);
  const uniform = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  return { uniform, normal: polar(uniform), bernoulli: (p) => inversion(uniform, p) };
}

function seeded(seed: number): Uint32Array {
  const key = new Uint32Array(size);
  let word = seed;
  for (let i = 0; i < size; i++) {
    key[i] = word;
    word = Math.imul(1812433253, word ^ (word >>> 30)) + i + 1;
  }
  return key;
}

function seededByList(list: readonly number[]): Uint32Array {
  const key = seeded(19650218);
  const at = (i: number): number => key[i] as number;
  const mixed = (i: number, factor: number): number => at(i) ^ Math.imul(at(i - 1) ^ (at(i - 1) >>> 30), factor);
  let i = 1;
  const step = (): void => {
    i++;
    if (i < size) return;
    key[0] = at(size - 1);
    i = 1;
  };
  for (let k = 0; k < size; k++) {
    const j = k % list.length;
    key[i] = mixed(i, 1664525) + (list[j] ?? 0) + j;
    step();
  }
  for (let k = 1; k < size; k++) {
    key[i] = mixed(i, 1566083941) - i;
    step();
  }
  key[0] = 0x80000000;
  return key;
}

function wordsOf(key: Uint32Array): () => number {
  let next = size;
  return () => {
    if (next === size) {
      twist(key);
      next = 0;
    }
    let y = key[next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

function twist(key: Uint32Array): void {
  for (let i = 0; i < size; i++) {
    const y = ((key[i] as number) & 0x80000000) | ((key[(i + 1) % size] as number) & 0x7fffffff);
    key[i] = (key[(i + middle) % size] as number) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
  }
}

/** Marsaglia's polar method, which draws two at a time. */
function polar(uniform: () => number): () => number {
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    let [x, y, square] = [0, 0, 0];
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    spare = factor * x;
    return factor * y;
  };
}

/** A binomial of one trial by inversion of the less likely outcome; 0 and 1 for chances that are no doubt at all. */
function inversion(uniform: () => number, p: number): number {
  if (!(p > 0)) return 0;
  if (p <= 0.5) return trial(uniform, p);
  return 1 - trial(uniform, Math.max(0, 1 - p));
}

/** numpy goes back to the start when it has passed the last outcome, which rounding can make happen. */
function trial(uniform: () => number, p: number): number {
  const none = Math.exp(Math.log(1 - p));
  for (;;) {
    const draw = uniform();
    if (draw <= none) return 0;
    if (draw - none <= (p * none) / (1 - p)) return 1;
  }
}

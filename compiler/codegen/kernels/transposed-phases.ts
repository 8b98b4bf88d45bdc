/**
 * The phases of a transposed convolution along a dim: with stride s, the outputs o with (o + pad) mod s = r take the same taps k, those with
 * k * dilation mod s = r, so that each phase r is a dense window product over the image.
 */

/** What a transposed convolution says of a dim. */
export interface TransposedDim {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

/** The outputs of one phase: positions in the image are those of the unpadded one. */
export interface TransposedPhase {
  /** the first output, from which every `stride`-th one follows */
  readonly outFirst: number;
  readonly taps: number;
  readonly tapStep: number;
  /** image position of the first output's first tap */
  readonly first: number;
  /** the kernel tap that the window's first tap is, and from tap to tap */
  readonly kernelFirst: number;
  readonly kernelStep: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const modulo = (a: number, m: number): number => ((a % m) + m) % m;

/** One phase for each remainder, however many outputs there are. */
export const transposedPhases = (dim: TransposedDim): readonly TransposedPhase[] =>
  Array.from({ length: dim.stride }, (_, r) => phaseOf(dim, r));

function phaseOf({ stride, dilation, pad, kernel }: TransposedDim, r: number): TransposedPhase {
  const outFirst = modulo(r - pad, stride);
  const common = gcd(stride, dilation);
  const [period, tapStep] = [stride / common, dilation / common];
  const tap = firstTap(kernel, period, dilation, stride, r);
  if (tap === null) return { outFirst, taps: 0, tapStep: 1, first: 0, kernelFirst: 0, kernelStep: 0 };
  const taps = Math.ceil((kernel - tap) / period);
  const at = (outFirst + pad - tap * dilation) / stride;
  const first = at - (taps - 1) * tapStep;
  return { outFirst, taps, tapStep, first, kernelFirst: tap + (taps - 1) * period, kernelStep: -period };
}

/** The least tap k with k * dilation mod stride = r. */
function firstTap(kernel: number, period: number, dilation: number, stride: number, r: number): number | null {
  for (let tap = 0; tap < Math.min(kernel, period); tap++) if ((tap * dilation) % stride === r) return tap;
  return null;
}

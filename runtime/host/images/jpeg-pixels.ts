/**
 * From JPEG's coefficients to pixels with libjpeg's integer arithmetic, so that every decoder of that lineage gives the same bytes: the
 * inverse transform of Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point, and linear interpolation of chroma.
 */

/** Samples of one component. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8Array;
}

const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Eight values, `step` apart: one pass of the transform, rounded to drop `shift` bits. */
function transform8(values: Int32Array, start: number, step: number, shift: number): void {
  const at = (i: number): number => values[start + i * step] as number;
  const even = (at(2) + at(6)) * 4433;
  const [low, high] = [even - at(6) * 15137, even + at(2) * 6270];
  const [sum, difference] = [(at(0) + at(4)) * 8192, (at(0) - at(4)) * 8192];
  const evens = [sum + high, difference + low, difference - low, sum - high];
  const turn = (at(7) + at(3) + at(5) + at(1)) * 9633;
  const [z1, z2] = [(at(7) + at(1)) * -7373, (at(5) + at(3)) * -20995];
  const [z3, z4] = [(at(7) + at(3)) * -16069 + turn, (at(5) + at(1)) * -3196 + turn];
  const odds = [at(1) * 12299 + z1 + z4, at(3) * 25172 + z2 + z3, at(5) * 16819 + z2 + z4, at(7) * 2446 + z1 + z3];
  const half = 2 ** (shift - 1);
  for (let i = 0; i < 4; i++) {
    const [e, o] = [evens[i] as number, odds[i] as number];
    values[start + i * step] = (e + o + half) >> shift;
    values[start + (7 - i) * step] = (e - o + half) >> shift;
  }
}

/** Puts the samples of a block of 64 coefficients, multiplied by their quantisation, at (x, y) of a plane that has room for it. */
export function putBlock(
  plane: Plane,
  x: number,
  y: number,
  coefficients: Int16Array,
  quantisation: Uint16Array,
): void {
  const values = new Int32Array(64);
  for (let i = 0; i < 64; i++) values[i] = (coefficients[i] as number) * (quantisation[i] as number);
  for (let column = 0; column < 8; column++) transform8(values, column, 8, 11);
  for (let row = 0; row < 8; row++) transform8(values, row * 8, 1, 18);
  for (let i = 0; i < 64; i++)
    plane.samples[(y + (i >> 3)) * plane.width + x + (i & 7)] = clamp((values[i] as number) + 128);
}

/** The part of a plane that is image. */
export function cropped({ width, samples }: Plane, newWidth: number, newHeight: number): Plane {
  const result = new Uint8Array(newWidth * newHeight);
  for (let y = 0; y < newHeight; y++) result.set(samples.subarray(y * width, y * width + newWidth), y * newWidth);
  return { width: newWidth, height: newHeight, samples: result };
}

/** A plane `across` times as wide and `down` times as high; factors of two interpolate, unless the plane is hardly there. */
export function enlarged(plane: Plane, across: number, down: number): Plane {
  if (across === 1 && down === 1) return plane;
  if (across === 2 && down <= 2 && plane.width > 2) return interpolated(plane, down);
  const [width, height] = [plane.width * across, plane.height * down];
  const samples = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      samples[y * width + x] = plane.samples[Math.floor(y / down) * plane.width + Math.floor(x / across)] as number;
  return { width, height, samples };
}

/** Three parts of the nearer sample, one of the farther, in each direction; halves round up and down in turn. */
function interpolated({ width, height, samples }: Plane, down: number): Plane {
  const result = new Uint8Array(2 * width * height * down);
  const sums = new Int32Array(width);
  const [scale, bits] = down === 2 ? [4, 4] : [1, 2];
  const [roundDown, roundUp] = down === 2 ? [8, 7] : [1, 2];
  for (let y = 0; y < height * down; y++) {
    const near = Math.floor(y / down);
    const far = Math.min(height - 1, Math.max(0, near + (y % 2 === 0 ? -1 : 1)));
    for (let x = 0; x < width; x++) {
      const value = samples[near * width + x] as number;
      sums[x] = down === 2 ? 3 * value + (samples[far * width + x] as number) : value;
    }
    for (let x = 0; x < width; x++) {
      const [left, here, right] = [
        sums[Math.max(0, x - 1)] as number,
        sums[x] as number,
        sums[Math.min(width - 1, x + 1)] as number,
      ];
      const at = 2 * (y * width + x);
      // at the ends left and right are the sample itself: 4 of 4 parts
      result[at] = x === 0 && scale === 1 ? here : (3 * here + left + roundDown) >> bits;
      result[at + 1] = x === width - 1 && scale === 1 ? here : (3 * here + right + roundUp) >> bits;
    }
  }
  return { width: 2 * width, height: height * down, samples: result };
}

/** Y, Cb, Cr to red, green, blue in 16-bit fixed point (JFIF). */
export function toRgb(y: number, cb: number, cr: number, pixels: Uint8Array, at: number): void {
  const [b, r] = [cb - 128, cr - 128];
  pixels[at] = clamp(y + ((91881 * r + 32768) >> 16));
  pixels[at + 1] = clamp(y + ((-22554 * b - 46802 * r + 32768) >> 16));
  pixels[at + 2] = clamp(y + ((116130 * b + 32768) >> 16));
}

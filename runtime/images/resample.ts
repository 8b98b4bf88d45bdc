/** Images in another size: the triangle filter, widened where an image shrinks, so that every pixel has its part in the result. */
import type { Pixels } from "../host-types.ts";

export function resample(image: Pixels, width: number, height: number): Pixels {
  if (width === image.width && height === image.height) return image;
  const { data } = image;
  const across = weightsAlong(image.width, width);
  const wide = new Float64Array(4 * width * image.height);
  for (let y = 0; y < image.height; y++) {
    for (const [x, taps] of across.entries()) {
      for (const { at, weight } of taps) {
        for (let c = 0; c < 4; c++) {
          (wide[4 * (y * width + x) + c] as number) += weight * (data[4 * (y * image.width + at) + c] as number);
        }
      }
    }
  }
  const result = new Uint8ClampedArray(4 * width * height);
  for (const [y, taps] of weightsAlong(image.height, height).entries()) {
    for (let i = 0; i < 4 * width; i++) {
      let sum = 0;
      for (const { at, weight } of taps) sum += weight * (wide[4 * at * width + i] as number);
      result[4 * y * width + i] = sum;
    }
  }
  return { data: result, width, height };
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** For each position of the result the positions that it is made of; weights sum to one. */
function weightsAlong(from: number, to: number): readonly (readonly Tap[])[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, position) => {
    const center = (position + 0.5) * scale;
    const taps: Tap[] = [];
    for (let at = Math.max(0, Math.floor(center - reach)); at < Math.min(from, Math.ceil(center + reach)); at++) {
      const weight = 1 - Math.abs(at + 0.5 - center) / reach;
      if (weight > 0) taps.push({ at, weight });
    }
    const sum = taps.reduce((total, { weight }) => total + weight, 0);
    return taps.map(({ at, weight }) => ({ at, weight: weight / sum }));
  });
}

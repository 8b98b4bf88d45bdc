// Handwritten-looking digits, generated: each digit is a few strokes (polylines on a unit square) that are bent, turned, scaled and drawn with a
// pen of random width on a 20 x 20 image, over a little noise. The same seed gives the same images on every machine.

import { randomNumbers } from "../common/random.mjs";

export const imageSize = 20;

/** Strokes of each digit as lists of points [x, y], y downward; curves are polylines fine enough for the image. */
const strokes = [
  [ellipse(0.5, 0.5, 0.28, 0.4, 0, 360)],
  [[[0.36, 0.26], [0.54, 0.1], [0.54, 0.9]]],
  [[...ellipse(0.5, 0.32, 0.26, 0.22, 190, 370), [0.68, 0.5], [0.26, 0.88], [0.76, 0.88]]],
  [[...ellipse(0.47, 0.3, 0.24, 0.2, 200, 420), [0.45, 0.49]], [[0.45, 0.49], ...ellipse(0.47, 0.69, 0.27, 0.2, 270, 510)]],
  [[[0.6, 0.1], [0.24, 0.62], [0.78, 0.62]], [[0.62, 0.36], [0.62, 0.92]]],
  [[[0.72, 0.12], [0.34, 0.12], [0.3, 0.46], ...ellipse(0.48, 0.65, 0.26, 0.23, 240, 500)]],
  [[[0.62, 0.1], [0.4, 0.3], [0.28, 0.6], ...ellipse(0.5, 0.68, 0.23, 0.21, 180, 540)]],
  [[[0.24, 0.12], [0.76, 0.12], [0.44, 0.9]]],
  [ellipse(0.5, 0.3, 0.21, 0.19, 0, 360), ellipse(0.5, 0.7, 0.25, 0.21, 0, 360)],
  [[...ellipse(0.5, 0.32, 0.23, 0.21, 0, 360), [0.73, 0.34], [0.66, 0.62], [0.52, 0.9]]],
]; // prettier-ignore

function ellipse(x, y, radiusX, radiusY, from, to) {
  const points = [];
  for (let angle = from; angle <= to; angle += 15) {
    const radians = (angle * Math.PI) / 180;
    points.push([x + radiusX * Math.cos(radians), y + radiusY * Math.sin(radians)]);
  }
  return points;
}

/** A random affine map of the unit square with a slight bend, and where it leaves the image. */
function distortion(random) {
  const spread = (width) => (random() * 2 - 1) * width;
  const angle = spread(0.3);
  const [scaleX, scaleY] = [0.85 + random() * 0.3, 0.85 + random() * 0.3];
  const [slant, bend] = [spread(0.25), spread(0.15)];
  const [shiftX, shiftY] = [spread(0.09), spread(0.09)];
  return ([x, y]) => {
    const u = (x - 0.5) * scaleX + slant * (y - 0.5) + bend * (y - 0.5) ** 2;
    const v = (y - 0.5) * scaleY;
    return [
      0.5 + shiftX + u * Math.cos(angle) - v * Math.sin(angle),
      0.5 + shiftY + u * Math.sin(angle) + v * Math.cos(angle),
    ];
  };
}

function distanceToSegment(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** One image of a digit: imageSize² values from 0 (paper) to 1 (ink). */
export function drawDigit(digit, random) {
  const place = distortion(random);
  const lines = strokes[digit].map((points) => points.map(place));
  const pen = 0.035 + random() * 0.035;
  const image = new Float32Array(imageSize * imageSize);
  for (let row = 0; row < imageSize; row++) {
    for (let column = 0; column < imageSize; column++) {
      const [x, y] = [(column + 0.5) / imageSize, (row + 0.5) / imageSize];
      let distance = Infinity;
      for (const line of lines) {
        for (let i = 1; i < line.length; i++)
          distance = Math.min(distance, distanceToSegment(x, y, line[i - 1], line[i]));
      }
      const ink = Math.max(0, Math.min(1, 1 - (distance - pen) * imageSize));
      image[row * imageSize + column] = Math.max(0, Math.min(1, ink + (random() - 0.5) * 0.2));
    }
  }
  return image;
}

/** `count` images with their digits, in random order. */
export function makeDigits(count, seed) {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const digit = Math.floor(random() * 10);
    return { digit, image: drawDigit(digit, random) };
  });
}

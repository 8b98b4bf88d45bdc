/** Non-maximum suppression of boxes. */
import { makeTensor } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { type NumberArray, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, numberAt, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

interface Box {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

const { fround } = Math;

/** Corners in either order, or centre and size. */
function readBox(values: NumberArray, at: number, centred: boolean): Box {
  const [a, b, c, d] = values.subarray(at, at + 4) as unknown as readonly [number, number, number, number];
  if (!centred) {
    return { top: Math.min(a, c), bottom: Math.max(a, c), left: Math.min(b, d), right: Math.max(b, d) };
  }
  return { left: fround(a - c / 2), right: fround(a + c / 2), top: fround(b - d / 2), bottom: fround(b + d / 2) };
}

const area = ({ top, left, bottom, right }: Box): number => fround(fround(bottom - top) * fround(right - left));

/** Overlap by union of two boxes, in f32 as the boxes are: what lies on the threshold is not to depend on a wider type. */
function overlap(x: Box, y: Box): number {
  const height = fround(Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top));
  const width = fround(Math.min(x.right, y.right) - Math.max(x.left, y.left));
  if (!(height > 0 && width > 0)) return 0;
  const common = fround(height * width);
  const union = fround(fround(area(x) + area(y)) - common);
  return union > 0 ? fround(common / union) : 0;
}

/** Indices of the boxes that stay, best score first; among equal scores the lower index. */
function suppress(boxes: readonly Box[], scores: NumberArray, most: number, iou: number, least: number): number[] {
  const candidates = [...boxes.keys()].filter((i) => (scores[i] as number) > least);
  candidates.sort((i, j) => (scores[j] as number) - (scores[i] as number) || i - j);
  const kept: number[] = [];
  for (const i of candidates) {
    if (kept.length >= most) break;
    if (kept.every((other) => overlap(nth(boxes, i), nth(boxes, other)) <= iou)) kept.push(i);
  }
  return kept;
}

const nonMaxSuppression: HostFunction = (inputs, attributes) => {
  const [boxes, scores] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
  const [batches, classes, count] = scores.shape as readonly [number, number, number];
  const most = numberAt(inputs, 2, 0);
  const [iou, least] = [numberAt(inputs, 3, 0), numberAt(inputs, 4, -Infinity)];
  const [boxValues, scoreValues] = [numbersOf(boxes), numbersOf(scores)];
  const centred = flagOf(attributes, "centerPointBox");
  const selected: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const own = Array.from({ length: count }, (_, i) => readBox(boxValues, (batch * count + i) * 4, centred));
    for (let cls = 0; cls < classes; cls++) {
      const begin = (batch * classes + cls) * count;
      const kept = suppress(own, scoreValues.subarray(begin, begin + count), most, iou, least);
      for (const i of kept) selected.push(batch, cls, i);
    }
  }
  return [makeTensor("i64", [selected.length / 3, 3], BigInt64Array.from(selected, BigInt))];
};

export const boxFunctions: HostFamily = [["nonMaxSuppression", nonMaxSuppression]];

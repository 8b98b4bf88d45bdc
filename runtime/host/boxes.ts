/** Non-maximum suppression of boxes. */
import { makeTensor } from "../../ir/tensor.ts";
import { int64sOf, type NumberArray, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, numberAt, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

/** Corners and areas of boxes, in f32 as the boxes are: what lies on the threshold is not to depend on a wider type. */
interface Boxes {
  readonly top: Float32Array;
  readonly left: Float32Array;
  readonly bottom: Float32Array;
  readonly right: Float32Array;
  readonly area: Float32Array;
}

const { fround, max, min } = Math;

/** Reads boxes given by corners in either order, or by centre and size. */
function readBoxes(values: NumberArray, begin: number, count: number, centred: boolean): Boxes {
  const floats = (): Float32Array => new Float32Array(count);
  const boxes: Boxes = { top: floats(), left: floats(), bottom: floats(), right: floats(), area: floats() };
  for (let i = 0; i < count; i++) {
    const at = begin + 4 * i;
    const [a, b] = [values[at] as number, values[at + 1] as number];
    const [c, d] = [values[at + 2] as number, values[at + 3] as number];
    boxes.top[i] = centred ? b - d / 2 : min(a, c);
    boxes.bottom[i] = centred ? b + d / 2 : max(a, c);
    boxes.left[i] = centred ? a - c / 2 : min(b, d);
    boxes.right[i] = centred ? a + c / 2 : max(b, d);
    const height = fround((boxes.bottom[i] as number) - (boxes.top[i] as number));
    boxes.area[i] = height * fround((boxes.right[i] as number) - (boxes.left[i] as number));
  }
  return boxes;
}

/** True when two boxes overlap by more than a share of their union. */
function overlapMore({ top, left, bottom, right, area }: Boxes, i: number, j: number, share: number): boolean {
  const height = fround(min(bottom[i] as number, bottom[j] as number) - max(top[i] as number, top[j] as number));
  if (!(height > 0)) return 0 > share;
  const width = fround(min(right[i] as number, right[j] as number) - max(left[i] as number, left[j] as number));
  if (!(width > 0)) return 0 > share;
  const common = fround(height * width);
  const union = fround(fround((area[i] as number) + (area[j] as number)) - common);
  return (union > 0 ? fround(common / union) : 0) > share;
}

/** Numbers up to which a score's 32 bits and an index fit one double. */
const mostIndices = 2 ** 21;

/** Indices of the scores above `least`, the best first; among equal scores the lower index. */
function byScore(scores: NumberArray, least: number): Uint32Array {
  const { length } = scores;
  const candidates = new Uint32Array(length);
  let count = 0;
  for (let i = 0; i < length; i++) if ((scores[i] as number) > least) candidates[count++] = i;
  const chosen = candidates.subarray(0, count);
  if (length > mostIndices) return chosen.sort((i, j) => (scores[j] as number) - (scores[i] as number) || i - j);
  // sorted as numbers, which is done without calling back: the bits of a float order like integers, negative ones the other way round
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const index = chosen[i] as number;
    float[0] = (scores[index] as number) + 0;
    const word = bits[0] as number;
    const descending = word < 0x80000000 ? 0x7fffffff - word : word;
    keys[i] = descending * mostIndices + index;
  }
  keys.sort();
  for (let i = 0; i < count; i++) chosen[i] = (keys[i] as number) % mostIndices;
  return chosen;
}

/** Indices of the boxes that stay, best score first. */
function suppress(boxes: Boxes, scores: NumberArray, most: number, iou: number, least: number): readonly number[] {
  const kept: number[] = [];
  for (const i of byScore(scores, least)) {
    if (kept.length >= most) break;
    let stays = true;
    for (let k = 0; k < kept.length && stays; k++) stays = !overlapMore(boxes, i, kept[k] as number, iou);
    if (stays) kept.push(i);
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
    const own = readBoxes(boxValues, batch * count * 4, count, centred);
    for (let cls = 0; cls < classes; cls++) {
      const begin = (batch * classes + cls) * count;
      const kept = suppress(own, scoreValues.subarray(begin, begin + count), most, iou, least);
      for (const i of kept) selected.push(batch, cls, i);
    }
  }
  return [makeTensor("i64", [selected.length / 3, 3], int64sOf(selected))];
};

export const boxFunctions: HostFamily = [["nonMaxSuppression", nonMaxSuppression]];

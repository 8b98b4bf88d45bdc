/** Non-maximum suppression of boxes. */
import { makeTensor } from "../../ir/tensor.ts";
import { int64sOf, type NumberArray, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, numberAt, tensorAt } from "./arguments.ts";
import { type NextIndex, scoreQueues } from "./score-queue.ts";
import type { HostFunction } from "./value.ts";

/** Corners and areas of boxes, in f32 as the boxes are: what lies on the threshold is not to depend on a wider type. */
interface Boxes {
  readonly top: Float32Array;
  readonly left: Float32Array;
  readonly bottom: Float32Array;
  readonly right: Float32Array;
  readonly area: Float32Array;
  /** the four sides by `levelOf` */
  readonly levels: Levels;
}

/** Whole numbers that order as the sides do, but that sides next to each other may share one. */
type Levels = Readonly<Record<"top" | "left" | "bottom" | "right", Int32Array>>;

const { fround, max, min } = Math;

function roomFor(count: number): Boxes {
  const floats = (): Float32Array => new Float32Array(count);
  const levels = (): Int32Array => new Int32Array(count);
  const sides = { top: floats(), left: floats(), bottom: floats(), right: floats() };
  return { ...sides, area: floats(), levels: { top: levels(), left: levels(), bottom: levels(), right: levels() } };
}

/** Rooms up to this size are kept for the next call: for few boxes making one takes as long as all else. */
const mostKept = 4096;
let kept: { readonly count: number; readonly boxes: Boxes } | null = null;

/** Room for so many boxes, of which nothing is known; it is the caller's until the next call. */
function roomOf(count: number): Boxes {
  if (count > mostKept) return roomFor(count);
  if (kept === null || kept.count < count) kept = { count, boxes: roomFor(count) };
  return kept.boxes;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** 31 bits of a float, of which those of negative ones are turned: two of them subtract without overflow. */
function levelOf(value: number): number {
  float[0] = value;
  const word = bits[0] as number;
  return (word ^ ((word >> 31) & 0x7fffffff)) >> 1;
}

/** Reads the box from element `at` on, given by corners in either order or by centre and size, to a place. */
function readBox(values: NumberArray, at: number, centred: boolean, boxes: Boxes, place: number): void {
  const a = values[at] as number;
  const b = values[at + 1] as number;
  const c = values[at + 2] as number;
  const d = values[at + 3] as number;
  boxes.top[place] = centred ? b - d / 2 : min(a, c);
  boxes.bottom[place] = centred ? b + d / 2 : max(a, c);
  boxes.left[place] = centred ? a - c / 2 : min(b, d);
  boxes.right[place] = centred ? a + c / 2 : max(b, d);
  const height = fround(boxes.bottom[place] - boxes.top[place]);
  boxes.area[place] = height * fround(boxes.right[place] - boxes.left[place]);
  const { levels } = boxes;
  levels.top[place] = levelOf(boxes.top[place]);
  levels.left[place] = levelOf(boxes.left[place]);
  levels.bottom[place] = levelOf(boxes.bottom[place]);
  levels.right[place] = levelOf(boxes.right[place]);
}

/** Whether the box behind the first `count` overlaps one of them by more than a share of their union, which is not negative. */
function overlapsAny({ top, left, bottom, right, area, levels }: Boxes, count: number, share: number): boolean {
  const t = top[count] as number;
  const l = left[count] as number;
  const b = bottom[count] as number;
  const r = right[count] as number;
  const own = area[count] as number;
  const { top: tops, left: lefts, bottom: bottoms, right: rights } = levels;
  const topLevel = tops[count] as number;
  const leftLevel = lefts[count] as number;
  const bottomLevel = bottoms[count] as number;
  const rightLevel = rights[count] as number;
  for (let i = 0; i < count; i++) {
    // most boxes are apart: one sign tells, where four comparisons would often be guessed wrong
    const below = (bottomLevel - (tops[i] as number)) | ((bottoms[i] as number) - topLevel);
    const beside = (rightLevel - (lefts[i] as number)) | ((rights[i] as number) - leftLevel);
    if ((below | beside) < 0) continue;
    const height = fround(min(b, bottom[i] as number) - max(t, top[i] as number));
    const width = fround(min(r, right[i] as number) - max(l, left[i] as number));
    if (!(height > 0 && width > 0)) continue;
    const common = fround(height * width);
    const union = fround(fround(own + (area[i] as number)) - common);
    if (union > 0 && fround(common / union) > share) return true;
  }
  return false;
}

/** Gives the indices of up to `most` boxes that stay, best score first. */
function suppress(
  values: NumberArray,
  next: NextIndex,
  centred: boolean,
  most: number,
  iou: number,
  room: Boxes,
  append: (index: number) => void,
): void {
  for (let count = 0; count < most;) {
    const index = next();
    if (index === null) return;
    readBox(values, 4 * index, centred, room, count);
    // a negative share is met by boxes that are apart
    if (iou < 0 ? count > 0 : overlapsAny(room, count, iou)) continue;
    append(index);
    count++;
  }
}

const nonMaxSuppression: HostFunction = (inputs, attributes) => {
  const [boxes, scores] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
  const [batches, classes, count] = scores.shape as readonly [number, number, number];
  const most = numberAt(inputs, 2, 0);
  const iou = numberAt(inputs, 3, 0);
  const [boxValues, scoreValues] = [numbersOf(boxes), numbersOf(scores)];
  const centred = flagOf(attributes, "centerPointBox");
  const selected: number[] = [];
  const room = roomOf(Math.min(count, Math.max(0, most)) + 1);
  const queueOf = scoreQueues(count, numberAt(inputs, 4, -Infinity));
  for (let batch = 0; batch < batches; batch++) {
    const own = boxValues.subarray(batch * count * 4, (batch + 1) * count * 4);
    for (let cls = 0; cls < classes; cls++) {
      const begin = (batch * classes + cls) * count;
      suppress(own, queueOf(scoreValues.subarray(begin, begin + count)), centred, most, iou, room, (index) => {
        selected.push(batch, cls, index);
      });
    }
  }
  return [makeTensor("i64", [selected.length / 3, 3], int64sOf(selected))];
};

export const boxFunctions: HostFamily = [["nonMaxSuppression", nonMaxSuppression]];

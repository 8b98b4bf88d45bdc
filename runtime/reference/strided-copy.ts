/**
 * Copies elements between two strided views: what transposes, slices, broadcasts, pads and concatenations come down to. Elements are moved
 * as bits, so numbers of one width share a loop, and 8-byte elements go as pairs of 32-bit words (a double would not keep every pattern).
 */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { bytesOf, type Elements } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { collapseAxes } from "./axes.ts";

type Words = Uint8Array | Uint16Array | Int32Array | string[];

interface RawElements {
  readonly words: Words;
  /** words per element */
  readonly width: 1 | 2 | 4;
}

export interface StridedView {
  readonly elements: Elements;
  /** of the first element */
  readonly offset: number;
  /** in elements, one per axis; 0 repeats, negative goes back */
  readonly strides: readonly number[];
}

function rawElements(elements: Elements, dtype: DType): RawElements {
  if (!ArrayBuffer.isView(elements)) return { words: elements as string[], width: 1 };
  const { bits } = dtypeInfo(dtype);
  const bytes = bytesOf(elements);
  if (bits <= 8) return { words: bytes, width: 1 };
  const { buffer, byteOffset, byteLength } = bytes;
  if (bits === 16) return { words: new Uint16Array(buffer, byteOffset, byteLength / 2), width: 1 };
  const words = new Int32Array(buffer, byteOffset, byteLength / 4);
  return { words, width: bits === 32 ? 1 : bits === 64 ? 2 : 4 };
}

/** target[i] = source[i] for every position of `shape`. */
export function stridedCopy(dtype: DType, shape: readonly number[], target: StridedView, source: StridedView): void {
  if (shape.includes(0)) return;
  const to = rawElements(target.elements, dtype);
  const from = rawElements(source.elements, dtype);
  const axes = collapseAxes(shape, [target.strides, source.strides]);
  const plan = planAxes(axes.shape, nth(axes.strides, 0), nth(axes.strides, 1), to.width);
  copyPlanned(plan, to.words, target.offset * to.width, from.words, source.offset * from.width);
}

interface Axis {
  readonly size: number;
  /** in words */
  readonly target: number;
  readonly source: number;
}

interface CopyPlan {
  readonly outer: readonly Axis[];
  readonly rows: Axis;
  readonly columns: Axis;
  /** words that lie together in both views */
  readonly width: 1 | 2 | 4;
}

const unitAxis: Axis = { size: 1, target: 0, source: 0 };

/**
 * The two inner loops: columns step through the target closely, rows are, of the other axes, the one that steps through the source most
 * closely, so that a tile of rows and columns stays in the cache on both sides.
 */
function planAxes(
  shape: readonly number[],
  target: readonly number[],
  source: readonly number[],
  width: 1 | 2 | 4,
): CopyPlan {
  const axes = shape.map((size, i): Axis => ({ size, target: nth(target, i) * width, source: nth(source, i) * width }));
  const columns = axes.pop() ?? unitAxis;
  const rows = axes.reduce<Axis | undefined>((best, axis) => (best && closer(best, axis) ? best : axis), undefined);
  return { outer: axes.filter((axis) => axis !== rows), rows: rows ?? unitAxis, columns, width };
}

const closer = (x: Axis, y: Axis): boolean => Math.abs(x.source) < Math.abs(y.source);

function copyPlanned(plan: CopyPlan, to: Words, toOffset: number, from: Words, fromOffset: number): void {
  const { outer } = plan;
  const position = new Array<number>(outer.length).fill(0);
  for (;;) {
    copyRectangle(plan, to, toOffset, from, fromOffset);
    let axis = outer.length - 1;
    for (; axis >= 0; axis--) {
      const { size, target, source } = nth(outer, axis);
      const distance = position[axis] === size - 1 ? 1 - size : 1;
      position[axis] = (position[axis] as number) + distance;
      toOffset += distance * target;
      fromOffset += distance * source;
      if (distance > 0) break;
    }
    if (axis < 0) return;
  }
}

/** Words from which a run is moved by the engine's own copy. */
const longRun = 24;
const tile = 32;

function copyRectangle(plan: CopyPlan, to: Words, toOffset: number, from: Words, fromOffset: number): void {
  const { rows, columns, width } = plan;
  const together = columns.target === width && columns.source === width;
  if (together && columns.size * width >= longRun) {
    for (let r = 0; r < rows.size; r++) {
      copyRun(to, toOffset + r * rows.target, from, fromOffset + r * rows.source, columns.size * width);
    }
    return;
  }
  for (let r = 0; r < rows.size; r += tile) {
    for (let c = 0; c < columns.size; c += tile) {
      const part = {
        rows: Math.min(tile, rows.size - r),
        columns: Math.min(tile, columns.size - c),
        to: toOffset + r * rows.target + c * columns.target,
        from: fromOffset + r * rows.source + c * columns.source,
      };
      if (width === 1) copyTile(plan, part, to, from);
      else if (width === 2) copyPairTile(plan, part, to as Int32Array, from as Int32Array);
      else copyWideTile(plan, part, to as Int32Array, from as Int32Array);
    }
  }
}

interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly to: number;
  readonly from: number;
}

function copyTile({ rows, columns }: CopyPlan, part: Tile, to: Words, from: Words): void {
  const [toStep, fromStep] = [columns.target, columns.source];
  for (let r = 0; r < part.rows; r++) {
    let toIndex = part.to + r * rows.target;
    let fromIndex = part.from + r * rows.source;
    for (let c = 0; c < part.columns; c++) {
      to[toIndex] = from[fromIndex] as string | number;
      toIndex += toStep;
      fromIndex += fromStep;
    }
  }
}

function copyPairTile({ rows, columns }: CopyPlan, part: Tile, to: Int32Array, from: Int32Array): void {
  const [toStep, fromStep] = [columns.target, columns.source];
  for (let r = 0; r < part.rows; r++) {
    let toIndex = part.to + r * rows.target;
    let fromIndex = part.from + r * rows.source;
    for (let c = 0; c < part.columns; c++) {
      to[toIndex] = from[fromIndex] as number;
      to[toIndex + 1] = from[fromIndex + 1] as number;
      toIndex += toStep;
      fromIndex += fromStep;
    }
  }
}

function copyWideTile({ rows, columns, width }: CopyPlan, part: Tile, to: Int32Array, from: Int32Array): void {
  for (let r = 0; r < part.rows; r++) {
    let toIndex = part.to + r * rows.target;
    let fromIndex = part.from + r * rows.source;
    for (let c = 0; c < part.columns; c++) {
      for (let word = 0; word < width; word++) to[toIndex + word] = from[fromIndex + word] as number;
      toIndex += columns.target;
      fromIndex += columns.source;
    }
  }
}

/** Moves `length` words that lie together on both sides. */
function copyRun(to: Words, toOffset: number, from: Words, fromOffset: number, length: number): void {
  if (Array.isArray(to)) {
    for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i] as string;
  } else {
    to.set((from as Int32Array).subarray(fromOffset, fromOffset + length), toOffset);
  }
}

/** Moves blocks of `length` elements from place to place: what gathers and scatters come down to. */
export function blockCopier(dtype: DType, target: Elements, source: Elements, length: number): BlockCopier {
  const to = rawElements(target, dtype);
  const from = rawElements(source, dtype);
  const run = length * to.width;
  if (run >= longRun) {
    return (toBlock, fromBlock) => {
      copyRun(to.words, toBlock * run, from.words, fromBlock * run, run);
    };
  }
  const [toWords, fromWords] = [to.words, from.words];
  return (toBlock, fromBlock) => {
    const [toIndex, fromIndex] = [toBlock * run, fromBlock * run];
    for (let i = 0; i < run; i++) toWords[toIndex + i] = fromWords[fromIndex + i] as string | number;
  };
}

/** Words of 32 bits, where blocks of `run` words are made of such and begin with one; null elsewhere. */
function joinedWords(words: Words, run: number): { readonly words: Int32Array; readonly run: number } | null {
  if (Array.isArray(words)) return null;
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = words;
  const bytes = run * BYTES_PER_ELEMENT;
  if (bytes % 4 !== 0 || byteOffset % 4 !== 0 || byteLength % 4 !== 0) return null;
  return { words: new Int32Array(buffer, byteOffset, byteLength / 4), run: bytes / 4 };
}

/** Words from which a block is taken by the engine's own copy, whose call costs as much as so many in a loop of their own. */
const longBlock = 128;

interface Groups {
  readonly outer: number;
  readonly size: number;
}

/** Numpy's take: in each of `outer` groups of `size` blocks of the source the blocks at `indices`, one behind the other in the target. */
export function takeBlocks(
  dtype: DType,
  target: Elements,
  source: Elements,
  length: number,
  groups: Groups,
  indices: ArrayLike<number>,
): void {
  const to = rawElements(target, dtype);
  const from = rawElements(source, dtype);
  const run = length * to.width;
  // loops that see one kind of array are three times as fast
  if (indices instanceof Uint32Array) {
    const toJoined = joinedWords(to.words, run);
    const fromJoined = joinedWords(from.words, run);
    if (toJoined !== null && fromJoined !== null && toJoined.run < longBlock) {
      takeWords(toJoined.words, fromJoined.words, toJoined.run, groups, indices);
      return;
    }
    if (to.words instanceof Uint8Array && from.words instanceof Uint8Array && run < longRun) {
      takeBytes(to.words, from.words, run, groups, indices);
      return;
    }
  }
  const [toWords, fromWords] = [to.words, from.words];
  let at = 0;
  for (let group = 0; group < groups.outer; group++) {
    for (let i = 0; i < indices.length; i++, at += run) {
      const begin = (group * groups.size + (indices[i] as number)) * run;
      if (run >= longRun) copyRun(toWords, at, fromWords, begin, run);
      else for (let word = 0; word < run; word++) toWords[at + word] = fromWords[begin + word] as string | number;
    }
  }
}

function takeWords(to: Int32Array, from: Int32Array, run: number, { outer, size }: Groups, indices: Uint32Array): void {
  const count = indices.length;
  let at = 0;
  for (let group = 0, begin = 0; group < outer; group++, begin += size * run) {
    if (run === 1) {
      for (let i = 0; i < count; i++, at++) to[at] = from[begin + (indices[i] as number)] as number;
    } else if (run === 2) {
      for (let i = 0; i < count; i++, at += 2) {
        const place = begin + 2 * (indices[i] as number);
        to[at] = from[place] as number;
        to[at + 1] = from[place + 1] as number;
      }
    } else {
      for (let i = 0; i < count; i++) {
        let place = begin + run * (indices[i] as number);
        for (const end = place + run; place < end; place++, at++) to[at] = from[place] as number;
      }
    }
  }
}

function takeBytes(to: Uint8Array, from: Uint8Array, run: number, { outer, size }: Groups, indices: Uint32Array): void {
  const count = indices.length;
  let at = 0;
  for (let group = 0, begin = 0; group < outer; group++, begin += size * run) {
    if (run === 1) {
      for (let i = 0; i < count; i++, at++) to[at] = from[begin + (indices[i] as number)] as number;
    } else {
      for (let i = 0; i < count; i++) {
        let place = begin + run * (indices[i] as number);
        for (const end = place + run; place < end; place++, at++) to[at] = from[place] as number;
      }
    }
  }
}

/** Copies block `fromBlock` of the source to block `toBlock` of the target. */
export type BlockCopier = (toBlock: number, fromBlock: number) => void;

/**
 * The distinct elements, or slices along an axis, of a tensor. Rows of numbers are told apart by their bits, zeros made one and NaNs made one
 * before; what is distinct is then sorted.
 */
import { type DType, dtypeInfo, isFloat } from "../../ir/dtype.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { takeAlong, transposeTensor } from "../reference/movement.ts";
import { type BigArray, bigintsOf, int64sOf, isNumberLane, type NumberArray, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, optionalNumber, positiveAxis, stringsOf, tensorAt } from "./arguments.ts";
import { indicesBelow, valuesAt } from "./index-lists.ts";
import { sortedIndices } from "./merge-sort.ts";
import { type BitOrder, sortedByBits } from "./radix-sort.ts";
import { type Groups, groupsOfRows, groupsUpTo } from "./row-table.ts";
import type { HostFunction } from "./value.ts";

type Numbers = NumberArray | BigArray;

const unique: HostFunction = (inputs, attributes) => {
  const given = optionalNumber(attributes, "axis");
  const whole = tensorAt(inputs, 0);
  const x = given === null ? makeTensor(whole.dtype, [elementCount(whole.shape)], whole.elements) : whole;
  const axis = positiveAxis(given ?? 0, x.shape.length);
  const { groups, order } = groupsOf(rowsAlong(x, axis), nth(x.shape, axis), flagOf(attributes, "sorted", true));
  const rank = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place++) rank[order[place] as number] = place;
  const kept = valuesAt(groups.first, order);
  return [
    takeAlong(x, axis, kept),
    ...[kept, valuesAt(rank, groups.groupOf), valuesAt(groups.counts, order)].map(integers),
  ];
};

const integers = (values: Uint32Array): TensorData => makeTensor("i64", [values.length], int64sOf(values));

/** A tensor whose rows along its first axis are the slices along `axis`. */
function rowsAlong(x: TensorData, axis: number): TensorData {
  if (axis === 0) return x;
  return transposeTensor(x, [axis, ...[...x.shape.keys()].filter((other) => other !== axis)]);
}

interface Grouped {
  readonly groups: Groups;
  /** the groups as they are given */
  readonly order: Uint32Array;
}

/** Single numbers of up to so many values are told apart by a table, which lies in the first-level cache; others are sorted. */
const fewGroups = 1000;

/** Groups of equal rows, ascending or as they come. */
function groupsOf(x: TensorData, count: number, isSorted: boolean): Grouped {
  const length = count === 0 ? 0 : elementCount(x.shape) / count;
  if (x.dtype === "string") {
    const values = stringsOf(x);
    const groups = groupsOfText(values, count, length);
    return { groups, order: isSorted ? sortedGroups(values, groups, length) : asTheyCome(groups) };
  }
  const values = isNumberLane(x.dtype) ? numbersOf(x) : bigintsOf(x);
  const words = comparableWords(values);
  if (length === 1) {
    const bitOrder = bitOrderOf(x.dtype);
    const few = groupsUpTo(fewGroups, words, count);
    if (few !== null) return { groups: few, order: isSorted ? byValue(few, words, count, bitOrder) : asTheyCome(few) };
    const groups = groupsOfSorted(words, sortedByBits(words, count, bitOrder));
    return { groups, order: isSorted ? asTheyCome(groups) : byFirst(groups) };
  }
  const groups = groupsOfRows(words, count);
  return { groups, order: isSorted ? sortedGroups(values, groups, length) : asTheyCome(groups) };
}

const bitOrderOf = (dtype: DType): BitOrder => {
  const { class: cls, bits } = dtypeInfo(dtype);
  if (isFloat(dtype)) return "float";
  // narrow integers were widened, with their signs
  return cls === "signed" || bits < 32 ? "signed" : "unsigned";
};

const asTheyCome = ({ first }: Groups): Uint32Array => indicesBelow(first.length);

/** Groups of single numbers by their values. */
function byValue({ first }: Groups, words: Int32Array, count: number, bitOrder: BitOrder): Uint32Array {
  const width = words.length / Math.max(1, count);
  const values = new Int32Array(first.length * width);
  for (let i = 0; i < values.length; i++) {
    values[i] = words[(first[Math.floor(i / width)] as number) * width + (i % width)] as number;
  }
  return sortedByBits(values, first.length, bitOrder);
}

/** The bits of numbers as words that are equal where the numbers count as equal: one zero, one NaN. */
function comparableWords(values: Numbers): Int32Array {
  if (values instanceof Float32Array) return comparableBits(wordsOf(values));
  if (!(values instanceof Float64Array)) return wordsOf(values);
  const result = values.slice();
  for (let i = 0; i < result.length; i++) {
    const value = result[i] as number;
    result[i] = Number.isNaN(value) ? NaN : value + 0;
  }
  return wordsOf(result);
}

/** The same of f32, whose highest finite and infinite bits lie below those of NaNs. */
function comparableBits(words: Int32Array): Int32Array {
  const [infinite, oneNaN] = [0x7f800000, 0x7fc00000];
  const result = words.slice();
  for (let i = 0; i < result.length; i++) {
    const magnitude = (result[i] as number) & 0x7fffffff;
    if (magnitude === 0) result[i] = 0;
    else if (magnitude > infinite) result[i] = oneNaN;
  }
  return result;
}

/** The bits of numbers as words, one or two for each; narrow integers are widened. */
function wordsOf(values: Numbers): Int32Array {
  if (values.BYTES_PER_ELEMENT < 4) return Int32Array.from(values as NumberArray);
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
}

/** Groups of single numbers in the order that is given, in which equal ones follow one another. */
function groupsOfSorted(words: Int32Array, sorted: Uint32Array): Groups {
  const count = sorted.length;
  const width = words.length / Math.max(1, count);
  const first = new Uint32Array(count);
  const counts = new Uint32Array(count);
  const groupOf = new Uint32Array(count);
  let group = -1;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const row = sorted[i] as number;
    const isSame =
      words[row * width] === words[before * width] &&
      words[row * width + width - 1] === words[before * width + width - 1];
    if (i === 0 || !isSame) first[++group] = row;
    counts[group] = (counts[group] as number) + 1;
    groupOf[row] = group;
    before = row;
  }
  return { first: first.subarray(0, group + 1), counts: counts.subarray(0, group + 1), groupOf };
}

/** Groups by their first rows. */
function byFirst({ first, groupOf }: Groups): Uint32Array {
  const order = new Uint32Array(first.length);
  let used = 0;
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf[row] as number;
    if (first[group] === row) order[used++] = group;
  }
  return order;
}

/** Rows of strings by their text, which only equal rows share. */
function groupsOfText(values: readonly string[], count: number, length: number): Groups {
  const known = new Map<string, number>();
  const first: number[] = [];
  const counts: number[] = [];
  const groupOf = new Uint32Array(count);
  for (let row = 0; row < count; row++) {
    const own = values.slice(row * length, (row + 1) * length);
    const key = length === 1 ? nth(own, 0) : JSON.stringify(own);
    let group = known.get(key);
    if (group === undefined) {
      group = first.length;
      known.set(key, group);
      first.push(row);
      counts.push(0);
    }
    counts[group] = (counts[group] as number) + 1;
    groupOf[row] = group;
  }
  return { first: Uint32Array.from(first), counts: Uint32Array.from(counts), groupOf };
}

/** Groups in the lexicographic order of their rows; NaN comes last. */
function sortedGroups(values: Numbers | readonly string[], { first }: Groups, length: number): Uint32Array {
  const differ = differenceOf(values, length);
  return sortedIndices(first.length, (a, b) => differ(first[a] as number, first[b] as number));
}

/** Less than 0 where the first row of `length` elements comes before the second. 64-bit integers are compared by their words. */
function differenceOf(values: Numbers | readonly string[], length: number): (a: number, b: number) => number {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const low = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
    const high = values instanceof BigUint64Array ? low : new Int32Array(low.buffer, low.byteOffset, low.length);
    return (a, b) => {
      let x = 2 * a * length;
      let y = 2 * b * length;
      for (const end = x + 2 * length; x < end; x += 2, y += 2) {
        const upper = (high[x + 1] as number) - (high[y + 1] as number);
        if (upper !== 0) return upper;
        const lower = (low[x] as number) - (low[y] as number);
        if (lower !== 0) return lower;
      }
      return 0;
    };
  }
  const scalars = values as ArrayLike<number | string>;
  return (a, b) => {
    let x = a * length;
    let y = b * length;
    for (const end = x + length; x < end; x++, y++) {
      const order = compareScalars(scalars[x] as number | string, scalars[y] as number | string);
      if (order !== 0) return order;
    }
    return 0;
  };
}

function compareScalars(x: number | string, y: number | string): number {
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
}

export const uniqueFunctions: HostFamily = [["unique", unique]];

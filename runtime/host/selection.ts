/** Functions whose result's size depends on values: nonZero, unique, compress. */
import { fail } from "../../ir/diagnostic.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { takeAlong, transposeTensor } from "../reference/movement.ts";
import { int64sOf, isNumberLane, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, optionalNumber, positiveAxis, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

type Scalar = number | bigint | string;

/** Elements as JavaScript values that compare as the type does. */
const scalarsOf = (x: TensorData): ArrayLike<Scalar> => (isNumberLane(x.dtype) ? numbersOf(x) : x.elements);

const flat = (x: TensorData): TensorData => makeTensor(x.dtype, [elementCount(x.shape)], x.elements);

const isZero = (value: Scalar): boolean => value === 0 || value === 0n || value === "";

/** Places of the elements that are not zero, ascending. */
function placesOfNonZero(x: TensorData): Float64Array | Uint32Array {
  const { elements } = x;
  const count = elementCount(x.shape);
  const found = count < 2 ** 32 ? new Uint32Array(count) : new Float64Array(count);
  let used = 0;
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    const words = new Int32Array(elements.buffer, elements.byteOffset, 2 * elements.length);
    for (let i = 0; i < count; i++)
      if (((words[2 * i] as number) | (words[2 * i + 1] as number)) !== 0) found[used++] = i;
  } else if (isNumberLane(x.dtype)) {
    const values = numbersOf(x);
    for (let i = 0; i < count; i++) if (values[i] !== 0) found[used++] = i;
  } else {
    for (let i = 0; i < count; i++) if (!isZero(elements[i] as Scalar)) found[used++] = i;
  }
  return found.subarray(0, used);
}

/** Positions of the elements that are not zero: coordinate by position, [rank, n]. */
const nonZero: HostFunction = (inputs) => {
  const x = tensorAt(inputs, 0);
  const found = placesOfNonZero(x);
  const positions = new BigInt64Array(x.shape.length * found.length);
  const words = new Uint32Array(positions.buffer);
  let inner = 1;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    const size = nth(x.shape, axis);
    let word = 2 * axis * found.length;
    for (let i = 0; i < found.length; i++, word += 2) {
      const outer = Math.floor((found[i] as number) / inner);
      words[word] = axis === 0 ? outer : outer % size;
    }
    inner *= size;
  }
  return [makeTensor("i64", [x.shape.length, found.length], positions)];
};

const compress: HostFunction = (inputs, attributes) => {
  const given = optionalNumber(attributes, "axis");
  const x = given === null ? flat(tensorAt(inputs, 0)) : tensorAt(inputs, 0);
  const axis = positiveAxis(given ?? 0, x.shape.length);
  const condition = numbersOf(tensorAt(inputs, 1));
  const size = nth(x.shape, axis);
  if (condition.length > size) {
    throw fail("WSC7005", `a condition of ${condition.length} is longer than the axis of ${size}`);
  }
  const kept: number[] = [];
  for (let i = 0; i < condition.length; i++) if (condition[i] !== 0) kept.push(i);
  return [takeAlong(x, axis, kept)];
};

/** Rows of equal length, the things that `unique` compares. */
interface Rows {
  readonly values: ArrayLike<Scalar>;
  readonly count: number;
  readonly length: number;
}

interface Groups {
  /** first row of each group */
  readonly first: readonly number[];
  readonly counts: readonly number[];
  /** group of each row */
  readonly groupOf: Uint32Array;
  /** group by the key of its rows */
  readonly known: ReadonlyMap<Scalar, number>;
}

const unique: HostFunction = (inputs, attributes) => {
  const given = optionalNumber(attributes, "axis");
  const x = given === null ? flat(tensorAt(inputs, 0)) : tensorAt(inputs, 0);
  const axis = positiveAxis(given ?? 0, x.shape.length);
  const rows = rowsAlong(x, axis);
  const groups = groupRows(rows);
  const { first, counts, groupOf } = groups;
  const order = flagOf(attributes, "sorted", true) ? sortedGroups(rows, groups) : Uint32Array.from(first.keys());
  const rank = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place++) rank[order[place] as number] = place;
  const kept = Array.from(order, (group) => first[group] as number);
  return [
    takeAlong(x, axis, kept),
    integers(kept),
    integers(groupOf.map((group) => rank[group] as number)),
    integers(Array.from(order, (group) => counts[group] as number)),
  ];
};

const integers = (values: ArrayLike<number>): TensorData => makeTensor("i64", [values.length], int64sOf(values));

function rowsAlong(x: TensorData, axis: number): Rows {
  const perm = [axis, ...[...x.shape.keys()].filter((other) => other !== axis)];
  const count = nth(x.shape, axis);
  const moved = transposeTensor(x, perm);
  return { values: scalarsOf(moved), count, length: count === 0 ? 0 : elementCount(x.shape) / count };
}

function groupRows(rows: Rows): Groups {
  const known = new Map<Scalar, number>();
  const first: number[] = [];
  const counts: number[] = [];
  const groupOf = new Uint32Array(rows.count);
  for (let row = 0; row < rows.count; row++) {
    const key = rows.length === 1 ? (rows.values[row] as Scalar) : rowKey(rows, row);
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
  return { first, counts, groupOf, known };
}

/** Text that only equal rows share; adding 0 makes one of both zeros. */
function rowKey({ values, length }: Rows, row: number): string {
  let key = "";
  for (let i = row * length; i < (row + 1) * length; i++) {
    const value = values[i] as Scalar;
    key += typeof value === "string" ? JSON.stringify(value) : String(typeof value === "number" ? value + 0 : value);
    key += ",";
  }
  return key;
}

/** Groups in ascending order of their rows. Single numbers are sorted by the engine, which then need not call back. */
function sortedGroups(rows: Rows, { first, known }: Groups): Uint32Array {
  const [key] = known.keys();
  const size = first.length;
  if (rows.length === 1 && typeof key === "number") {
    const keys = Float64Array.from(known.keys() as MapIterator<number>).sort();
    return Uint32Array.from(keys, (value) => known.get(value) as number);
  }
  if (rows.length === 1 && typeof key === "bigint") {
    const isSigned = rows.values instanceof BigInt64Array;
    const keys = isSigned ? new BigInt64Array(size) : new BigUint64Array(size);
    let at = 0;
    for (const value of known.keys()) keys[at++] = value as bigint;
    keys.sort();
    const order = new Uint32Array(size);
    for (let place = 0; place < size; place++) order[place] = known.get(keys[place] as bigint) as number;
    return order;
  }
  return Uint32Array.from(first.keys()).sort((i, j) => compareRows(rows, first[i] as number, first[j] as number));
}

/** Lexicographic; NaN comes last. */
function compareRows({ values, length }: Rows, a: number, b: number): number {
  for (let i = 0; i < length; i++) {
    const [x, y] = [values[a * length + i] as Scalar, values[b * length + i] as Scalar];
    if (x < y) return -1;
    if (x > y) return 1;
    const order = Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    if (order !== 0) return order;
  }
  return 0;
}

export const selectionFunctions: HostFamily = [
  ["nonZero", nonZero],
  ["compress", compress],
  ["unique", unique],
];

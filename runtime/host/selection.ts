/** Functions whose result's size depends on values: nonZero, unique, compress. */
import { fail } from "../../ir/diagnostic.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { takeAlong, transposeTensor } from "../reference/movement.ts";
import { isNumberLane, numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, optionalNumber, positiveAxis, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

type Scalar = number | bigint | string;

/** Elements as JavaScript values that compare as the type does. */
const scalarsOf = (x: TensorData): ArrayLike<Scalar> => (isNumberLane(x.dtype) ? numbersOf(x) : x.elements);

const flat = (x: TensorData): TensorData => makeTensor(x.dtype, [elementCount(x.shape)], x.elements);

const isZero = (value: Scalar): boolean => value === 0 || value === 0n || value === "";

/** Positions of the elements that are not zero: coordinate by position, [rank, n]. */
const nonZero: HostFunction = (inputs) => {
  const x = tensorAt(inputs, 0);
  const values = scalarsOf(x);
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (!isZero(values[i] as Scalar)) found.push(i);
  const positions = new BigInt64Array(x.shape.length * found.length);
  let inner = 1;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    const size = nth(x.shape, axis);
    for (const [i, at] of found.entries()) {
      positions[axis * found.length + i] = BigInt(Math.floor(at / inner) % size);
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
  readonly first: number[];
  readonly counts: number[];
  /** group of each row */
  readonly groupOf: number[];
}

const unique: HostFunction = (inputs, attributes) => {
  const given = optionalNumber(attributes, "axis");
  const x = given === null ? flat(tensorAt(inputs, 0)) : tensorAt(inputs, 0);
  const axis = positiveAxis(given ?? 0, x.shape.length);
  const rows = rowsAlong(x, axis);
  const groups = groupRows(rows);
  const order = [...groups.first.keys()];
  if (flagOf(attributes, "sorted", true)) {
    order.sort((i, j) => compareRows(rows, nth(groups.first, i), nth(groups.first, j)));
  }
  const rank = new Array<number>(order.length);
  for (const [place, group] of order.entries()) rank[group] = place;
  const first = order.map((group) => nth(groups.first, group));
  return [
    takeAlong(x, axis, first),
    integers(first),
    integers(groups.groupOf.map((group) => nth(rank, group))),
    integers(order.map((group) => nth(groups.counts, group))),
  ];
};

const integers = (values: readonly number[]): TensorData =>
  makeTensor("i64", [values.length], BigInt64Array.from(values, BigInt));

function rowsAlong(x: TensorData, axis: number): Rows {
  const perm = [axis, ...[...x.shape.keys()].filter((other) => other !== axis)];
  const count = nth(x.shape, axis);
  const moved = transposeTensor(x, perm);
  return { values: scalarsOf(moved), count, length: count === 0 ? 0 : elementCount(x.shape) / count };
}

function groupRows(rows: Rows): Groups {
  const known = new Map<Scalar, number>();
  const groups: Groups = { first: [], counts: [], groupOf: [] };
  for (let row = 0; row < rows.count; row++) {
    const key = rows.length === 1 ? (rows.values[row] as Scalar) : rowKey(rows, row);
    const group = known.get(key) ?? groups.first.length;
    if (group === groups.first.length) {
      known.set(key, group);
      groups.first.push(row);
      groups.counts.push(0);
    }
    groups.counts[group] = nth(groups.counts, group) + 1;
    groups.groupOf.push(group);
  }
  return groups;
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

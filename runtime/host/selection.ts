/** Functions whose result's size depends on values: nonZero, compress. */
import { fail } from "../../ir/diagnostic.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { takeAlong } from "../reference/movement.ts";
import { isNumberLane, numbersOf } from "../reference/numbers.ts";
import { type HostFamily, optionalNumber, positiveAxis, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

type Scalar = number | bigint | string;

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
  const kept = new Uint32Array(condition.length);
  let used = 0;
  for (let i = 0; i < condition.length; i++) {
    kept[used] = i;
    // no branch, which would be guessed wrong as often as right
    used += Number(condition[i] !== 0);
  }
  return [takeAlong(x, axis, kept.subarray(0, used))];
};

export const selectionFunctions: HostFamily = [
  ["nonZero", nonZero],
  ["compress", compress],
];

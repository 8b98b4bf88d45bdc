/** Short ways to write tensors and ops in these tests. */
import type { DType } from "../../ir/dtype.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

export type Plain = number | bigint | string | boolean;

/** A tensor; the shape is one dim when left out. */
export function tensor(dtype: DType, values: readonly Plain[], shape: readonly number[] = [values.length]): TensorData {
  return tensorFrom(dtype, shape, values);
}

export const f32 = (values: readonly number[], shape?: readonly number[]): TensorData => tensor("f32", values, shape);
export const i64 = (values: readonly (number | bigint)[], shape?: readonly number[]): TensorData =>
  tensor("i64", values, shape);

/** 0, 1, 2… in a shape. */
export const counting = (dtype: DType, shape: readonly number[]): TensorData =>
  tensor(dtype, [...Array(elementCount(shape)).keys()], shape); // prettier-ignore

/** Deterministic numbers in [-1, 1). */
export function noise(shape: readonly number[], seed = 1, dtype: DType = "f32"): TensorData {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return tensor(dtype, Array.from({ length: elementCount(shape) }, next), shape);
}

/** Elements as plain values. */
export const plain = (x: TensorData): Plain[] => Array.from(x.elements as ArrayLike<Plain>);
export const numbers = (x: TensorData): number[] => plain(x).map(Number);

type WithoutInputs<T> = T extends OpSpec ? Omit<T, "inputs"> : never;

/** As many results as a test takes apart. */
type Results = readonly [TensorData, TensorData, TensorData];

/** Evaluates an op written without its inputs, and gives all results. */
export const runAll = (op: WithoutInputs<OpSpec>, ...inputs: readonly TensorData[]): Results =>
  evaluateOp({ ...op, inputs: inputs.map((_, i) => i) }, inputs) as unknown as Results;

/** Evaluates an op and gives its first result. */
export const run = (op: WithoutInputs<OpSpec>, ...inputs: readonly TensorData[]): TensorData =>
  runAll(op, ...inputs)[0];

/** Random tensors from numpy's `RandomState` streams: the same seed gives the same numbers everywhere. */
import type { DType } from "../../ir/dtype.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { allocateBigs, numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { dtypeOf, type HostFamily, numberOf, numbersOf as numberList, tensorAt } from "./arguments.ts";
import { type RandomState, randomState } from "./mersenne-twister.ts";
import type { HostAttributes, HostFunction, HostState } from "./value.ts";

/** The generator of an op; its stream goes on with every call. */
function generatorOf(attributes: HostAttributes, state: HostState | undefined): RandomState {
  const call = state?.calls ?? 0;
  if (state !== undefined) state.calls++;
  return randomState(numberOf(attributes, "seed", 0), call);
}

function fillTensor(attributes: HostAttributes, next: () => number): TensorData {
  const shape = numberList(attributes, "shape");
  const values = new Float64Array(elementCount(shape)).map(next);
  return tensorOfNumbers(dtypeOf(attributes, "dtype"), shape, values);
}

const randomUniform: HostFunction = (_, attributes, state) => {
  const { uniform } = generatorOf(attributes, state);
  const [low, high] = [numberOf(attributes, "low", 0), numberOf(attributes, "high", 1)];
  return [fillTensor(attributes, () => low + (high - low) * uniform())];
};

const randomNormal: HostFunction = (_, attributes, state) => {
  const { normal } = generatorOf(attributes, state);
  const [mean, scale] = [numberOf(attributes, "mean", 0), numberOf(attributes, "scale", 1)];
  return [fillTensor(attributes, () => mean + scale * normal())];
};

const bernoulli: HostFunction = (inputs, attributes, state) => {
  const p = tensorAt(inputs, 0);
  const draws = Float64Array.from(numbersOf(p), generatorOf(attributes, state).bernoulli);
  return [ofType(dtypeOf(attributes, "dtype"), p.shape, draws)];
};

/** Small integers as any numeric type. */
function ofType(dtype: DType, shape: readonly number[], values: Float64Array): TensorData {
  if (dtype !== "i64" && dtype !== "u64") return tensorOfNumbers(dtype, shape, values);
  const elements = allocateBigs(dtype, values.length);
  for (const [i, value] of values.entries()) elements[i] = BigInt(value);
  return makeTensor(dtype, shape, elements);
}

const multinomial: HostFunction = (inputs, attributes, state) => {
  const logits = tensorAt(inputs, 0);
  const [batch, classes] = logits.shape as readonly [number, number];
  const size = numberOf(attributes, "sampleSize", 1);
  const { uniform } = generatorOf(attributes, state);
  const values = numbersOf(logits);
  const draws = new Float64Array(batch * size);
  for (let row = 0; row < batch; row++) {
    const sums = runningSums(values.subarray(row * classes, (row + 1) * classes));
    for (let i = 0; i < size; i++) draws[row * size + i] = pick(sums, uniform());
  }
  return [ofType(dtypeOf(attributes, "dtype"), [batch, size], draws)];
};

/** Running sums of exp(log p), scaled so that the largest term is 1. */
function runningSums(logits: ArrayLike<number>): Float64Array {
  const most = Array.from(logits).reduce((max, value) => Math.max(max, value), -Infinity);
  let sum = 0;
  return Float64Array.from(logits, (value) => (sum += Math.exp(value - most)));
}

function pick(sums: Float64Array, chance: number): number {
  const wanted = chance * (sums.at(-1) ?? 0);
  const found = sums.findIndex((sum) => sum > wanted);
  return found < 0 ? Math.max(0, sums.length - 1) : found;
}

export const randomFunctions: HostFamily = [
  ["randomUniform", randomUniform],
  ["randomNormal", randomNormal],
  ["bernoulli", bernoulli],
  ["multinomial", multinomial],
];

/**
 * Random tensors from a seeded generator: the same seed gives the same numbers on every machine. The generator is a 32-bit counter hashed
 * by a mixing function (a bijection with good avalanche), two words per uniform double.
 */
import type { DType } from "../../ir/dtype.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { allocateBigs, numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { dtypeOf, type HostFamily, numberOf, numbersOf as numberList, tensorAt } from "./arguments.ts";
import type { HostAttributes, HostFunction, HostState } from "./value.ts";

type Generator = () => number;

/** Spreads the bits of a word over all of its bits. */
function mix(word: number): number {
  let z = word | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

const seedWords = new DataView(new ArrayBuffer(8));

/** A stream of uniform doubles in [0, 1): one per seed and call. */
function makeGenerator(seed: number, call: number): Generator {
  seedWords.setFloat64(0, seed);
  const key = mix(seedWords.getUint32(0) ^ mix(seedWords.getUint32(4) ^ mix(call + 1)));
  let counter = 0;
  const word = (): number => mix((counter = (counter + 0x9e3779b9) | 0) ^ key);
  return () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
}

/** The generator of an op; its stream goes on with every call. */
function generatorOf(attributes: HostAttributes, state: HostState | undefined): Generator {
  const call = state?.calls ?? 0;
  if (state !== undefined) state.calls++;
  return makeGenerator(numberOf(attributes, "seed", 0), call);
}

function fillTensor(attributes: HostAttributes, next: Generator): TensorData {
  const shape = numberList(attributes, "shape");
  const values = new Float64Array(elementCount(shape)).map(next);
  return tensorOfNumbers(dtypeOf(attributes, "dtype"), shape, values);
}

const randomUniform: HostFunction = (_, attributes, state) => {
  const next = generatorOf(attributes, state);
  const [low, high] = [numberOf(attributes, "low", 0), numberOf(attributes, "high", 1)];
  return [fillTensor(attributes, () => low + (high - low) * next())];
};

/** Box and Muller's transform; 1 - u is never 0. */
const standardNormal = (next: Generator): number =>
  Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

const randomNormal: HostFunction = (_, attributes, state) => {
  const next = generatorOf(attributes, state);
  const [mean, scale] = [numberOf(attributes, "mean", 0), numberOf(attributes, "scale", 1)];
  return [fillTensor(attributes, () => mean + scale * standardNormal(next))];
};

const bernoulli: HostFunction = (inputs, attributes, state) => {
  const p = tensorAt(inputs, 0);
  const next = generatorOf(attributes, state);
  const draws = Float64Array.from(numbersOf(p), (chance) => (next() < chance ? 1 : 0));
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
  const next = generatorOf(attributes, state);
  const values = numbersOf(logits);
  const draws = new Float64Array(batch * size);
  for (let row = 0; row < batch; row++) {
    const sums = runningSums(values.subarray(row * classes, (row + 1) * classes));
    for (let i = 0; i < size; i++) draws[row * size + i] = pick(sums, next());
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

/** Models with open dims, the shapes that they are lowered for, ranges of others, and feeds. */
import fc from "fast-check";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import type { ModelSpec } from "../helpers/onnx-builder.ts";
import { deep, mobile, pyramid, residual } from "./images.ts";
import { decoder, encoder, madeUp, maskedDecoder, perceptron } from "./models.ts";

export type Sizes = Readonly<Record<string, number>>;
export interface OpenCase {
  readonly model: ModelSpec;
  readonly witness: Sizes;
  /** least, most, and what both are multiplied by */
  readonly sizes: Readonly<Record<string, readonly [number, number, number?]>>;
  readonly feeds: (sizes: Sizes) => Record<string, TensorData>;
}

const size = (sizes: Sizes, name: string): number => {
  const found = sizes[name];
  if (found === undefined) throw new Error(`no size ${name}`);
  return found;
};
const ids = (batch: number, seq: number): TensorData =>
  tensorFrom(
    "i64",
    [batch, seq],
    Array.from({ length: batch * seq }, (_, i) => (i * 7 + batch) % 30),
  );

function decoderFeeds(sizes: Sizes): Record<string, TensorData> {
  const [batch, seq, past] = [size(sizes, "batch"), size(sizes, "seq"), size(sizes, "past")];
  const cache = (seed: number): TensorData => madeUp(seed, [batch, 2, past, 8]);
  return { ids: ids(batch, seq), pastK: cache(5), pastV: cache(6) };
}

/** With a mask of ones and zeros over past and new tokens. */
function maskedFeeds(sizes: Sizes): Record<string, TensorData> {
  const [batch, total] = [size(sizes, "batch"), size(sizes, "past") + size(sizes, "seq")];
  const mask = Array.from({ length: batch * total }, (_, i) => (i % total < i / total ? 0 : 1));
  return { ...decoderFeeds(sizes), mask: tensorFrom("i64", [batch, total], mask) };
}

const imageFeeds =
  (channels: number) =>
  (sizes: Sizes): Record<string, TensorData> => ({
    x: madeUp(9, [size(sizes, "batch"), channels, size(sizes, "height"), size(sizes, "width")]),
  });

export const cases: Readonly<Record<string, OpenCase>> = {
  perceptron: {
    model: perceptron,
    witness: { batch: 3 },
    sizes: { batch: [2, 9] },
    feeds: (sizes) => ({ x: madeUp(9, [size(sizes, "batch"), 12]) }),
  },
  encoder: {
    model: encoder,
    witness: { batch: 2, seq: 5 },
    sizes: { batch: [2, 4], seq: [2, 9] },
    feeds: (sizes) => {
      const [batch, seq] = [size(sizes, "batch"), size(sizes, "seq")];
      const mask = Array.from({ length: batch * seq }, (_, i) => (i % seq < seq - (i % 2) ? 1 : 0));
      return { ids: ids(batch, seq), mask: tensorFrom("i64", [batch, seq], mask) };
    },
  },
  decoder: {
    model: decoder,
    witness: { batch: 2, seq: 3, past: 4 },
    sizes: { batch: [2, 3], seq: [2, 6], past: [2, 12] },
    feeds: decoderFeeds,
  },
  "decoder with a mask": {
    model: maskedDecoder,
    witness: { batch: 2, seq: 3, past: 4 },
    sizes: { batch: [2, 3], seq: [2, 6], past: [2, 12] },
    feeds: maskedFeeds,
  },
  "decoder with a mask token by token": {
    model: maskedDecoder,
    witness: { batch: 1, seq: 1, past: 4 },
    sizes: { batch: [1, 1], seq: [1, 1], past: [2, 30] },
    feeds: maskedFeeds,
  },
  residual: {
    model: residual,
    witness: { batch: 2, height: 20, width: 33 },
    sizes: { batch: [2, 3], height: [5, 40], width: [5, 70] },
    feeds: imageFeeds(3),
  },
  mobile: {
    model: mobile,
    witness: { batch: 2, height: 9, width: 11 },
    sizes: { batch: [2, 3], height: [6, 20], width: [6, 33] },
    feeds: imageFeeds(6),
  },
  deep: {
    model: deep,
    witness: { batch: 2, height: 9, width: 11 },
    sizes: { batch: [2, 3], height: [2, 30], width: [2, 30] },
    feeds: imageFeeds(24),
  },
  // what grows back must meet what it came from, so that sizes are multiples of 4
  pyramid: {
    model: pyramid,
    witness: { batch: 1, height: 12, width: 20 },
    sizes: { batch: [1, 1], height: [2, 8, 4], width: [2, 12, 4] },
    feeds: imageFeeds(4),
  },
  // a size of 0 or 1 at hand is a number
  "decoder from nothing": {
    model: decoder,
    witness: { batch: 2, seq: 3, past: 0 },
    sizes: { batch: [2, 3], seq: [2, 6], past: [0, 0] },
    feeds: decoderFeeds,
  },
  "decoder token by token": {
    model: decoder,
    witness: { batch: 1, seq: 1, past: 4 },
    sizes: { batch: [1, 1], seq: [1, 1], past: [2, 30] },
    feeds: decoderFeeds,
  },
};

/** Sizes within a case's ranges. */
export const anySizes = ({ sizes }: OpenCase): fc.Arbitrary<Sizes> =>
  fc.record(
    Object.fromEntries(
      Object.entries(sizes).map(([name, [min, max, step = 1]]) => [
        name,
        fc.integer({ min, max }).map((count) => count * step),
      ]),
    ),
  );

export const shapesOf = (feeds: Record<string, TensorData>): Map<string, readonly number[]> =>
  new Map(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));

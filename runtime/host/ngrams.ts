/** TfIdfVectorizer: counts the n-grams of a pool in sequences of integers or strings. */
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { type HostFamily, numberOf, numbersOf, stringListOf, stringOf, tensorAt } from "./arguments.ts";
import type { HostAttributes, HostFunction } from "./value.ts";

interface Pool {
  /** n-gram (see `gramKey`) -> its number */
  readonly grams: ReadonlyMap<string, number>;
  /** by number: the output that it counts in, and its weight */
  readonly outputs: readonly number[];
  readonly weights: readonly number[];
}

const gramKey = (items: readonly string[]): string => JSON.stringify(items);

/** The pool lists all 1-grams, then all 2-grams…; `ngramCounts` says where each length begins. */
function readPool(attributes: HostAttributes): Pool {
  const texts = stringListOf(attributes, "poolStrings");
  const items = texts.length > 0 ? texts : numbersOf(attributes, "poolInt64s").map(String);
  const starts = [...numbersOf(attributes, "ngramCounts"), items.length];
  const grams = new Map<string, number>();
  for (let length = 1; length < starts.length; length++) {
    for (let at = nth(starts, length - 1); at + length <= nth(starts, length); at += length) {
      grams.set(gramKey(items.slice(at, at + length)), grams.size);
    }
  }
  const outputs = numbersOf(attributes, "ngramIndexes");
  const weights = numbersOf(attributes, "weights");
  return { grams, outputs, weights: weights.length > 0 ? weights : outputs.map(() => 1) };
}

interface Lengths {
  readonly min: number;
  readonly max: number;
  readonly skips: number;
}

/** Calls `visit` with the number of every pool n-gram in a row; items of one may stand up to `skips` others apart, all equally far. */
function forEachGram(row: readonly string[], pool: Pool, lengths: Lengths, visit: (gram: number) => void): void {
  for (let length = lengths.min; length <= lengths.max; length++) {
    const mostSkips = length === 1 ? 0 : lengths.skips;
    for (let step = 1; step <= mostSkips + 1; step++) {
      for (let begin = 0; begin + (length - 1) * step < row.length; begin++) {
        const items = Array.from({ length }, (_, i) => nth(row, begin + i * step));
        const gram = pool.grams.get(gramKey(items));
        if (gram !== undefined) visit(gram);
      }
    }
  }
}

const tfIdfVectorizer: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const pool = readPool(attributes);
  const mode = stringOf(attributes, "mode");
  const lengths = {
    min: numberOf(attributes, "minGramLength"),
    max: numberOf(attributes, "maxGramLength"),
    skips: numberOf(attributes, "maxSkipCount"),
  };
  const width = pool.outputs.reduce((max, index) => Math.max(max, index), -1) + 1;
  const rows = rowsOf(x);
  const result = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    forEachGram(row, pool, lengths, (gram) => {
      const at = i * width + nth(pool.outputs, gram);
      const weight = mode === "TF" ? 1 : nth(pool.weights, gram);
      result[at] = mode === "IDF" ? weight : (result[at] as number) + weight;
    });
  }
  return [makeTensor("f32", [...x.shape.slice(0, -1), width], result)];
};

/** [c] is one row, [b, c] is b rows; items as text. */
function rowsOf(x: TensorData): string[][] {
  const items = Array.from(x.elements as ArrayLike<number | bigint | string>, String);
  const length = x.shape.at(-1) ?? 1;
  const count = x.shape.length > 1 ? nth(x.shape, 0) : 1;
  return Array.from({ length: count }, (_, i) => items.slice(i * length, (i + 1) * length));
}

export const ngramFunctions: HostFamily = [["tfIdfVectorizer", tfIdfVectorizer]];

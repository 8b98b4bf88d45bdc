/**
 * What the generation operators of com.microsoft do to the scores of the next token, in onnxruntime's order: repetition penalty, n-grams that may
 * not come again, masks of the vocabulary, the least length, temperature and presence penalty.
 */
import type { NodeContext } from "../operator.ts";
import type { NodeMath } from "./node-math.ts";
import { range } from "./support.ts";

/** What a forbidden token scores. */
const forbidden = -3.4028234663852886e38;

/** Sizes that are known when a search is written. */
export interface SearchSizes {
  /** samples, and rows of a sample */
  readonly batch: number;
  readonly beams: number;
  /** tokens of the prompt, and of a whole sequence */
  readonly prompt: number;
  readonly length: number;
  readonly vocabulary: number;
}

/** Where the inputs that rule scores stand; undefined: the operator has none. */
export interface ScoreInputs {
  readonly minLength: number;
  readonly repetition: number;
  readonly vocabularyMask: number;
  readonly prefixMask: number;
  readonly presenceMask?: number;
}

/** What has been generated so far: [rows, length] of i64, filled up, of which `count` (i64 scalar) tokens are there. */
export interface Sequences {
  readonly tokens: string;
  readonly count: string;
}

const inputOf = (node: NodeContext, index: number): string => node.node.inputs[index] ?? "";

/** True for each token of the vocabulary that a row names: [rows, vocabulary] from indices [rows, n]; an index of `vocabulary` names none. */
function named(math: NodeMath, { batch, beams, vocabulary }: SearchSizes, indices: string): string {
  const none = math.filled("i64", [batch * beams, vocabulary + 1], 0);
  const ones = math.op("Expand", math.int(1), math.op("Shape", indices));
  const marked = math.along("ScatterElements", 1, none, indices, ones);
  return math.cast("bool", math.slice(marked, 1, 0, vocabulary));
}

/** Token ids as indices of the vocabulary. */
const clipped = (math: NodeMath, { vocabulary }: SearchSizes, tokens: string): string =>
  math.op("Max", math.op("Min", tokens, math.int(vocabulary)), math.int(0));

function repetitionPenalty(
  math: NodeMath,
  sizes: SearchSizes,
  scores: string,
  { tokens, count }: Sequences,
  penalty: string,
): string {
  const isThere = math.op("Less", math.ints(range(sizes.length)), count);
  const seen = named(math, sizes, math.where(isThere, clipped(math, sizes, tokens), math.int(sizes.vocabulary)));
  const isNegative = math.op("Less", scores, math.float(0));
  const punished = math.where(isNegative, math.op("Mul", scores, penalty), math.op("Div", scores, penalty));
  return math.where(seen, punished, scores);
}

/** Forbids what would end an n-gram that is there already. */
function withoutRepeats(
  math: NodeMath,
  sizes: SearchSizes,
  scores: string,
  { tokens, count }: Sequences,
  size: number,
): string {
  const starts = sizes.length - size + 1;
  if (starts < 1) return scores;
  const from = math.op("Sub", count, math.int(size - 1));
  const isWhole = math.op("LessOrEqual", math.ints(range(starts)), math.op("Sub", count, math.int(size)));
  const repeats = range(size - 1).reduce((all, k) => {
    const place = math.op("Max", math.op("Add", from, math.int(k)), math.int(0));
    const last = math.along("Gather", 1, tokens, math.op("Unsqueeze", place, math.ints([0])));
    return math.op("And", all, math.op("Equal", math.slice(tokens, 1, k, k + starts), last));
  }, isWhole);
  const ends = clipped(math, sizes, math.slice(tokens, 1, size - 1, size - 1 + starts));
  const blocked = named(math, sizes, math.where(repeats, ends, math.int(sizes.vocabulary)));
  return math.where(blocked, math.float(forbidden), scores);
}

/** Scores [rows, vocabulary] of the next token, ruled; `isFirst`: those that follow the prompt. */
export function ruledScores(
  math: NodeMath,
  node: NodeContext,
  sizes: SearchSizes,
  at: ScoreInputs,
  given: { readonly scores: string; readonly sequences: Sequences; readonly isFirst: boolean },
): string {
  const { sequences, isFirst } = given;
  const scalar = (index: number): string => math.reshape(inputOf(node, index), 1);
  const allowed = (mask: string, scores: string): string =>
    math.where(math.op("Equal", math.cast("i64", mask), math.int(0)), math.float(forbidden), scores);
  let { scores } = given;
  if (node.hasInput(at.repetition)) scores = repetitionPenalty(math, sizes, scores, sequences, scalar(at.repetition));
  const size = node.int("no_repeat_ngram_size", 0);
  if (size > 0) scores = withoutRepeats(math, sizes, scores, sequences, size);
  if (node.hasInput(at.vocabularyMask)) scores = allowed(inputOf(node, at.vocabularyMask), scores);
  if (node.hasInput(at.prefixMask) && isFirst) {
    const rows = math.ints(range(sizes.batch * sizes.beams).map((row) => Math.floor(row / sizes.beams)));
    scores = allowed(math.along("Gather", 0, inputOf(node, at.prefixMask), rows), scores);
  }
  if (node.hasInput(at.minLength)) {
    const isShort = math.op("Less", sequences.count, math.cast("i64", scalar(at.minLength)));
    const isEnd = math.op("Equal", math.ints(range(sizes.vocabulary)), math.int(node.int("eos_token_id", 0)));
    scores = math.where(math.op("And", isShort, isEnd), math.float(forbidden), scores);
  }
  const temperature = node.float("temperature", 1);
  if (temperature !== 1 && temperature > 0) scores = math.op("Div", scores, math.float(temperature));
  const presence = node.float("presence_penalty", 0);
  if (presence !== 0 && at.presenceMask !== undefined && node.hasInput(at.presenceMask)) {
    const penalty = math.op("Mul", math.cast("f32", inputOf(node, at.presenceMask)), math.float(presence));
    scores = math.op("Sub", scores, penalty);
  }
  return scores;
}

/** log softmax over the vocabulary. */
export const logSoftmax = (math: NodeMath, scores: string): string => math.along("LogSoftmax", -1, scores);

/** Sums along the last axis up to each element. */
export const runningSum = (math: NodeMath, value: string): string => math.op("CumSum", value, math.int(1));

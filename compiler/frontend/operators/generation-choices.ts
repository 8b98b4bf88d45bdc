/**
 * How the next token of a sequence is chosen: the best one (GreedySearch), one drawn from the likely ones (Sampling), or the best continuations of
 * several beams (BeamSearch). A choice keeps states from token to token, by name in the graph that is being written.
 */
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import { logSoftmax, ruledScores, runningSum, type ScoreInputs, type SearchSizes } from "./generation-scores.ts";
import type { NodeMath } from "./node-math.ts";
import { range } from "./support.ts";

/** What a step of a choice sees. */
export interface Step {
  /** logits of the next token, [rows, vocabulary] of f32 */
  readonly logits: string;
  /** tokens so far, [rows, length] of i64, and how many there are (i64 scalar) */
  readonly tokens: string;
  readonly count: string;
  readonly states: readonly string[];
  readonly isFirst: boolean;
}

export interface Chosen {
  /** the next token of each row, i64 [rows] */
  readonly next: string;
  /** tokens so far with it */
  readonly tokens: string;
  readonly states: readonly string[];
  /** whether all sequences have ended, a bool scalar */
  readonly isDone: string;
  /** which row each row goes on from, i64 [rows]; null: its own */
  readonly order: string | null;
  /** what is stacked over the steps */
  readonly stacked: readonly string[];
}

export interface Choice {
  readonly initial: (math: NodeMath) => readonly string[];
  readonly step: (math: NodeMath, step: Step) => Chosen;
  /** the node's results from the states and what was stacked, [steps, ...] each */
  readonly finish: (
    math: NodeMath,
    tokens: string,
    states: readonly string[],
    stacked: readonly string[],
  ) => readonly string[];
}

/** The search that a node asks for. */
export interface Search {
  readonly node: NodeContext;
  readonly sizes: SearchSizes;
  readonly at: ScoreInputs;
}

/** Tokens with one more in each row. */
function appended(math: NodeMath, { sizes }: Search, tokens: string, count: string, next: string): string {
  const isPlace = math.op("Equal", math.ints(range(sizes.length)), count);
  return math.where(isPlace, math.reshape(next, -1, 1), tokens);
}

/** One token for each row; a row that has ended is filled up. */
function singleChoice(
  search: Search,
  states: (math: NodeMath) => readonly string[],
  pick: (
    math: NodeMath,
    scores: string,
    states: readonly string[],
  ) => readonly [next: string, states: readonly string[]],
): Choice {
  const { node, sizes, at } = search;
  const [eos, pad] = [node.int("eos_token_id", 0), node.int("pad_token_id", 0)];
  return {
    initial: (math) => [math.filled("bool", [sizes.batch], 0), ...states(math)],
    step: (math, { logits, tokens, count, states: [ended = "", ...own], isFirst }) => {
      const scores = ruledScores(math, node, sizes, at, { scores: logits, sequences: { tokens, count }, isFirst });
      const [picked, kept] = pick(math, scores, own);
      const hasEnded = math.op("Or", ended, math.op("Equal", picked, math.int(eos)));
      const next = math.where(hasEnded, math.int(pad), picked);
      return {
        next,
        tokens: appended(math, search, tokens, count, next),
        states: [hasEnded, ...kept],
        isDone: math.all(hasEnded),
        order: null,
        stacked: [],
      };
    },
    finish: (math, tokens) => [math.cast("i32", tokens)],
  };
}

/** The best token. */
export const greedyChoice = (search: Search): Choice =>
  singleChoice(
    search,
    () => [],
    (math, scores) => [math.reshape(math.along("ArgMax", 1, scores), -1), []],
  );

/** Multiplier and modulus of the generator that C++ calls `minstd_rand0`. */
const generator = { factor: 16807, modulus: 2147483647 } as const;

/** What stays of scores when the unlikely tokens, or all behind the likely ones, are filtered out: by the sum of the probabilities up to each. */
function likelyScores(math: NodeMath, { node, sizes }: Search, scores: string): string {
  const { vocabulary, batch } = sizes;
  const topP = node.float("top_p", 0);
  const isCustom = node.int("custom", 0) !== 0;
  const [sorted, order] = math.topK(scores, vocabulary, isCustom);
  const sums = runningSum(math, math.along("Softmax", -1, sorted));
  const place = math.ints(range(vocabulary));
  // behind each token whose sum is over top_p; or each whose sum, from the least likely on, is within 1 - top_p
  const over = math.cast("i64", math.op("Greater", sums, math.float(topP)));
  const shifted = math.along("Concat", 1, math.filled("i64", [batch, 1], 0), math.slice(over, 1, 0, vocabulary - 1));
  const kept = vocabulary - node.int("min_tokens_to_keep", 0);
  const within = math.op("LessOrEqual", sums, math.float(Math.fround(1 - topP)));
  const first = math.op("Equal", place, math.int(0));
  const counts = math.op("Or", first, math.op("Less", place, math.int(kept)));
  const dropped = isCustom ? math.cast("bool", shifted) : math.op("And", within, counts);
  const filtered = math.where(dropped, math.float(node.float("filter_value", -1e20)), sorted);
  return math.along("ScatterElements", 1, scores, order, filtered);
}

/** A token drawn from those that are left, as onnxruntime draws it with its C++ library's generator. */
export function sampledChoice(search: Search, seed: number): Choice {
  const { sizes } = search;
  const first = (seed >>> 0) % generator.modulus || 1;
  // two numbers a row and step; powers of the factor make those of a whole step at once
  const powers = range(2 * sizes.batch).reduce<readonly bigint[]>((list) => {
    return [...list, ((list.at(-1) ?? 1n) * BigInt(generator.factor)) % BigInt(generator.modulus)];
  }, []);
  return singleChoice(
    search,
    (math) => [math.ints([first])],
    (math, given, [state = ""]) => {
      const scores = likelyScores(math, search, given);
      const factors = math.ints(powers.map(Number));
      const drawn = math.op("Mod", math.op("Mul", state, factors), math.int(generator.modulus));
      const pairs = math.reshape(math.op("Sub", drawn, math.int(1)), sizes.batch, 2);
      // a number in [0, 1): the second one is the whole part of the first one's fraction
      const span = math.cast("f64", math.int(generator.modulus - 1));
      const [low, high] = [0, 1].map((i) => math.cast("f64", math.slice(pairs, 1, i, i + 1)));
      const uniform = math.op("Div", math.op("Add", high ?? "", math.op("Div", low ?? "", span)), span);
      const centred = math.op("Sub", scores, math.reduce("ReduceMax", scores, [1], true));
      const sums = runningSum(math, math.op("Exp", math.cast("f64", centred)));
      const total = math.slice(sums, 1, sizes.vocabulary - 1, sizes.vocabulary);
      const target = math.op("Mul", uniform, total);
      const below = math.cast("i64", math.op("LessOrEqual", sums, target));
      const next = math.op("Min", math.reduce("ReduceSum", below, [1]), math.int(sizes.vocabulary - 1));
      return [next, [math.slice(drawn, 0, 2 * sizes.batch - 1, 2 * sizes.batch)]];
    },
  );
}

/** What the node of a beam search says beside its scores. */
export interface Beams {
  /** how many sequences come out for each sample */
  readonly returned: number;
  /** name of the length's exponent, an f32 of one element; null: 1 */
  readonly lengthPenalty: string | null;
  /** whether scores of all steps are asked for */
  readonly givesScores: boolean;
}

/**
 * Beams of each sample. States: sums of log probabilities [batch, beams]; which samples are done [batch]; of each sample's ended sequences their scores
 * [batch, beams] (least first unknown: -inf), their tokens [batch, beams, length] and their number [batch].
 */
export function beamChoice(search: Search, beams: Beams): Choice {
  const { node, sizes, at } = search;
  const { batch, beams: width, length, vocabulary } = sizes;
  const [eos, pad] = [node.int("eos_token_id", 0), node.int("pad_token_id", 0)];
  const powerOf = (math: NodeMath, count: string): string => {
    const base = math.cast("f32", count);
    return beams.lengthPenalty === null ? base : math.op("Pow", base, math.reshape(beams.lengthPenalty, 1));
  };
  /** The best of the ended sequences and further ones [batch, n]. */
  const merged = (
    math: NodeMath,
    ended: readonly [scores: string, tokens: string],
    more: readonly [scores: string, tokens: string],
  ): readonly [string, string] => {
    const [scores, order] = math.topK(math.along("Concat", 1, ended[0], more[0]), width);
    return [scores, math.pick(math.along("Concat", 1, ended[1], more[1]), order)];
  };
  return {
    initial: (math) => [
      math.graph.constant(
        tensorFrom(
          "f32",
          [batch, width],
          range(batch * width).map((i) => (i % width === 0 ? 0 : -1e9)),
        ),
      ),
      math.filled("bool", [batch], 0),
      math.filled("f32", [batch, width], -Infinity),
      math.filled("i64", [batch, width, length], pad),
      math.filled("i64", [batch], 0),
    ],
    step: (math, { logits, tokens, count, states, isFirst }) => {
      const [sums = "", done = "", endedScores = "", endedTokens = "", endedCount = ""] = states;
      const likely = logSoftmax(math, logits);
      const ruled = ruledScores(math, node, sizes, at, { scores: likely, sequences: { tokens, count }, isFirst });
      const total = math.op(
        "Add",
        math.reshape(ruled, batch, width, vocabulary),
        math.op("Unsqueeze", sums, math.ints([2])),
      );
      const [best, place] = math.topK(math.reshape(total, batch, width * vocabulary), 2 * width);
      const [beam, token] = [math.op("Div", place, math.int(vocabulary)), math.op("Mod", place, math.int(vocabulary))];
      const rank = math.ints(range(2 * width));
      const isEnd = math.op("Equal", token, math.int(eos));
      const isDone = math.op("Unsqueeze", done, math.ints([1]));
      const ends = math.op(
        "And",
        math.op("And", isEnd, math.op("Less", rank, math.int(width))),
        math.op("Not", isDone),
      );
      const own = math.reshape(tokens, batch, width, length);
      const power = powerOf(math, count);
      const ending = math.where(ends, math.op("Div", best, power), math.float(-Infinity));
      const [keptScores, keptTokens] = merged(math, [endedScores, endedTokens], [ending, math.pick(own, beam)]);
      const added = math.reduce("ReduceSum", math.cast("i64", ends), [1]);
      const keptCount = math.op("Min", math.op("Add", endedCount, added), math.int(width));
      const isFull = math.op("Equal", keptCount, math.int(width));
      const worst = math.reduce("ReduceMin", keptScores, [1]);
      const reach = math.op("Div", math.reduce("ReduceMax", best, [1]), power);
      const isSure =
        node.int("early_stopping", 0) !== 0 ? isFull : math.op("And", isFull, math.op("GreaterOrEqual", worst, reach));
      const nowDone = math.op("Or", done, isSure);
      // those that go on: the first that do not end
      const [, going] = math.topK(math.where(isEnd, math.op("Add", rank, math.int(2 * width)), rank), width, false);
      const picked = (value: string): string => math.pick(value, going);
      const firstRow = math.ints(
        range(batch).map((b) => b * width),
        [batch, 1],
      );
      const order = math.where(isDone, math.int(0), math.op("Add", picked(beam), firstRow));
      const next = math.reshape(math.where(isDone, math.int(pad), picked(token)), -1);
      const rows = math.reshape(order, -1);
      return {
        next,
        tokens: appended(math, search, math.along("Gather", 0, tokens, rows), count, next),
        states: [math.where(isDone, math.float(0), picked(best)), nowDone, keptScores, keptTokens, keptCount],
        isDone: math.all(nowDone),
        order: rows,
        stacked: beams.givesScores ? [total] : [],
      };
    },
    finish: (math, tokens, states, stacked) => {
      const [sums = "", done = "", endedScores = "", endedTokens = ""] = states;
      const power = powerOf(math, math.ints([length]));
      const open = math.where(
        math.op("Unsqueeze", done, math.ints([1])),
        math.float(-Infinity),
        math.op("Div", sums, power),
      );
      const [scores, all] = merged(
        math,
        [endedScores, endedTokens],
        [open, math.reshape(tokens, batch, width, length)],
      );
      const results = [
        math.cast("i32", math.slice(all, 1, 0, beams.returned)),
        math.slice(scores, 1, 0, beams.returned),
      ];
      return [...results, ...stacked];
    },
  };
}

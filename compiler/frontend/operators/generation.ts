/**
 * GreedySearch, Sampling and BeamSearch of com.microsoft over a decoder like GPT-2's: the decoder runs once over the prompt, then in a Loop over one
 * token at a time. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BeamSearch
 */
import { makeTensor } from "../../../ir/tensor.ts";
import { GraphWriter } from "../graph-writer.ts";
import type { OnnxGraph, OnnxValueInfo } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import {
  beamChoice,
  type Choice,
  type Chosen,
  greedyChoice,
  sampledChoice,
  type Search,
} from "./generation-choices.ts";
import type { ScoreInputs, SearchSizes } from "./generation-scores.ts";
import { NodeMath } from "./node-math.ts";
import { range } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

/** Dims that a subgraph declares of a value. */
const dimsOf = ({ type }: OnnxValueInfo): readonly (number | string | null)[] =>
  type?.kind === "tensor" ? (type.dims ?? []) : [];

/** A decoder whose inputs are input_ids, position_ids, attention_mask and pasts, and whose outputs are logits and presents. */
interface Decoder {
  readonly graph: OnnxGraph;
  readonly heads: number;
  readonly size: number;
  readonly layers: number;
  readonly vocabulary: number;
}

function decoderOf(node: NodeContext, name: string): Decoder {
  const graph = node.graph(name);
  const expected = ["input_ids", "position_ids", "attention_mask"];
  for (const [i, input] of expected.entries()) {
    if (graph.inputs[i]?.name !== input) throw node.unsupported(`${name} whose input ${i} is not ${input}`);
  }
  const pasts = graph.inputs.slice(3);
  const other = pasts.find((input) => !input.name.startsWith("past_") || input.name === "past_sequence_length");
  if (other !== undefined) throw node.unsupported(`${name} with the input ${other.name}`);
  const [logits, ...presents] = graph.outputs;
  if (logits?.name !== "logits" || presents.length !== pasts.length || pasts.length === 0) {
    throw node.unsupported(`${name} that does not give logits and a present for each past`);
  }
  const [past = null] = pasts;
  const [, , heads, , size] = past === null ? [] : dimsOf(past);
  const vocabulary = dimsOf(logits)[2];
  if (typeof heads !== "number" || typeof size !== "number" || typeof vocabulary !== "number") {
    throw node.shapeError(`${name} must declare heads and head size of past_0, and the vocabulary of logits`);
  }
  if (past?.type?.kind === "tensor" && past.type.dtype !== "f32") throw node.unsupported(`pasts of ${past.type.dtype}`);
  return { graph, heads, size, layers: pasts.length, vocabulary };
}

/** The one number of an input, which must be known. */
function numberAt(node: NodeContext, index: number): number {
  const [value] = node.integers(index);
  if (value === undefined) throw node.shapeError(`input ${index} must hold a number`);
  return value;
}

function sizesOf(node: NodeContext, decoder: Decoder, beams: number): SearchSizes {
  const [batch = 0, prompt = 0] = node.shape(0);
  const length = numberAt(node, 1);
  if (node.rank(0) !== 2 || batch < 1 || prompt < 1)
    throw node.shapeError(`input_ids of shape [${node.shape(0).join(",")}]`);
  if (length <= prompt) throw node.shapeError(`max_length is ${length}, the prompt has ${prompt} tokens`);
  if (length > maxLength) throw node.shapeError(`max_length is ${length}, ${maxLength} is the most`);
  if (beams < 1 || beams > maxBeams) throw node.shapeError(`num_beams is ${beams}, must be 1 to ${maxBeams}`);
  const declared = node.int("vocab_size", -1);
  const vocabulary = declared > 0 ? declared : decoder.vocabulary;
  if (vocabulary > decoder.vocabulary)
    throw node.attributeError(`vocab_size is ${vocabulary}, logits have ${decoder.vocabulary}`);
  if (vocabulary < 2 * beams) throw node.shapeError(`${beams} beams over a vocabulary of ${vocabulary}`);
  return { batch, beams, prompt, length, vocabulary };
}

const [maxLength, maxBeams] = [4096, 128] as const;

/** What the decoder carries from token to token. */
interface Carried {
  /** i64 [rows, 1] */
  readonly position: string;
  /** i64 [rows, tokens so far] */
  readonly mask: string;
  readonly pasts: readonly string[];
}

interface Writing {
  readonly search: Search;
  readonly decoder: Decoder;
  readonly choice: Choice;
}

/** Logits of the last of some tokens, and the presents. */
function decoded(
  math: NodeMath,
  { decoder, search }: Writing,
  graph: OnnxGraph,
  inputs: readonly string[],
  pasts: readonly string[],
): readonly [logits: string, presents: readonly string[]] {
  const [logits = "", ...presents] = math.graph.splice(graph, [
    ...inputs.map((value) => math.cast("i32", value)),
    ...pasts,
  ]);
  const last = math.reshape(math.slice(logits, 1, -1, Number.MAX_SAFE_INTEGER), -1, decoder.vocabulary);
  return [math.slice(last, 1, 0, search.sizes.vocabulary), presents];
}

/** The prompt, repeated for each beam: tokens, mask, positions and how many tokens count. */
function promptOf(
  math: NodeMath,
  { search }: Writing,
  maskAt: number,
): { readonly tokens: string; readonly mask: string; readonly positions: string; readonly counts: string } {
  const { node, sizes } = search;
  const rows = math.ints(range(sizes.batch * sizes.beams).map((row) => Math.floor(row / sizes.beams)));
  const repeated = (value: string): string => math.along("Gather", 0, math.cast("i64", value), rows);
  const tokens = repeated(node.node.inputs[0] ?? "");
  const isPad = math.op("Equal", tokens, math.int(node.int("pad_token_id", 0)));
  const mask = node.hasInput(maskAt)
    ? repeated(node.node.inputs[maskAt] ?? "")
    : math.where(isPad, math.int(0), math.int(1));
  const isCounted = math.op("Not", isPad);
  const sums = math.op("CumSum", math.cast("i64", isCounted), math.int(1));
  const positions = math.where(isCounted, math.op("Sub", sums, math.int(1)), math.int(0));
  return { tokens, mask, positions, counts: math.slice(sums, 1, sizes.prompt - 1, sizes.prompt) };
}

/** The pasts of the rows that are gone on from. */
const reordered = (math: NodeMath, { order }: Chosen, presents: readonly string[]): readonly string[] =>
  order === null ? presents : presents.map((present) => math.along("Gather", 1, present, order));

/** One more token: inputs of the loop's body in the order of its carried values. */
function bodyOf(outer: GraphWriter, writing: Writing, states: number, stacks: number): OnnxGraph {
  const graph = outer.inner();
  const math = new NodeMath(graph);
  const { search, decoder, choice } = writing;
  const [iteration = "", , next = "", position = "", mask = "", tokens = ""] = [
    "iteration",
    "go",
    "next",
    "position",
    "mask",
    "tokens",
  ].map((hint) => graph.input(hint));
  const own = range(states).map((i) => graph.input(`state_${i}`));
  const pasts = range(decoder.layers).map((i) => graph.input(`past_${i}`));
  const [logits, presents] = decoded(math, writing, decoder.graph, [next, position, mask], pasts);
  const count = math.op("Add", iteration, math.int(search.sizes.prompt + 1));
  const chosen = choice.step(math, { logits, tokens, count, states: own, isFirst: false });
  const carried: Carried = {
    position: math.op("Add", position, math.int(1)),
    mask: longer(math, search.sizes, mask),
    pasts: reordered(math, chosen, presents),
  };
  const results = [math.op("Not", chosen.isDone), math.reshape(chosen.next, -1, 1), carried.position, carried.mask];
  return graph.finish([
    ...results,
    chosen.tokens,
    ...chosen.states,
    ...carried.pasts,
    ...chosen.stacked.slice(0, stacks),
  ]);
}

/** A mask with a further token that counts. */
const longer = (math: NodeMath, { batch, beams }: SearchSizes, mask: string): string =>
  math.along("Concat", 1, mask, math.filled("i64", [batch * beams, 1], 1));

/** What is stacked, filled up with zeros to one entry for each token that may be generated. */
function filledUp(math: NodeMath, { sizes }: Search, first: string, others: string): string {
  const all = math.along("Concat", 0, math.op("Unsqueeze", first, math.ints([0])), others);
  const missing = math.op("Sub", math.ints([sizes.length - sizes.prompt]), math.slice(math.op("Shape", all), 0, 0, 1));
  return math.op("Pad", all, math.along("Concat", 0, math.ints([0, 0, 0, 0]), missing, math.ints([0, 0, 0])));
}

function written(writing: Writing, outer: GraphWriter, maskAt: number): OnnxGraph {
  const { search, decoder, choice } = writing;
  const { node, sizes } = search;
  const math = new NodeMath(outer);
  const rows = sizes.batch * sizes.beams;
  const prompt = promptOf(math, writing, maskAt);
  const first = node.attribute("init_decoder") === undefined ? decoder : decoderOf(node, "init_decoder");
  if (first.layers !== decoder.layers || first.vocabulary !== decoder.vocabulary) {
    throw node.shapeError("init_decoder and decoder differ in layers or vocabulary");
  }
  const empty = outer.constant(makeTensor("f32", [2, rows, decoder.heads, 0, decoder.size]));
  const pasts = range(decoder.layers).map(() => empty);
  const [logits, presents] = decoded(math, writing, first.graph, [prompt.tokens, prompt.positions, prompt.mask], pasts);
  const fill = math.filled("i64", [rows, sizes.length - sizes.prompt], node.int("pad_token_id", 0));
  const tokens = math.along("Concat", 1, prompt.tokens, fill);
  const initial = choice.initial(math);
  const chosen = choice.step(math, { logits, tokens, count: math.int(sizes.prompt), states: initial, isFirst: true });
  const carried = [math.reshape(chosen.next, -1, 1), prompt.counts, longer(math, sizes, prompt.mask), chosen.tokens];
  const body = bodyOf(outer, writing, initial.length, chosen.stacked.length);
  const trips = math.int(sizes.length - sizes.prompt - 1);
  const inputs = [
    trips,
    math.op("Not", chosen.isDone),
    ...carried,
    ...chosen.states,
    ...reordered(math, chosen, presents),
  ];
  const count = inputs.length - 2 + chosen.stacked.length;
  const results = outer.nodes("Loop", inputs, count, { attributes: { body: { kind: "graph", value: body } } });
  const states = results.slice(4, 4 + initial.length);
  const stacked = chosen.stacked.map((value, i) => filledUp(math, search, value, results[inputs.length - 2 + i] ?? ""));
  return outer.finish(choice.finish(math, results[3] ?? "", states, stacked));
}

/** Refuses models that are no decoders like GPT-2's. */
function expectDecoderOnly(node: NodeContext): void {
  const type = node.int("model_type", 0);
  if (type !== 0) throw node.unsupported(`model_type ${type} (0, a decoder like GPT-2's, is)`);
}

const single: ScoreInputs = { minLength: 2, repetition: 3, vocabularyMask: 4, prefixMask: 5, presenceMask: 7 };

function greedySearch(node: NodeContext): OnnxGraph {
  expectDecoderOnly(node);
  const decoder = decoderOf(node, "decoder");
  const search: Search = { node, sizes: sizesOf(node, decoder, 1), at: single };
  return written({ search, decoder, choice: greedyChoice(search) }, GraphWriter.for(node.node), 6);
}

function sampling(node: NodeContext): OnnxGraph {
  expectDecoderOnly(node);
  if (node.wantsOutput(1)) throw node.unsupported("filtered_logits");
  const decoder = decoderOf(node, "decoder");
  const search: Search = { node, sizes: sizesOf(node, decoder, 1), at: single };
  const seed = node.hasInput(8) ? numberAt(node, 8) : 1;
  return written({ search, decoder, choice: sampledChoice(search, seed) }, GraphWriter.for(node.node), 6);
}

function beamSearch(node: NodeContext): OnnxGraph {
  expectDecoderOnly(node);
  for (const [index, name] of [
    [10, "decoder_input_ids"],
    [11, "logits_processor"],
  ] as const)
    if (node.hasInput(index)) throw node.unsupported(name);
  const decoder = decoderOf(node, "decoder");
  const beams = numberAt(node, 3);
  const returned = node.hasInput(4) ? numberAt(node, 4) : 1;
  if (returned < 1 || returned > beams) throw node.shapeError(`num_return_sequences is ${returned} of ${beams} beams`);
  const at: ScoreInputs = { minLength: 2, repetition: 6, vocabularyMask: 7, prefixMask: 8 };
  const search: Search = { node, sizes: sizesOf(node, decoder, beams), at };
  const lengthPenalty = node.hasInput(5) ? (node.node.inputs[5] ?? null) : null;
  const choice = beamChoice(search, { returned, lengthPenalty, givesScores: node.wantsOutput(2) });
  return written({ search, decoder, choice }, GraphWriter.for(node.node), 9);
}

const attributes: Attributes = {
  decoder: "graph!",
  decoder_start_token_id: "int",
  encoder: "graph",
  eos_token_id: "int!",
  init_decoder: "graph",
  model_type: "int",
  no_repeat_ngram_size: "int",
  pad_token_id: "int!",
  vocab_size: "int",
};

/** Operators of this family. */
export const generationOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "GreedySearch", greedySearch, [
    { since: 1, inputs: [2, 7], optionalInputs: [2, 3, 4, 5, 6], attributes },
  ]),
  operatorOf("com.microsoft", "Sampling", sampling, [
    {
      since: 1,
      inputs: [2, 9],
      outputs: [1, 2],
      optionalInputs: [2, 3, 4, 5, 6, 7, 8],
      attributes: {
        ...attributes,
        custom: "int",
        filter_value: "float",
        min_tokens_to_keep: "int",
        presence_penalty: "float",
        temperature: "float",
        top_p: "float",
      },
    },
  ]),
  operatorOf("com.microsoft", "BeamSearch", beamSearch, [
    {
      since: 1,
      inputs: [5, 12],
      outputs: [1, 3],
      optionalInputs: [2, 5, 6, 7, 8, 9, 10, 11],
      attributes: { ...attributes, early_stopping: "int" },
    },
  ]),
];

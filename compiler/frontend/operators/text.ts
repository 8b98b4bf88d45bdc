/** Operators on strings: host functions. */
import type { DynamicType, Json, ValueId, ValueType } from "../../../ir/graph.ts";
import { broadcastShapes } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { dimsOf, elementTypeOf, typeOfDims } from "./dynamic.ts";
import { operator } from "./table.ts";

const reason = "strings";

function expectStrings(node: NodeContext, index: number): void {
  const dtype = elementTypeOf(node, index);
  if (dtype !== "string") throw node.typeError(`input ${index} holds ${dtype}, strings are expected`);
}

const isStatic = (dims: DynamicType["dims"]): dims is readonly number[] =>
  dims?.every((dim) => typeof dim === "number") ?? false;

function stringConcat(node: NodeContext): readonly ValueId[] {
  expectStrings(node, 0);
  expectStrings(node, 1);
  const [x, y] = [dimsOf(node, 0), dimsOf(node, 1)];
  const shape = isStatic(x) && isStatic(y) ? broadcastShapes([x, y]) : null;
  if (isStatic(x) && isStatic(y) && shape === null) throw node.shapeError("the shapes do not broadcast");
  return node.host("stringConcat", [node.input(0), node.input(1)], [typeOfDims("string", shape)], reason);
}

function stringSplit(node: NodeContext): readonly ValueId[] {
  expectStrings(node, 0);
  const dims = dimsOf(node, 0);
  const pieces: ValueType = { kind: "dynamic", dtype: "string", dims: dims === null ? null : [...dims, "most"] };
  const attributes = { delimiter: node.string("delimiter") ?? null, maxsplit: node.int("maxsplit") ?? null };
  return node.host("stringSplit", [node.input(0)], [pieces, typeOfDims("i64", dims)], reason, attributes);
}

function stringNormalizer(node: NodeContext): readonly ValueId[] {
  expectStrings(node, 0);
  const dims = dimsOf(node, 0);
  const [leading] = dims ?? [];
  if (dims !== null && dims.length !== 1 && !(dims.length === 2 && (leading === 1 || typeof leading === "string"))) {
    throw node.shapeError(`StringNormalizer takes [C] or [1, C], not [${dims.join(", ")}]`);
  }
  const result: ValueType = {
    kind: "dynamic",
    dtype: "string",
    dims: dims === null ? null : [...dims.slice(0, -1), "kept"],
  };
  const attributes = {
    caseChangeAction: node.string("case_change_action", "NONE"),
    isCaseSensitive: node.int("is_case_sensitive", 0) !== 0,
    stopwords: node.strings("stopwords") ?? [],
    locale: node.string("locale", "en_US"),
  };
  return node.host("stringNormalizer", [node.input(0)], [result], reason, attributes);
}

function regexFullMatch(node: NodeContext): readonly ValueId[] {
  expectStrings(node, 0);
  const attributes = { pattern: node.string("pattern", "") };
  return node.host("regexFullMatch", [node.input(0)], [typeOfDims("bool", dimsOf(node, 0))], reason, attributes);
}

/** The vocabulary, which must be given once: as integers or as strings. */
function vocabulary(node: NodeContext): Record<string, Json> {
  const poolInt64s = node.ints("pool_int64s");
  const poolStrings = node.strings("pool_strings");
  if ((poolInt64s === undefined) === (poolStrings === undefined)) {
    throw node.attributeError("exactly one of pool_int64s and pool_strings must be given");
  }
  return poolStrings === undefined ? { poolInt64s: poolInt64s ?? [] } : { poolStrings };
}

function tfIdfVectorizer(node: NodeContext): readonly ValueId[] {
  const ngramIndexes = node.ints("ngram_indexes") ?? [];
  const width = 1 + ngramIndexes.reduce((most, index) => Math.max(most, index), -1);
  const dims = dimsOf(node, 0);
  if (dims !== null && dims.length > 2)
    throw node.shapeError(`TfIdfVectorizer takes [C] or [N, C], not rank ${dims.length}`);
  const weights = node.floats("weights");
  const attributes = {
    mode: node.string("mode", "TF"),
    minGramLength: node.int("min_gram_length", 1),
    maxGramLength: node.int("max_gram_length", 1),
    maxSkipCount: node.int("max_skip_count", 0),
    ngramCounts: node.ints("ngram_counts") ?? [],
    ngramIndexes,
    ...vocabulary(node),
    ...(weights === undefined ? {} : { weights }),
  };
  const type = typeOfDims("f32", dims === null ? null : [...dims.slice(0, -1), width]);
  return node.host("tfIdfVectorizer", [node.input(0)], [type], "n-grams", attributes);
}

/** ImageDecoder reads files of several formats; wsc takes tensors. */
function imageDecoder(node: NodeContext): readonly ValueId[] {
  throw node.unsupported("images are not decoded inside a model", "decode the image first and feed its pixels");
}

const gramAttributes = {
  max_gram_length: "int!",
  max_skip_count: "int!",
  min_gram_length: "int!",
  mode: "string!",
  ngram_counts: "ints!",
  ngram_indexes: "ints!",
  pool_int64s: "ints",
  pool_strings: "strings",
  weights: "floats",
} as const;
const normalizerAttributes = {
  case_change_action: "string",
  is_case_sensitive: "int",
  locale: "string",
  stopwords: "strings",
} as const;

/** Operators of this family. */
export const textOperators: readonly OperatorDef[] = [
  operator("StringConcat", stringConcat, [{ since: 20, inputs: [2, 2] }]),
  operator("StringSplit", stringSplit, [
    { since: 20, outputs: [2, 2], attributes: { delimiter: "string", maxsplit: "int" } },
  ]),
  operator("StringNormalizer", stringNormalizer, [{ since: 10, attributes: normalizerAttributes }]),
  operator("RegexFullMatch", regexFullMatch, [{ since: 20, attributes: { pattern: "string" } }]),
  operator("TfIdfVectorizer", tfIdfVectorizer, [{ since: 9, attributes: gramAttributes }]),
  operator("ImageDecoder", imageDecoder, [{ since: 20, attributes: { pixel_format: "string" } }]),
];

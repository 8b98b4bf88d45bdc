/** Operators on strings: host functions. */
import type { DynamicType, Json, ValueId, ValueType } from "../../../ir/graph.ts";
import { broadcastShapes } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { dimsOf, elementTypeOf, ownDim, typeOfDims } from "./dynamic.ts";
import { checkedShape } from "./support.ts";
import { operator, operatorOf } from "./table.ts";

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
  const pieces: ValueType = {
    kind: "dynamic",
    dtype: "string",
    dims: dims === null ? null : [...dims, ownDim(node, "most")],
  };
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
    dims: dims === null ? null : [...dims.slice(0, -1), ownDim(node, "kept")],
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

/** Separators count before an expression; one empty separator stands for a cut into characters. */
function tokenizer(node: NodeContext): readonly ValueId[] {
  expectStrings(node, 0);
  const dims = dimsOf(node, 0);
  if (dims !== null && dims.length !== 1 && dims.length !== 2) {
    throw node.shapeError(`Tokenizer takes [C] or [N, C], not [${dims.join(", ")}]`);
  }
  const separators = node.strings("separators") ?? [];
  const tokenexp = node.string("tokenexp", "");
  const mincharnum = node.int("mincharnum", 1);
  if (mincharnum < 1) throw node.attributeError(`mincharnum is ${mincharnum}, must be positive`);
  if (separators.length === 0 && tokenexp === "")
    throw node.attributeError("neither separators nor tokenexp are given");
  if (separators.length === 1 && separators[0] === "" && mincharnum > 1) {
    throw node.attributeError(`mincharnum is ${mincharnum}, characters are of length 1`);
  }
  const attributes = {
    separators,
    tokenexp,
    mincharnum,
    mark: node.int("mark", 0) !== 0,
    padValue: node.string("pad_value", ""),
  };
  const type: ValueType = { kind: "dynamic", dtype: "string", dims: dims === null ? null : [...dims, "most"] };
  return node.host("tokenizer", [node.input(0)], [type], reason, attributes);
}

/** The vocabulary, which must be given once: as integers or as strings. */
function vocabulary(
  node: NodeContext,
): { readonly poolInt64s: number[] } | { readonly poolStrings: readonly string[] } {
  const poolInt64s = node.ints("pool_int64s");
  const poolStrings = node.strings("pool_strings");
  if (poolInt64s !== undefined && poolStrings === undefined) return { poolInt64s };
  if (poolStrings !== undefined && poolInt64s === undefined) return { poolStrings };
  throw node.attributeError("exactly one of pool_int64s and pool_strings must be given");
}

/** How many n-grams a vocabulary of `size` items holds: those of n items start at `starts[n - 1]`. */
function gramCount(node: NodeContext, starts: readonly number[], size: number): number {
  let count = 0;
  for (const [i, start] of starts.entries()) {
    const length = (starts[i + 1] ?? size) - start;
    if (start < 0 || length < 0 || length % (i + 1) !== 0) {
      throw node.attributeError(`ngram_counts [${starts.join(", ")}] do not divide a vocabulary of ${size} items`);
    }
    count += length / (i + 1);
  }
  return count;
}

/** Attributes of the n-grams, each checked against the others. */
function gramAttributes(node: NodeContext): Record<string, Json> {
  const [ngramCounts, ngramIndexes] = [node.ints("ngram_counts") ?? [], node.ints("ngram_indexes") ?? []];
  const [minGramLength, maxGramLength] = [node.int("min_gram_length", 1), node.int("max_gram_length", 1)];
  const [pool, weights, mode] = [vocabulary(node), node.floats("weights"), node.string("mode", "TF")];
  const items = "poolStrings" in pool ? pool.poolStrings : pool.poolInt64s;
  const grams = gramCount(node, ngramCounts, items.length);
  if (ngramIndexes.length !== grams || ngramIndexes.some((index) => index < 0)) {
    throw node.attributeError(`ngram_indexes must be ${grams} numbers >= 0, one for each n-gram`);
  }
  if (weights !== undefined && weights.length !== grams)
    throw node.attributeError(`${weights.length} weights for ${grams} n-grams`);
  if (minGramLength < 1 || maxGramLength < minGramLength || maxGramLength > ngramCounts.length) {
    throw node.attributeError(
      `n-grams of ${minGramLength} to ${maxGramLength} items, ngram_counts has ${ngramCounts.length} entries`,
    );
  }
  if (!["TF", "IDF", "TFIDF"].includes(mode)) throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  const maxSkipCount = node.int("max_skip_count", 0);
  if (maxSkipCount < 0) throw node.attributeError(`max_skip_count is ${maxSkipCount}`);
  const lengths = { minGramLength, maxGramLength, maxSkipCount };
  return { mode, ...lengths, ngramCounts, ngramIndexes, ...pool, ...(weights === undefined ? {} : { weights }) };
}

function tfIdfVectorizer(node: NodeContext): readonly ValueId[] {
  const dims = dimsOf(node, 0);
  if (dims !== null && dims.length > 2)
    throw node.shapeError(`TfIdfVectorizer takes [C] or [N, C], not rank ${dims.length}`);
  const attributes = gramAttributes(node);
  const indexes = node.ints("ngram_indexes") ?? [];
  const width = 1 + indexes.reduce((most, index) => Math.max(most, index), -1);
  const type = typeOfDims("f32", dims === null ? null : [...dims.slice(0, -1), width]);
  if (type.kind === "tensor") checkedShape(node, type.dtype, type.shape);
  return node.host("tfIdfVectorizer", [node.input(0)], [type], "n-grams", attributes);
}

/** The pixels [height, width, channels] of an image file. */
function imageDecoder(node: NodeContext): readonly ValueId[] {
  const pixelFormat = node.string("pixel_format", "RGB");
  if (!["RGB", "BGR", "Grayscale"].includes(pixelFormat))
    throw node.attributeError(`there is no pixel_format ${JSON.stringify(pixelFormat)}`);
  const type: ValueType = {
    kind: "dynamic",
    dtype: "u8",
    dims: [ownDim(node, "height"), ownDim(node, "width"), pixelFormat === "Grayscale" ? 1 : 3],
  };
  return node.host("imageDecoder", [node.input(0)], [type], "image files", { pixelFormat });
}

const gramSignature = {
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
  operator("TfIdfVectorizer", tfIdfVectorizer, [{ since: 9, attributes: gramSignature }]),
  operatorOf("com.microsoft", "Tokenizer", tokenizer, [
    {
      since: 1,
      attributes: {
        mark: "int!",
        mincharnum: "int!",
        pad_value: "string!",
        separators: "strings",
        tokenexp: "string",
      },
    },
  ]),
  operator("ImageDecoder", imageDecoder, [{ since: 20, attributes: { pixel_format: "string" } }]),
];

/** WordConvEmbedding of com.microsoft: words from their characters, by a convolution over them and the maximum of its activations. */
import { arg, binary, cast, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { reduceOf } from "./norm.ts";
import { countFrom, sliceOf } from "./support.ts";
import { operatorOf } from "./table.ts";

/** The filters [f, 1, k, e] and the characters' vectors [c, e], checked against what the attributes say. */
function sizesOf(node: NodeContext): { readonly filters: number; readonly window: number; readonly width: number } {
  const [filters = 0, channels = 0, window = 0, width = 0] = node.shape(1);
  if (node.rank(1) !== 4 || channels !== 1)
    throw node.shapeError(`filters are [filters, 1, window, width], not [${node.shape(1).join(", ")}]`);
  if (node.rank(3) !== 2 || node.shape(3)[1] !== width)
    throw node.shapeError(`characters have vectors of ${width} elements, not [${node.shape(3).join(", ")}]`);
  const said = [
    ["embedding_size", filters],
    ["conv_window_size", window],
    ["char_embedding_size", width],
  ] as const;
  for (const [name, size] of said) {
    const given = node.int(name, size);
    if (given !== size) throw node.attributeError(`${name} is ${given}, but the operands have ${size}`);
  }
  return { filters, window, width };
}

/**
 * Words are rows [n, l] of characters: as many as are positive count, none if the first is not. Each window over them, and at least the first, is
 * multiplied by the filters; tanh and the maximum make the word's vector. A word of no characters is zeros.
 *
 *     chars [n, l] -gather-> [n, 1, l, e] -conv-> [n, f, l - k + 1, 1] -tanh, max-> [n, f]
 */
function wordConvEmbedding(node: NodeContext): readonly ValueId[] {
  const { filters, window, width } = sizesOf(node);
  const [words = 0, length = 0] = node.shape(0);
  if (node.rank(0) !== 2) throw node.shapeError(`words are rows of characters, not [${node.shape(0).join(", ")}]`);
  if (elementCount(node.shape(2)) !== filters) throw node.shapeError(`a bias of ${filters} elements is needed`);
  if (length < window) throw node.shapeError(`words of ${length} characters have no window of ${window}`);
  const places = length - window + 1;
  const vectors = node.emitOne({ kind: "gather", inputs: [node.input(3), node.input(0)], axis: 0 });
  const products = node.emitOne({
    kind: "conv",
    inputs: [node.reshape(vectors, [words, 1, length, width]), node.input(1)],
    layout: "nchw",
    strides: [1, 1],
    dilations: [1, 1],
    padsBegin: [0, 0],
    padsEnd: [0, 0],
    groups: 1,
    epilogue: null,
  });
  const sums = node.reshape(products, [words, filters, places]);
  const isCharacter = node.map(cast("i32", binary("gt", arg(0), lit("i32", 0))), node.input(0));
  const counts = reduceOf(node, "sum", isCharacter, [1], true);
  // zero where the first character does not count
  const characters = node.map(binary("mul", arg(0), arg(1)), counts, sliceOf(node, isCharacter, 1, 0, 1));
  const place = node.reshape(node.map(cast("i32", arg(0)), countFrom(node, places)), [1, 1, places]);
  const last = binary("max", binary("sub", arg(2), lit("i32", window)), lit("i32", 0));
  const activation = unary("tanh", binary("add", arg(0), arg(1)));
  const activations = node.map(
    select(binary("le", arg(3), last), activation, lit("f32", -Infinity)),
    sums,
    node.reshape(node.input(2), [filters, 1]),
    node.reshape(characters, [words, 1, 1]),
    place,
  );
  const largest = reduceOf(node, "max", activations, [2], false);
  return [node.map(select(binary("gt", arg(1), lit("i32", 0)), arg(0), lit("f32", 0)), largest, characters)];
}

export const wordEmbeddingOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "WordConvEmbedding", wordConvEmbedding, [
    {
      since: 1,
      inputs: [4, 4],
      attributes: { embedding_size: "int", conv_window_size: "int", char_embedding_size: "int" },
    },
  ]),
];

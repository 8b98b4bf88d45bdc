/**
 * Operators of onnxruntime's own domain that its transformer optimizer writes into models: fused activations, normalisations and
 * products. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { arg, binary, cast, type Expr, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { allInputs, binaryRow, commonDType, unaryRow } from "./elementwise.ts";
import { matmulOf, scaled } from "./linear.ts";
import { inverseDeviation, meanOf, reduceOf } from "./norm.ts";
import { layerNorm, layerStatistics, normalizeOf } from "./normalization.ts";
import { computeDType, mapIn, toDType, widen } from "./precision.ts";
import { add, gelu, geluTanh, square, swish } from "./scalar.ts";
import { countFrom, literal, movedAxis } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

const domain = "com.microsoft";

/** gelu by tanh of x, or of x + bias. */
function fastGelu(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  return [mapIn(node, compute, dtype, allInputs(node), (args) => geluTanh(compute, args.reduce(add)))];
}

/** alpha A B, with the last two dims of each swapped on demand; before that `transBatch` moves the first dim behind those of the batch. */
function fusedMatmul(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const swapped = (name: string, input: number): boolean => node.int(name, 0) !== 0 && node.rank(input) > 1;
  const operand = (name: string, input: number): ValueId => {
    const [value, rank] = [widen(node, node.input(input)), node.rank(input)];
    return node.int(name, 0) !== 0 && rank > 2 ? node.transpose(value, movedAxis(rank, 0, rank - 2)) : value;
  };
  const [a, b] = [operand("transBatchA", 0), operand("transBatchB", 1)];
  const product = matmulOf(node, a, b, swapped("transA", 0), swapped("transB", 1));
  const alpha = node.float("alpha", 1);
  const compute = computeDType(dtype);
  return [toDType(node, dtype, alpha === 1 ? product : node.map(scaled(compute, alpha, arg(0)), product))];
}

/**
 * Normalises the sum of input, skip and (optional) bias over the last dim; outputs: normal, mean, 1 / deviation, sum. Where no mean is
 * taken off, 0 stands for it, and the deviation is the root of the mean square.
 */
const skipNorm = (centered: boolean, bias: number) => (node: NodeContext) => {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  const epsilon = node.float("epsilon", 1e-12);
  const addends = [0, 1, bias].filter((index) => node.hasInput(index)).map((index) => node.input(index));
  const sum = mapIn(node, compute, compute, addends, (args) => args.reduce(add));
  const axes = [node.typeOf(sum).shape.length - 1];
  const parameters = centered && node.hasInput(3) ? [2, 3] : [2];
  const inputs = [sum, ...parameters.map((index) => widen(node, node.input(index)))];
  const normal = toDType(node, dtype, normalizeOf(node, inputs, axes, epsilon, centered));
  if (node.outputCount === 1) return [normal];
  const statistics = centered ? layerStatistics(node, sum, axes, epsilon) : rootStatistics(node, sum, axes, epsilon);
  return [normal, ...statistics.map((value) => toDType(node, "f32", value)), toDType(node, dtype, sum)];
};

/** Zeros, and 1 / root of the mean square, with the reduced dims kept. */
function rootStatistics(
  node: NodeContext,
  x: ValueId,
  axes: readonly number[],
  epsilon: number,
): readonly [mean: ValueId, inverseDeviation: ValueId] {
  const squares = meanOf(node, node.map(square(arg(0)), x), axes);
  const { dtype, shape } = node.typeOf(squares);
  return [node.broadcastTo(literal(node, dtype, 0), shape), inverseDeviation(node, squares, epsilon)];
}

/**
 * Embeddings of words, positions and (optional) segments, their sum normalised. Outputs: normal, how many tokens of each sample the mask counts, sum.
 */
function embedLayerNorm(node: NodeContext): readonly ValueId[] {
  const [batch = 0, sequence = 0] = node.shape(0);
  const dtype = node.dtype(2);
  const compute = computeDType(dtype);
  const rows = (table: number, ids: ValueId): ValueId =>
    node.emitOne({ kind: "gather", inputs: [node.input(table), ids], axis: 0 });
  const positions = node.hasInput(8) ? node.input(8) : node.reshape(countFrom(node, sequence), [1, sequence]);
  if (node.hasInput(1) !== node.hasInput(4)) throw node.shapeError("segment ids and their embeddings come together");
  const segments = node.hasInput(1) ? [rows(4, node.input(1))] : [];
  const sum = mapIn(node, compute, compute, [rows(2, node.input(0)), rows(3, positions), ...segments], (args) => args.reduce(add)); // prettier-ignore
  const inputs = [sum, widen(node, node.input(5)), widen(node, node.input(6))];
  const normal = toDType(node, dtype, normalizeOf(node, inputs, [2], node.float("epsilon", 1e-12), true));
  const isCounted = binary("eq", arg(0), lit("i32", 1));
  const counted = node.hasInput(7)
    ? reduceOf(node, "sum", node.map(cast("i32", isCounted), toDType(node, "i32", node.input(7))), [1], false)
    : node.broadcastTo(literal(node, "i32", 0), [batch]);
  return [normal, counted, toDType(node, dtype, sum)];
}

const swishOf = (t: Parameters<typeof swish>[0], x: Expr, node: NodeContext): Expr =>
  swish(t, node.float("alpha", 1.702), x);

const epsilon: Attributes = { epsilon: "float" };
const transposed: Attributes = { alpha: "float", transA: "int", transB: "int" };
const normal: Attributes = { ...epsilon, axis: "int", stash_type: "int" };

export const contribOperators: readonly OperatorDef[] = [
  unaryRow("Gelu", [1], "float", gelu, { domain }),
  binaryRow("BiasGelu", [1], "float", (t, x, bias) => gelu(t, add(x, bias)), { domain }),
  unaryRow("QuickGelu", [1], "float", swishOf, { domain, attributes: { alpha: "float" } }),
  operatorOf(domain, "FastGelu", fastGelu, [{ since: 1, inputs: [1, 2], optionalInputs: [1] }]),
  operatorOf(domain, "EmbedLayerNormalization", embedLayerNorm, [
    {
      since: 1,
      inputs: [7, 9],
      outputs: [1, 3],
      optionalInputs: [1, 4, 7, 8],
      attributes: { ...epsilon, mask_index_type: "int" },
    },
  ]),
  operatorOf(domain, "FusedMatMul", fusedMatmul, [
    { since: 1, inputs: [2, 2], attributes: { ...transposed, transBatchA: "int", transBatchB: "int" } },
  ]),
  operatorOf(domain, "TransposeMatMul", fusedMatmul, [{ since: 1, inputs: [2, 2], attributes: transposed }]),
  operatorOf(domain, "LayerNormalization", layerNorm, [
    { since: 1, inputs: [2, 3], outputs: [1, 3], attributes: normal, optionalInputs: [2] },
  ]),
  operatorOf(domain, "SkipLayerNormalization", skipNorm(true, 4), [
    { since: 1, inputs: [3, 5], outputs: [1, 4], attributes: epsilon, optionalInputs: [3, 4] },
  ]),
  operatorOf(domain, "SkipSimplifiedLayerNormalization", skipNorm(false, 3), [
    { since: 1, inputs: [3, 4], outputs: [1, 4], attributes: epsilon, optionalInputs: [3] },
  ]),
];

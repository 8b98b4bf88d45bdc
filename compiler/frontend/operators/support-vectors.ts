/** Support vector machines. Distances and the sums that classify are made in f64: a label follows from the sign of a difference. */
import { arg, binary, cast, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { linearScores } from "./linear-models.ts";
import { matmulOf } from "./linear.ts";
import { floatRowsOf, labelled, labelsOf, largestOf } from "./ml-rows.ts";
import { reduceOf } from "./norm.ts";
import { postTransformOf, spread, transformed } from "./post-transform.ts";
import { add, exp, max, mul, square, sub, tanh } from "./scalar.ts";
import { checkedConstant, concatOf } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

const listOf = (node: NodeContext, name: string): number[] => node.floats(name) ?? [];

/** A list of at least `count` floats. */
function atLeast(node: NodeContext, name: string, count: number): number[] {
  const list = listOf(node, name);
  if (list.length >= count) return list;
  throw node.attributeError(`${name} has ${list.length} entries, ${count} are needed`);
}

/** What a kernel makes of the products of rows and vectors. */
interface KernelParameters {
  readonly gamma: number;
  readonly offset: number;
  readonly degree: number;
}

function parametersOf(node: NodeContext): KernelParameters {
  if (listOf(node, "kernel_params").length === 0) return { gamma: 0, offset: 0, degree: 0 };
  const [gamma = 0, offset = 0, degree = 0] = atLeast(node, "kernel_params", 3);
  return { gamma, offset, degree };
}

function power(base: Expr, degree: number): Expr {
  if (degree === 2) return square(base);
  return degree === 3 ? mul(square(base), base) : binary("pow", base, lit("f32", degree));
}

/** The kernel of each row of x with each of `count` support vectors: f32 [rows, count]. */
function kernelValues(node: NodeContext, x: ValueId, count: number): ValueId {
  const kernel = node.string("kernel_type", "LINEAR");
  const { gamma, offset, degree } = parametersOf(node);
  const columns = node.typeOf(x).shape[1] ?? 0;
  const vectors = listOf(node, "support_vectors");
  if (vectors.length !== count * columns)
    throw node.attributeError(`${vectors.length} numbers for ${count} support vectors of ${columns} columns`);
  const table = tensorFrom("f32", [count, columns], vectors);
  if (kernel === "RBF") return gaussian(node, x, table, gamma);
  const products = matmulOf(node, x, node.constantValue(table), false, true);
  const shifted = add(mul(lit("f32", gamma), arg(0)), lit("f32", offset));
  switch (kernel) {
    case "LINEAR":
      return products;
    case "POLY":
      return node.map(power(shifted, degree), products);
    case "SIGMOID":
      return node.map(tanh(shifted), products);
    default:
      throw node.attributeError(`there is no kernel_type ${JSON.stringify(kernel)}`);
  }
}

/** exp(-gamma |x - v|²), the distance as |x|² + |v|² - 2 x v, which f64 has digits enough for. */
function gaussian(node: NodeContext, x: ValueId, vectors: TensorData, gamma: number): ValueId {
  const [rows, table] = [node.castTo("f64", x), node.castTo("f64", node.constantValue(vectors))];
  const products = matmulOf(node, rows, table, false, true);
  const lengths = (value: ValueId): ValueId => reduceOf(node, "sum", node.map(square(arg(0)), value), [1]);
  const distance = max(sub(add(arg(1), arg(2)), mul(lit("f64", 2), arg(0))), lit("f64", 0));
  const power = mul(lit("f32", -gamma), cast("f32", distance));
  return node.map(exp(power), products, lengths(rows), node.transpose(lengths(table), [1, 0]));
}

function svmRegressor(node: NodeContext): readonly ValueId[] {
  const x = floatRowsOf(node);
  const count = node.int("n_supports", 0);
  const [rho = 0] = atLeast(node, "rho", 1);
  const coefficients = listOf(node, "coefficients");
  // without support vectors it is a linear model
  const terms = count > 0 ? kernelValues(node, x, count) : x;
  const scores = linearScores(node, terms, 1, coefficients, [rho]);
  if (node.int("one_class", 0) === 0) return [scores];
  return [node.map(select(binary("gt", arg(0), lit("f32", 0)), lit("f32", 1), lit("f32", -1)), scores)];
}

/** Pairs (i, j) of classes, i < j, in the order of rho. */
const pairsOf = (classes: number): (readonly [number, number])[] =>
  Array.from({ length: classes }, (_, i) =>
    Array.from({ length: classes - 1 - i }, (_, k) => [i, i + 1 + k] as const),
  ).flat();

type Pairs = ReturnType<typeof pairsOf>;

/** Coefficients of every pair by vector, [vectors, pairs]: the two rows that a pair has of the node's [classes - 1, vectors], put together. */
function pairWeights(node: NodeContext, sizes: readonly number[], pairs: Pairs): TensorData {
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const coefficients = atLeast(node, "coefficients", (sizes.length - 1) * count);
  const shape = checkedConstant(node, "f64", [count, pairs.length]);
  const weights = new Float64Array(count * pairs.length);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  for (const [pair, [i, j]] of pairs.entries()) {
    for (const [own, row] of [
      [i, j - 1],
      [j, i],
    ] as const) {
      const start = starts[own] as number;
      for (let vector = start; vector < start + (sizes[own] as number); vector++)
        weights[vector * pairs.length + pair] = coefficients[row * count + vector] as number;
    }
  }
  return { dtype: "f64", shape, elements: weights };
}

/** The class that most pairs vote for, the first of equals: i64 [rows]. */
function mostVoted(node: NodeContext, sums: ValueId, classes: number, pairs: Pairs): ValueId {
  const isFirst = node.map(select(binary("gt", arg(0), lit("f64", 0)), lit("f32", 1), lit("f32", 0)), sums);
  const gains = new Float32Array(pairs.length * classes);
  const losses = new Float32Array(classes);
  for (const [pair, [i, j]] of pairs.entries()) {
    gains[pair * classes + i] = 1;
    gains[pair * classes + j] = -1;
    losses[j] = (losses[j] as number) + 1;
  }
  const moved = matmulOf(
    node,
    isFirst,
    node.constantValue({ dtype: "f32", shape: [pairs.length, classes], elements: gains }),
  );
  const votes = node.map(
    add(arg(0), arg(1)),
    moved,
    node.constantValue({ dtype: "f32", shape: [classes], elements: losses }),
  );
  return largestOf(node, votes);
}

function byVectors(node: NodeContext, sizes: readonly number[], labels: TensorData): readonly ValueId[] {
  const classes = labels.elements.length;
  if (sizes.length !== classes) throw node.attributeError(`${sizes.length} vectors_per_class for ${classes} classes`);
  if (sizes.some((size) => size < 0)) throw node.attributeError("vectors_per_class must not be negative");
  if (classes < 2) throw node.unsupported("support vectors for a single class");
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const pairs = pairsOf(classes);
  const kernel = node.castTo("f64", kernelValues(node, floatRowsOf(node), count));
  const rho = tensorFrom("f64", [pairs.length], atLeast(node, "rho", pairs.length).slice(0, pairs.length));
  const products = matmulOf(node, kernel, node.constantValue(pairWeights(node, sizes, pairs)));
  const sums = node.map(add(arg(0), arg(1)), products, node.constantValue(rho));
  const label = labelled(node, labels, mostVoted(node, sums, classes, pairs));
  return [label, pairScores(node, node.castTo("f32", sums), classes, pairs)];
}

/** What the sums of pairs become as scores: probabilities of classes, both sides of the only pair, or as they are. */
function pairScores(node: NodeContext, sums: ValueId, classes: number, pairs: Pairs): ValueId {
  const transform = postTransformOf(node);
  if (listOf(node, "prob_a").length > 0) {
    const probabilities = ["prob_a", "prob_b"].map((name) =>
      node.constantValue(tensorFrom("f32", [pairs.length], atLeast(node, name, pairs.length).slice(0, pairs.length))),
    );
    const [rows = 0] = node.typeOf(sums).shape;
    const [coupled] = node.host(
      "coupledProbabilities",
      [sums, ...probabilities],
      [{ kind: "tensor", dtype: "f32", shape: [rows, classes] }],
      "an iteration until it converges",
    ) as [ValueId];
    return transformed(node, transform, coupled);
  }
  if (classes > 2) return transformed(node, transform, sums);
  const both = spread("f32", transform, transform === "NONE" ? "margin" : "share", arg(0));
  return concatOf(
    node,
    both.map((score) => node.map(score, sums)),
    1,
  );
}

/** Without support vectors: a row of coefficients for each class. */
function byCoefficients(node: NodeContext, labels: TensorData): readonly ValueId[] {
  const classes = labels.elements.length;
  const coefficients = listOf(node, "coefficients");
  const [rho = 0] = atLeast(node, "rho", 1);
  const scores = linearScores(node, floatRowsOf(node), classes, coefficients, [rho]);
  const best = largestOf(node, scores);
  const isPlain = classes !== 2 || listOf(node, "prob_a").length > 0;
  return [
    labelled(node, labels, isPlain ? best : secondIfLarge(node, scores, best, coefficients)),
    transformed(node, postTransformOf(node), scores),
  ];
}

/** Of two classes, onnxruntime takes the second one where the larger score, whichever that is, is positive (or 0.5, without negative coefficients). */
function secondIfLarge(node: NodeContext, scores: ValueId, best: ValueId, coefficients: readonly number[]): ValueId {
  const isPositive = coefficients.every((value) => value >= 0);
  const isLarge = isPositive ? binary("ge", arg(0), lit("f32", 0.5)) : binary("gt", arg(0), lit("f32", 0));
  const largest = reduceOf(node, "max", scores, [1], false);
  return node.map(select(isLarge, lit("i64", 1), arg(1)), largest, best);
}

function svmClassifier(node: NodeContext): readonly ValueId[] {
  const labels = labelsOf(node, "classlabels_ints");
  const sizes = node.ints("vectors_per_class") ?? [];
  if (listOf(node, "prob_a").length !== listOf(node, "prob_b").length)
    throw node.attributeError("prob_a and prob_b must be equally long");
  const count = sizes.reduce((sum, size) => sum + size, 0);
  return count > 0 ? byVectors(node, sizes, labels) : byCoefficients(node, labels);
}

const vectorAttributes: Attributes = {
  coefficients: "floats",
  kernel_params: "floats",
  kernel_type: "string",
  post_transform: "string",
  rho: "floats",
  support_vectors: "floats",
};

/** Operators of this family. */
export const supportVectorOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "SVMClassifier", svmClassifier, [
    {
      since: 1,
      outputs: [1, 2],
      attributes: {
        ...vectorAttributes,
        classlabels_ints: "ints",
        classlabels_strings: "strings",
        prob_a: "floats",
        prob_b: "floats",
        vectors_per_class: "ints",
      },
    },
  ]),
  operatorOf("ai.onnx.ml", "SVMRegressor", svmRegressor, [
    { since: 1, attributes: { ...vectorAttributes, n_supports: "int", one_class: "int" } },
  ]),
];

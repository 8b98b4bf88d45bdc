/**
 * MoE of com.microsoft: each token goes to the `k` experts that its router scores highest, two layers each, and gets their weighted sum.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MoE
 *
 * Few tokens gather the weights of their experts. With more of them every expert works on all tokens, and what was not chosen weighs nothing.
 */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { activatedExpert, activationAttributes, isFused } from "./expert-activations.ts";
import { matmulOf } from "./linear.ts";
import { reduceOf } from "./norm.ts";
import { toDType, widen } from "./precision.ts";
import { add, div, mul, sub } from "./scalar.ts";
import { countFrom } from "./support.ts";
import { operatorOf } from "./table.ts";

/** Which experts each token goes to, and how much each of them counts: both [tokens, k]. */
export interface Routing {
  readonly experts: ValueId;
  readonly shares: ValueId;
  readonly tokens: number;
  readonly count: number;
  readonly k: number;
}

/** How many experts the router's scores, [tokens, experts], are of; checks `k` against it. */
export function expertCount(node: NodeContext, tokens: number, k: number): number {
  const [rows, count = 0] = node.shape(1);
  if (rows !== tokens || node.rank(1) !== 2) {
    throw node.shapeError(`router_probs of shape [${node.shape(1).join(",")}] for ${tokens} tokens`);
  }
  if (k < 1 || k > count) throw node.attributeError(`k is ${k} of ${count} experts`);
  return count;
}

/** The k largest of each row of scores, [tokens, count], and where they are; of equals the last one is taken. */
export function largestOf(
  node: NodeContext,
  scores: ValueId,
  k: number,
): { readonly best: ValueId; readonly experts: ValueId } {
  const [tokens = 0, count = 0] = node.typeOf(scores).shape;
  const turned = node.emitOne({
    kind: "slice",
    inputs: [scores],
    starts: [0, count - 1],
    sizes: [tokens, count],
    steps: [1, -1],
  });
  const [best = 0, place = 0] = node.emit({ kind: "topK", inputs: [turned], axis: 1, k, largest: true });
  return { best, experts: node.map(sub(lit("i64", count - 1), arg(0)), place) };
}

/** The k likeliest experts by the softmax of the router's scores. */
export function routingOf(node: NodeContext, tokens: number): Routing {
  const k = node.int("k", 1);
  const count = expertCount(node, tokens, k);
  // onnxruntime's kernels for processors route as ever
  if (node.int("use_sparse_mixer", 0) !== 0 && k !== 2)
    throw node.attributeError(`use_sparse_mixer needs k 2, not ${k}`);
  const likely = node.emitOne({ kind: "softmax", inputs: [widen(node, node.input(1))], axis: 1, log: false });
  const { best, experts } = largestOf(node, likely, k);
  if (node.int("normalize_routing_weights", 0) === 0) return { experts, shares: best, tokens, count, k };
  const shares = node.map(div(arg(0), arg(1)), best, reduceOf(node, "sum", best, [1]));
  return { experts, shares, tokens, count, k };
}

/** Shares as [experts, tokens, 1], zero where a token does not go. */
export function sharesByExpert(node: NodeContext, { experts, shares, tokens, count, k }: Routing): ValueId {
  const { dtype } = node.typeOf(shares);
  const chosen = node.reshape(experts, [tokens, k, 1]);
  const placed = node.map(
    select(binary("eq", arg(0), arg(1)), arg(2), lit(dtype, 0)),
    chosen,
    countFrom(node, count),
    node.reshape(shares, [tokens, k, 1]),
  );
  const dense = reduceOf(node, "sum", placed, [1], false);
  return node.reshape(node.transpose(dense, [1, 0]), [count, tokens, 1]);
}

/** Tokens of the input, which is [tokens, width] or [batch, sequence, width]. */
export function tokensOfInput(node: NodeContext): readonly [tokens: number, width: number] {
  const shape = node.shape(0);
  const width = shape.at(-1) ?? 0;
  if (shape.length !== 2 && shape.length !== 3)
    throw node.shapeError(`an input of shape [${shape.join(",")}] is no list of tokens`);
  return [elementCount(shape.slice(0, -1)), width];
}

/** Weights [experts, rows, columns] of a layer; they may be declared [experts, columns, rows], as early exporters did, with the same elements. */
function layerWeights(node: NodeContext, index: number, count: number, rows: number, columns: number): ValueId {
  const shape = node.shape(index);
  const isEarly = shape.join() === [count, columns, rows].join();
  if (!isEarly && shape.join() !== [count, rows, columns].join()) {
    throw node.shapeError(`input ${index} is [${shape.join(",")}], must be [${count},${rows},${columns}]`);
  }
  return node.reshape(node.input(index), [count, rows, columns]);
}

/** How the experts' tensors, [experts, ...], meet the tokens: all experts with all tokens, or each token with the k it goes to. */
interface Meeting {
  readonly input: ValueId;
  /** [experts, rows, columns] or [experts, columns] laid along the input */
  readonly of: (value: ValueId) => ValueId;
  readonly shares: ValueId;
  /** over which the results are summed */
  readonly axis: number;
}

function meetingOf(node: NodeContext, routing: Routing, width: number): Meeting {
  const { tokens, count, k, experts, shares } = routing;
  const input = widen(node, node.input(0));
  const row = (value: ValueId, lead: readonly number[]): ValueId => {
    const { shape } = node.typeOf(value);
    return node.reshape(value, [...lead, ...(shape.length === 2 ? [1] : []), ...shape.slice(1)]);
  };
  if (tokens * k >= count) {
    const of = (value: ValueId): ValueId => row(value, [count]);
    return { input: node.reshape(input, [1, tokens, width]), of, shares: sharesByExpert(node, routing), axis: 0 };
  }
  const chosen = node.reshape(experts, [tokens * k]);
  const of = (value: ValueId): ValueId =>
    row(node.emitOne({ kind: "gather", inputs: [value, chosen], axis: 0 }), [tokens, k]);
  const laid = node.reshape(shares, [tokens, k, 1, 1]);
  return { input: node.reshape(input, [tokens, 1, 1, width]), of, shares: laid, axis: 1 };
}

/** The layers of the experts, and what their weights are. */
export interface ExpertLayers {
  /** elements between the two layers */
  readonly inner: number;
  /** weights [experts, rows, columns] of the layer whose weights are this input */
  readonly weights: (index: number, rows: number, columns: number) => ValueId;
  /** first, second and third layer: the input of its weights, and that of its bias */
  readonly inputs: readonly (readonly [weights: number, bias: number])[];
}

/** What the experts that tokens are sent to give, summed by their shares. */
export function mixtureOf(node: NodeContext, routing: Routing, layers: ExpertLayers): ValueId {
  const dtype = node.dtype(0);
  const [, width] = tokensOfInput(node);
  const { count } = routing;
  const { inner } = layers;
  const { input, of, shares, axis } = meetingOf(node, routing, width);
  const layer = (x: ValueId, which: number, rows: number, columns: number): ValueId => {
    const [index, bias] = layers.inputs[which] ?? [-1, -1];
    const weights = layers.weights(index, rows, columns);
    const product = matmulOf(node, x, widen(node, of(weights)), false, true);
    if (!node.hasInput(bias)) return product;
    if (node.shape(bias).join() !== [count, rows].join()) {
      throw node.shapeError(`input ${bias} is [${node.shape(bias).join(",")}], must be [${count},${rows}]`);
    }
    return node.map(add(arg(0), arg(1)), product, widen(node, of(node.input(bias))));
  };
  const first = layer(input, 0, isFused(node) ? 2 * inner : inner, width);
  const [third = -1] = layers.inputs[2] ?? [];
  const gate = node.hasInput(third) ? layer(input, 2, inner, width) : null;
  const second = layer(activatedExpert(node, first, gate), 1, width, inner);
  const sum = reduceOf(node, "sum", node.map(mul(arg(0), arg(1)), second, shares), [axis]);
  return toDType(node, dtype, node.reshape(sum, node.shape(0)));
}

function moe(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const [tokens, width] = tokensOfInput(node);
  const routing = routingOf(node, tokens);
  const { count } = routing;
  const inner = elementCount(node.shape(4)) / Math.max(1, count * width);
  if (!Number.isInteger(inner))
    throw node.shapeError(`fc2 is [${node.shape(4).join(",")}] for ${count} experts of width ${width}`);
  const weights = (index: number, rows: number, columns: number): ValueId =>
    layerWeights(node, index, count, rows, columns);
  return [
    mixtureOf(node, routing, {
      inner,
      weights,
      inputs: [
        [2, 3],
        [4, 5],
        [6, 7],
      ],
    }),
  ];
}

export const moeOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "MoE", moe, [
    {
      since: 1,
      inputs: [5, 8],
      optionalInputs: [3, 5, 6, 7],
      attributes: { ...activationAttributes, k: "int", normalize_routing_weights: "int", use_sparse_mixer: "int" },
    },
  ]),
];

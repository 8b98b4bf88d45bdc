/** FlexAttention: attention whose scores and probabilities pass through subgraphs of the model, which are put in place. */
import { dtypeOfOnnxId } from "../../../ir/dtype.ts";
import { arg, lit } from "../../../ir/expr.ts";
import type { Graph, OpSpec, ValueId } from "../../../ir/graph.ts";
import { sameShape, showType } from "../../../ir/types.ts";
import { NodeLowering } from "../node-context.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { finishRegions } from "../scope.ts";
import { checkGroups } from "./attend.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { mul } from "./scalar.ts";
import { operatorOf } from "./table.ts";

/** Repeats the ops of a region in the node's own graph, with `operands` for the region's inputs; returns its outputs. */
function putInPlace(context: NodeLowering, region: Graph, operands: readonly ValueId[]): readonly ValueId[] {
  const { builder } = context.scope.region;
  const values = new Map(region.inputs.map(({ value }, i) => [value, operands[i] ?? 0]));
  const valueOf = (id: ValueId): ValueId => {
    const constant = region.values[id]?.constant;
    const known = values.get(id) ?? (constant === undefined ? undefined : context.constantValue(constant));
    if (known === undefined) throw new Error(`internal: %${id} of a subgraph is not defined`);
    values.set(id, known);
    return known;
  };
  for (const { outputs, origin, ...spec } of region.ops) {
    const types = outputs.flatMap((id) => region.values[id]?.type ?? []);
    const moved = { ...spec, inputs: spec.inputs.map(valueOf) } as OpSpec;
    const results = builder.emit(moved, { origin, types });
    for (const [i, id] of outputs.entries()) values.set(id, results[i] ?? 0);
  }
  return region.outputs.map(({ value }) => valueOf(value));
}

/** A value passed through the subgraph of an attribute, if the node has it; the subgraph must keep its type. */
function modified(node: NodeContext, attribute: string, value: ValueId): ValueId {
  if (node.attribute(attribute) === undefined) return value;
  if (!(node instanceof NodeLowering)) throw new Error("internal: subgraphs need the frontend's own context");
  const type = node.typeOf(value);
  const graph = node.graph(attribute);
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) {
    throw node.error("WSC3003", `${attribute} takes ${graph.inputs.length} and gives ${graph.outputs.length} values, must be one each`); // prettier-ignore
  }
  const { graphs, captured } = finishRegions([node.region(graph, [{ type }]).region]);
  const [region] = graphs;
  const [result] = region === undefined ? [] : putInPlace(node, region, [value, ...captured]);
  if (result === undefined) throw new Error(`internal: ${attribute} has no result`);
  const given = node.typeOf(result);
  if (given.dtype !== type.dtype || !sameShape(given.shape, type.shape)) {
    throw node.shapeError(`${attribute} makes ${showType(given)} of ${showType(type)}`);
  }
  return result;
}

/** [batch, heads, rows, n] as [batch, kvHeads, group * rows, n]: the subgraphs want all heads in one axis, so a group's queries are rows of one matrix. */
function grouped(node: NodeContext, value: ValueId, kvHeads: number): ValueId {
  const [batch = 0, heads = 0, rows = 0, size = 0] = node.typeOf(value).shape;
  checkGroups(node, heads, kvHeads);
  return node.reshape(value, [batch, kvHeads, (heads / kvHeads) * rows, size]);
}

function flexAttention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  const id = node.int("softmax_precision");
  const precision = id === undefined ? compute : dtypeOfOnnxId(id);
  if (precision === undefined) throw node.attributeError("softmax_precision is no element type");
  const [batch = 0, heads = 0, queries = 0, size = 1] = node.shape(0);
  const [, kvHeads = 0, keys = 0] = node.shape(1);
  if ([0, 1, 2].some((index) => node.rank(index) !== 4)) throw node.shapeError("Q, K and V must have rank 4");
  const scale = lit(compute, node.float("scale", 1 / Math.sqrt(size)));
  const scaled = node.map(mul(arg(0), scale), widen(node, node.input(0)));
  const raw = matmulOf(node, grouped(node, scaled, kvHeads), widen(node, node.input(1)), false, true);
  const scores = toDType(node, precision, node.reshape(raw, [batch, heads, queries, keys]));
  const wide = widen(node, modified(node, "score_mod", scores));
  const softmax = node.emitOne({ kind: "softmax", inputs: [wide], axis: 3, log: false });
  const weights = toDType(node, compute, modified(node, "prob_mod", toDType(node, precision, softmax)));
  const product = matmulOf(node, grouped(node, weights, kvHeads), widen(node, node.input(2)));
  return [toDType(node, dtype, node.reshape(product, [batch, heads, queries, node.shape(2)[3] ?? 0]))];
}

export const flexAttentionOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.preview", "FlexAttention", flexAttention, [
    {
      since: 1,
      inputs: [3, 3],
      attributes: { prob_mod: "graph", scale: "float", score_mod: "graph", softmax_precision: "int" },
    },
  ]),
];

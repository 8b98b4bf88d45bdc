/** NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { div, mul, neg } from "./scalar.ts";
import { operator } from "./table.ts";

/** Class of every sample, as i64 and never out of range, and whether the sample counts. */
interface Targets {
  readonly classes: ValueId;
  readonly counted: ValueId | null;
}

/** Samples of class `ignore_index`, which may be no class at all, weigh nothing. */
function targetsOf(node: NodeContext): Targets {
  const classes = toDType(node, "i64", node.input(1));
  const ignored = node.int("ignore_index");
  if (ignored === undefined) return { classes, counted: null };
  const isCounted = binary("ne", arg(0), lit("i64", ignored));
  return {
    classes: node.map(select(isCounted, arg(0), lit("i64", 0)), classes),
    counted: node.map(isCounted, classes),
  };
}

/** Weight of every sample: that of its class, or 1; 0 where the sample is ignored. Null: all weigh 1. */
function sampleWeights(node: NodeContext, { classes, counted }: Targets): ValueId | null {
  if (node.hasInput(2)) {
    const weights = node.emitOne({ kind: "gather", inputs: [widen(node, node.input(2)), classes], axis: 0 });
    if (counted === null) return weights;
    return node.map(select(arg(1), arg(0), lit(node.typeOf(weights).dtype, 0)), weights, counted);
  }
  return counted === null ? null : node.castTo(computeDType(node.dtype(0)), counted);
}

/** -weight * log probability of every sample's class, reduced as the node says; `logs` is [N, C, …] in the compute type. */
function loss(node: NodeContext, logs: ValueId): ValueId {
  const { dtype, shape } = node.typeOf(logs);
  const samples = node.shape(1);
  if (shape.length < 2 || samples.join() !== shape.toSpliced(1, 1).join()) {
    throw node.shapeError(`targets are [${samples.join(", ")}], scores [${shape.join(", ")}]`);
  }
  const targets = targetsOf(node);
  const index = node.reshape(targets.classes, samples.toSpliced(1, 0, 1));
  const picked = node.reshape(node.emitOne({ kind: "gatherElements", inputs: [logs, index], axis: 1 }), samples);
  const weights = sampleWeights(node, targets);
  const each = weights === null ? node.map(neg(arg(0)), picked) : node.map(neg(mul(arg(0), arg(1))), picked, weights);
  const total = (value: ValueId): ValueId =>
    node.emitOne({ kind: "reduce", inputs: [value], fn: "sum", axes: [...samples.keys()], keepDims: false });
  const reduction = node.string("reduction", "mean");
  if (reduction === "none") return each;
  if (reduction === "sum") return total(each);
  if (reduction !== "mean") throw node.attributeError(`there is no reduction ${JSON.stringify(reduction)}`);
  if (weights !== null) return node.map(div(arg(0), arg(1)), total(each), total(weights));
  const count = samples.reduce((product, dim) => product * dim, 1);
  return node.map(div(arg(0), lit(dtype, count)), total(each));
}

const negativeLogLikelihood = (node: NodeContext): ValueId[] => [
  toDType(node, node.dtype(0), loss(node, widen(node, node.input(0)))),
];

function softmaxCrossEntropy(node: NodeContext): ValueId[] {
  const declared = node.dtype(0);
  if (node.rank(0) < 2) throw node.shapeError("scores must be [N, C, …]");
  const logs = node.emitOne({ kind: "softmax", inputs: [widen(node, node.input(0))], axis: 1, log: true });
  return [toDType(node, declared, loss(node, logs)), toDType(node, declared, logs)];
}

const attributes = { ignore_index: "int", reduction: "string" } as const;

/** Operators of this family. */
export const lossOperators: readonly OperatorDef[] = [
  operator("NegativeLogLikelihoodLoss", negativeLogLikelihood, [{ since: [12, 13, 22], inputs: [2, 3], attributes }]),
  operator("SoftmaxCrossEntropyLoss", softmaxCrossEntropy, [
    { since: [12, 13], inputs: [2, 3], outputs: [1, 2], attributes },
  ]),
];

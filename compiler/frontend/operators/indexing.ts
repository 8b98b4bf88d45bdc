/** Operators that read or write elements at positions given by an index tensor. */
import { arg, binary, lit } from "../../../ir/expr.ts";
import type { ScatterReduction, ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType } from "./precision.ts";
import { inverse, indexTensor, movedAxis } from "./support.ts";
import { operator, operatorOf } from "./table.ts";

function gather(node: NodeContext): ValueId[] {
  const axis = node.axis(node.int("axis", 0), node.rank(0));
  return [node.emitOne({ kind: "gather", inputs: [node.input(0), node.input(1)], axis })];
}

function gatherElements(node: NodeContext): ValueId[] {
  const axis = node.axis(node.int("axis", 0), node.rank(0));
  return [node.emitOne({ kind: "gatherElements", inputs: [node.input(0), node.input(1)], axis })];
}

function gatherND(node: NodeContext): ValueId[] {
  const batchDims = node.int("batch_dims", 0);
  return [node.emitOne({ kind: "gatherND", inputs: [node.input(0), node.input(1)], batchDims })];
}

const reductions: ReadonlySet<string> = new Set<ScatterReduction>(["none", "add", "mul", "min", "max"]);
const isReduction = (name: string): name is ScatterReduction => reductions.has(name);

function reductionOf(node: NodeContext): ScatterReduction {
  const reduction = node.string("reduction", "none");
  if (isReduction(reduction)) return reduction;
  throw node.attributeError(`there is no reduction ${JSON.stringify(reduction)}`);
}

type ScatterSpec =
  | { readonly kind: "scatterElements"; readonly axis: number; readonly reduction: ScatterReduction }
  | { readonly kind: "scatterND"; readonly reduction: ScatterReduction };

/** A scatter; one that combines values does so in the type that arithmetic is done in. */
function scatter(node: NodeContext, spec: ScatterSpec): ValueId[] {
  const dtype = node.dtype(0);
  const compute = spec.reduction === "none" ? dtype : computeDType(dtype);
  const data = toDType(node, compute, node.input(0));
  const updates = toDType(node, compute, node.input(2));
  return [toDType(node, dtype, node.emitOne({ ...spec, inputs: [data, node.input(1), updates] }))];
}

function scatterElements(node: NodeContext): ValueId[] {
  const axis = node.axis(node.int("axis", 0), node.rank(0));
  return scatter(node, { kind: "scatterElements", axis, reduction: reductionOf(node) });
}

const scatterND = (node: NodeContext): ValueId[] => scatter(node, { kind: "scatterND", reduction: reductionOf(node) });

/** Columns of a matrix (or elements of a vector, as one row). */
function arrayFeatureExtractor(node: NodeContext): ValueId[] {
  const shape = node.shape(0);
  const indices = node.reshape(node.input(1), [elementCount(node.shape(1))]);
  const matrix = shape.length === 1 ? node.reshape(node.input(0), [1, ...shape]) : node.input(0);
  return [node.emitOne({ kind: "gather", inputs: [matrix, indices], axis: Math.max(1, shape.length - 1) })];
}

/**
 * A cache [batch, …, length, …] with `update` written at each batch's own position along `axis`. With that axis brought next to the batch
 * both are one axis of rows, and row b * length + (position[b] + i) is written.
 */
function tensorScatter(node: NodeContext): ValueId[] {
  const cache = node.shape(0);
  const update = node.shape(1);
  const axis = node.axis(node.int("axis", -2), cache.length);
  const [batch = 1, length = 1, added = 0] = [cache[0], cache[axis], update[axis]];
  if (axis === 0) throw node.attributeError("axis 0 is the batch, which TensorScatter does not write along");
  const perm = movedAxis(cache.length, axis, 1);
  const rest = perm.slice(2).map((from) => cache[from] ?? 1);
  const rows = (value: ValueId, count: number): ValueId => node.reshape(node.transpose(value, perm), [count, ...rest]);
  const written = node.emitOne({
    kind: "scatterND",
    inputs: [
      rows(node.input(0), batch * length),
      writtenRows(node, batch, length, added),
      rows(node.input(1), batch * added),
    ],
    reduction: "none",
  });
  return [node.transpose(node.reshape(written, [batch, length, ...rest]), inverse(perm))];
}

/** Rows that TensorScatter writes, [batch * added, 1]; mode circular wraps within the cache's length. */
function writtenRows(node: NodeContext, batch: number, length: number, added: number): ValueId {
  const mode = node.string("mode", "linear");
  if (mode !== "linear" && mode !== "circular") throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  const start = node.hasInput(2)
    ? node.reshape(toDType(node, "i64", node.input(2)), [batch, 1])
    : node.constantValue(indexTensor([batch, 1], () => 0));
  const step = node.constantValue(indexTensor([1, added], (i) => i));
  const base = node.constantValue(indexTensor([batch, 1], (b) => b * length));
  const position = binary("add", arg(0), arg(1));
  const within = mode === "linear" ? position : binary("mod", position, lit("i64", length));
  return node.reshape(node.map(binary("add", within, arg(2)), start, step, base), [batch * added, 1]);
}

const axisAttribute = { axis: "int" } as const;
const scatterAttributes = { axis: "int", reduction: "string" } as const;

/** Operators of this family. */
export const indexingOperators: readonly OperatorDef[] = [
  operator("Gather", gather, [{ since: [1, 11, 13], inputs: [2, 2], attributes: axisAttribute }]),
  operator("GatherElements", gatherElements, [{ since: [11, 13], inputs: [2, 2], attributes: axisAttribute }]),
  operator("GatherND", gatherND, [
    { since: 11, inputs: [2, 2] },
    { since: [12, 13], attributes: { batch_dims: "int" } },
  ]),
  operator("Scatter", scatterElements, [{ since: [9, 11], inputs: [3, 3], attributes: axisAttribute }]),
  operator("ScatterElements", scatterElements, [
    { since: [11, 13], inputs: [3, 3], attributes: axisAttribute },
    { since: [16, 18], attributes: scatterAttributes },
  ]),
  operator("ScatterND", scatterND, [
    { since: [11, 13], inputs: [3, 3] },
    { since: [16, 18], attributes: { reduction: "string" } },
  ]),
  operator("TensorScatter", tensorScatter, [
    { since: 24, inputs: [2, 3], attributes: { axis: "int", mode: "string" } },
  ]),
  operatorOf("ai.onnx.ml", "ArrayFeatureExtractor", arrayFeatureExtractor, [{ since: 1, inputs: [2, 2] }]),
];

/**
 * Operators of com.microsoft that the standard took over later, in their first forms: each becomes the standard's.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { nth } from "../../../ir/access.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import { GraphWriter, intAttribute, stringAttribute } from "../graph-writer.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { elementTypeOf } from "./dynamic.ts";
import { indexTensor, range as upTo } from "./support.ts";
import { operatorOf } from "./table.ts";

const domain = "com.microsoft";

/** ONNX's number of an element type. */
const int64 = 7;

const nameOf = (node: NodeContext, index: number): string => nth(node.node.inputs, index);

/** A tensor of one element as a scalar. */
const scalarOf = (writer: GraphWriter, name: string): string =>
  writer.node("Reshape", [name, writer.constant(tensorFrom("i64", [0], []))]);

/** Start, limit and (optional) step may have one dim. */
function range(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const [start = "", limit = ""] = [0, 1].map((index) => scalarOf(writer, nameOf(node, index)));
  const one = (): string => writer.constant(tensorFrom(elementTypeOf(node, 0), [], [1]));
  const step = node.hasInput(2) ? scalarOf(writer, nameOf(node, 2)) : one();
  return writer.finish([writer.node("Range", [start, limit, step])]);
}

function gatherNd(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const indices = writer.node("Cast", [nameOf(node, 1)], { attributes: { to: intAttribute(int64) } });
  return writer.finish([writer.node("GatherND", [nameOf(node, 0), indices])]);
}

function expandDims(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const axis = writer.node("Cast", [nameOf(node, 1)], { attributes: { to: intAttribute(int64) } });
  const axes = writer.node("Reshape", [axis, writer.constant(tensorFrom("i64", [1], [1]))]);
  return writer.finish([writer.node("Unsqueeze", [nameOf(node, 0), axes])]);
}

/** The amounts may have a dim of 1 in front, the value one dim. */
function pad(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const amounts = writer.node("Reshape", [nameOf(node, 1), writer.constant(tensorFrom("i64", [1], [-1]))]);
  const value = node.hasInput(2) ? [scalarOf(writer, nameOf(node, 2))] : [];
  const attributes = { mode: stringAttribute(node.string("mode", "constant")) };
  return writer.finish([writer.node("Pad", [nameOf(node, 0), amounts, ...value], { attributes })]);
}

/** Distinct elements in the order in which they come, where each element of the input is among them, and how often each is there. */
function unique(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const [distinct = "", , places = "", counts = ""] = writer.nodes("Unique", [nameOf(node, 0)], 4, {
    attributes: { sorted: intAttribute(0) },
  });
  return writer.finish([distinct, places, counts]);
}

/** All windows of `size` elements along an axis, `step` apart: the windows take the axis' place, their elements are a last axis. */
function unfold(node: NodeContext): OnnxGraph {
  const { shape } = node.type(0);
  const axis = node.axis(node.int("dim", -1), shape.length);
  const [size, step] = [node.int("size", 1), node.int("step", 1)];
  const { [axis]: length = 0 } = shape;
  if (size < 1 || step < 1 || size > length)
    throw node.attributeError(`windows of ${size} elements, ${step} apart, along an axis of ${length}`);
  const windows = Math.floor((length - size) / step) + 1;
  const writer = GraphWriter.for(node.node);
  const indices = writer.constant(indexTensor([windows, size], (i) => Math.floor(i / size) * step + (i % size)));
  const taken = writer.node("Gather", [nameOf(node, 0), indices], { attributes: { axis: intAttribute(axis) } });
  const order = upTo(shape.length + 1).filter((at) => at !== axis + 1);
  const perm = { kind: "ints", value: [...order, axis + 1].map(BigInt) } as const;
  return writer.finish([writer.node("Transpose", [taken], { attributes: { perm } })]);
}

export const contribMovementOperators: readonly OperatorDef[] = [
  operatorOf(domain, "Range", range, [{ since: 1, inputs: [2, 3] }]),
  operatorOf(domain, "GatherND", gatherNd, [{ since: 1, inputs: [2, 2] }]),
  operatorOf(domain, "ExpandDims", expandDims, [{ since: 1, inputs: [2, 2] }]),
  operatorOf(domain, "Pad", pad, [{ since: 1, inputs: [2, 3], attributes: { mode: "string" } }]),
  operatorOf(domain, "Unique", unique, [{ since: 1, outputs: [3, 3] }]),
  operatorOf(domain, "UnfoldTensor", unfold, [{ since: 1, attributes: { dim: "int", size: "int!", step: "int" } }]),
];

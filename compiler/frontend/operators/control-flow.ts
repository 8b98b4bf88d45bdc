/**
 * If and Loop. Their subgraphs become regions whose captured values are operands; a branch that is chosen by a constant takes the
 * place of its If. Values that a body gives back in another shape than it got them are carried with open shapes: what depends on them
 * is then put off to run time within the body (deferred-part.ts).
 */
import { type OpSpec, tensorType, type ValueId, type ValueType } from "../../../ir/graph.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { maxMemoryBytes } from "../../../ir/program-text.ts";
import { elementCount, scalarTensor, type TensorData } from "../../../ir/tensor.ts";
import { showType } from "../../../ir/types.ts";
import { saturate } from "../attributes.ts";
import { headerShapes } from "../loop-header.ts";
import type { Formal } from "../node-context.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { finishRegions } from "../scope.ts";
import {
  control,
  emptyShapes,
  expectFormals,
  expectResults,
  finishBody,
  lowerBody,
  withResultTypes,
} from "./loop-body.ts";

const trueConstant: TensorData = scalarTensor("bool", 1);

/** The branch of an If whose condition is known; null for every other node. */
export function chosenBranch(node: NodeContext): OnnxGraph | null {
  if (node.node.opType !== "If" || node.node.domain !== "") return null;
  const condition = node.constantOrUndefined(0);
  if (condition === undefined) return null;
  if (condition.dtype !== "bool" || condition.elements.length !== 1) {
    throw node.typeError(`the condition is ${showType(node.anyType(0))}, must be one bool`);
  }
  const branch = node.graph(condition.elements[0] === 0 ? "else_branch" : "then_branch");
  expectEqualResults(node, branch);
  return branch;
}

function expectEqualResults(node: NodeContext, branch: OnnxGraph): void {
  const [given, wanted] = [branch.outputs.length, node.node.outputs.length];
  if (given === wanted) return;
  throw control(node).error("WSC3003", `a branch gives ${given} values, the node has ${wanted} outputs`);
}

function lowerIf(node: NodeContext): readonly ValueId[] {
  const context = control(node);
  const branches = ["then_branch", "else_branch"].map((name) => {
    const graph = node.graph(name);
    expectFormals(node, graph, 0);
    expectEqualResults(node, graph);
    return graph;
  });
  const lowered = branches.map((graph) => ({ graph, ...context.region(graph, []) }));
  const regions = lowered.map(({ graph, region }, i) => {
    if (region.faults.length === 0) return region;
    // what a wrong node gives is a guess, and the other branch knows better
    const typed = withResultTypes(graph, 0, lowered.at(i - 1)?.types ?? []);
    return typed === graph ? region : context.region(typed, []).region;
  });
  const { graphs, captured } = finishRegions(regions);
  const [yes, no] = graphs;
  if (yes === undefined || no === undefined) throw new Error("internal: an If without branches");
  const count = Math.min(yes.outputs.length, no.outputs.length);
  const cut = (graph: typeof yes): typeof yes => ({ ...graph, outputs: graph.outputs.slice(0, count) });
  return node.emit({ kind: "if", inputs: [scalarCondition(node, 0), ...captured], then: cut(yes), else: cut(no) });
}

/** A bool input of one element as a scalar. */
function scalarCondition(node: NodeContext, index: number): ValueId {
  const { dtype, shape } = node.type(index);
  if (dtype !== "bool" || shape.some((dim) => dim !== 1)) {
    throw node.typeError(`the condition is ${showType(node.type(index))}, must be one bool`);
  }
  return node.reshape(node.input(index), []);
}

/** The first formals of a body. Whenever it runs, its condition holds. */
function loopHeader(graph: OnnxGraph): readonly Formal[] {
  const { iteration, condition } = headerShapes(graph);
  return [
    { type: tensorType("i64", []), shape: iteration },
    { type: tensorType("bool", []), constant: trueConstant, shape: condition },
  ];
}

function lowerLoop(node: NodeContext): readonly ValueId[] {
  const graph = withResultTypes(node.graph("body"), 0, [tensorType("bool", [])]);
  const carriedCount = Math.max(0, node.node.inputs.length - 2);
  expectFormals(node, graph, carriedCount + 2);
  expectResults(node, graph, Math.max(1 + carriedCount, 1 + node.outputCount));
  const tripCount = node.hasInput(0) ? scalarTripCount(node) : node.scalar("i64", 2n ** 63n - 1n);
  const condition = node.hasInput(1) ? scalarCondition(node, 1) : node.constantValue(trueConstant);
  const initial = Array.from({ length: carriedCount }, (_, i) => i + 2);
  const carried = initial.map((index) => node.anyType(index));
  const lowered = lowerBody(node, graph, { before: loopHeader(graph), carried, after: [] }, 1);
  checkBodyCondition(node, lowered.types[0]);
  const [body, captured] = finishBody(lowered);
  const inputs = [tripCount, condition, ...initial.map((index) => node.input(index)), ...captured];
  const trips =
    isTrue(constantOf(node, condition)) && isTrue(lowered.constants[0]) ? constantOf(node, tripCount) : undefined;
  const empty = emptyShapes(graph, lowered, 1 + carriedCount);
  return emitLoop(node, { kind: "loop", carried: carriedCount, ...empty, body, inputs }, trips);
}

const constantOf = (node: NodeContext, value: ValueId): TensorData | undefined =>
  control(node).scope.region.builder.constantOf(value);

const isTrue = (constant: TensorData | undefined): boolean => constant?.elements[0] === 1;

/**
 * Stacked results have a known shape when the number of iterations is known: `trips`, if nothing ends the loop before. A number that no memory
 * could hold the results of stands for a loop that is to be ended otherwise.
 */
function emitLoop(
  node: NodeContext,
  spec: Extract<OpSpec, { readonly kind: "loop" }>,
  trips: TensorData | undefined,
): readonly ValueId[] {
  const context = control(node);
  const inferred = context.inferTypes(spec);
  const count = trips === undefined ? undefined : Math.max(0, saturate(trips.elements[0] as bigint));
  const results = spec.body.outputs.slice(1);
  const types = inferred.map((type, i) => {
    const slice = spec.body.values[results[i]?.value ?? -1]?.type;
    if (count === undefined || i < spec.carried || slice?.kind !== "tensor") return type;
    const shape = [count, ...slice.shape];
    const fits = elementCount(shape) * storageBytes(slice.dtype) <= maxMemoryBytes;
    return fits ? tensorType(slice.dtype, shape) : type;
  });
  return context.emitTyped(spec, types);
}

function scalarTripCount(node: NodeContext): ValueId {
  const { dtype, shape } = node.type(0);
  if (dtype !== "i64" || shape.some((dim) => dim !== 1)) {
    throw node.typeError(`the trip count is ${showType(node.type(0))}, must be one i64`);
  }
  return node.reshape(node.input(0), []);
}

function checkBodyCondition(node: NodeContext, type: ValueType | undefined): void {
  const fits = type !== undefined && (type.kind === "tensor" || type.kind === "dynamic") && type.dtype === "bool";
  if (!fits)
    throw node.typeError(`its body's condition is ${type === undefined ? "missing" : showType(type)}, must be bool`);
}

/** Operators of this family. */
export const controlFlowOperators: readonly OperatorDef[] = [
  {
    domain: "",
    name: "If",
    versions: [1, 11, 13, 16, 19, 21, 23, 24, 25].map((since) => ({
      since,
      inputs: [1, 1],
      outputs: [1, Infinity],
      attributes: { then_branch: "graph!", else_branch: "graph!" },
      lower: lowerIf,
    })),
  },
  {
    domain: "",
    name: "Loop",
    versions: [1, 11, 13, 16, 19, 21, 23, 24, 25].map((since) => ({
      since,
      inputs: [2, Infinity],
      outputs: [0, Infinity],
      attributes: { body: "graph!" },
      optionalInputs: [0, 1],
      lower: lowerLoop,
    })),
  },
];

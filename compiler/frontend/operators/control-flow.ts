/**
 * If, Loop and Scan. Their subgraphs become regions whose captured values are operands; a branch that is chosen by a constant takes the
 * place of its If. Values that a body gives back in another shape than it got them are carried with open shapes: what depends on them
 * is then put off to run time within the body (deferred-part.ts).
 */
import type { ValueId, ValueType } from "../../../ir/graph.ts";
import { scalarTensor, type TensorData } from "../../../ir/tensor.ts";
import { acceptsType, joinTypes, showType } from "../../../ir/types.ts";
import { type Formal, type LoweredRegion, NodeLowering } from "../node-context.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { finishRegions } from "../scope.ts";

function control(node: NodeContext): NodeLowering {
  if (node instanceof NodeLowering) return node;
  throw new Error("internal: control flow needs the frontend's own context");
}

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
  expectResults(node, branch, node.outputCount);
  return branch;
}

function expectResults(node: NodeContext, graph: OnnxGraph, least: number): void {
  if (graph.outputs.length >= least) return;
  throw control(node).error("WSC3003", `a subgraph gives ${graph.outputs.length} values, ${least} are asked for`);
}

function expectFormals(node: NodeContext, graph: OnnxGraph, count: number): void {
  if (graph.inputs.length === count) return;
  throw control(node).error("WSC3003", `its body takes ${graph.inputs.length} inputs and is given ${count}`);
}

function lowerIf(node: NodeContext): readonly ValueId[] {
  const context = control(node);
  const branches = ["then_branch", "else_branch"].map((name) => {
    const graph = node.graph(name);
    expectFormals(node, graph, 0);
    expectResults(node, graph, node.outputCount);
    return context.region(graph, []);
  });
  const { graphs, captured } = finishRegions(branches.map(({ region }) => region));
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

/** Formals with the widened types and the region lowered for them. */
interface Body {
  readonly lowered: LoweredRegion;
  readonly carried: readonly ValueType[];
}

/**
 * Lowers a body until what it gives back fits what it takes: a carried value whose type changes is taken with an open shape instead.
 * `before` and `after` are the formals around the carried ones, `firstResult` is where carried results start.
 */
function lowerBody(
  node: NodeContext,
  graph: OnnxGraph,
  formals: {
    readonly before: readonly Formal[];
    readonly carried: readonly ValueType[];
    readonly after: readonly Formal[];
  },
  firstResult: number,
): Body {
  let carried = formals.carried;
  for (;;) {
    const lowered = control(node).region(graph, [
      ...formals.before,
      ...carried.map((type): Formal => ({ type })),
      ...formals.after,
    ]);
    const widened = carried.map((type, i) => widen(node, type, lowered.types[firstResult + i] ?? type, i));
    if (widened.every((type, i) => type === carried[i])) return { lowered, carried };
    carried = widened;
  }
}

/** The carried type itself when a result of type `given` may take its place, else one that covers both, with nothing said of its dims. */
function widen(node: NodeContext, type: ValueType, given: ValueType, index: number): ValueType {
  if (acceptsType(type, given)) return type;
  const joint = joinTypes(type, given);
  if (joint === null) throw node.typeError(`carried value ${index} starts as ${showType(type)} and comes back as ${showType(given)}`); // prettier-ignore
  return joint.kind === "dynamic" ? { ...joint, dims: null } : joint;
}

function lowerLoop(node: NodeContext): readonly ValueId[] {
  const graph = node.graph("body");
  const carriedCount = Math.max(0, node.node.inputs.length - 2);
  expectFormals(node, graph, carriedCount + 2);
  expectResults(node, graph, Math.max(1 + carriedCount, 1 + node.outputCount));
  const tripCount = node.hasInput(0) ? scalarTripCount(node) : node.scalar("i64", 2n ** 63n - 1n);
  const condition = node.hasInput(1) ? scalarCondition(node, 1) : node.constantValue(trueConstant);
  const initial = Array.from({ length: carriedCount }, (_, i) => i + 2);
  const { lowered } = lowerBody(
    node,
    graph,
    {
      // whenever the body runs, its condition holds
      before: [{ type: { kind: "tensor", dtype: "i64", shape: [] } }, { type: { kind: "tensor", dtype: "bool", shape: [] }, constant: trueConstant }],
      carried: initial.map((index) => node.anyType(index)),
      after: [],
    },
    1,
  ); // prettier-ignore
  checkBodyCondition(node, lowered.types[0]);
  const { graphs, captured } = finishRegions([lowered.region]);
  const [body] = graphs;
  if (body === undefined) throw new Error("internal: a Loop without a body");
  const operands = initial.map((index) => node.input(index));
  return node.emit({
    kind: "loop",
    carried: carriedCount,
    body,
    inputs: [tripCount, condition, ...operands, ...captured],
  });
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

const isReverse = (value: number): boolean => value === 1;

function listOf(node: NodeContext, name: string, count: number): number[] {
  const list = node.ints(name) ?? new Array<number>(count).fill(0);
  if (list.length !== count) throw node.attributeError(`${name} has ${list.length} entries, ${count} are needed`);
  return list;
}

function lowerScan(node: NodeContext): readonly ValueId[] {
  const graph = node.graph("body");
  const scanned = node.int("num_scan_inputs", 0);
  const carried = node.node.inputs.length - scanned;
  if (scanned < 1 || carried < 0)
    throw node.attributeError(`num_scan_inputs is ${scanned} of ${node.node.inputs.length} inputs`);
  expectFormals(node, graph, node.node.inputs.length);
  expectResults(node, graph, Math.max(carried, node.outputCount));
  const axes = listOf(node, "scan_input_axes", scanned).map((axis, i) => node.axis(axis, node.rank(carried + i)));
  const slices = axes.map((axis, i): Formal => {
    const { dtype, shape } = node.type(carried + i);
    return { type: { kind: "tensor", dtype, shape: shape.toSpliced(axis, 1) } };
  });
  const initial = Array.from({ length: carried }, (_, i) => i);
  const formals = { before: [], carried: initial.map((index) => node.anyType(index)), after: slices };
  const { lowered } = lowerBody(node, graph, formals, 0);
  return emitScan(node, lowered, { carried, scanned, axes });
}

function emitScan(
  node: NodeContext,
  lowered: LoweredRegion,
  scan: { readonly carried: number; readonly scanned: number; readonly axes: readonly number[] },
): readonly ValueId[] {
  const { graphs, captured } = finishRegions([lowered.region]);
  const [body] = graphs;
  if (body === undefined) throw new Error("internal: a Scan without a body");
  const stacked = lowered.types.slice(scan.carried);
  const outputAxes = listOf(node, "scan_output_axes", stacked.length).map((axis, i) =>
    stackAxis(node, axis, stacked[i]),
  );
  return node.emit({
    kind: "scan",
    carried: scan.carried,
    scanned: scan.scanned,
    inputAxes: scan.axes,
    inputReverse: listOf(node, "scan_input_directions", scan.scanned).map(isReverse),
    outputAxes,
    outputReverse: listOf(node, "scan_output_directions", stacked.length).map(isReverse),
    body,
    inputs: [...node.node.inputs.keys(), ...[]].map((index) => node.input(index)).concat(captured),
  });
}

/** The axis along which results are stacked, counted in the stacked tensor. */
function stackAxis(node: NodeContext, axis: number, slice: ValueType | undefined): number {
  if (axis >= 0 || slice?.kind === "sequence" || slice?.kind === "optional") return axis;
  const rank = slice?.kind === "tensor" ? slice.shape.length : slice?.dims?.length;
  return rank === undefined
    ? node.defer("the rank of a scanned result is known only at run time")
    : node.axis(axis, rank + 1);
}

const scanAttributes = {
  body: "graph!",
  num_scan_inputs: "int!",
  scan_input_axes: "ints",
  scan_output_axes: "ints",
  scan_input_directions: "ints",
  scan_output_directions: "ints",
} as const;

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
  {
    domain: "",
    name: "Scan",
    versions: [9, 11, 16, 19, 21, 23, 24, 25].map((since) => ({
      since,
      inputs: [1, Infinity],
      outputs: [1, Infinity],
      attributes: scanAttributes,
      lower: lowerScan,
    })),
  },
];

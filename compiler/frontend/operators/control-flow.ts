/**
 * If, Loop and Scan. Their subgraphs become regions whose captured values are operands; a branch that is chosen by a constant takes the
 * place of its If. Values that a body gives back in another shape than it got them are carried with open shapes: what depends on them
 * is then put off to run time within the body (deferred-part.ts).
 */
import { type Graph, type OpSpec, tensorType, type ValueId, type ValueType } from "../../../ir/graph.ts";
import { scalarTensor, type TensorData } from "../../../ir/tensor.ts";
import { coversType, joinTypes, showType } from "../../../ir/types.ts";
import { saturate } from "../attributes.ts";
import { openShape } from "../deferred-types.ts";
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
): LoweredRegion {
  let carried = formals.carried;
  for (;;) {
    const lowered = control(node).region(graph, [
      ...formals.before,
      ...carried.map((type): Formal => ({ type })),
      ...formals.after,
    ]);
    const widened = carried.map((type, i) => widen(node, type, lowered.types[firstResult + i] ?? type, i));
    if (widened.every((type, i) => type === carried[i])) return lowered;
    carried = widened;
  }
}

/** The carried type itself when a result of type `given` has it, else one that covers both, with nothing said of its dims. */
function widen(node: NodeContext, type: ValueType, given: ValueType, index: number): ValueType {
  if (coversType(type, given)) return type;
  const joint = joinTypes(type, given);
  if (joint === null) throw node.typeError(`carried value ${index} starts as ${showType(type)} and comes back as ${showType(given)}`); // prettier-ignore
  return openShape(joint);
}

function lowerLoop(node: NodeContext): readonly ValueId[] {
  const graph = node.graph("body");
  const carriedCount = Math.max(0, node.node.inputs.length - 2);
  expectFormals(node, graph, carriedCount + 2);
  expectResults(node, graph, Math.max(1 + carriedCount, 1 + node.outputCount));
  const tripCount = node.hasInput(0) ? scalarTripCount(node) : node.scalar("i64", 2n ** 63n - 1n);
  const condition = node.hasInput(1) ? scalarCondition(node, 1) : node.constantValue(trueConstant);
  const initial = Array.from({ length: carriedCount }, (_, i) => i + 2);
  const lowered = lowerBody(
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
  const [body, captured] = finishBody(lowered);
  const inputs = [tripCount, condition, ...initial.map((index) => node.input(index)), ...captured];
  const trips =
    isTrue(constantOf(node, condition)) && isTrue(lowered.constants[0]) ? constantOf(node, tripCount) : undefined;
  return emitLoop(node, { kind: "loop", carried: carriedCount, body, inputs }, trips);
}

const constantOf = (node: NodeContext, value: ValueId): TensorData | undefined =>
  control(node).scope.region.builder.constantOf(value);

const isTrue = (constant: TensorData | undefined): boolean => constant?.elements[0] === 1;

/** Stacked results have a known shape when the number of iterations is known: `trips`, if nothing ends the loop before. */
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
    return tensorType(slice.dtype, [count, ...slice.shape]);
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

/** The graph of a loop's body, and the captured values that are its last operands. */
function finishBody({ region }: LoweredRegion): [Graph, readonly ValueId[]] {
  const { graphs, captured } = finishRegions([region]);
  const [body] = graphs;
  if (body === undefined) throw new Error("internal: a loop without a body");
  return [body, captured];
}

const isReverse = (value: number): boolean => value === 1;

function listOf(node: NodeContext, name: string, count: number): number[] {
  const list = node.ints(name) ?? new Array<number>(count).fill(0);
  if (list.length !== count) throw node.attributeError(`${name} has ${list.length} entries, ${count} are needed`);
  return list;
}

/** Where a Scan's operands are: its states, then what it scans, and along which axes. */
interface ScanPlan {
  readonly states: readonly ValueId[];
  readonly scanned: readonly ValueId[];
  readonly axes: readonly number[];
  readonly reverse: readonly boolean[];
}

function lowerScan(node: NodeContext): readonly ValueId[] {
  const inputs = Array.from({ length: node.node.inputs.length }, (_, i) => node.input(i));
  const states = inputs.length - scannedCount(node, inputs.length);
  const scanned = inputs.slice(states);
  const axes = listOf(node, "scan_input_axes", scanned.length).map((axis, i) => node.axis(axis, node.rank(states + i)));
  const reverse = listOf(node, "scan_input_directions", scanned.length).map(isReverse);
  const plan: ScanPlan = { states: inputs.slice(0, states), scanned, axes, reverse };
  return emitScan(node, plan, lowerScanBody(node, plan));
}

function scannedCount(node: NodeContext, inputs: number): number {
  const scanned = node.int("num_scan_inputs", 0);
  if (scanned >= 1 && scanned <= inputs) return scanned;
  throw node.attributeError(`num_scan_inputs is ${scanned} of ${inputs} inputs`);
}

function lowerScanBody(node: NodeContext, { states, scanned, axes }: ScanPlan): LoweredRegion {
  const graph = node.graph("body");
  expectFormals(node, graph, states.length + scanned.length);
  expectResults(node, graph, Math.max(states.length, node.outputCount));
  const slices = scanned.map((value, i): Formal => {
    const { dtype, shape } = node.typeOf(value);
    return { type: { kind: "tensor", dtype, shape: shape.toSpliced(axes[i] ?? 0, 1) } };
  });
  const { builder } = control(node).scope.region;
  return lowerBody(node, graph, { before: [], carried: states.map((id) => builder.typeOf(id)), after: slices }, 0);
}

function emitScan(
  node: NodeContext,
  { states, scanned, axes, reverse }: ScanPlan,
  body: LoweredRegion,
): readonly ValueId[] {
  const [graph, captured] = finishBody(body);
  const stacked = body.types.slice(states.length);
  return node.emit({
    kind: "scan",
    carried: states.length,
    scanned: scanned.length,
    inputAxes: axes,
    inputReverse: reverse,
    outputAxes: listOf(node, "scan_output_axes", stacked.length).map((axis, i) => stackAxis(node, axis, stacked[i])),
    outputReverse: listOf(node, "scan_output_directions", stacked.length).map(isReverse),
    body: graph,
    inputs: [...states, ...scanned, ...captured],
  });
}

/** The axis along which results are stacked, counted in the stacked tensor. */
function stackAxis(node: NodeContext, axis: number, slice: ValueType | undefined): number {
  if (axis >= 0 || slice?.kind === "sequence" || slice?.kind === "optional") return axis;
  const rank = slice?.kind === "tensor" ? slice.shape.length : slice?.dims?.length;
  if (rank === undefined) return node.defer("the rank of a scanned result is known only at run time");
  return node.axis(axis, rank + 1);
}

/**
 * Scan of opset 8: every value has a batch axis in front, the scanned one comes after it. One scan per sample, all with the same body;
 * lengths that differ from the full one are not supported (later versions dropped them).
 */
function lowerBatchedScan(node: NodeContext): readonly ValueId[] {
  const inputs = Array.from({ length: node.node.inputs.length - 1 }, (_, i) => node.input(i + 1));
  const states = inputs.length - scannedCount(node, inputs.length);
  const [batch = 0, length = 0] = node.shape(states + 1);
  if (node.hasInput(0) && node.integers(0).some((used) => used !== length)) {
    throw node.unsupported("sequence_lens shorter than the sequence are not supported");
  }
  const reverse = listOf(node, "directions", inputs.length - states).map(isReverse);
  const samples = Array.from({ length: batch }, (_, sample) => {
    const own = inputs.map((value) => sampleOf(node, value, sample));
    const scanned = own.slice(states);
    const plan: ScanPlan = { states: own.slice(0, states), scanned, axes: scanned.map(() => 0), reverse };
    return emitScan(node, plan, lowerScanBody(node, plan)).map((value) => {
      return node.reshape(value, [1, ...node.typeOf(value).shape]);
    });
  });
  const [first = []] = samples;
  return first.map((_, i) => {
    const parts = samples.map((results) => results[i] ?? -1);
    return parts.length === 1 ? (parts[0] ?? -1) : node.emitOne({ kind: "concat", inputs: parts, axis: 0 });
  });
}

/** One sample of a batch, without the batch axis. */
function sampleOf(node: NodeContext, value: ValueId, sample: number): ValueId {
  const { shape } = node.typeOf(value);
  const rest = shape.slice(1);
  const starts = [sample, ...rest.map(() => 0)];
  const slice = node.emitOne({
    kind: "slice",
    inputs: [value],
    starts,
    sizes: [1, ...rest],
    steps: shape.map(() => 1),
  });
  return node.reshape(slice, rest);
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
    versions: [
      {
        since: 8,
        inputs: [2, Infinity],
        outputs: [1, Infinity],
        attributes: { body: "graph!", num_scan_inputs: "int!", directions: "ints" },
        optionalInputs: [0],
        lower: lowerBatchedScan,
      },
      ...[9, 11, 16, 19, 21, 23, 24, 25].map((since) => ({
        since,
        inputs: [1, Infinity] as const,
        outputs: [1, Infinity] as const,
        attributes: scanAttributes,
        lower: lowerScan,
      })),
    ],
  },
];

/**
 * SequenceMap: a Loop over the positions of its first input whose body takes the element at that position from every sequence, runs the
 * given graph, and appends what it gives to one sequence per output.
 */
import type { SequenceType, ValueId, ValueType } from "../../../ir/graph.ts";
import { scalarTensor } from "../../../ir/tensor.ts";
import { showType } from "../../../ir/types.ts";
import { type Formal, type LoweredRegion, NodeLowering } from "../node-context.ts";
import type { OnnxGraph, OnnxNode } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { finishRegions } from "../scope.ts";
import { anyShape } from "./dynamic.ts";
import { range } from "./support.ts";
import { operator, variadic } from "./table.ts";

const reason = "sequences";
const trueTensor = scalarTensor("bool", 1);
const index: Formal = { type: { kind: "tensor", dtype: "i64", shape: [] } };
const condition: Formal = { type: { kind: "tensor", dtype: "bool", shape: [] }, constant: trueTensor };

/** Names of the loop's own values, which no exporter writes. */
const own = (name: string): string => `SequenceMap::${name}`;

/** The loop's body, out of the graph that is mapped. */
function loopBody(node: NodeContext, body: OnnxGraph): OnnxGraph {
  const derived = (opType: string, inputs: readonly string[], output: string): OnnxNode => ({
    ...node.node,
    opType,
    inputs,
    outputs: [output],
    attributes: new Map(),
  });
  const given = body.inputs.map(({ name }, i) => {
    const outer = node.node.inputs[i] ?? "";
    const isSequence = node.anyType(i).kind === "sequence";
    return isSequence ? derived("SequenceAt", [outer, own("position")], name) : derived("Identity", [outer], name);
  });
  const carried = body.outputs.map((_, i) => own(`elements ${i}`));
  const grown = body.outputs.map((_, i) => own(`more elements ${i}`));
  const appended = body.outputs.map(({ name }, i) =>
    derived("SequenceInsert", [carried[i] ?? "", name], grown[i] ?? ""),
  );
  const port = (name: string): OnnxGraph["inputs"][number] => ({ name, type: null });
  return {
    ...body,
    nodes: [...given, ...body.nodes, ...appended].map((inner, i) => ({ ...inner, index: i })),
    inputs: [own("position"), own("condition"), ...carried].map(port),
    outputs: [own("condition"), ...grown].map(port),
  };
}

/** Sequences of what the mapped graph gives: its declared element types, or those that lowering it once finds. */
function resultTypes(context: NodeLowering, body: OnnxGraph): SequenceType[] {
  const declared = body.outputs.map(({ type }) => (type?.kind === "tensor" ? type.dtype : null));
  const found = declared.includes(null) ? lowerOnce(context, body).types : [];
  return declared.map((dtype, i) => {
    const type = found[i];
    const known = dtype ?? (type?.kind === "tensor" || type?.kind === "dynamic" ? type.dtype : null);
    if (known === null) throw context.typeError(`output ${i} of the body is no tensor`);
    return { kind: "sequence", element: anyShape(known) };
  });
}

const lowerOnce = (context: NodeLowering, body: OnnxGraph): LoweredRegion =>
  context.region(
    body,
    body.inputs.map((_, i): Formal => ({ type: elementOf(context.anyType(i)) })),
  );

const elementOf = (type: ValueType): ValueType => (type.kind === "sequence" ? type.element : type);

function sequenceMap(node: NodeContext): readonly ValueId[] {
  if (!(node instanceof NodeLowering)) throw new Error("internal: SequenceMap needs the frontend's own context");
  const body = node.graph("body");
  if (body.inputs.length !== node.inputCount) {
    throw node.shapeError(`the body takes ${body.inputs.length} inputs, the node has ${node.inputCount}`);
  }
  if (node.anyType(0).kind !== "sequence")
    throw node.typeError(`input 0 is ${showType(node.anyType(0))}, a sequence is expected`);
  const types = resultTypes(node, body);
  const lowered = node.region(loopBody(node, body), [index, condition, ...types.map((type): Formal => ({ type }))]);
  const { graphs, captured } = finishRegions([lowered.region]);
  const [graph] = graphs;
  if (graph === undefined) throw new Error("internal: a loop without a body");
  const count = node.host("sequenceLength", [node.input(0)], [index.type], reason);
  const empty = range(types.length).flatMap((i) => node.host("sequenceEmpty", [], types.slice(i, i + 1), reason));
  const inputs = [...count, node.constantValue(trueTensor), ...empty, ...captured];
  return node.emit({ kind: "loop", carried: types.length, body: graph, inputs });
}

/** Operators of this family. */
export const sequenceMapOperators: readonly OperatorDef[] = [
  operator("SequenceMap", sequenceMap, [
    { since: 17, inputs: [1, variadic], outputs: [1, variadic], attributes: { body: "graph!" } },
  ]),
];

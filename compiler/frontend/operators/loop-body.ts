/** What Loop and Scan have in common: a body that is lowered until it gives back what it takes, and checks of subgraphs. */
import type { Graph, ValueId, ValueType } from "../../../ir/graph.ts";
import { coversType, joinTypes, showType } from "../../../ir/types.ts";
import { openShape } from "../deferred-types.ts";
import { type Formal, type LoweredRegion, NodeLowering } from "../node-context.ts";
import type { OnnxGraph, OnnxType } from "../onnx.ts";
import type { NodeContext } from "../operator.ts";
import { finishRegions } from "../scope.ts";
import { declaredTypeOf } from "../types.ts";

export function control(node: NodeContext): NodeLowering {
  if (node instanceof NodeLowering) return node;
  throw new Error("internal: control flow needs the frontend's own context");
}

export function expectResults(node: NodeContext, graph: OnnxGraph, least: number): void {
  if (graph.outputs.length >= least) return;
  throw control(node).error("WSC3003", `a subgraph gives ${graph.outputs.length} values, ${least} are asked for`);
}

export function expectFormals(node: NodeContext, graph: OnnxGraph, count: number): void {
  if (graph.inputs.length === count) return;
  throw control(node).error("WSC3003", `its body takes ${graph.inputs.length} inputs and is given ${count}`);
}

/**
 * Lowers a body until what it gives back fits what it takes: a carried value whose type changes is taken with an open shape instead.
 * `before` and `after` are the formals around the carried ones, `firstResult` is where carried results start.
 */
export function lowerBody(
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
    const lowered = control(node).region(withResultTypes(graph, firstResult, carried), [
      ...formals.before,
      ...carried.map((type): Formal => ({ type })),
      ...formals.after,
    ]);
    const widened = carried.map((type, i) => widen(node, type, lowered.types[firstResult + i] ?? type, i));
    if (widened.every((type, i) => type === carried[i])) return lowered;
    carried = widened;
  }
}

/**
 * The graph with element types for results from `first` on of which it declares nothing. They count where a result is put off, and its operator
 * may be one of which nothing is known.
 */
export function withResultTypes(graph: OnnxGraph, first: number, types: readonly ValueType[]): OnnxGraph {
  const outputs = graph.outputs.map((output, i) => {
    const known = types[i - first];
    return output.type !== null || known === undefined ? output : { ...output, type: declaredTypeOf(openShape(known)) };
  });
  return outputs.every((output, i) => output === graph.outputs[i]) ? graph : { ...graph, outputs };
}

/** The carried type itself when a result of type `given` has it, else one that covers both, with nothing said of its dims. */
function widen(node: NodeContext, type: ValueType, given: ValueType, index: number): ValueType {
  if (coversType(type, given)) return type;
  const joint = joinTypes(type, given);
  if (joint === null)
    throw node.typeError(`carried value ${index} starts as ${showType(type)} and comes back as ${showType(given)}`);
  return openShape(joint);
}

/** The graph of a loop's body, and the captured values that are its last operands. */
export function finishBody({ region }: LoweredRegion): [Graph, readonly ValueId[]] {
  const { graphs, captured } = finishRegions([region]);
  const [body] = graphs;
  if (body === undefined) throw new Error("internal: a loop without a body");
  return [body, captured];
}

/**
 * What the elements of stacked results, the body's outputs from `first` on, are taken for where there is no iteration to tell: as onnxruntime has it,
 * what the body declares, with 0 for dims that it leaves open. Nothing where all their shapes are known.
 */
export function emptyShapes(
  graph: OnnxGraph,
  { types }: LoweredRegion,
  first: number,
): { readonly emptyShapes?: readonly (readonly number[])[] } {
  const stacked = types.slice(first);
  if (stacked.every(({ kind }) => kind === "tensor")) return {};
  return { emptyShapes: stacked.map((type, i) => emptyShape(graph.outputs[first + i]?.type ?? null, type)) };
}

function emptyShape(declared: OnnxType | null, type: ValueType): readonly number[] {
  if (type.kind === "tensor") return type.shape;
  const known = type.kind === "dynamic" ? type.dims : null;
  const claimed = declared?.kind === "tensor" ? declared.dims : null;
  return (claimed ?? known ?? []).map(
    (dim, axis) => [dim, known?.[axis]].find((size) => typeof size === "number") ?? 0,
  );
}

/**
 * A Loop whose number of iterations is known and small is written out: its shapes are then known even where they change from one iteration
 * to the next, and nothing of it has to run on the host.
 */
import type { ValueId } from "../../ir/graph.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { sameShape } from "../../ir/types.ts";
import { subgraphsOf } from "./free-names.ts";
import { headerShapes } from "./loop-header.ts";
import type { NodeLowering } from "./node-context.ts";
import type { OnnxGraph, OnnxNode } from "./onnx.ts";
import { Scope } from "./scope.ts";

/** Nodes that a loop may be written out to. */
const maxUnrolledNodes = 512;
const maxIterations = 64;

interface Plan {
  readonly body: OnnxGraph;
  readonly iterations: number;
}

/** How a node can be written out; null when it cannot. */
function planOf(context: NodeLowering): Plan | null {
  const { node } = context;
  if (node.opType !== "Loop" || node.domain !== "" || !context.hasInput(0)) return null;
  const condition = context.hasInput(1) ? context.constantOrUndefined(1)?.elements[0] : 1;
  const trips = context.constantOrUndefined(0)?.elements[0];
  if (condition !== 1 || typeof trips !== "bigint" || trips < 1n || trips > maxIterations) return null;
  const body = context.graph("body");
  const carried = node.inputs.length - 2;
  if (body.inputs.length !== carried + 2 || body.outputs.length < carried + 1) return null;
  return Number(trips) * nodeCount(body.nodes) > maxUnrolledNodes ? null : { body, iterations: Number(trips) };
}

/** Nodes with those of their subgraphs. */
function nodeCount(nodes: readonly OnnxNode[]): number {
  let count = nodes.length;
  for (const node of nodes) for (const graph of subgraphsOf(node)) count += nodeCount(graph.nodes);
  return count;
}

/** One iteration's results; null when one is not known to be a value of this region. */
function resultsOf(scope: Scope, body: OnnxGraph): readonly ValueId[] | null {
  const ids: ValueId[] = [];
  for (const { name } of body.outputs) {
    const binding = scope.lookUp(name);
    if (binding?.kind !== "value") return null;
    ids.push(binding.id);
  }
  return ids;
}

/**
 * Writes a loop out and returns its results, or null when it must stay a loop: when the body's condition depends on data, when something
 * in it is put off, or when what is stacked has no one shape. `lowerBody` lowers the body's nodes into a scope.
 */
export function unrolledLoop(
  context: NodeLowering,
  lowerBody: (scope: Scope, body: OnnxGraph) => void,
): readonly ValueId[] | null {
  const plan = planOf(context);
  if (plan === null) return null;
  const { region } = context.scope;
  let carried = context.node.inputs.slice(2).map((_, i) => context.input(i + 2));
  const shapes = headerShapes(plan.body);
  const stacks: ValueId[][] = plan.body.outputs.slice(1 + carried.length).map(() => []);
  for (let iteration = 0; iteration < plan.iterations; iteration++) {
    const scope = new Scope(region, context.scope, plan.body.initializers);
    const header = [tensorFrom("i64", shapes.iteration, [iteration]), tensorFrom("bool", shapes.condition, [1])].map(
      (tensor) => region.constant(tensor, ""),
    );
    for (const [i, id] of [...header, ...carried].entries()) scope.bindValue(plan.body.inputs[i]?.name ?? "", id);
    lowerBody(scope, plan.body);
    const results = resultsOf(scope, plan.body);
    const goesOn = results && constantOf(context, results[0]);
    if (results === null || goesOn === undefined || goesOn === null) return null;
    carried = results.slice(1, 1 + carried.length);
    for (const [i, id] of results.slice(1 + carried.length).entries()) stacks[i]?.push(id);
    if (goesOn.elements[0] === 0) break;
  }
  return withStacks(context, carried, stacks);
}

const constantOf = (context: NodeLowering, id: ValueId | undefined): TensorData | undefined =>
  id === undefined ? undefined : context.scope.region.builder.constantOf(id);

function withStacks(
  context: NodeLowering,
  carried: readonly ValueId[],
  stacks: readonly (readonly ValueId[])[],
): readonly ValueId[] | null {
  const { builder } = context.scope.region;
  for (const stack of stacks) {
    const types = stack.map((id) => builder.typeOf(id));
    const [first] = types;
    const isUniform = types.every(
      (type) => type.kind === "tensor" && first?.kind === "tensor" && sameShape(type.shape, first.shape),
    );
    if (!isUniform) return null;
  }
  const joined = stacks.map((stack) => {
    const slices = stack.map((id) => context.reshape(id, [1, ...context.typeOf(id).shape]));
    return context.emitOne({ kind: "concat", inputs: slices, axis: 0 });
  });
  return [...carried, ...joined];
}

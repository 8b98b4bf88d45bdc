/**
 * How wide the channel blocks of com.microsoft.nchwc are. onnxruntime's full optimization lays weights out for the machine that it runs on, in
 * blocks of 8 or 16 channels, and does not say which. It shows in the numbers of channels, all of which are filled up to whole blocks; a
 * node gets the answer as an attribute of its own.
 */
import { diagnostic, type Diagnostic } from "../../ir/diagnostic.ts";
import { subgraphsOf } from "./free-names.ts";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode } from "./onnx.ts";

export const nchwcDomain = "com.microsoft.nchwc";
/** The attribute that says it. */
export const blockAttribute = "block_size";
const [narrow, wide] = [8, 16] as const;

/** The model with the answer on each node that depends on it; a warning where nothing shows it. */
export function withBlockSizes(model: OnnxModel): {
  readonly model: OnnxModel;
  readonly warnings: readonly Diagnostic[];
} {
  if (!holdsBlocks(model.graph)) return { model, warnings: [] };
  const shown = [...sizesShown(model.graph)];
  const size = shown.includes(narrow) ? narrow : wide;
  const marked = { ...model, graph: marking(model.graph, { kind: "int", value: BigInt(size) }) };
  if (shown.length > 0) return { model: marked, warnings: [] };
  const message = `nothing in the model shows whether its channels lie in blocks of ${narrow} or ${wide}; ${wide} are assumed`;
  const hint = "a model of onnxruntime's extended optimization (not full) does not depend on the machine that made it";
  return { model: marked, warnings: [diagnostic("warning", "WSC1003", message, { hint })] };
}

const holdsBlocks = ({ nodes }: OnnxGraph): boolean =>
  nodes.some((node) => node.domain === nchwcDomain || subgraphsOf(node).some(holdsBlocks));

/** Sizes that single nodes show. */
function* sizesShown(graph: OnnxGraph): Generator<number> {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  for (const node of graph.nodes) {
    for (const inner of subgraphsOf(node)) yield* sizesShown(inner);
    if (node.domain !== nchwcDomain) continue;
    const given = node.attributes.get(blockAttribute);
    if (given?.kind === "int") yield Number(given.value);
    else if (node.opType === "Conv") yield* sizesOfConv(graph, node, makers);
    else if (node.opType === "ReorderOutput") yield* sizesOfFilling(graph, node, makers);
  }
}

/** Weights are [output channels, input channels, kernel…], both filled up unless the input is not in blocks. */
function* sizesOfConv(graph: OnnxGraph, node: OnnxNode, makers: ReadonlyMap<string, OnnxNode>): Generator<number> {
  const [outputs, inputs] = graph.initializers.get(node.inputs[1] ?? "")?.shape ?? [];
  if (outputs === undefined || inputs === undefined) return;
  if (outputs % wide !== 0) yield narrow;
  if (isGrouped(node)) {
    if (inputs > 1 && inputs % wide !== 0) yield narrow;
    return;
  }
  const maker = makers.get(node.inputs[0] ?? "");
  const isBlocked = maker?.domain === nchwcDomain && maker.opType !== "ReorderOutput";
  if (isBlocked && inputs % wide !== 0) yield narrow;
  // an input with fewer channels than a block has is read as it is
  if (!isBlocked && inputs >= narrow && inputs < wide) yield wide;
}

function isGrouped(node: OnnxNode): boolean {
  const group = node.attributes.get("group");
  return group?.kind === "int" && group.value > 1n;
}

/** A block that is filled up holds one channel at least. */
function* sizesOfFilling(graph: OnnxGraph, node: OnnxNode, makers: ReadonlyMap<string, OnnxNode>): Generator<number> {
  const maker = makers.get(node.inputs[0] ?? "");
  const channels = node.attributes.get("channels");
  if (maker?.opType !== "Conv" || maker.domain !== nchwcDomain || channels?.kind !== "int") return;
  const [filled] = graph.initializers.get(maker.inputs[1] ?? "")?.shape ?? [];
  if (filled !== undefined && filled - Number(channels.value) >= narrow) yield wide;
}

function marking(graph: OnnxGraph, size: OnnxAttribute): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => {
      const attributes = [...node.attributes].map(([name, attribute]): [string, OnnxAttribute] => {
        return [
          name,
          attribute.kind === "graph" ? { kind: "graph", value: marking(attribute.value, size) } : attribute,
        ];
      });
      const depends = node.domain === nchwcDomain && (node.opType === "Conv" || node.opType === "ReorderInput");
      const marked = depends && !node.attributes.has(blockAttribute) ? [[blockAttribute, size] as const] : [];
      return { ...node, attributes: new Map([...attributes, ...marked]) };
    }),
  };
}

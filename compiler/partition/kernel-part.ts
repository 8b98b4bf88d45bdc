/** A part of a kernel graph as a kernel graph of its own: what it exchanges with other parts crosses the edge of its wafer. */
import type {
  KernelEdge,
  KernelGraph,
  KernelId,
  KernelInput,
  KernelOutput,
  KernelPort,
} from "../../ir/kernel-graph.ts";

/**
 * The kernels `ids` (ascending) of a graph, renumbered. A value that leaves leaves once, however many wafers read it, and arrives once.
 * Kernels keep the number of streams they have in the whole graph, and so their variants. What stays on the host belongs to no part.
 */
export function kernelPart(graph: KernelGraph, ids: readonly KernelId[], name: string): KernelGraph {
  const numberOf = new Map(ids.map((id, number) => [id, number]));
  const edges: KernelEdge[] = [];
  const inputs: KernelInput[] = portsWithin(graph.inputs, numberOf);
  const outputs: KernelOutput[] = portsWithin(graph.outputs, numberOf);
  const sent = new Set<number>();
  for (const edge of graph.edges) {
    const { from, to, operands, result, words, stream } = edge;
    const source = numberOf.get(from);
    const reader = numberOf.get(to);
    if (source !== undefined && reader !== undefined) edges.push({ ...edge, from: source, to: reader });
    else if (reader !== undefined) inputs.push({ name: crossing(stream), kernel: reader, operands, words });
    else if (source !== undefined && !sent.has(stream)) {
      sent.add(stream);
      outputs.push({ name: crossing(stream), kernel: source, result, words });
    }
  }
  const kernels = ids.flatMap((id) => graph.kernels[id] ?? []).map((kernel, number) => ({ ...kernel, id: number }));
  return { name, precision: graph.precision, kernels, edges, inputs, outputs, host: [] };
}

/** A control character keeps it apart from the names of a model's inputs. */
const crossing = (stream: number): string => `\u0000%${stream}`;

function portsWithin<Port extends KernelPort>(ports: readonly Port[], numberOf: ReadonlyMap<KernelId, number>): Port[] {
  return ports.flatMap((port) => {
    const kernel = numberOf.get(port.kernel);
    return kernel === undefined ? [] : [{ ...port, kernel }];
  });
}

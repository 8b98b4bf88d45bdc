/** What has to move between the kernels of a region, for the mappings that they take. */
import { defined, nth } from "../../../ir/access.ts";
import type { KernelEdge, KernelGraph } from "../../../ir/kernel-graph.ts";
import { conversionCost, type RegionSize } from "../../../ir/machine/conversion.ts";
import type { Mapping } from "../../../ir/machine/mapping.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { LayoutMove } from "../../../ir/placement.ts";

/** The moves of one edge, one for each operand that it becomes. */
export function movesOf(
  graph: KernelGraph,
  target: Target,
  region: RegionSize,
  edge: number,
  made: Mapping,
  read: Mapping,
): readonly LayoutMove[] {
  const { from, to, result, operands, words, part }: KernelEdge = nth(graph.edges, edge);
  const [maker, reader] = [nth(graph.kernels, from), nth(graph.kernels, to)];
  const held = defined(maker.operands.find(({ name }) => name === result));
  return operands.map((operand) => {
    const needed = defined(reader.operands.find(({ name }) => name === operand));
    const cost = conversionCost(
      target,
      region,
      { kernel: maker, operand: held, mapping: made },
      { kernel: reader, operand: needed, mapping: read },
      part === null ? null : { words },
    );
    return { edge, operand, ...cost };
  });
}

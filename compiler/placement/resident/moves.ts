/** What has to move between the kernels of a region, for the mappings that they take. How a mapping lays out an operand is found once. */
import { defined, nth } from "../../../ir/access.ts";
import type { KernelGraph, KernelId } from "../../../ir/kernel-graph.ts";
import { conversionCost, type RegionSize, type Spread, spreadOver } from "../../../ir/machine/conversion.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { LayoutMove } from "../../../ir/placement.ts";
import type { Choice } from "./choices.ts";

/** Gives the moves of an edge for the choices of both its kernels, one for each operand that it becomes. */
export type MovesOf = (edge: number, made: Choice, read: Choice) => readonly LayoutMove[];

export function moveFinder(graph: KernelGraph, target: Target, region: RegionSize): MovesOf {
  // equal kernels share their choices, and the names of their operands
  const known = new Map<Choice, Map<string, Spread>>();
  const laid = (id: KernelId, name: string, choice: Choice): Spread => {
    const spreads = known.get(choice) ?? new Map<string, Spread>();
    known.set(choice, spreads);
    const before = spreads.get(name);
    if (before !== undefined) return before;
    const kernel = nth(graph.kernels, id);
    const operand = defined(kernel.operands.find((one) => one.name === name));
    const spread = spreadOver(region, { kernel, operand, mapping: choice.mapping });
    spreads.set(name, spread);
    return spread;
  };
  return (edge, made, read) => {
    const { from, to, result, operands, words, part } = nth(graph.edges, edge);
    const held = laid(from, result, made);
    const sent = part === null ? null : { words };
    return operands.map((operand) => ({
      edge,
      operand,
      ...conversionCost(target, region, held, laid(to, operand, read), sent),
    }));
  };
}

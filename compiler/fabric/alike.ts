/**
 * Cores of a layer that work alike. A nest's places in memory are counted from the first element that a core holds, so that cores whose tiles are
 * equally long have the same nests, wherever their tiles begin; but for loops whose positions say more: they run over a border, or an axis is read
 * in other dims than memory has.
 */
import { defined, nth } from "../../ir/access.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Axis, Kernel, Loop } from "../../ir/kernel-graph.ts";
import type { Tile } from "../../ir/machine/mapping.ts";
import type { Buffer } from "./nest.ts";
import { loopsOf } from "./phases.ts";

/** A text for each tile; cores with the same one have the same steps in each phase of work. */
export function likenessOf(graph: Graph, kernel: Kernel, buffers: Iterable<Buffer>): (tile: Tile) => string {
  const fixed = fixedLoops(graph, kernel, buffers);
  return (tile) => {
    let text = "";
    for (const { name, size } of kernel.loops) {
      const range = tile.get(name);
      if (range === undefined) throw new Error(`internal: a tile has no loop ${name}`);
      const { begin, end } = range;
      text += fixed.has(name)
        ? `${begin}:${end} `
        : `${end - begin}${begin === 0 ? "<" : ""}${end === size ? ">" : ""} `;
    }
    return text;
  };
}

/** Loops where it matters at which position a tile begins. */
function fixedLoops(graph: Graph, kernel: Kernel, buffers: Iterable<Buffer>): ReadonlySet<string> {
  const { loops, stages, operands } = kernel;
  const fixed = new Set<string>();
  const fix = (axes: readonly Axis[]): void => {
    for (const axis of axes) for (const loop of loopsOf(axis)) fixed.add(loop);
  };
  const all = [
    ...Array.from(buffers, ({ axes }) => axes),
    ...stages.flatMap(({ reads }) => reads.map(({ axes }) => axes)),
  ];
  for (const axes of all) if (axes !== null) fix(axes.filter((axis) => !isWithin(axis, loops)));
  for (const { op, reads } of stages) {
    // rows of a table are found by number
    if (nth(graph.ops, op).kind === "gather") for (const { name } of loops) fixed.add(name);
    for (const { operand, axes } of reads) {
      const { axes: own } = defined(operands.find(({ name }) => name === operand));
      if (axes === null || JSON.stringify(axes) === JSON.stringify(own)) continue;
      fix(axes);
      fix(own);
    }
  }
  return fixed;
}

/** True for an axis whose positions are sums of steps forward and all lie in it. */
function isWithin(axis: Axis, loops: readonly Loop[]): boolean {
  switch (axis.kind) {
    case "whole":
      return true;
    case "spread":
      return false;
    case "index": {
      let last = axis.offset;
      for (const { loop, factor } of axis.terms) {
        const size = loops.find(({ name }) => name === loop)?.size;
        if (size === undefined || factor < 0) return false;
        last += factor * (size - 1);
      }
      return axis.offset >= 0 && last < axis.size;
    }
  }
}

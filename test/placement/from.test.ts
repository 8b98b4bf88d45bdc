import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Placement } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { placementObjectives } from "../../ir/placement.ts";
import {
  chainOf,
  convSketch,
  elementwiseSketch,
  graphOf,
  graphs,
  matmulSketch,
  smallTarget,
  targets,
} from "./instances.ts";

const net = graphOf(
  [convSketch(8, 3, 8), convSketch(8, 8, 8), elementwiseSketch(512), matmulSketch(1, 512, 10), elementwiseSketch(10)],
  [
    [0, 1],
    [1, 2],
    [0, 2],
    [2, 3],
    [3, 4],
  ],
);
const target = smallTarget(60, 50);

const again = (placement: Placement): Placement => parsePlacementJson(printPlacementJson(placement));

/** The graph with one layer under another name, which no earlier placement knows. */
const renamed = (graph: KernelGraph, id: number): KernelGraph => ({
  ...graph,
  kernels: graph.kernels.map((kernel) => (kernel.id === id ? { ...kernel, name: "another" } : kernel)),
});

describe("an earlier placement to begin with", () => {
  it.each(placementObjectives)("is given back byte for byte where nothing changed (%s)", async (objective) => {
    const first = await place(net, target, { objective });
    const second = await place(net, target, { objective, from: again(first) });
    expect(printPlacementJson(second)).toBe(printPlacementJson(first));
  });

  it("is given back for random graphs and fabrics", async () => {
    let looked = 0;
    await fc.assert(
      fc.asyncProperty(graphs, targets, async (graph, machine) => {
        const first = await place(graph, machine, { timeLimitSeconds: 60 }).catch((error: unknown) => {
          if (error instanceof WscError) return null;
          throw error;
        });
        if (first === null) return;
        const second = await place(graph, machine, { from: again(first), timeLimitSeconds: 60 });
        expect(printPlacementJson(second)).toBe(printPlacementJson(first));
        looked++;
      }),
      { numRuns: 8, seed: 5 },
    );
    expect(looked).toBeGreaterThan(2);
  });

  it("keeps all layers but the new one, and the routes between them", async () => {
    const first = await place(net, target);
    const graph = renamed(net, 3);
    const second = await place(graph, target, { from: again(first) });
    expect(checkPlacement(graph, second, target)).toEqual([]);
    expect(second.certificate.movement).toMatchObject({ kept: 4, moved: 0, added: 1 });
    expect(second.kernels.filter(({ kernel }) => kernel !== 3)).toEqual(
      first.kernels.filter(({ kernel }) => kernel !== 3),
    );
    for (const edge of [0, 1, 2]) expect(second.routes[edge]).toEqual(first.routes[edge]);
  });

  it("keeps mappings that no list of variants would offer again", async () => {
    const graph = chainOf([matmulSketch(1, 64, 64), elementwiseSketch(64)]);
    const first = await place(graph, target);
    // the same layers on a machine with more memory have other lists
    const larger = { ...target, core: { ...target.core, sramBytes: 2 * target.core.sramBytes } };
    const second = await place(graph, larger, { from: again(first) });
    expect(checkPlacement(graph, second, larger)).toEqual([]);
    expect(second.kernels).toEqual(first.kernels);
  });
});

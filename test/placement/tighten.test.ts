/** Few kernels on small wafers: the interval is proven, or the certificate says what is open. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { chainOf, convSketch, graphOf, graphs, matmulSketch, smallTarget, targets } from "./instances.ts";
import { WscError } from "../../ir/diagnostic.ts";

describe("small graphs on small wafers", () => {
  it.each([
    ["three products", chainOf([matmulSketch(16, 32, 32), matmulSketch(16, 32, 16), matmulSketch(16, 16, 32)]), 14, 12],
    ["five layers", chainOf([convSketch(8, 4, 8), matmulSketch(8, 32, 32), convSketch(4, 8, 8), matmulSketch(8, 16, 32), matmulSketch(4, 32, 8)]), 16, 14],
    ["a fork", graphOf([matmulSketch(16, 16, 32), matmulSketch(16, 32, 16), matmulSketch(16, 32, 32), matmulSketch(8, 48, 16)], [[0, 1], [0, 2], [1, 3], [2, 3]]), 13, 13],
  ])("are proven: %s", async (_, graph, width, height) => {
    const target = smallTarget(width, height);
    const placement = await place(graph, target, { timeLimitSeconds: 120 });
    expect(checkPlacement(graph, placement, target)).toEqual([]);
    const { objective, bound, status, bottleneck } = placement.certificate;
    if (bottleneck === "kernel") expect({ bound, status }).toEqual({ bound: objective, status: "optimal" });
    else expect(bound).toBeLessThanOrEqual(objective);
  }); // prettier-ignore

  it("are found by counted work: the same for the same effort, and never worse for more", async () => {
    const graph = chainOf(Array.from({ length: 14 }, (_, i) => matmulSketch(4, 40 + 7 * i, 50 + 3 * i)));
    const target = smallTarget(34, 31);
    const at = async (effortSeconds: number) => await place(graph, target, { timeLimitSeconds: 600, effortSeconds });
    const [short, again, long] = [await at(0.06), await at(0.06), await at(0.6)];
    expect(again).toEqual(short);
    expect(checkPlacement(graph, long, target)).toEqual([]);
    expect(long.certificate.objective).toBeLessThanOrEqual(short.certificate.objective);
    expect(long.certificate.bound).toBe(short.certificate.bound);
  });

  it("are legal, with a bound that holds, whatever the graph and target", async () => {
    await fc.assert(
      fc.asyncProperty(graphs, targets, async (graph, target) => {
        try {
          const placement = await place(graph, target, { timeLimitSeconds: 1 });
          expect(checkPlacement(graph, placement, target)).toEqual([]);
          expect(placement.certificate.bound).toBeLessThanOrEqual(placement.certificate.objective);
        } catch (error) {
          expect(error).toBeInstanceOf(WscError);
        }
      }),
      { numRuns: 10 },
    );
  });
});

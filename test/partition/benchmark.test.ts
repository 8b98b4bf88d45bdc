/** Layer graphs of the published benchmark: at least as good as the contiguous optima in its README. */
import { describe, expect, it } from "@jest/globals";
import { checkSplit } from "../../compiler/partition/split-check.ts";
import { partition } from "../../compiler/partition/partition.ts";
import { readDeviceGraph } from "../../compiler/partition/read-graph.ts";
import { sharedPath } from "../helpers/shared.ts";

const folder = sharedPath("bench/device-placement/LayerGraphs");

(folder === null ? describe.skip : describe)("layer graphs", () => {
  it.each([
    ["bert24_inference", 17.7899],
    ["bert24_training", 41.7458],
  ])("%s: %d or better, and the contiguous optimum proven", async (name, optimum) => {
    const graph = await readDeviceGraph(`${folder ?? ""}/${name}.json`);
    const { split, certificate } = partition(graph, { rounds: 1, boundEffort: 1 });
    const score = checkSplit(graph, split);
    expect(score.legal).toBe(true);
    expect(score.maxLoad).toBeLessThanOrEqual(optimum * (1 + 1e-5));
    expect(certificate.bound).toBeLessThanOrEqual(score.maxLoad);
    expect(certificate.contiguousOptimum?.status).toBe("optimal");
    expect(certificate.contiguousOptimum?.maxLoad).toBeCloseTo(optimum, 2);
  });
});

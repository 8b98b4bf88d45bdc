/** Random models from ONNX bytes to a placement: what the placer gives, the checker accepts, and every text form reads back as what it was. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { kernelsOf, lowerSource } from "../../compiler/compile.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { constantBlobs } from "../../ir/text/constant.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import type { Target } from "../../ir/machine/target.ts";
import { modelBytes, type ModelSpec } from "../helpers/onnx-builder.ts";
import { smallTarget } from "./instances.ts";
import { imageModels, tokenModels } from "./random-models.ts";

const wafers = fc
  .tuple(fc.integer({ min: 16, max: 80 }), fc.integer({ min: 16, max: 80 }))
  .map(([width, height]) => smallTarget(width, height));

/** Places a model; false where it does not fit, which is said with a code. */
async function isPlaced(spec: ModelSpec, target: Target, fuse: boolean): Promise<boolean> {
  const { graph } = await lowerSource({ name: "model.onnx", bytes: await modelBytes(spec) });
  const text = printGraph(graph);
  expect(printGraph(parseGraph(text, constantBlobs(graph)))).toBe(text);
  const kernels = await kernelsOf(graph, target, fuse);
  expect(parseKernelGraph(printKernelGraph(kernels))).toEqual(kernels);
  try {
    const placement = await place(kernels, target, { timeLimitSeconds: 30 });
    expect(checkPlacement(kernels, placement, target)).toEqual([]);
    expect(placement.certificate.bound).toBeLessThanOrEqual(placement.certificate.objective);
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
    expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
    return true;
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    expect(error.diagnostics.map(({ code }) => code)).toContain("WSC5002");
    return false;
  }
}

describe("random models", () => {
  it.each([
    ["on images", imageModels],
    ["on tokens", tokenModels],
  ])("%s are placed legally and print to texts that read back", async (_, models) => {
    let placed = 0;
    const runs = 8;
    await fc.assert(
      fc.asyncProperty(models, wafers, fc.boolean(), async (spec, target, fuse) => {
        if (await isPlaced(spec, target, fuse)) placed++;
      }),
      { numRuns: runs },
    );
    // most of these models are far smaller than the smallest wafer
    expect(placed).toBeGreaterThan(runs / 2);
  });
});

import { describe, expect, it } from "@jest/globals";
import { withPrecision } from "../../compiler/kernels/precision.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { weightBytes } from "../../ir/kernel-graph.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { chainOf, convSketch, graphOf, matmulSketch, smallTarget, softmaxSketch } from "../placement/instances.ts";

const net = graphOf(
  [convSketch(8, 3, 8), convSketch(8, 8, 8), matmulSketch(1, 512, 11), softmaxSketch(1, 11)],
  [
    [0, 1],
    [1, 2],
    [2, 3],
  ],
);

describe("operands of 16 bits", () => {
  it.each(["f16", "bf16"] as const)("are %s in every role, and take half of the words", (precision) => {
    const narrow = withPrecision(net, precision);
    for (const [id, kernel] of narrow.kernels.entries()) {
      expect(kernel.dtype).toBe(precision);
      expect(new Set(kernel.operands.map(({ dtype }) => dtype))).toEqual(new Set([precision]));
      const wide = net.kernels[id];
      if (wide === undefined) throw new Error("as many kernels");
      expect(weightBytes(kernel)).toBe(weightBytes(wide) / 2);
    }
    expect(narrow.edges.map(({ words }) => words)).toEqual(net.edges.map(({ words }) => Math.ceil(words / 2)));
    expect(narrow.inputs.map(({ words }) => words)).toEqual(net.inputs.map(({ words }) => Math.ceil(words / 2)));
    // eleven classes are five words and a half
    expect(narrow.outputs.map(({ words }) => words)).toEqual([6]);
    expect(narrow.kernels.map(({ arriving }) => arriving)).toEqual([96, 256, 256, 6]);
    expect(parseKernelGraph(printKernelGraph(narrow))).toEqual(narrow);
  });

  it("leave other types, and all of f32, alone", () => {
    expect(withPrecision(net, "f32")).toBe(net);
    const bytes = {
      ...net,
      kernels: net.kernels.map((kernel) => ({
        ...kernel,
        dtype: "i8" as const,
        operands: kernel.operands.map((operand) => ({ ...operand, dtype: "i8" as const })),
      })),
    };
    const narrow = withPrecision(bytes, "f16");
    expect(narrow.kernels.map(({ operands }) => operands)).toEqual(bytes.kernels.map(({ operands }) => operands));
    expect(narrow.edges).toEqual(bytes.edges);
  });

  it("are placed, faster and in less memory, and the placement says so", async () => {
    const wide = chainOf([matmulSketch(16, 256, 256), matmulSketch(16, 256, 256), matmulSketch(16, 256, 256)]);
    const narrow = withPrecision(wide, "f16");
    const target = { ...wse3, ...smallTarget(40, 40), core: wse3.core };
    const [before, after] = [await place(wide, target), await place(narrow, target)];
    expect(after.certificate.objective).toBeLessThan(before.certificate.objective);
    expect(after.certificate.ioCycles).toBe(Math.ceil(before.certificate.ioCycles / 2));
    expect(after.precision).toBe("f16");
    expect(checkPlacement(narrow, after, target)).toEqual([]);
    expect(parsePlacement(printPlacement(after))).toEqual(after);
    expect(parsePlacementJson(printPlacementJson(after))).toEqual(after);
    expect(checkPlacement(wide, after, target).map(({ message }) => message)).toContain("is f16, the layers are f32");
  });

  it("make a layer fit that does not in 32 bits, and are told as the change that helps", async () => {
    const graph = chainOf([matmulSketch(1, 1024, 512)]);
    const target = smallTarget(9, 9);
    const refused = await place(graph, target).then(
      () => null,
      (error: unknown) => error,
    );
    expect(String(refused)).toContain("--precision f16");
    await expect(place(withPrecision(graph, "f16"), target)).resolves.toMatchObject({ precision: "f16" });
  });
});

import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { prepareUnder } from "../../compiler/placement/prepare.ts";
import { usableRect } from "../../ir/machine/target.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { type Placement, unconstrained } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { chainOf, convSketch, elementwiseSketch, graphOf, graphs, matmulSketch, smallTarget, softmaxSketch, targets } from "./instances.ts"; // prettier-ignore

/** A small net with a residual edge. */
const net = graphOf(
  [convSketch(8, 3, 8), convSketch(8, 8, 8), elementwiseSketch(512), matmulSketch(1, 512, 10), softmaxSketch(1, 10)],
  [[0, 1], [1, 2], [0, 2], [2, 3], [3, 4]], // prettier-ignore
);

async function refusal(graph: KernelGraph, target: Parameters<typeof place>[1]): Promise<WscError> {
  const error = await place(graph, target).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WscError)) throw new Error("it was placed");
  return error;
}

describe("place", () => {
  it("places a small net legally, the same every time", async () => {
    const target = smallTarget(40, 30);
    const patient = { timeLimitSeconds: 600 };
    const placement = await place(net, target, patient);
    expect(checkPlacement(net, placement, target)).toEqual([]);
    expect(printPlacement(placement)).toMatchGolden("placement/small-net.placement");
    expect(await place(net, target, patient)).toEqual(placement);
  });

  it("tells of ever better legal placements while it searches", async () => {
    for (const objective of ["throughput", "latency"] as const) {
      const target = smallTarget(40, 30);
      const found: Placement[] = [];
      const onFound = (placement: Placement): void => {
        found.push(placement);
      };
      const { certificate } = await place(net, target, { objective, timeLimitSeconds: 600, onFound });
      expect(found.length).toBeGreaterThan(0);
      for (const placement of found) expect(checkPlacement(net, placement, target)).toEqual([]);
      const values = found.map((placement) => placement.certificate.goal.value);
      expect(values).toEqual(values.toSorted((a, b) => b - a));
      expect(certificate.goal.value).toBeLessThanOrEqual(values.at(-1) ?? 0);
      expect(found.at(-1)?.certificate.goal.bound).toBeLessThanOrEqual(certificate.goal.bound);
    }
  });

  it("certifies an objective, a bound below it, and the gap between them", async () => {
    const { certificate } = await place(net, smallTarget(40, 30));
    expect(certificate.bound).toBeLessThanOrEqual(certificate.objective);
    expect(certificate.gap).toBeCloseTo(1 - certificate.bound / certificate.objective, 12);
    expect(certificate.objective).toBe(
      Math.max(certificate.kernelCycles, certificate.linkCycles, certificate.ioCycles),
    );
    expect(certificate.solver).toMatch(/^GLPK 5/);
  });

  it("gives the same bound with either solver", async () => {
    const glpk = await place(net, smallTarget(40, 30), { solver: "glpk" });
    const highs = await place(net, smallTarget(40, 30), { solver: "highs" });
    expect(highs.certificate.solver).toMatch(/^HiGHS/);
    expect(highs.certificate.bound).toBe(glpk.certificate.bound);
  });

  it("places a graph without kernels", async () => {
    const empty = chainOf([]);
    const placement = await place(empty, smallTarget(8, 8));
    expect(checkPlacement(empty, placement, smallTarget(8, 8))).toEqual([]);
    expect(placement.certificate.slowest).toBeNull();
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
  });

  it("uses the cores that a larger wafer has", async () => {
    const small = await place(net, smallTarget(30, 30));
    const large = await place(net, smallTarget(120, 120));
    expect(large.certificate.objective).toBeLessThan(small.certificate.objective);
  });

  it("places a chain of 300 layers", async () => {
    const graph = chainOf(Array.from({ length: 300 }, (_, i) => matmulSketch(4, 32 + (i % 5), 32)));
    const target = smallTarget(150, 150);
    const placement = await place(graph, target, { timeLimitSeconds: 1 });
    expect(checkPlacement(graph, placement, target)).toEqual([]);
  });

  it("places random graphs on random targets, or says with WSC5002 why not", async () => {
    let placed = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(graphs, targets, async (graph, target) => {
        let placement: Placement;
        try {
          placement = await place(graph, target, { timeLimitSeconds: 1 });
        } catch (error) {
          if (!(error instanceof WscError)) throw error;
          for (const { code } of error.diagnostics) expect(code).toBe("WSC5002");
          refused++;
          return;
        }
        placed++;
        expect(checkPlacement(graph, placement, target)).toEqual([]);
        expect(parsePlacement(printPlacement(placement))).toEqual(placement);
        expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(placed).toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(2);
  });
});

describe("what does not fit", () => {
  it("names the layer whose weights no core can hold, and the SRAM that would", async () => {
    const graph = chainOf([elementwiseSketch(16), matmulSketch(1, 4096, 4096)]);
    const { diagnostics } = await refusal(graph, smallTarget(10, 10));
    expect(diagnostics[0]?.subject).toBe('matmul "layer1"');
    expect(diagnostics[0]?.message).toMatch(/SRAM is short by \d+\.\d%; its 64\.0 MiB of weights/);
    expect(diagnostics[0]?.hint).toMatch(/core\.sramBytes of \d+/);
  });

  it("names every layer that does not fit, the operand, and changes with which each fits", async () => {
    const graph = chainOf([matmulSketch(1, 4096, 4096), elementwiseSketch(16), matmulSketch(600, 300, 200)]);
    const target = smallTarget(10, 10);
    const { diagnostics } = await refusal(graph, target);
    expect(diagnostics.map(({ subject }) => subject)).toEqual(['matmul "layer0"', 'matmul "layer2"']);
    for (const { shortage, hint } of diagnostics) {
      if (shortage === undefined) throw new Error("a shortage is told");
      expect(shortage).toMatchObject({ limit: "core.sramBytes", have: target.core.sramBytes });
      expect(shortage.changes).toContain(`core.sramBytes of ${shortage.need ?? 0}`);
      for (const change of shortage.changes) expect(hint).toContain(change);
    }
    expect(diagnostics[0]?.shortage?.operand).toBe("weight w1");
    expect(diagnostics[0]?.shortage?.changes).toContain("--target wse3");
    // the change of a dim does what it says
    const [, size = ""] = /m of at most (\d+), not 600/.exec(diagnostics[1]?.hint ?? "") ?? [];
    const shorter = chainOf([elementwiseSketch(16), matmulSketch(Number(size), 300, 200)]);
    expect(prepareUnder(shorter, target, unconstrained)).not.toMatchObject({ kind: "memory" });
  });

  it("says by how many cores a model is too large, and names its largest layer", async () => {
    const graph = chainOf(Array.from({ length: 30 }, (_, i) => matmulSketch(1, 256, i === 17 ? 512 : 256)));
    const target = smallTarget(14, 14);
    const { diagnostics } = await refusal(graph, target);
    const { width, height } = usableRect(target);
    expect(diagnostics[0]?.message).toMatch(
      new RegExp(`cores are short by \\d+\\.\\d%.*and ${width * height} are usable`),
    );
    expect(diagnostics[0]?.message).toContain('matmul "layer17"');
    expect(diagnostics[0]?.hint).toMatch(/^\d+ wafers/);
  });

  it("names router and edges where colors run out", async () => {
    const one = elementwiseSketch(64);
    const links = Array.from({ length: 9 }, (_, i) => [i, 9] as const);
    const graph = graphOf(
      Array.from({ length: 10 }, () => one),
      links,
    );
    const target = smallTarget(12, 3, { colors: { perRouter: 3, reserved: [], kernel: 2 } });
    const { diagnostics } = await refusal(graph, target);
    expect(diagnostics[0]?.message).toMatch(
      /router \(\d+, \d+\) has 1 colors for routes, all taken by "layer\d+" -> "layer9"/,
    );
  });
});

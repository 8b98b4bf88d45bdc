/** Copies of a model side by side: what they promise, and that the checker counts it again. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place, type PlaceOptions } from "../../compiler/placement/place.ts";
import { placeReplicas, type Replicas } from "../../compiler/placement/replicas.ts";
import { dojoTile } from "../../compiler/targets/dojo-tile.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { copyOffset, type Placement, rectMovedBy } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import type { Target } from "../../ir/machine/target.ts";
import { chainOf, convSketch, elementwiseSketch, graphs, matmulSketch, smallTarget, targets } from "./instances.ts";

const net = chainOf([convSketch(8, 3, 8), elementwiseSketch(512), matmulSketch(1, 512, 10)]);
const target = smallTarget(60, 44, {
  io: { columnsWest: 1, columnsEast: 1, rowsNorth: 0, rowsSouth: 1, bytesPerSecond: 1.2e12 },
});

const copiesIn = async (count: Replicas, options: PlaceOptions = {}): Promise<Placement> =>
  (await placeReplicas(net, target, count, options)).placement;

const refusal = async (placing: Promise<unknown>): Promise<WscError> => {
  const error = await placing.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WscError)) throw new Error("it was placed");
  return error;
};

const messagesOf = (graph: KernelGraph, placement: Placement, machine: Target = target): string =>
  checkPlacement(graph, placement, machine)
    .map(({ subject, message }) => `${subject} ${message}`)
    .join("\n");

describe("copies", () => {
  it("are placed legally, and take samples in turn", async () => {
    const placement = await copiesIn(7);
    expect(messagesOf(net, placement)).toBe("");
    const { certificate, copies } = placement;
    const own = Math.max(certificate.kernelCycles, certificate.linkCycles);
    expect(copies.count).toBe(7);
    expect(certificate.objective).toBeCloseTo(Math.max(own / 7, certificate.ioCycles), 9);
    expect(certificate.bound).toBeLessThanOrEqual(certificate.objective);
    expect(printPlacement(placement)).toMatchGolden("placement/seven-copies.placement");
    expect(await copiesIn(7)).toEqual(placement);
  });

  it("print and parse back, and one copy is a placement as ever", async () => {
    const placement = await copiesIn(4);
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
    expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
    expect(await copiesIn(1)).toEqual(await place(net, target));
  });

  it("random graphs, targets and numbers: legal, or refused by name", async () => {
    await fc.assert(
      fc.asyncProperty(graphs, targets, fc.integer({ min: 2, max: 9 }), async (graph, machine, count) => {
        const found = await placeReplicas(graph, machine, count).catch((error: unknown) => {
          if (error instanceof WscError) return null;
          throw error;
        });
        if (found === null) return;
        expect(messagesOf(graph, found.placement, machine)).toBe("");
        expect(found.placement.certificate.bound).toBeLessThanOrEqual(found.placement.certificate.objective);
        expect(parsePlacement(printPlacement(found.placement))).toEqual(found.placement);
      }),
      { numRuns: 8, seed: 13 },
    );
  });

  it("auto is within 5 % of the best of several numbers, and its bound holds for all of them", async () => {
    const auto = (await copiesIn("auto")).certificate;
    for (const count of [1, 2, 3, 4, 6, 9, 12]) {
      const { objective } = (await copiesIn(count)).certificate;
      expect(objective).toBeGreaterThanOrEqual(auto.objective * 0.95);
      expect(objective).toBeGreaterThanOrEqual(auto.bound);
    }
  });

  it("keep off what is dead or kept out in any of their regions", async () => {
    const constraints = {
      deadCores: [
        [40, 5],
        [33, 30],
        [10, 38],
      ] as const,
      keepOut: [{ x: 50, y: 20, width: 6, height: 4 }],
    };
    const placement = await copiesIn(4, { constraints });
    expect(messagesOf(net, placement)).toBe("");
    const rects = Array.from({ length: 4 }, (_, copy) =>
      placement.kernels.map(({ rect }) => rectMovedBy(rect, copyOffset(placement.copies, copy))),
    ).flat();
    const holds = (x: number, y: number): boolean =>
      rects.some((rect) => x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height);
    expect(constraints.deadCores.some(([x, y]) => holds(x, y))).toBe(false);
    expect(placement.constraints.deadCores).toHaveLength(3);
  });

  it("have the latency of the slowest where the mesh has seams", async () => {
    const { placement } = await placeReplicas(net, dojoTile, 6);
    expect(messagesOf(net, placement, dojoTile)).toBe("");
  });

  it.each([
    ["to stand in several", { constraints: { pins: [{ layer: "layer0", x: 3, y: 3 }] } }, 2],
    ["a whole number from 1 to 4096", {}, 0],
    ["asks for something else", { objective: "latency" }, "auto"],
    ["has no room", {}, 4096],
  ] as const)("are refused: %s", async (message, options, count) => {
    const { diagnostics } = await refusal(placeReplicas(net, target, count, options));
    expect(diagnostics.map((one) => one.message).join("\n")).toContain(message);
  });
});

describe("the checker", () => {
  const changed = async (change: (placement: Placement) => Partial<Placement>): Promise<string> => {
    const placement = await copiesIn(4);
    return messagesOf(net, { ...placement, ...change(placement) });
  };

  it("rejects copies that share routers", async () => {
    const said = await changed(({ copies }) => ({ copies: { ...copies, stepX: 5 } }));
    expect(said).toMatch(/copies reach over \d+ x \d+ cores each and lie only 5/);
  });

  it("rejects a copy beyond the usable area", async () => {
    expect(await changed(({ copies }) => ({ copies: { ...copies, count: 9 } }))).toContain(
      "not inside the usable area",
    );
  });

  it("rejects a copy on a dead core", async () => {
    const said = await changed(({ kernels, copies, constraints }) => {
      const { x, y } = rectMovedBy((kernels[0] as Placement["kernels"][number]).rect, copyOffset(copies, 3));
      return { constraints: { ...constraints, deadCores: [{ x, y }] } };
    });
    expect(said).toMatch(/copy 4 .*lies on the dead core/);
  });

  it("rejects an interval that more copies would have", async () => {
    const said = await changed(({ certificate }) => ({
      certificate: { ...certificate, objective: certificate.objective / 2, bound: 0, gap: 1 },
    }));
    expect(said).toContain("claims an interval");
  });
});

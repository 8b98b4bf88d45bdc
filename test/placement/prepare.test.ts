import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { placePrepared } from "../../compiler/placement/place.ts";
import { leastInterval, prepare, prepareUnder } from "../../compiler/placement/prepare.ts";
import { programText } from "../../compiler/placement/program-text.ts";
import { unconstrained } from "../../ir/placement.ts";
import { chainOf, elementwiseSketch, graphs, matmulSketch, smallTarget, targets } from "./instances.ts";

const chain = chainOf([matmulSketch(8, 64, 64), matmulSketch(8, 64, 96), matmulSketch(8, 96, 64)]);

/** What decides a search: every kernel's candidates in order, and the bound. The whole of a problem repeats the machine again and again. */
const factsOf = (prepared: ReturnType<typeof prepareUnder>): string =>
  "kind" in prepared
    ? JSON.stringify(prepared)
    : JSON.stringify([
        prepared.areaCycles,
        prepared.lists.map(({ candidates, describe: figuresOf }) => [
          candidates,
          candidates.length > 0 && figuresOf(0),
        ]),
      ]);

describe("a prepared problem", () => {
  it("is what the placer searches in and what its integer program says", async () => {
    const target = smallTarget(30, 30, { deadCores: [[12, 9]] });
    const keepOut = [{ x: 0, y: 0, width: 30, height: 5 }];
    const prepared = prepare(chain, target, { constraints: { keepOut } });
    const { certificate, constraints } = await placePrepared(prepared);
    expect(constraints).toMatchObject({ keepOut, deadCores: [{ x: 12, y: 9 }] });
    expect(certificate.bound).toBe(leastInterval(prepared));
    // 28 x 29 usable cores, without the 5 upper rows and the dead core
    expect(await programText(prepared)).toContain(
      `at most ${prepared.areaCycles} cycles on ${28 * 24 - 1} that constraints leave, of 28 x 29, cores`,
    );
  });

  it("leaves kernels that are pinned out of the integer program", async () => {
    const pins = [{ layer: "layer1", x: 2, y: 2, width: 10, height: 10 }];
    const text = await programText(prepare(chain, smallTarget(30, 30), { constraints: { pins } }));
    expect(text).toContain("layer0");
    expect(text).not.toContain("layer1");
  });

  it("tells every kernel that a step has no place for", () => {
    const graph = chainOf([
      elementwiseSketch(10),
      matmulSketch(1, 4000, 4000),
      elementwiseSketch(10),
      matmulSketch(1, 5000, 3000),
    ]);
    const target = smallTarget(8, 8);
    expect(prepareUnder(graph, target, unconstrained)).toMatchObject({ kind: "memory", kernels: [1, 3] });
    expect(prepareUnder(chain, target, { ...unconstrained, maxInterval: 90 })).toMatchObject({
      kind: "limit",
      kernels: [0, 1, 2],
    });
  });

  it("lists fewer variants where time is over, and never calls that a lack of room", () => {
    const graph = chainOf([matmulSketch(64, 512, 768), matmulSketch(64, 768, 384)]);
    const target = smallTarget(90, 90);
    const candidates = (timeLimitSeconds: number): number =>
      prepare(graph, target, { timeLimitSeconds }).lists.reduce((sum, list) => sum + list.candidates.length, 0);
    expect(candidates(0)).toBeLessThan(candidates(3600));
    const tight = chainOf([matmulSketch(1, 997, 991)]);
    const fits = (timeLimitSeconds: number): string => {
      const prepared = prepareUnder(tight, smallTarget(12, 11), unconstrained, { timeLimitSeconds });
      return "kind" in prepared ? prepared.kind : "fits";
    };
    expect(fits(0)).toBe(fits(3600));
  });

  it("is the same each time", () => {
    fc.assert(
      fc.property(graphs, targets, (graph, target) => {
        const [first, second] = [0, 1].map(() => factsOf(prepareUnder(graph, target, unconstrained)));
        expect(second).toBe(first);
      }),
      { numRuns: 10 },
    );
  });
});

/** Models cut over wafers: parts that place, bounds that hold, books that balance. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { kernelPart } from "../../compiler/partition/kernel-part.ts";
import { stagesOf } from "../../compiler/partition/stages.ts";
import { cutOverWafers, sharedAreaBound, type WaferProblem, waferProblem } from "../../compiler/partition/wafer-cut.ts";
import type { WaferSplit } from "../../compiler/partition/wafer-split.ts";
import { splitOverWafers } from "../../compiler/partition/wafers.ts";
import { areaAt } from "../../compiler/placement/sizing/area-bound.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { ioCyclesOf } from "../../compiler/placement/certificate.ts";
import { place } from "../../compiler/placement/place.ts";
import type { Target } from "../../ir/machine/target.ts";
import { chainOf, graphOf, graphs, matmulSketch, smallTarget, targets } from "../placement/instances.ts";

/** The split, or the codes of what is said instead. */
async function attempt(graph: KernelGraph, target: Target, wafers: number): Promise<WaferSplit | string[]> {
  try {
    return await splitOverWafers(graph, target, wafers);
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}

const edgeOf = ({ graph, target }: WaferProblem, ids: readonly number[]): number =>
  ioCyclesOf(kernelPart(graph, ids, "part"), target);

/** The least interval of any cut of a chain of kernels, by trying all of them: cores and edges alone decide. */
function bestCutOfChain(problem: WaferProblem): number {
  const count = problem.graph.kernels.length;
  const times = [...new Set(problem.curves.flatMap(({ times: list }) => list))].toSorted((a, b) => a - b);
  const intervalOf = (ids: readonly number[]): number => {
    const area = (time: number): number =>
      ids.flatMap((id) => problem.curves[id] ?? []).reduce((sum, curve) => sum + areaAt(curve, time), 0);
    return Math.max(edgeOf(problem, ids), times.find((time) => area(time) <= problem.cores) ?? Infinity);
  };
  let best = Infinity;
  for (let cuts = 0; cuts < 2 ** (count - 1); cuts++) {
    const parts: number[][] = [[0]];
    for (let id = 1; id < count; id++) {
      if ((cuts >> (id - 1)) % 2 === 1) parts.push([id]);
      else parts.at(-1)?.push(id);
    }
    if (parts.length <= problem.wafers) best = Math.min(best, Math.max(...parts.map(intervalOf)));
  }
  return best;
}

describe("a model over wafers", () => {
  const layers = chainOf(Array.from({ length: 6 }, () => matmulSketch(4, 320, 320)));
  const target = smallTarget(10, 9);

  it("too large for one wafer, is cut into parts that each place", async () => {
    await expect(place(layers, target)).rejects.toThrow("WSC5002");
    const split = await splitOverWafers(layers, target, 4);
    expect(split.stages.length).toBeGreaterThan(1);
    expect(split.stages.flatMap(({ kernels }) => kernels)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const { kernels, placement } of split.stages) {
      expect(checkPlacement(kernelPart(layers, kernels, "part"), placement, target)).toEqual([]);
    }
    expect(split.stages.reduce((sum, { weightBytes }) => sum + weightBytes, 0)).toBe(6 * 4 * 320 * 320);
    expect(split.interval).toBe(Math.max(...split.stages.map(({ cycles }) => cycles)));
    expect(split.bound).toBeLessThanOrEqual(split.interval);
  });

  it("gives the same again", async () => {
    expect(await splitOverWafers(layers, target, 4)).toEqual(await splitOverWafers(layers, target, 4));
  });

  it("that fit no number of wafers given, are refused with the number that would do", async () => {
    const error = await splitOverWafers(layers, target, 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WscError);
    const [{ code, message, hint }] = (error as WscError).diagnostics as [WscError["diagnostics"][number]];
    expect(code).toBe("WSC5002");
    expect(message).toMatch(/^does not fit 1 x small: cores are short by [\d.]+%/);
    const wafers = Number(/^--wafers (\d+)$/.exec(hint ?? "")?.[1]);
    expect((await splitOverWafers(layers, target, wafers)).stages.length).toBeLessThanOrEqual(wafers);
  });

  it("whose layer is too large for a wafer names the layer", async () => {
    expect(await attempt(chainOf([matmulSketch(4, 4000, 4000)]), target, 8)).toEqual(["WSC5002"]);
  });

  it.each([0, 1.5, -1, 1e9])("refuses %d wafers", async (wafers) => {
    expect(await attempt(layers, target, wafers)).toEqual(["WSC8001"]);
  });

  it("random graphs: every kernel once, words balance, senders before readers, the bound below the interval", async () => {
    await fc.assert(
      fc.asyncProperty(graphs, targets, fc.integer({ min: 1, max: 3 }), async (graph, machine, wafers) => {
        const split = await attempt(graph, machine, wafers);
        if (Array.isArray(split)) {
          expect(split.every((code) => code === "WSC5002")).toBe(true);
          return;
        }
        const { stages, links, interval, bound } = split;
        expect(stages.length).toBeLessThanOrEqual(wafers);
        const ids = stages.flatMap(({ kernels }) => kernels);
        expect(ids.toSorted((a, b) => a - b)).toEqual(graph.kernels.map(({ id }) => id));
        for (const { from, to } of links) expect(from).toBeLessThan(to);
        const crossing = links.reduce((sum, { words }) => sum + words, 0);
        const arriving = stages.reduce((sum, { wordsIn }) => sum + wordsIn, 0);
        expect(arriving).toBe(crossing + graph.inputs.reduce((sum, { words }) => sum + words, 0));
        for (const { cycles, ioCycles } of stages) expect(ioCycles).toBeLessThanOrEqual(cycles);
        expect(bound).toBeLessThanOrEqual(interval);
      }),
      { numRuns: 15 },
    );
  });

  it("chains: the cut is as good as the best of all cuts, and its bound holds", () => {
    const chain = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(chain, fc.integer({ min: 1, max: 4 }), fc.constantFrom(1e9, 10e9, 150e9), (sizes, wafers, rate) => {
        const graph = chainOf(sizes.map((size) => matmulSketch(4, 24 * size, 24 * size)));
        const machine = smallTarget(18, 17);
        const problem = waferProblem(graph, { ...machine, io: { ...machine.io, bytesPerSecond: rate } }, wafers);
        const area = sharedAreaBound(problem);
        const best = bestCutOfChain(problem);
        const cut = area === null ? null : cutOverWafers(problem, 1, area, () => false);
        expect(cut === null).toBe(best === Infinity);
        if (cut === null || area === null) return;
        expect(area).toBeLessThanOrEqual(best);
        expect(cut.bound).toBeLessThanOrEqual(best);
        // edges come in fractions of a cycle in the search
        expect(cut.cycles).toBeLessThanOrEqual(best * 1.002 + 1);
        expect(cut.cycles).toBeGreaterThanOrEqual(best - 1);
      }),
      { numRuns: 60 },
    );
  });
});

describe("parts and stages", () => {
  const diamond = graphOf(
    [2, 2, 2, 2].map((size) => matmulSketch(1, 8 * size, 8 * size)),
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ],
  );

  it("a value leaves a wafer once and arrives once, however many read it", () => {
    const head = kernelPart(diamond, [0], "head");
    expect(head.outputs).toHaveLength(1);
    expect(head.kernels[0]?.leaving).toBe(2 * (head.outputs[0]?.words ?? 0));
    const rest = kernelPart(diamond, [1, 2, 3], "rest");
    expect(rest.inputs.map(({ name, kernel }) => [name, kernel])).toEqual([
      ["\u0000%0", 0],
      ["\u0000%0", 1],
    ]);
    expect(ioCyclesOf(rest, smallTarget(20, 20))).toBe(ioCyclesOf(head, smallTarget(20, 20)));
    expect(rest.edges.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  it("follow the longest way, and are no pipeline when they wait for each other", () => {
    const stages = stagesOf(diamond, [[0], [1], [2], [3]], [1, 10, 100, 1000]);
    expect(stages?.latency).toBe(1101);
    expect(stages?.links).toHaveLength(4);
    expect(
      stagesOf(
        diamond,
        [
          [0, 3],
          [1, 2],
        ],
        [1, 1],
      ),
    ).toBeNull();
  });
});

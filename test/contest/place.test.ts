/** Placing contest graphs: legal, bounded, repeatable, and proven where graphs are small. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WscError } from "../../ir/diagnostic.ts";
import { scoreContest } from "../../compiler/contest/check.ts";
import type { ContestGraph } from "../../compiler/contest/kgraph.ts";
import { writePaint } from "../../compiler/contest/paint.ts";
import { placeContest } from "../../compiler/contest/place.ts";
import { cblock, chain, conv, dblock } from "../bench/contest-instances.mjs";
import { contestGraph, sketches } from "./graphs.ts";

/** Text of a placement that so much counted work finds; the clock has no part in it. */
async function paintOf(graph: ContestGraph, effortSeconds: number, seed = 0): Promise<string> {
  return writePaint(graph.kernels, (await placeContest(graph, { timeLimitSeconds: 600, effortSeconds, seed })).places);
}

describe("placing contest graphs", () => {
  it("is legal and never below its bound, whatever the graph and the wafer", async () => {
    const wafers = fc.record({
      width: fc.integer({ min: 12, max: 90 }),
      height: fc.integer({ min: 12, max: 90 }),
      memlimit: fc.constantFrom(200, 24576),
    });
    const weights = fc.record({
      wdeltat: fc.constantFrom(0, 1, 3),
      wlength: fc.constantFrom(0, 1, 40),
      wadapter: fc.constantFrom(0, 100),
    });
    await fc.assert(
      fc.asyncProperty(sketches(14), weights, wafers, async (sketch, weigh, wafer) => {
        const graph = contestGraph(sketch, weigh, wafer);
        try {
          const { places, score, bound, cycleBound } = await placeContest(graph, { timeLimitSeconds: 0.05, seed: 1 });
          expect(scoreContest(graph, places)).toMatchObject({ faults: [], cost: score.cost });
          expect(bound).toBeLessThanOrEqual(score.cost);
          expect(cycleBound).toBeLessThanOrEqual(score.cycles);
        } catch (error) {
          expect(error).toBeInstanceOf(WscError);
          expect((error as WscError).message).toMatch(/does not fit|no arrangement/);
        }
      }),
      { numRuns: 20 },
    );
  });

  const network = contestGraph(
    chain([cblock(16, 8), dblock(16, 4), dblock(16, 4), conv(4, 16, 16, { r: 3 }), cblock(32, 4), dblock(32, 2)].flatMap((node) => [node, node, node])),
    { wdeltat: 1, wlength: 4, wadapter: 0 },
    { width: 70, height: 50, memlimit: 24576 },
  ); // prettier-ignore

  it("gives the same bytes for the same seed", async () => {
    expect(await paintOf(network, 0.06, 7)).toBe(await paintOf(network, 0.06, 7));
  });

  it("says what ended the search", async () => {
    const endOf = async (timeLimitSeconds: number, effortSeconds: number): Promise<string> =>
      (await placeContest(network, { timeLimitSeconds, effortSeconds, seed: 0 })).endedBy;
    expect(await endOf(600, 0.05)).toBe("effort");
    expect(await endOf(0, 600)).toBe("clock");
  });

  it("does not get worse with more time", async () => {
    const graph = network;
    const costs: number[] = [];
    for (const seconds of [0.02, 0.06, 0.2]) {
      costs.push((await placeContest(graph, { timeLimitSeconds: 600, effortSeconds: seconds, seed: 3 })).score.cost);
    }
    expect(costs).toEqual([...costs].sort((a, b) => b - a));
  });

  it("finds the best of all placements of tiny graphs, and says so", async () => {
    const wafer = { width: 7, height: 6, memlimit: 24576 };
    const sketch = { nodes: [conv(2, 1, 2), conv(2, 2, 1), conv(1, 2, 2)], edges: [[0, 1], [1, 2]] as const }; // prettier-ignore
    for (const wlength of [0, 1, 5]) {
      const graph = contestGraph(sketch, { wdeltat: 1, wlength, wadapter: 0 }, wafer);
      const { score, bound, status } = await placeContest(graph, { timeLimitSeconds: 60, seed: 0 });
      const best = bestOfAll(graph);
      expect({ wlength, cost: score.cost, bound, status }).toEqual({
        wlength,
        cost: best,
        bound: best,
        status: "optimal",
      });
    }
  });

  it("refuses what cannot fit, with figures", async () => {
    const graph = contestGraph(chain([cblock(64, 14), dblock(64, 7)]), undefined, {
      width: 12,
      height: 3,
      memlimit: 24576,
    });
    await expect(placeContest(graph, { timeLimitSeconds: 1, seed: 0 })).rejects.toThrow(/fit/);
    const dry = contestGraph(chain([dblock(64, 7)]), undefined, { width: 60, height: 60, memlimit: 2 });
    await expect(placeContest(dry, { timeLimitSeconds: 1, seed: 0 })).rejects.toThrow(/alone/);
  });

  it("places nothing for a graph of nothing", async () => {
    const graph = contestGraph({ nodes: [], edges: [] });
    expect(await placeContest(graph, { timeLimitSeconds: 1, seed: 0 })).toMatchObject({
      places: [],
      status: "optimal",
      bound: 0,
    });
  });
});

/** Cost of the best placement: all cuts of all kernels at all corners. */
function bestOfAll(graph: ContestGraph): number {
  interface Box { readonly w: number; readonly h: number; readonly cycles: number } // prettier-ignore
  const boxes = graph.kernels.map((kernel): Box[] => {
    const [sizes] = kernel.convs;
    if (sizes === undefined) return [];
    const found = new Map<string, Box>();
    const range = (most: number): number[] => Array.from({ length: most }, (_, i) => i + 1);
    // one more than there is may idle, and make centres meet
    for (const h of range(sizes.H)) for (const w of range(sizes.W)) for (const c of range(sizes.C + 1)) for (const k of range(sizes.K + 1)) {
      const cycles = Math.ceil(sizes.H / h) * Math.ceil(sizes.W / w) * Math.ceil(sizes.C / c) * Math.ceil(sizes.K / k);
      const sides = [h * w * (c + 1), 3 * k] as const;
      for (const [wide, high] of [sides, [sides[1], sides[0]]] as const) {
        const key = `${wide} ${high}`;
        if (cycles < (found.get(key)?.cycles ?? Infinity)) found.set(key, { w: wide, h: high, cycles });
      }
    } // prettier-ignore
    return [...found.values()];
  });
  interface Spot extends Box { readonly x: number; readonly y: number } // prettier-ignore
  let best = Infinity;
  const visit = (placed: readonly Spot[], wires: number, slowest: number): void => {
    const choices = boxes[placed.length];
    if (choices === undefined) {
      best = graph.timeWeight * slowest + graph.wireWeight * wires;
      return;
    }
    for (const box of choices) {
      for (let x = 0; x + box.w <= graph.width; x++) for (let y = 0; y + box.h <= graph.height; y++) {
        if (placed.some((o) => x < o.x + o.w && o.x < x + box.w && y < o.y + o.h && o.y < y + box.h)) continue;
        const wire = graph.edges
          .filter(({ to }) => to === placed.length)
          .reduce((sum, { from }) => {
            const o = placed[from] as Spot;
            return sum + Math.abs(o.x + o.w / 2 - x - box.w / 2) + Math.abs(o.y + o.h / 2 - y - box.h / 2);
          }, 0);
        const cycles = Math.max(slowest, box.cycles);
        if (graph.timeWeight * cycles + graph.wireWeight * (wires + wire) < best) visit([...placed, { ...box, x, y }], wires + wire, cycles);
      } // prettier-ignore
    }
  };
  visit([], 0, 0);
  return best;
}

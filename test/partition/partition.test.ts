/** Splits against all splits: optimality of chains, bounds that hold, loads as the definition has them. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WscError } from "../../ir/diagnostic.ts";
import { type DeviceGraph, parseDeviceGraph } from "../../compiler/partition/device-graph.ts";
import { workBound } from "../../compiler/partition/bound.ts";
import { columnBound } from "../../compiler/partition/column-bound.ts";
import { instanceOf } from "../../compiler/partition/instance.ts";
import { partition } from "../../compiler/partition/partition.ts";
import { checkSplit } from "../../compiler/partition/split-check.ts";
import { bruteForce, graphs } from "./graphs.ts";

const close = 1e-9;

/** Result and oracle, or null where nothing fits. */
function solve(graph: DeviceGraph): { readonly result: ReturnType<typeof partition> | null } {
  try {
    return { result: partition(graph, { rounds: 2 }) };
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return { result: null };
  }
}

describe("partition against all splits", () => {
  const cases = [
    ["inference", graphs(5)],
    ["small memories", graphs(5, { tight: true })],
    ["training", graphs(3, { training: true })],
  ] as const;
  for (const [name, arbitrary] of cases) {
    it(`${name}: legal, above its bound, and the bound below the best`, () => {
      fc.assert(
        fc.property(arbitrary, (graph) => {
          const { best } = bruteForce(graph);
          const { result } = solve(graph);
          expect(result === null).toBe(best === Infinity);
          if (result === null) return;
          const { maxLoad, bound, status, contiguous } = result.certificate;
          const score = checkSplit(graph, result.split);
          expect(score.legal).toBe(true);
          expect(score.maxLoad).toBe(maxLoad);
          expect(score.contiguous).toBe(contiguous);
          expect(maxLoad).toBeGreaterThanOrEqual(best - close);
          expect(bound).toBeLessThanOrEqual(best + close);
          if (status === "optimal") expect(maxLoad).toBeCloseTo(best, 9);
        }),
        { numRuns: 40 },
      );
    });
  }

  it("finds the best chain of forward graphs, and proves it", () => {
    fc.assert(
      fc.property(fc.oneof(graphs(5), graphs(5, { tight: true })), (graph) => {
        const { chain } = bruteForce(graph);
        const { result } = solve(graph);
        if (result === null) return;
        const { contiguousOptimum } = result.certificate;
        if (chain === Infinity) expect(contiguousOptimum).toBeNull();
        else {
          expect(contiguousOptimum?.status).toBe("optimal");
          expect(contiguousOptimum?.maxLoad).toBeCloseTo(chain, 9);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("finds and proves the best split of small graphs", () => {
    fc.assert(
      fc.property(graphs(5), (graph) => {
        const { best } = bruteForce(graph);
        const { result } = solve(graph);
        if (result === null) return;
        expect(result.certificate.status).toBe("optimal");
        expect(result.certificate.maxLoad).toBeCloseTo(best, 9);
      }),
      { numRuns: 60 },
    );
  });

  it("bounds by prices end where accelerators can run nothing", () => {
    const nodes = [3, 4].map((cpuLatency, id) => ({ id, fpgaLatency: 0, cpuLatency, supportedOnFpga: 0 }));
    const graph = parseDeviceGraph({ maxFPGAs: 2, maxCPUs: 1, nodes, edges: [] }, "cpu only");
    const { graph: items, machine } = instanceOf(graph, 2, 1);
    const options = { lower: 1, upper: 10, sequence: [0, 1], effort: 20_000, isOver: () => false };
    expect(columnBound(items, machine, options)).toBeLessThanOrEqual(7);
  });

  it("bounds by work hold where items take no time", () => {
    const works = [
      [1, 20],
      [0, 0],
      [3.5, 0],
    ];
    const nodes = works.map(([fpgaLatency, cpuLatency], id) => ({ id, fpgaLatency, cpuLatency, supportedOnFpga: 1 }));
    const graph = parseDeviceGraph({ maxFPGAs: 1, maxCPUs: 1, nodes, edges: [] }, "idle");
    const { graph: items, machine } = instanceOf(graph, 1, 1);
    expect(workBound(items, machine)).toBeCloseTo(1, 6);
  });

  it("bounds by prices hold", () => {
    fc.assert(
      fc.property(
        fc.oneof(graphs(5), graphs(5, { tight: true })),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (graph, more) => {
          const { best } = bruteForce(graph);
          if (!(best > 0) || best === Infinity) return;
          const { graph: items, machine } = instanceOf(graph, graph.accelerators, graph.cpus);
          const sequence = Array.from({ length: items.items }, (_, item) => item);
          const lower = workBound(items, machine);
          const upper = best * (1 + more);
          const bound = columnBound(items, machine, { lower, upper, sequence, effort: 20_000, isOver: () => false });
          expect(lower).toBeLessThanOrEqual(best + close);
          expect(bound).toBeLessThanOrEqual(best + close);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("loads", () => {
  const graph = parseDeviceGraph(
    {
      maxFPGAs: 2,
      maxCPUs: 1,
      maxSizePerFPGA: 10,
      nodes: [
        { id: 1, fpgaLatency: 2, cpuLatency: 20, supportedOnFpga: 1, size: 3 },
        { id: 2, fpgaLatency: 3, cpuLatency: 30, supportedOnFpga: 1, size: 3 },
        { id: 3, fpgaLatency: 4, cpuLatency: 40, supportedOnFpga: 1, size: 3 },
        { id: 4, fpgaLatency: 5, cpuLatency: 50, supportedOnFpga: 1, size: 3 },
      ],
      edges: [
        { sourceId: 1, destId: 2, cost: 0.5 },
        { sourceId: 1, destId: 3, cost: 0.5 },
        { sourceId: 2, destId: 4, cost: 0.25 },
        { sourceId: 3, destId: 4, cost: 0.125 },
      ],
    },
    "loads",
  );

  it("pays a transfer once per sending and once per receiving accelerator, and never on a CPU", () => {
    const split = {
      accelerators: [
        [1, 4],
        [2, 3],
      ],
      cpus: [],
    };
    // 1 sends once although two nodes read it; 2 and 3 send back
    const loads = [2 + 5 + 0.5 + 0.25 + 0.125, 3 + 4 + 0.5 + 0.25 + 0.125];
    expect(checkSplit(graph, split)).toMatchObject({ legal: true, loads, contiguous: false, maxLoad: 7.875 });
    const withCpu = { accelerators: [[1, 2], [3]], cpus: [[4]] };
    expect(checkSplit(graph, withCpu)).toMatchObject({ legal: true, loads: [5.75, 4.625, 50], contiguous: true });
  });

  it("says what is illegal", () => {
    expect(checkSplit(graph, { accelerators: [[1, 2, 3, 4]], cpus: [] }).errors).toEqual([
      "accelerator 0 holds 12, and its limit is 10",
    ]);
    expect(checkSplit(graph, { accelerators: [[1], [2], [3]], cpus: [[1, 9]] }).errors).toEqual([
      "3 accelerators, and there are 2",
      "node 1 is placed twice",
      "there is no node 9",
      "node 4 is not placed",
    ]);
  });
});

describe("time and chance", () => {
  it("gives the same split for the same seed, and none worse for a longer limit", () => {
    fc.assert(
      fc.property(graphs(5), (graph) => {
        const { result } = solve(graph);
        if (result === null) return;
        expect(partition(graph, { rounds: 2 })).toEqual(result);
        const hasty = partition(graph, { rounds: 2, timeLimitSeconds: 0 });
        expect(hasty.certificate.maxLoad).toBeGreaterThanOrEqual(result.certificate.maxLoad);
      }),
      { numRuns: 20 },
    );
  });
});

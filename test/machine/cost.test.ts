import { describe, expect, it } from "@jest/globals";
import { wse2 } from "../../compiler/targets/wse2.ts";
import type { Kernel } from "../../ir/kernel-graph.ts";
import { busyCycles, costOf, siteOf } from "../../ir/machine/cost.ts";
import type { Mapping } from "../../ir/machine/mapping.ts";
import { crossingCycles } from "../../ir/machine/travel.ts";
import { nestOf, type TileWork, workOf } from "../../ir/machine/work.ts";
import {
  chainOf,
  gatherElementsSketch,
  joinSketch,
  matmulSketch,
  softmaxSketch,
  type Sketch,
} from "../placement/instances.ts";

function kernelOf(sketch: Sketch): Kernel {
  const [kernel] = chainOf([sketch]).kernels;
  if (kernel === undefined) throw new Error("no kernel");
  return kernel;
}

/** Dense f32 GEMM on WSE-2's cycle-accurate simulator (pr0f3ss/SpMM_Cerebras): width x height cores, N, K, M, cycles. */
const published = [
  [16, 12, 768, 768, 64, 476_866],
  [16, 48, 3072, 768, 64, 477_315],
  [128, 8, 1024, 1024, 64, 150_760],
  [128, 32, 4096, 1024, 64, 150_878],
  [2, 2, 16, 16, 32, 9_756],
  [2, 2, 64, 64, 32, 88_795],
] as const;

describe("the clock", () => {
  it.each(published)(
    "%d x %d cores, N=%d K=%d M=%d: within 2.5%% of the published cycles",
    (width, height, n, k, m, cycles) => {
      // the published kernel has one vector of length n per (k, m)
      const kernel = kernelOf(matmulSketch(m, k, n));
      const { stages } = kernel;
      const nest = nestOf({ ...kernel, stages: stages.map((stage) => ({ ...stage, vector: ["n"] })) });
      const site = siteOf(wse2, nest);
      const extents = nest.loops.map(({ name, size }) =>
        name === "n" ? size / height : name === "k" ? size / width : size,
      );
      const work = workOf(
        nest,
        extents,
        nest.loops.map(() => 1),
      );
      expect(Math.abs(busyCycles(site, work) / cycles - 1)).toBeLessThan(0.025);
    },
  );

  it("overlaps computing with moving, and nothing with what is waited for", () => {
    const site = siteOf(wse2, nestOf(kernelOf(matmulSketch(1, 1, 1))));
    const idle: TileWork = {
      fast: 0,
      slow: 0,
      vectors: 0,
      wordsIn: 0,
      wordsOut: 0,
      partials: 0,
      unevenIn: 1,
      unevenOut: 1,
      agreements: [],
      exchanges: [],
      weightBytes: 0,
      activationBytes: 0,
      stateBytes: 0,
      bufferBytes: 0,
    };
    expect(busyCycles(site, { ...idle, fast: 474, wordsIn: 600, wordsOut: 10 })).toBe(1_000);
    expect(busyCycles(site, { ...idle, fast: 474, wordsIn: 5_000 })).toBe(5_000);
    expect(busyCycles(site, { ...idle, slow: 3, vectors: 10 })).toBe(150 + 209);
  });

  it("charges rows that lie in several cores for what they agree on", () => {
    const site = siteOf(wse2, nestOf(kernelOf(softmaxSketch(4, 64))));
    const on = (pieces: number): number => {
      const mapping: Mapping = {
        height: 1,
        width: pieces,
        rows: [],
        columns: [{ loop: "i1", pieces }],
        reduce: "chain",
      };
      return costOf(site, mapping).cycles;
    };
    // two all-reduces of 4 words over 8 cores: 4 + 6 * 7, 11 for a second instruction, and 4 + 8 + 4 each
    const work = workOf(site.nest, [4, 8], [1, 8]);
    expect(on(8)).toBe(Math.ceil(busyCycles(site, work) + 2 * (46 + 11 + 16)));
    expect(work.agreements).toEqual([{ loops: [1], words: 4, times: 2 }]);
    expect(workOf(site.nest, [4, 64], [1, 1]).agreements).toEqual([]);
  });
});

describe("a gather of elements", () => {
  it("takes the way of an index to the core that holds its element, and of the element to the result", () => {
    const site = siteOf(wse2, nestOf(kernelOf(gatherElementsSketch(64_000, 256))));
    const on = (height: number, width: number): number => {
      const cut = (pieces: number) => [{ loop: "e", pieces }];
      const mapping: Mapping = { height, width, rows: cut(height), columns: cut(width), reduce: "chain" };
      return costOf(site, mapping).latency;
    };
    for (const [height, width] of [
      [8, 8],
      [40, 20],
    ] as const)
      expect(on(height, width)).toBeGreaterThanOrEqual(2 * crossingCycles(wse2, height, width));
    expect(on(80, 40)).toBeGreaterThan(on(40, 20));
  });

  it("has what a concat has not: words that come in the order of its result wait for nothing inside", () => {
    const site = siteOf(wse2, nestOf(kernelOf(joinSketch([64, 64]))));
    const mapping: Mapping = {
      height: 1,
      width: 4,
      rows: [],
      columns: [{ loop: "e", pieces: 4 }],
      reduce: "chain",
    };
    expect(costOf(site, mapping).latency).toBe(0);
  });
});

import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { sidesOf, type VariantList } from "../../compiler/kernels/family.ts";
import { families, mergeVariants, variantsOf, variantTable } from "../../compiler/kernels/library.ts";
import { mappingsOf } from "../../compiler/kernels/mappings.ts";
import { paretoOptimal } from "../../compiler/kernels/pareto.ts";
import { usefulCuts } from "../../compiler/kernels/cuts.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { type Kernel, kernelFamilies, weightBytes } from "../../ir/kernel-graph.ts";
import { sramBytes } from "../../ir/machine/cost.ts";
import type { Cut } from "../../ir/machine/mapping.ts";
import { chainOf, convSketch, graphs, matmulSketch, smallTarget, targets } from "../placement/instances.ts";

function kernelOf(sketch: Parameters<typeof chainOf>[0][number]): Kernel {
  const [kernel] = chainOf([sketch]).kernels;
  if (kernel === undefined) throw new Error("no kernel");
  return kernel;
}

/** The whole list as text, one variant a line. */
function printVariants({ candidates, describe: figuresOf }: VariantList): string {
  const lines = candidates.map((_, index) => {
    const { mapping, cycles, latency, sram, ports, colors } = figuresOf(index);
    const side = (cuts: readonly Cut[]): string => cuts.map(({ loop, pieces }) => `${loop}/${pieces}`).join(" ");
    const bytes = Object.entries(sram).map(([category, size]) => `${category} ${size}`);
    return `${mapping.height} x ${mapping.width}: ${cycles} cycles, latency ${latency}, ports ${ports}, colors ${colors}; ${side(mapping.rows)} x ${side(mapping.columns)}, ${mapping.reduce}; ${bytes.join(", ")}\n`;
  });
  return lines.join("");
}

describe("variants", () => {
  it("of a small convolution on a small fabric", () => {
    const list = variantsOf(kernelOf(convSketch(6, 4, 8)), smallTarget(14, 13));
    expect(printVariants(list)).toMatchGolden("kernels/conv-6x6x4x8.variants");
  });

  it("fit the fabric and the cores' memory, hold all weights, and beat each other in nothing", () => {
    let seen = 0;
    fc.assert(
      fc.property(graphs, targets, (graph, target) => {
        for (const [id, list] of variantTable(graph, target).entries()) {
          const { long, short } = sidesOf(target);
          const kernel = graph.kernels[id];
          if (kernel === undefined) throw new Error("no kernel");
          const weights = weightBytes(kernel);
          // one expectation per list: there are thousands of variants
          const wrong = list.candidates.filter((candidate, index) => {
            const variant = list.describe(index);
            const { mapping, sram } = variant;
            const { height: rows, width: columns } = mapping;
            seen++;
            return !(
              rows === candidate.rows &&
              columns === candidate.columns &&
              variant.cycles === candidate.cycles &&
              Math.max(rows, columns) <= long &&
              Math.min(rows, columns) <= short &&
              sramBytes(sram) <= target.core.sramBytes &&
              sram.weights * rows * columns >= weights
            );
          });
          expect(wrong).toEqual([]);
          expect(paretoOptimal(list.candidates, Infinity)).toEqual(list.candidates);
        }
      }),
      { numRuns: 15 },
    );
    expect(seen).toBeGreaterThan(100);
  });

  it("do no less work than there is, at the machine's best rate", () => {
    const kernel = kernelOf(matmulSketch(32, 64, 64));
    const { candidates } = variantsOf(kernel, smallTarget(60, 60));
    expect(candidates.length).toBeGreaterThan(10);
    for (const { rows, columns, cycles } of candidates) {
      expect(cycles * rows * columns * wse2.core.rates.f32.aligned).toBeGreaterThanOrEqual(kernel.flops / 2);
    }
  });

  it("get faster with more cores", () => {
    const { candidates } = variantsOf(kernelOf(matmulSketch(32, 64, 64)), smallTarget(60, 60));
    const fastest = candidates[0];
    const slowest = candidates.at(-1);
    expect(fastest?.cycles).toBeLessThan((slowest?.cycles ?? 0) / 50);
  });

  it.each(kernelFamilies)("%s: a kernel of one iteration takes one core", (family) => {
    const kernel: Kernel = { ...kernelOf(matmulSketch(1, 1, 1)), family };
    const space = { target: wse2, sides: sidesOf(wse2), tries: 500, keep: 64, window: null };
    const list = mappingsOf(kernel, families[family], space);
    expect(list.candidates.some(({ rows, columns }) => rows * columns === 1)).toBe(true);
  });

  it("are found finely inside a window of time", () => {
    const graph = chainOf([convSketch(28, 64, 96)]);
    const window = { least: 2_000, most: 3_000 };
    const inside = (list: VariantList | undefined): number[] =>
      (list?.candidates ?? [])
        .filter(({ cycles }) => cycles >= window.least && cycles <= window.most)
        .map(({ rows, columns }) => rows * columns);
    const coarse = variantTable(graph, wse2)[0];
    const fine = variantTable(graph, wse2, window)[0];
    if (coarse === undefined || fine === undefined) throw new Error("no variants");
    const merged = mergeVariants(coarse, fine);
    expect(Math.min(...inside(merged))).toBeLessThanOrEqual(Math.min(...inside(coarse)));
    expect(merged.describe(0).cycles).toBe(merged.candidates[0]?.cycles);
  });

  it("are shared by kernels that differ in name only", () => {
    const [first, second, third] = variantTable(
      chainOf([convSketch(6, 4, 4), convSketch(6, 4, 4), convSketch(6, 4, 4)]),
      wse2,
    );
    expect(second).toBe(first);
    expect(third).toBe(first);
  });
});

describe("cuts", () => {
  it("differ in the size of the largest piece", () => {
    expect(usefulCuts(10, 10, 100)).toEqual([1, 2, 3, 4, 5, 10]);
    expect(usefulCuts(10, 4, 100)).toEqual([1, 2, 3, 4]);
    expect(usefulCuts(1, 10, 100)).toEqual([1]);
  });

  it("keep first and last when thinned", () => {
    const cuts = usefulCuts(5_000, 5_000, 12);
    expect([cuts[0], cuts.at(-1)]).toEqual([1, 5_000]);
    expect(cuts.length).toBeLessThanOrEqual(13);
  });
});

/** The contest's kernels: formulas, and that the list of shapes misses none. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { blockKernel, type ContestKernel, type Execution, performanceOf } from "../../compiler/contest/kernel.ts";
import { shapesOf } from "../../compiler/contest/variants.ts";
import { contestGraph, sketches } from "./graphs.ts";

describe("contest kernels", () => {
  // the worked example of the contest's benchmark of 2020-02-10
  it.each([
    ["dblock", 56, 256, { h: 4, w: 4, c: [8, 8, 8], k: [8, 64, 16] }, { width: 264, height: 144, time: 50176, memory: 3264 }],
    ["cblock", 56, 512, { h: 4, w: 4, c: [8, 8, 8, 8], k: [32, 32, 8, 19] }, { width: 273, height: 144, time: 50176, memory: 6144 }],
    ["dblock", 28, 512, { h: 4, w: 4, c: [8, 8, 8], k: [8, 32, 8] }, { width: 144, height: 144, time: 50176, memory: 4160 }],
  ] as const)("cost what the example says: %s of %d", (type, image, features, execution, expected) => {
    expect(performanceOf(blockKernel("k", type, image, image, features), execution)).toEqual(expected);
  }); // prettier-ignore

  it("have no shape that the list does not cover", () => {
    const wafer = { width: 40, height: 30, memlimit: 600 };
    fc.assert(
      fc.property(sketches(1), fc.integer({ min: 1, max: 400 }), fc.gen(), (sketch, time, draw) => {
        const [kernel] = contestGraph(sketch, undefined, wafer).kernels as [ContestKernel];
        const shapes = shapesOf(kernel, { time, memory: wafer.memlimit, long: 40, short: 30 });
        const size = (most: number): number => draw(fc.integer, { min: 1, max: Math.max(1, Math.ceil(most)) });
        const [first] = kernel.convs;
        for (let attempt = 0; attempt < 50; attempt++) {
          const cut: Execution = {
            h: size(first?.H ?? 1),
            w: size(first?.W ?? 1),
            c: kernel.convs.map(({ C }) => size(C)),
            k: kernel.convs.map(({ K }) => size(K)),
          };
          const { width, height, time: taken, memory } = performanceOf(kernel, cut);
          const fits = Math.max(width, height) <= 40 && Math.min(width, height) <= 30;
          if (taken > time || memory > wafer.memlimit || !fits) continue;
          expect(shapes.some((shape) => shape.width <= width && shape.height <= height)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("have shapes that keep every limit, none beaten by another", () => {
    fc.assert(
      fc.property(sketches(1), fc.integer({ min: 1, max: 2000 }), (sketch, time) => {
        const [kernel] = contestGraph(sketch).kernels as [ContestKernel];
        const shapes = shapesOf(kernel, { time, memory: 500, long: 60, short: 45 });
        for (const [index, { width, height, execution }] of shapes.entries()) {
          const cost = performanceOf(kernel, execution);
          expect(cost).toMatchObject({ width, height });
          expect(cost.time).toBeLessThanOrEqual(time);
          expect(cost.memory).toBeLessThanOrEqual(500);
          expect(Math.max(width, height)).toBeLessThanOrEqual(60);
          expect(Math.min(width, height)).toBeLessThanOrEqual(45);
          if (index > 0) {
            expect(height).toBeGreaterThan(shapes[index - 1]?.height ?? 0);
            expect(width).toBeLessThan(shapes[index - 1]?.width ?? 0);
          }
        }
      }),
    );
  });
});

/** The laws for users: sane for every size, the same functions that the placer minimises, and refused where nothing sensible was asked. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  modelDecode,
  modelGemm,
  modelGemv,
  modelPrefill,
  modelReduce,
  modelStencil,
  type TransformerQuestion,
  WscError,
} from "../../compiler/index.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { reduceCycles, type ReducePattern, reducePatterns } from "../../ir/machine/collectives.ts";
import { bestReduction, computeCycles, costOf, siteOf } from "../../ir/machine/cost.ts";
import type { Mapping } from "../../ir/machine/mapping.ts";
import { nestOf, workOf } from "../../ir/machine/work.ts";
import { chainOf, matmulSketch } from "../placement/instances.ts";

const llama = { layers: 32, hidden: 4096, heads: 32, kvHeads: 8, ffn: 14336, target: "wse2" } as const;

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const targets = fc.constantFrom("wse2", "wse3", "dojo-tile");

const questions: fc.Arbitrary<TransformerQuestion & { readonly context: number }> = fc
  .record({
    layers: upTo(126),
    headSize: fc.constantFrom(64, 96, 128),
    heads: upTo(128),
    groups: fc.constantFrom(1, 2, 4, 8),
    ffn: fc.integer({ min: 256, max: 60_000 }),
    grid: fc.integer({ min: 2, max: 700 }),
    context: upTo(20_000),
    target: fc.constantFrom("wse2", "wse3"),
  })
  .map(({ headSize, heads, groups, ...rest }) => ({
    ...rest,
    hidden: heads * headSize,
    heads,
    kvHeads: Math.max(1, Math.floor(heads / groups)),
    headSize,
  }));

const isFigure = (value: number): void => {
  expect(Number.isFinite(value)).toBe(true);
  expect(value).toBeGreaterThan(0);
};

describe("a reduce", () => {
  it("takes positive cycles, and no fewer for more words", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...reducePatterns),
        fc.integer({ min: 2, max: 1_200 }),
        upTo(10_000),
        upTo(1_000),
        targets,
        (pattern, cores, words, more, target) => {
          const { cycles } = modelReduce({ pattern, cores, words, target });
          isFigure(cycles);
          expect(modelReduce({ pattern, cores, words: words + more, target }).cycles).toBeGreaterThanOrEqual(cycles);
        },
      ),
    );
  });

  it("is slower over longer hops", () => {
    for (const pattern of reducePatterns) {
      const on = (target: string): number => modelReduce({ pattern, cores: 64, words: 16, target }).cycles;
      expect(on("wse3")).toBeGreaterThan(on("wse2"));
    }
  });
});

describe("products", () => {
  it("take positive cycles, and no fewer for more of anything", () => {
    fc.assert(
      fc.property(
        fc.record({
          m: upTo(200),
          k: upTo(5_000),
          n: upTo(5_000),
          rows: upTo(300),
          columns: upTo(300),
          target: targets,
        }),
        (product) => {
          const { cycles } = modelGemm(product);
          isFigure(cycles);
          for (const loop of ["m", "k", "n"] as const) {
            expect(modelGemm({ ...product, [loop]: 2 * product[loop] }).cycles).toBeGreaterThanOrEqual(cycles);
          }
          const vector = { k: product.k, n: product.n, grid: product.rows, target: "wse2" };
          isFigure(modelGemv(vector).cycles);
          expect(modelGemv({ ...vector, n: 2 * vector.n }).cycles).toBeGreaterThanOrEqual(modelGemv(vector).cycles);
        },
      ),
    );
  });

  it("take the same cycles on every grid of equal tiles", () => {
    const of = (factor: number): number =>
      modelGemm({ m: 64, k: 768 * factor, n: 768, rows: 12, columns: 16 * factor, target: "wse2" }).cycles;
    expect(of(4)).toBe(of(1));
  });
});

describe("a stencil", () => {
  it("takes cycles in proportion to its steps, more for more cells and wider reach, and seconds by the clock", () => {
    fc.assert(
      fc.property(upTo(5_000), upTo(6), upTo(100), (depth, radius, steps) => {
        const { cycles, seconds } = modelStencil({ depth, radius, steps, target: "wse2" });
        isFigure(cycles);
        expect(seconds).toBeCloseTo(cycles / 0.85e9, 12);
        expect(modelStencil({ depth, radius, steps: 2 * steps, target: "wse2" }).cycles).toBeCloseTo(2 * cycles, 3);
        expect(modelStencil({ depth: depth + 1, radius, steps, target: "wse2" }).cycles).toBeGreaterThan(cycles);
        expect(modelStencil({ depth, radius: radius + 1, steps, target: "wse2" }).cycles).toBeGreaterThan(cycles);
      }),
    );
  });
});

describe("a language model", () => {
  it("runs at a finite rate that follows from its cycles and layers", () => {
    fc.assert(
      fc.property(questions, (question) => {
        const one = modelDecode(question);
        isFigure(one.tokensPerSecond);
        const clock = question.target === "wse2" ? wse2.clock.max : wse3.clock.max;
        expect((one.tokensPerSecond * one.cyclesPerLayer * question.layers) / (clock * 1e9)).toBeCloseTo(1, 9);
        isFigure(modelPrefill(question).tokensPerSecond);
      }),
      { numRuns: 50 },
    );
  });

  it("is no faster with more of anything", () => {
    fc.assert(
      fc.property(
        questions,
        fc.constantFrom("layers" as const, "ffn" as const, "context" as const),
        (question, field) => {
          const larger = { ...question, [field]: 2 * question[field] };
          expect(modelDecode(larger).tokensPerSecond).toBeLessThanOrEqual(modelDecode(question).tokensPerSecond);
          expect(modelPrefill(larger).cyclesPerLayer).toBeGreaterThanOrEqual(modelPrefill(question).cyclesPerLayer);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("decodes slower on a larger grid, and is read in faster", () => {
    const grids = [360, 420, 480, 540, 600, 660, 720];
    const decode = grids.map((grid) => modelDecode({ ...llama, grid }).tokensPerSecond);
    const prefill = grids.map((grid) => modelPrefill({ ...llama, grid }).tokensPerSecond);
    expect(decode).toEqual(decode.toSorted((a, b) => b - a));
    expect(prefill).toEqual(prefill.toSorted((a, b) => a - b));
  });

  it("runs at another clock where one is named", () => {
    const at = (clock: number): number => modelDecode({ ...llama, grid: 420, clock }).tokensPerSecond;
    expect(at(0.85) / at(1.1)).toBeCloseTo(0.85 / 1.1, 12);
    expect(modelDecode({ ...llama, grid: 420 }).tokensPerSecond).toBe(at(1.1));
  });
});

describe("the placer", () => {
  const product = (m: number, k: number, n: number) => {
    const [kernel] = chainOf([matmulSketch(m, k, n)]).kernels;
    if (kernel === undefined) throw new Error("no kernel");
    return kernel;
  };

  it("counts the cycles of modelGemm for the same mapping", () => {
    const size = fc.integer({ min: 2, max: 96 });
    fc.assert(
      fc.property(size, size, size, upTo(32), fc.constantFrom(wse2, wse3), (m, k, n, rows, target) => {
        const kernel = product(m, k, n);
        const stages = kernel.stages.map((stage) => ({ ...stage, vector: ["n"] }));
        const site = siteOf(target, nestOf({ ...kernel, stages }));
        const cuts = [{ loop: "n", pieces: rows }];
        const mapping: Mapping = { height: rows, width: 1, rows: cuts, columns: [], reduce: "chain" };
        const border = Math.max(kernel.arriving, kernel.leaving) * target.link.cyclesPerWord;
        const { cycles } = modelGemm({ m, k, n, rows, columns: 1, target });
        expect(costOf(site, mapping).cycles).toBe(Math.ceil(Math.max(cycles, border)));
      }),
    );
  });

  it("waits for partial sums as modelReduce says, and takes the pattern that it finds soonest; trees wait longer", () => {
    const patterns: readonly ReducePattern[] = ["chain", "two-phase", "tree"];
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 96 }), upTo(64), fc.constantFrom(wse2, wse3), (cores, n, target) => {
        const nest = nestOf(product(1, 192, n));
        const site = siteOf(target, nest);
        const bare: Mapping = {
          height: 1,
          width: cores,
          rows: [],
          columns: [{ loop: "k", pieces: cores }],
          reduce: "chain",
        };
        const extents = nest.loops.map(({ name, size }) => (name === "k" ? Math.ceil(size / cores) : size));
        const work = workOf(
          nest,
          extents,
          nest.loops.map(({ name }) => (name === "k" ? cores : 1)),
        );
        const { partials: words } = work;
        const cyclesOf = (pattern: ReducePattern): number => {
          const { cycles } = modelReduce({ pattern, cores, words, target });
          if (pattern !== "tree") return cycles;
          const complete = reduceCycles(pattern, { target, cores, words });
          expect(complete).toBeGreaterThanOrEqual(cycles);
          return complete;
        };
        const reduce = bestReduction(site, bare, words);
        expect(cyclesOf(reduce)).toBe(Math.min(...patterns.map(cyclesOf)));
        // the sums begin with a task and an instruction, and the core that they end in begins another
        const { taskCycles, fabricStartup } = target.core;
        const whole = computeCycles(site, work) + taskCycles + fabricStartup + cyclesOf(reduce) + taskCycles;
        const { latency } = costOf(site, { ...bare, reduce });
        expect(latency).toBeGreaterThanOrEqual(whole - 1e-6);
        expect(latency).toBeLessThan(whole + 1);
      }),
    );
  });
});

describe("questions that make no sense are refused", () => {
  const lines = (ask: () => unknown): readonly string[] => {
    try {
      ask();
    } catch (error) {
      if (error instanceof WscError) return error.message.split("\n");
      throw error;
    }
    return [];
  };

  it("all at once", () => {
    expect(lines(() => modelReduce({ pattern: "chian" as "chain", cores: 0, words: 1.5, target: "wse2" }))).toEqual([
      'error WSC5008: modelReduce: there is no pattern "chian"',
      '  help: did you mean "chain"? patterns: star, chain, two-phase, tree, ring, mesh',
      "error WSC5008: modelReduce: cores is a whole number above 0, not 0",
      "error WSC5008: modelReduce: words is a whole number above 0, not 1.5",
    ]);
    expect(lines(() => modelDecode({ ...llama, grid: 800, kvHeads: 64 }))).toEqual([
      "error WSC5008: modelDecode: kvHeads is 64, but heads are 32",
      "error WSC5008: modelDecode: grid is 800, but the fabric's shorter side has 757",
    ]);
    expect(lines(() => modelPrefill({ ...llama, grid: 480, context: 0, clock: 0 }))).toHaveLength(2);
    expect(
      lines(() => modelGemm({ m: 1, k: -1, n: 1, rows: 1, columns: 1, dtype: "f33" as "f32", target: wse2 })),
    ).toHaveLength(3);
    expect(lines(() => modelGemv({ k: 1, n: 1, grid: 4, group: 5, target: wse2 }))).toEqual([
      "error WSC5008: modelGemv: group is 5, but a side has 4",
    ]);
    expect(lines(() => modelStencil({ depth: Number.NaN, target: wse2 }))).toHaveLength(1);
  });

  it("with the nearest target", () => {
    expect(lines(() => modelDecode({ ...llama, grid: 420, target: "wse22" }))).toEqual([
      'error WSC5001: no target named "wse22"',
      '  help: did you mean "wse2"? targets: wse1, wse2, wse3, dojo-d1, dojo-tile',
    ]);
  });
});

/** What tuning decides, on a bench whose kernels take the time that the test says. */
import { describe, expect, it } from "@jest/globals";
import { type Bench, type Contender, contenderFor, contest, type SimdMode } from "../../compiler/tuning/contest.ts";
import { tunableKernels } from "../../compiler/tuning/tunable-kernels.ts";
import { tuneGraph, type TuneOptions, type TuneResult } from "../../compiler/tuning/tune.ts";
import { nth } from "../codegen/tensor-index.ts";
import { plainSum, products } from "./graphs.ts";

interface Run {
  readonly contender: Contender;
  readonly mode: SimdMode;
  /** of this contender in this mode, from 0 */
  readonly sample: number;
}

/** Microseconds of a sample. */
type Cost = (run: Run) => number;

interface FakeBench extends Bench {
  readonly prepared: Contender[];
}

/** Time passes by samples, and a millisecond for each preparation. */
function fakeBench(cost: Cost, modes: FakeBench["modes"] = ["relaxed", "plain"]): FakeBench {
  let milliseconds = 0;
  const prepared: Contender[] = [];
  return {
    modes,
    prepared,
    now: () => milliseconds,
    prepare: (contender, mode) => {
      milliseconds += 1;
      prepared.push(contender);
      let count = 0;
      const sample = (): number => {
        const microseconds = cost({ contender, mode, sample: count++ });
        milliseconds += microseconds / 1000;
        return microseconds;
      };
      return Promise.resolve({ sample });
    },
  };
}

const graph = products(30, 40, 60);
const [kernel] = tunableKernels(graph).kernels;
const name = kernel?.name ?? "";

const tune = (cost: Cost, options: Partial<TuneOptions> = {}, modes?: FakeBench["modes"]): Promise<TuneResult> =>
  tuneGraph(graph, () => fakeBench(cost, modes), { seconds: 100, ...options });

/** Costs by what is chosen: a factor for each choice that is not the cost model's. */
const costOf =
  (factors: Readonly<Record<string, number>>, base = 1000): Cost =>
  ({ contender: { wishes } }) =>
    [...wishes].reduce((time, [aspect, words]) => time * (factors[`${aspect} ${words}`] ?? 1.5), base);

describe("tuning", () => {
  it("finds the kernels that leave something open, each once", () => {
    const twice = tunableKernels(products(30, 40, 40, 40));
    expect(twice.kernels.map(({ count }) => count)).toEqual([2]);
    expect(name).toBe("matmul(f32[30,40], f32[40,60] constant) {transposeA = false, transposeB = false} : f32[30,60]");
    expect(tunableKernels(plainSum()).kernels).toEqual([]);
  });

  it("takes what is faster and leaves the rest to the cost model", async () => {
    const { tuning, report } = await tune(costOf({ "tile 4x8": 0.8, "tile 3x8": 0.9, "rows 15 at once": 0.95 }));
    expect(tuning.get(name)?.choices).toEqual(new Map([["tile", "4x8"]]));
    expect(tuning.get(name)?.microseconds).toEqual({ model: 1000, tuned: 800 });
    expect(report).toEqual({ kernels: 1, finished: 1, changed: 1, milliseconds: { model: 1, tuned: 0.8 } });
  });

  it("puts choices upon choices", async () => {
    const { tuning } = await tune(costOf({ "tile 4x8": 0.8, "B packed, a stream for each vector": 0.9 }));
    const { choices } = tuning.get(name) ?? { choices: new Map() };
    expect([...choices]).toEqual([["tile", "4x8"], ["B", "packed, a stream for each vector"]]); // prettier-ignore
    expect(tuning.get(name)?.microseconds?.tuned).toBe(720);
  });

  it("records that nothing was better", async () => {
    const { tuning, report } = await tune(costOf({}));
    expect([...tuning]).toEqual([[name, { choices: new Map(), microseconds: { model: 1000, tuned: 1000 } }]]);
    expect(report).toMatchObject({ finished: 1, changed: 0 });
  });

  it.each<readonly [string, Cost]>([
    ["a gain below the margin", costOf({ "tile 4x8": 0.98 })],
    ["luck in the first rounds", (run) => (run.contender.wishes.has("tile") ? (run.sample < 6 ? 500 : 1000) : 1000)],
    ["luck until the second duel", (run) => (run.contender.wishes.has("tile") ? (run.sample < 12 ? 500 : 1000) : 1000)],
    ["a lucky sample now and then", (run) => (run.contender.wishes.has("tile") ? (run.sample % 3 === 0 ? 500 : 1100) : 1000)],
    ["a loss in plain SIMD", (run) => (run.contender.wishes.has("tile") ? (run.mode === "plain" ? 1100 : 700) : 1000)],
  ])("is not misled by %s", async (_, cost) => {
    const { tuning } = await tune(cost);
    expect(tuning.get(name)?.choices.has("tile")).toBe(false);
  }); // prettier-ignore

  it("asks plain SIMD only where that is all there is", async () => {
    const cost: Cost = (run) => (run.mode === "plain" && run.contender.wishes.get("tile") === "4x8" ? 600 : 1000);
    expect((await tune(cost)).tuning.get(name)?.choices.size).toBe(0);
    expect((await tune(cost, {}, ["plain"])).tuning.get(name)?.choices).toEqual(new Map([["tile", "4x8"]]));
  });

  it("does the kernels that take longest first, and stops when the time is up", async () => {
    const three = products(30, 40, 60, 80, 100);
    const { kernels } = tunableKernels(three);
    const cost: Cost = ({ contender }) => (contender.kernel.name === kernels[1]?.name ? 5000 : 100);
    const bench = fakeBench(cost);
    const reached: number[] = [];
    const onProgress = (): void => void reached.push(bench.now());
    expect((await tuneGraph(three, () => bench, { seconds: 100, onProgress })).report.finished).toBe(3);
    // the time that the first of them took, and a little more
    const seconds = (nth(reached, 1) + 1) / 1000;
    const { tuning, report } = await tuneGraph(three, () => fakeBench(cost), { seconds });
    expect([...tuning.keys()]).toEqual([kernels[1]?.name]);
    expect(report).toMatchObject({ kernels: 3, finished: 1 });
    const nothing = await tuneGraph(three, () => fakeBench(cost), { seconds: 0.001 });
    expect(nothing.tuning.size).toBe(0);
  });

  it("keeps what it found when the time is up in the middle of a kernel", async () => {
    const cost = costOf({ "tile 4x8": 0.5 }, 1000);
    const { tuning, report } = await tune(cost, { seconds: 0.07 });
    expect(tuning.get(name)?.choices).toEqual(new Map([["tile", "4x8"]]));
    expect(report.finished).toBe(0);
  });

  it("goes on from what is known, and keeps what belongs to other models", async () => {
    const other = { choices: new Map([["tile", "6x4"]]), microseconds: null };
    const known = { choices: new Map([["tile", "4x8"], ["gone", "9"]]), microseconds: null }; // prettier-ignore
    const start = new Map([["conv of another model", other], [name, known]]); // prettier-ignore
    const factors = { "tile 4x8": 0.8, "B packed, a stream for each vector": 0.9 };
    const { tuning } = await tune(costOf(factors), { start });
    expect(tuning.get("conv of another model")).toEqual(other);
    expect(tuning.get(name)?.choices).toEqual(new Map([["tile", "4x8"], ["B", "packed, a stream for each vector"]])); // prettier-ignore
    const worse = await tune(costOf({ "tile 4x8": 1.2 }), { start });
    expect(worse.tuning.get(name)?.choices).toEqual(new Map());
  });

  it("leaves kernels that were tried before for last", async () => {
    const three = products(30, 40, 60, 80, 100);
    const names = tunableKernels(three).kernels.map((each) => each.name);
    const start = new Map([[nth(names, 0), { choices: new Map<string, string>(), microseconds: null }]]);
    const bench = fakeBench(({ contender }) => (contender.kernel.name === names[0] ? 900 : 100));
    await tuneGraph(three, () => bench, { seconds: 100, start });
    const order = bench.prepared.map((contender) => names.indexOf(contender.kernel.name));
    expect(order.lastIndexOf(1)).toBeLessThan(order.indexOf(0, 3));
    expect(order.lastIndexOf(2)).toBeLessThan(order.indexOf(0, 3));
  });
});

it("a contest leaves out contenders of equal code", async () => {
  const bench = fakeBench(() => 1);
  if (kernel === undefined) throw new Error("no kernel");
  const model = contenderFor(kernel, new Map());
  expect(await contest({ bench, deadline: Infinity }, model, [model, contenderFor(kernel, new Map([["tile", "none"]]))])).toEqual({ winner: null, incumbent: Infinity }); // prettier-ignore
  expect(bench.prepared).toEqual([]);
});

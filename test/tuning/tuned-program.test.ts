/** Programs made with a tuning: they do what it says, and compute what they did without it. */
import { describe, expect, it } from "@jest/globals";
import { weightGrowth } from "../../compiler/cli/weight-growth.ts";
import { tunedProgram } from "../../compiler/compile.ts";
import { tuneGraph } from "../../compiler/tuning/tune.ts";
import { tunableKernels } from "../../compiler/tuning/tunable-kernels.ts";
import { parseTuning, printTuning } from "../../compiler/tuning/tuning-file.ts";
import type { Tuning } from "../../compiler/tuning/tuning.ts";
import { fillNumbers, fillQuantized, sampler, wasmBench } from "../../compiler/tuning/wasm-bench.ts";
import { contenderFor } from "../../compiler/tuning/contest.ts";
import { printProgram } from "../../ir/program-text.ts";
import type { CompiledProgram } from "../../ir/program.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { expectClose, numbersOf, randomTensor } from "../codegen/harness.ts";
import { nth } from "../codegen/tensor-index.ts";
import { products, smallNet } from "./graphs.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";

const graph = smallNet();
const [conv = "", matmul = ""] = tunableKernels(graph).kernels.map(({ name }) => name);

/** A file as a person might write it. */
const fileOf = (kernels: Readonly<Record<string, Readonly<Record<string, string>>>>): string =>
  JSON.stringify({
    format: "wsc tuning",
    version: 1,
    kernels: Object.entries(kernels).map(([kernel, choices]) => ({ kernel, choices })),
  });

const tuningOf = async (kernels: Parameters<typeof fileOf>[0]): Promise<Tuning> =>
  (await parseTuning(fileOf(kernels), "by hand")).tuning;

async function run(compiled: CompiledProgram): Promise<TensorData> {
  const runDeferred = (): never => {
    throw new Error("nothing is deferred");
  };
  const instance = await ProgramInstance.create(compiled, { runDeferred });
  const [result] = (await instance.run([randomTensor("f32", [1, 12, 12, 8], 5)])) as TensorData[];
  if (result === undefined) throw new Error("no result");
  return result;
}

const functionsOf = ({ program }: CompiledProgram): string[] =>
  program.steps.map((step) => (step.kind === "kernel" ? step.function : step.kind));

describe("a tuned program", () => {
  it("has the kernels that the file names", async () => {
    const tuning = await tuningOf({
      [conv]: { algorithm: "direct", tile: "4x8" },
      [matmul]: { B: "packed" },
    });
    const untuned = (await tunedProgram(graph, new Map())).compiled;
    const { compiled, warnings } = await tunedProgram(graph, tuning);
    expect(warnings).toEqual([]);
    expect(functionsOf(untuned).some((name) => name.startsWith("winograd"))).toBe(true);
    expect(functionsOf(compiled).some((name) => name.startsWith("winograd"))).toBe(false);
    expect(printProgram(compiled.program)).toMatchGolden("tuning/small.program.json");
    expectClose(await run(compiled), numbersOf(await run(untuned)), 5e-6);
  });

  it("keeps weights small where size is asked for, and says why they are larger where it is not", async () => {
    const fast = (await tunedProgram(graph, new Map())).compiled;
    const small = (await tunedProgram(graph, new Map(), { weights: "size" })).compiled;
    const [grown, kept] = [weightGrowth(graph, fast.program), weightGrowth(graph, small.program)];
    expect(grown.weightsReason).toMatch(/minimal filtering/);
    expect(small.program.memory.weightsBytes).toBeLessThan(fast.program.memory.weightsBytes);
    // the numbers of the graph, each kernel's padded to whole vectors
    expect(small.program.memory.weightsBytes).toBeLessThan(1.5 * kept.constantsBytes);
    expectClose(await run(small), numbersOf(await run(fast)), 5e-6);
    const wished = await tuningOf({ [conv]: { algorithm: "winograd 4x4" } });
    const tuned = (await tunedProgram(graph, wished, { weights: "size" })).compiled;
    expect(functionsOf(tuned).some((name) => name.startsWith("winograd"))).toBe(
      functionsOf((await tunedProgram(graph, wished)).compiled).some((name) => name.startsWith("winograd")),
    );
  });

  it("is the same bytes for the same file", async () => {
    const tuning = await tuningOf({ [conv]: { algorithm: "winograd F4xF4", block: "4 tiles", tile: "2x8" } });
    const [first, second] = [await tunedProgram(graph, tuning), await tunedProgram(graph, tuning)];
    expect(first.compiled.modules).toEqual(second.compiled.modules);
    const { tuning: again } = await parseTuning(printTuning(tuning), "again");
    expect((await tunedProgram(graph, again)).compiled.modules).toEqual(first.compiled.modules);
    expect((await tunedProgram(graph, new Map())).compiled.modules).not.toEqual(first.compiled.modules);
  });

  it("follows the cost model where the file asks for what there is not", async () => {
    const tuning = await tuningOf({
      [conv]: { tile: "9x99", magic: "on" },
      "conv(f32[1,2,3,4])": { tile: "3x12" },
      "matmul of a stranger": {},
    });
    const { compiled, warnings } = await tunedProgram(graph, tuning);
    expect(compiled.modules).toEqual((await tunedProgram(graph, new Map())).compiled.modules);
    expect(warnings.map(({ code, severity, message }) => `${severity} ${code}: ${message}`)).toEqual([
      expect.stringContaining("warning WSC6003: the tuning has an entry for this kernel, which the model does not have, nor have 1 more of 3 entries"),
      expect.stringMatching(/^warning WSC6003: the tuning wants tile to be "9x99", but that is none of "\d+x\d+"/),
      'warning WSC6003: the tuning wants magic to be "on", but there is nothing to choose there',
    ]);
  }); // prettier-ignore
});

describe("the bench", () => {
  it("runs every contender in every mode", async () => {
    hasRelaxedSimd();
    const { kernels, weightsBytes } = tunableKernels(graph);
    const bench = wasmBench(weightsBytes);
    for (const kernel of kernels) {
      for (const mode of bench.modes) {
        const stopwatch = await bench.prepare(contenderFor(kernel, new Map()), mode);
        expect(stopwatch.sample()).toBeGreaterThan(0);
      }
    }
  });

  it("finds choices that a program can be made with", async () => {
    const some = products(12, 20, 30);
    const { tuning, report } = await tuneGraph(some, wasmBench, { seconds: 0.5 });
    expect(report.kernels).toBe(1);
    expect((await tunedProgram(some, tuning)).warnings).toEqual([]);
  });

  it("calls so often that the clock can tell, and divides", () => {
    let [time, calls] = [0, 0];
    const sample = sampler(
      () => {
        time += 7;
        calls++;
      },
      () => time,
    );
    expect(sample()).toBe(7);
    expect(calls).toBeGreaterThan(200 / 7);
    const before = calls;
    expect(sample()).toBe(7);
    expect((calls - before) * 7).toBeGreaterThanOrEqual(200);
  });

  it("fills quantized activations with few large ones", () => {
    const values = new Int16Array(36_000);
    fillQuantized(values);
    const share = values.filter((value) => value > 127).length / values.length;
    expect(share).toBeGreaterThan(0.004);
    expect(share).toBeLessThan(0.008);
    expect(values.every((value) => value >= 0 && value <= 255)).toBe(true);
  });

  it("fills memory with plain numbers", () => {
    const words = new Uint32Array(70_001);
    fillNumbers(words);
    const sizes = new Set([...new Float32Array(words.buffer)].map((value) => Math.abs(value)));
    expect([...sizes].every((size) => size >= 0.5 && size < 2)).toBe(true);
    expect(sizes.size).toBeGreaterThan(100);
    expect(nth([...words], 70_000)).not.toBe(0);
  });
});

import { describe, expect, it } from "@jest/globals";
import {
  allReduceProgram,
  broadcastProgram,
  chainProgram,
  coreAt,
  dataRegion,
  relayProgram,
  type Row,
  starProgram,
  treeProgram,
  twoPhaseProgram,
} from "../../compiler/fabric/collectives/line.ts";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { nth } from "../../ir/access.ts";
import type { FabricProgram } from "../../ir/fabric/program.ts";
import type { Target } from "../../ir/machine/target.ts";
import { simulateStreams } from "../../runtime/simulator/stream/run.ts";
import type { StreamSimulation } from "../../runtime/simulator/stream/simulation.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";
import type { Simulation } from "../../runtime/simulator/word/simulation.ts";
import { models, placed, randomInputs, run, smallTarget, worstError } from "../fabric/placed.ts";

/** Within 3 %. */
function expectNear(cycles: number, wanted: number): void {
  expect(Math.abs(cycles / wanted - 1)).toBeLessThan(0.03);
}

const vectorOf = (core: number): Float32Array => Float32Array.from({ length: 4_096 }, (_, word) => core + (word % 7));

const noInputs = (): Float32Array => new Float32Array(0);

const both = (program: FabricProgram, target: Target): { word: Simulation; stream: StreamSimulation } => {
  const options = { constants: vectorOf, inputs: noInputs };
  return {
    word: simulateWords(program, target, options),
    stream: simulateStreams(program, target, { values: options }),
  };
};

const programs = {
  chain: chainProgram,
  star: starProgram,
  tree: treeProgram,
  broadcast: broadcastProgram,
  "all-reduce": allReduceProgram,
  relay: relayProgram,
  "two-phase": (row: Row) => twoPhaseProgram(row, Math.ceil(Math.sqrt(row.cores))),
} as const;

describe.each(Object.entries(programs))("%s", (_name, build) => {
  const rows = [wse2, wse3].flatMap((target) =>
    [
      [4, 100],
      [16, 40],
      [40, 120],
      [256, 1],
    ].map(([cores = 0, words = 0]) => ({ target, cores, words })),
  );

  it.each(rows.map((row) => [row.target.name, row.cores, row.words, row] as const))(
    "takes the same time as word by word on %s: %d cores, %d words",
    (_target, _cores, _words, row) => {
      const { word, stream } = both(build(row), row.target);
      expectNear(stream.cycles, word.cycles);
      expect(stream.words).toBe(word.words);
      const { x, y } = coreAt(0);
      expect(stream.sram(x, y, dataRegion)).toEqual(word.sram(x, y, dataRegion));
    },
  );
});

describe.each([
  ["mlp", smallTarget(10, 8)],
  ["convolution", smallTarget(12, 8)],
  ["residual", smallTarget(6, 6)],
] as const)("a placed %s", (name, target) => {
  it("takes the same time as word by word, with the reference's numbers", async () => {
    const model = await placed(models[name](), target);
    const program = lowerFabric(model);
    const inputs = randomInputs(model.graph, 4);
    const word = run(program, model, inputs);
    const stream = simulateStreams(program, target, {
      samples: 4,
      values: {
        constants: (value) => model.graph.values[value]?.constant?.elements as Float32Array,
        inputs: (input, sample) => inputs[sample]?.get(input)?.elements as Float32Array,
      },
    });
    expect(worstError(model, inputs, { ...word, outputs: stream.outputs })).toBeLessThan(1e-5);
    expect(stream.words).toBe(word.words);
    expectNear(stream.cycles, word.cycles);
    for (const [sample, { lastOut }] of word.samples.entries())
      expectNear(nth(stream.samples, sample).lastOut, lastOut);
    // without values the times are the same
    const { samples } = simulateStreams(program, target, { samples: 4 });
    expect(samples).toEqual(stream.samples);
  });
});

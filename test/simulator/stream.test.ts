import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
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
import { fabricTargetOf, ProgramBuilder } from "../../compiler/fabric/program-builder.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { nth } from "../../ir/access.ts";
import type { FabricProgram, Port, Region, Step, Strided } from "../../ir/fabric/program.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core } from "../../ir/placement.ts";
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

/** A vector that a core takes from another and gives to `rows` cores beside a column, where its words land one by one. */
function scattered(target: Target, rows: number, words: number): FabricProgram {
  const program = new ProgramBuilder("scattered", fabricTargetOf(target), ["scattered"]);
  const address = target.core.systemBytes + target.core.codeBytes;
  const region: Region = { name: "data", address, words, slots: 1, category: "activations", writers: 0, readers: 0 };
  const part = (offset: number, length: number): Strided => ({
    region: "data",
    offset,
    sizes: [length],
    strides: [1],
  });
  const core = (at: Core, steps: readonly Step[]): void => {
    program.core(at, { layer: 0, regions: [region], tasks: [{ name: "main", steps }] });
  };
  const whole = part(0, words);
  const root = { x: 4, y: 0 };
  const first = { x: 3, y: 0 };
  core(first, [{ kind: "send", to: { color: 1, queue: 0 }, words: [whole] }]);
  program.path(1, [first, root]);
  core(root, [
    { kind: "receive", from: { color: 1, queue: 1 }, into: [{ words, into: whole }] },
    { kind: "send", to: { color: 0, queue: 0 }, words: [whole] },
  ]);
  const into = Array.from({ length: words }, (_, word) => ({ words: 1, into: part((word * 7) % words, 1) }));
  for (let y = 0; y < rows; y++) {
    const end = { x: 5, y };
    core(end, [{ kind: "receive", from: { color: 0, queue: 0 }, into }]);
    const to: Port[] = y + 1 < rows ? ["east", "south"] : ["east"];
    program.router({ x: 4, y }, 0, [{ from: y === 0 ? "ramp" : "north", to, words: null }]);
    program.router(end, 0, [{ from: "west", to: ["ramp"], words: null }]);
  }
  return program.build();
}

it("follows words that land one by one in many cores at once", () => {
  const target: Target = { ...wse2, core: { ...wse2.core, queueWords: 64 } };
  const small = both(scattered(target, 8, 60), target);
  expectNear(small.stream.cycles, small.word.cycles);
  // over 200 links; 6,000 instructions begin one after the other within one piece of words
  expect(simulateStreams(scattered(target, 100, 60), target).words).toBe(200 * 60);
});

describe("any machine and row", () => {
  const anyTarget = fc
    .record({
      hopCycles: fc.integer({ min: 1, max: 3 }),
      turnCycles: fc.integer({ min: 0, max: 8 }),
      rampCycles: fc.integer({ min: 1, max: 4 }),
      queueWords: fc.integer({ min: 2, max: 12 }),
      fabricStartup: fc.integer({ min: 2, max: 20 }),
      taskCycles: fc.integer({ min: 1, max: 6 }),
    })
    .map(({ hopCycles, turnCycles, rampCycles, ...core }): Target => ({
      ...wse2,
      core: { ...wse2.core, ...core },
      link: { ...wse2.link, hopCycles, turnCycles, rampCycles },
    }));

  it("takes the same time at both levels", () => {
    fc.assert(
      fc.property(
        anyTarget,
        fc.integer({ min: 2, max: 24 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(...Object.values(programs)),
        (target, cores, words, build) => {
          const { word, stream } = both(build({ target, cores, words }), target);
          // a few cycles of short programs: words of a shared link take turns in fours
          expect(Math.abs(stream.cycles - word.cycles)).toBeLessThanOrEqual(Math.max(0.03 * word.cycles, 8));
          expect(stream.words).toBe(word.words);
        },
      ),
      { numRuns: 60, seed: 14 },
    );
  });
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

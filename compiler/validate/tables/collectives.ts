/** Sums and broadcasts along a line of WSE-2's cores: the published formulas at worked points, and runs on the vendor's simulator. */
import { broadcastCycles, type Line, reduceCycles, type ReducePattern } from "../../../ir/machine/collectives.ts";
import { simulateWords } from "../../../runtime/simulator/word/run.ts";
import { chainProgram, twoPhaseProgram } from "../../fabric/collectives/line.ts";
import { wse2 } from "../../targets/wse2.ts";
import { publishedReduceCycles } from "../models.ts";
import type { Entry, Table } from "../table.ts";

const line = (cores: number, words: number): Line => ({ target: wse2, cores, words });

const entry = (row: string, published: number, modelled: number): Entry => ({
  row,
  target: wse2.name,
  published,
  modelled,
  basis: "first-principles",
});

/** Formulas of arXiv 2404.15888 with T_R = 2, worked out by hand: pattern, cores, words, cycles. */
const worked: readonly (readonly [pattern: ReducePattern, cores: number, words: number, cycles: number])[] = [
  ["chain", 512, 1, 3067],
  ["chain", 64, 256, 634],
  ["star", 8, 16, 117],
  ["star", 4, 1000, 3005],
  ["tree", 8, 16, 49.43],
  ["tree", 64, 1, 96.05],
  ["ring", 8, 64, 208],
];

/** Broadcasts by the same source: cores, words, cycles. */
const broadcasts: readonly (readonly [cores: number, words: number, cycles: number])[] = [
  [512, 256, 772],
  [16, 1, 21],
];

export const collectives: Table = {
  name: "collectives",
  title: "Formulas of reduces and broadcasts on WSE-2",
  unit: "cycles",
  source: "Luczynski et al., HPDC'24, arXiv 2404.15888 (their model is within 4 % of a CS-2)",
  law: "T = max(C, E / N + L) + (2 T_R + 1) D, with the machine's hop, ramp and word.",
  entries: () => [
    ...worked.map(([pattern, cores, words, cycles]) =>
      entry(`${pattern}, ${cores} cores, ${words} words`, cycles, publishedReduceCycles(pattern, line(cores, words))),
    ),
    ...broadcasts.map(([cores, words, cycles]) =>
      entry(`broadcast, ${cores} cores, ${words} words`, cycles, broadcastCycles(line(cores, words))),
    ),
  ],
};

/** Cycles by cores of a group, 4,096 words on 512 cores; a single group is a chain. */
const sweep: readonly (readonly [group: number, cycles: number])[] = [
  [2, 10_055],
  [4, 9_421],
  [8, 9_117],
  [16, 8_989],
  [32, 8_973],
  [64, 9_061],
  [128, 9_297],
  [256, 9_800],
  [512, 7_218],
];

const swept = line(512, 4096);

const sweepEntries = (cycles: (group: number) => number): readonly Entry[] =>
  sweep.map(([group, published]) =>
    entry(group === swept.cores ? "chain over all" : `two-phase, groups of ${group}`, published, cycles(group)),
  );

const sweepTitle = "Reduces of 4,096 words on 512 cores of WSE-2, in groups";
const sweepSource = "pr0f3ss/SpMM_Cerebras, reduce_2colors_2phase (vendor's simulator)";

export const reduces: Table = {
  name: "reduces",
  title: sweepTitle,
  unit: "cycles",
  source: sweepSource,
  law: "A chain in each group, then one over the groups' ends; no constant is free.",
  entries: () =>
    sweepEntries((group) =>
      group === swept.cores ? reduceCycles("chain", swept) : reduceCycles("two-phase", swept, group),
    ),
};

/** Cycles of a run word by word, which knows no formula. */
function simulatedCycles(group: number): number {
  const program = group === swept.cores ? chainProgram(swept) : twoPhaseProgram(swept, group);
  const constants = (): Float32Array => new Float32Array(swept.words);
  return simulateWords(program, swept.target, { constants, inputs: constants }).cycles;
}

let runs: readonly Entry[] | null = null;

export const simulatedReduces: Table = {
  name: "reduces-simulated",
  title: `${sweepTitle}, run word by word`,
  unit: "cycles",
  source: sweepSource,
  law: "The programs of compiler/fabric on the word-level simulator, which counts from the machine's primitives and knows none of the laws.",
  simulated: true,
  entries: () => (runs ??= sweepEntries(simulatedCycles)),
};

/** Micro-measurements of WSE-3: FABRICA's, on silicon and on the vendor's simulator. */
import { mappedVectorStart } from "../../../ir/machine/products.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { lineCycles } from "../../../ir/machine/travel.ts";
import { relayCycles, vectorRunCycles, vectorStartCycles } from "../../../ir/machine/vector.ts";
import { wse3 } from "../../targets/wse3.ts";
import type { Entry, RowBasis, Table } from "../table.ts";

/** The machine as the vendor's simulator has it, where that differs from silicon. */
const simulated: Target = { ...wse3, link: { ...wse3.link, cyclesPerWord: 1, turnCycles: 33 } };

const entry = (row: string, published: number, modelled: number, basis: RowBasis): Entry => ({
  row,
  target: wse3.name,
  published,
  modelled,
  basis,
});

/** Hops westwards and the median cycles of a message, on silicon. */
const hops: readonly (readonly [hops: number, cycles: number])[] = [
  [1, 42],
  [2, 44],
  [4, 48],
  [8, 56],
  [16, 72],
  [32, 104],
];

/** Cycles of those messages that are no hops: fitted to the first of them. */
const sendAndTake = 40;

/** Stages and words of relays that take in a whole message before they send it on; the published law 1.001 N B + 16.1 N + 16.5 of eight runs. */
const relays: readonly (readonly [stages: number, words: number, cycles: number])[] = [
  [1, 64, 96.7],
  [2, 64, 176.8],
  [4, 64, 337.2],
  [8, 64, 657.8],
  [1, 512, 545.1],
  [2, 512, 1073.7],
  [4, 512, 2130.9],
  [8, 512, 4245.4],
];

/** Elements of an f16 addition, cycles until the next instruction. */
const additions: readonly (readonly [elements: number, cycles: number])[] = [
  [8, 8],
  [16, 10],
  [64, 22],
];

const multiplyAdds = 4096;

export const wse3Micro: Table = {
  name: "wse3-micro",
  title: "Hops, words, turns, relays, multiply-adds and bank conflicts of WSE-3",
  unit: "cycles",
  source: "FABRICA, docs/PERFORMANCE_MODEL.md",
  law: "The machine's hop, word, turn, start and rates; where a row is the source of the target's own figure it is marked fitted.",
  entries: () => [
    ...hops.map(([count, cycles], index) =>
      entry(
        `message over ${count} hops, silicon`,
        cycles,
        sendAndTake + lineCycles(wse3, "x", count, 0),
        index === 0 ? "fitted" : "interpolated",
      ),
    ),
    entry("128 hops more, silicon", 256, lineCycles(wse3, "x", 0, 128), "fitted"),
    entry("1,000 words of a link, silicon", 1125, 1000 * wse3.link.cyclesPerWord, "fitted"),
    entry("a turn, silicon", 20, wse3.link.turnCycles, "fitted"),
    ...relays.map(([stages, words, cycles]) =>
      entry(
        `relay of ${stages} stages, ${words} words, simulator`,
        cycles,
        relayCycles(simulated, stages, words),
        "first-principles",
      ),
    ),
    ...additions.map(([elements, cycles]) =>
      entry(
        `addition of ${elements} f16 elements, simulator`,
        cycles,
        vectorRunCycles({
          target: simulated,
          elements,
          dtype: "f16",
          rate: "aligned",
          start: vectorStartCycles.ready,
        }),
        "first-principles",
      ),
    ),
    entry(
      "4,096 f16 multiply-adds in one vector, simulator",
      1040,
      vectorRunCycles({ target: simulated, elements: multiplyAdds, dtype: "f16", rate: "aligned" }),
      "first-principles",
    ),
    entry(
      "4,096 f16 multiply-adds in loops of 16, simulator",
      4617,
      vectorRunCycles({ target: simulated, elements: multiplyAdds, length: 16, dtype: "f16", rate: "aligned" }),
      "first-principles",
    ),
    entry(
      "4,096 f16 multiply-adds in mapped loops of 16, simulator",
      2840,
      vectorRunCycles({
        target: simulated,
        elements: multiplyAdds,
        length: 16,
        dtype: "f16",
        rate: "aligned",
        start: mappedVectorStart,
      }),
      "extrapolated",
    ),
    entry(
      "4,096 f32 multiply-adds, silicon",
      8209,
      vectorRunCycles({ target: wse3, elements: multiplyAdds, dtype: "f32", rate: "conflicting" }),
      "fitted",
    ),
    entry(
      "4,096 f16 multiply-adds, silicon",
      1418.7,
      vectorRunCycles({ target: wse3, elements: multiplyAdds, dtype: "f16", rate: "conflicting" }),
      "fitted",
    ),
    entry(
      "operands that share a bank over those that do not, silicon",
      1.94,
      wse3.core.rates.f32.aligned / wse3.core.rates.f32.conflicting,
      "first-principles",
    ),
  ],
};

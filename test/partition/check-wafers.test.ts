/** The checker of splits over wafers: accepts what the search finds, and says what is wrong with each mutation of it. */
import { describe, expect, it } from "@jest/globals";
import { nth } from "../../ir/access.ts";
import { checkWaferSplit } from "../../compiler/partition/check-wafers.ts";
import type { WaferSplit, WaferStage } from "../../compiler/partition/wafer-split.ts";
import { splitOverWafers } from "../../compiler/partition/wafers.ts";
import { chainOf, matmulSketch, smallTarget } from "../placement/instances.ts";

const layers = chainOf(Array.from({ length: 6 }, () => matmulSketch(4, 320, 320)));
const target = smallTarget(10, 9);
const wafers = 4;
const found = splitOverWafers(layers, target, wafers);

const faultsOf = (split: WaferSplit): readonly string[] =>
  checkWaferSplit(layers, split, target, wafers).map(({ subject, message }) => `${subject}: ${message}`);

type Mutation = (split: WaferSplit) => WaferSplit;

const stageWith =
  (wafer: number, change: (stage: WaferStage) => Partial<WaferStage>): Mutation =>
  (split) => ({
    ...split,
    stages: split.stages.map((stage, at) => (at === wafer ? { ...stage, ...change(stage) } : stage)),
  });

const mutations: readonly (readonly [name: string, mutation: Mutation, fault: RegExp])[] = [
  ["a layer on no wafer", stageWith(0, ({ kernels }) => ({ kernels: kernels.slice(1) })), /where layer|on no wafer/],
  [
    "a layer on two wafers",
    (split) => stageWith(1, ({ kernels }) => ({ kernels: [nth(nth(split.stages, 0).kernels, 0), ...kernels] }))(split),
    /once more|where layer/,
  ],
  [
    "wafers in another order",
    (split) => ({ ...split, stages: split.stages.toReversed() }),
    /wafer 2: sends \d+ words back to wafer 1/,
  ],
  [
    "a link with fewer words",
    (split) => ({ ...split, links: split.links.map((link) => ({ ...link, words: link.words - 1 })) }),
    /counted again/,
  ],
  ["a link that is missing", (split) => ({ ...split, links: split.links.slice(1) }), /link 1 to 2: is missing/],
  [
    "a link that nobody needs",
    (split) => ({ ...split, links: [...split.links, { from: 0, to: 9, words: 1 }] }),
    /link 1 to 10: has 1 words/,
  ],
  ["a link twice", (split) => ({ ...split, links: [...split.links, nth(split.links, 0)] }), /stands there twice/],
  [
    "a link backwards",
    (split) => ({ ...split, links: split.links.map(({ from, to, words }) => ({ from: to, to: from, words })) }),
    /leads back/,
  ],
  ["fewer words in", stageWith(1, ({ wordsIn }) => ({ wordsIn: wordsIn - 1 })), /wafer 2: words in/],
  ["fewer words out", stageWith(0, ({ wordsOut }) => ({ wordsOut: wordsOut - 1 })), /wafer 1: words out/],
  ["a quicker edge", stageWith(0, ({ ioCycles }) => ({ ioCycles: ioCycles - 1 })), /cycles of the edge/],
  ["fewer cores", stageWith(0, ({ cores }) => ({ cores: cores - 1 })), /wafer 1: cores/],
  ["fewer bytes of weights", stageWith(0, ({ weightBytes }) => ({ weightBytes: weightBytes - 1 })), /bytes of weights/],
  [
    "fewer bytes of activations",
    stageWith(0, ({ activationBytes }) => ({ activationBytes: activationBytes - 1 })),
    /bytes of activations/,
  ],
  ["a quicker wafer", stageWith(0, ({ cycles }) => ({ cycles: cycles - 1 })), /wafer 1: cycles/],
  ["a shorter interval", (split) => ({ ...split, interval: split.interval - 1 }), /split: interval/],
  ["a shorter latency", (split) => ({ ...split, latencyCycles: split.latencyCycles - 1 }), /split: latency/],
  ["a bound above the interval", (split) => ({ ...split, bound: split.interval + 1 }), /above its interval/],
  ["a gap that does not follow", (split) => ({ ...split, gap: split.gap + 0.1 }), /split: gap/],
  [
    "a status that does not follow",
    (split) => ({ ...split, status: split.status === "optimal" ? "feasible" : "optimal" }),
    /split: is/,
  ],
  ["another target", (split) => ({ ...split, target: "wse9" }), /the split is for wse9/],
  [
    "a kernel outside the wafer",
    stageWith(0, ({ placement }) => ({
      placement: { ...placement, kernels: placement.kernels.map((one) => ({ ...one, rect: { ...one.rect, x: 99 } })) },
    })),
    /wafer 1, kernel 0/,
  ],
  [
    "a mapping that claims fewer cycles",
    stageWith(0, ({ placement }) => ({
      placement: {
        ...placement,
        kernels: placement.kernels.map((one) => ({
          ...one,
          variant: { ...one.variant, cycles: one.variant.cycles - 1 },
        })),
      },
    })),
    /wafer 1, kernel 0/,
  ],
];

describe("the checker of splits over wafers", () => {
  it("accepts what the search finds", async () => {
    const split = await found;
    expect(split.stages.length).toBeGreaterThan(1);
    expect(faultsOf(split)).toEqual([]);
  });

  it.each(mutations)("finds %s", async (_, mutation, fault) => {
    expect(faultsOf(mutation(await found)).join("\n")).toMatch(fault);
  });

  it("finds more wafers than were given", async () => {
    const split = await found;
    const given = split.stages.length - 1;
    expect(checkWaferSplit(layers, split, target, given).map(({ subject }) => subject)).toEqual(["wafers"]);
  });
});

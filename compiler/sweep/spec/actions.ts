/** What the points of a sweep can be: for each action its options, the figures that it gives, and which of them are wanted unless something else is said. */
import { precisions } from "../../../ir/kernel-graph.ts";
import { modeNames, placementObjectives } from "../../../ir/placement.ts";
import { planModes, planObjectives } from "../../planner/plan/plan-names.ts";
import { weightFormats } from "../../planner/plan/weight-formats.ts";
import { count, type Option } from "./rules.ts";

export const actionNames = ["plan", "place", "compile", "partition", "simulate"] as const;
export type ActionName = (typeof actionNames)[number];

/** A figure of a point's result. */
export interface Figure {
  readonly type: "number" | "text";
  readonly describe: string;
}

export interface Objective {
  readonly figure: string;
  readonly goal: "max" | "min";
}

/** Files that a point may leave. */
export const keepable = ["report", "plan", "placement", "kernels", "graph"] as const;
export type Kept = (typeof keepable)[number];

/** What a kept file is called for those who open it. */
export const keptFiles: Readonly<Record<Kept, string>> = {
  report: "report.html",
  plan: "plan.json",
  placement: "placement.json",
  kernels: "kernels.txt",
  graph: "graph.txt",
};

export interface Action {
  /** what `model` names: a language model or its configuration, or an ONNX file */
  readonly model: "language" | "onnx";
  readonly options: Readonly<Record<string, Option>>;
  readonly figures: Readonly<Record<string, Figure>>;
  readonly objectives: readonly Objective[];
  readonly keep: readonly Kept[];
  readonly usualKeep: readonly Kept[];
}

const numbers = <K extends string>(figures: Readonly<Record<K, string>>): Readonly<Record<K, Figure>> =>
  Object.fromEntries(
    Object.entries<string>(figures).map(([name, describe]) => [name, { type: "number", describe }]),
  ) as Record<K, Figure>;

const text = (describe: string): Figure => ({ type: "text", describe });

const seed: Option = { rule: count(0), usual: 0, describe: "seed of the search's random moves" };

const placing: Readonly<Record<string, Option>> = {
  mode: {
    rule: { kind: "choice", values: ["auto", ...modeNames] },
    usual: "auto",
    describe: "how layers share the wafer",
  },
  replicas: {
    rule: { kind: "count", least: 1, most: 999_999, word: "auto" },
    usual: 1,
    describe: "copies of the model side by side",
  },
  precision: {
    rule: { kind: "choice", values: precisions },
    usual: "f32",
    describe: "what f32 operands are on the wafer",
  },
  objective: {
    rule: { kind: "choice", values: placementObjectives },
    usual: "throughput",
    describe: "what the placement is good at",
  },
  fuse: { rule: { kind: "flag" }, usual: true, describe: "several ops may be one layer" },
  maxInterval: {
    rule: { kind: "amount", most: 1e15 },
    usual: null,
    describe: "cycles between two samples at most",
  },
  defects: {
    rule: {
      kind: "text",
      form: /^[^\0]{1,4096}$/,
      says: "a share of dead cores (0.001, 0.001:SEED, CORES/LINKS:SEED) or the file of a map",
    },
    usual: null,
    describe:
      "dead cores and links: shares of them at random as CORES, CORES/LINKS, either with :SEED, or a map's file",
  },
  effort: {
    rule: { kind: "amount", most: 86_400 },
    usual: null,
    describe: "seconds of a fast machine to search on for, as counted work",
  },
  solver: {
    rule: { kind: "choice", values: ["auto", "glpk", "highs"] },
    usual: "auto",
    describe: "integer program solver",
  },
  seed,
};

const placementFigures = {
  ...numbers({
    layers: "layers on the wafer",
    hostOps: "ops on the host",
    replicas: "copies of the model",
    cores: "cores of all rectangles",
    coresUsable: "cores that kernels may use",
    intervalCycles: "cycles between two samples",
    samplesPerSecond: "at the target's clock",
    latencyCycles: "cycles of a sample through an empty pipeline",
    latencySeconds: "the same in seconds",
    bound: "cycles between samples that no placement goes below",
    gap: "(interval - bound) / interval",
    kernelCycles: "cycles of the slowest layer, or of all layers on one region",
    linkCycles: "cycles of the fullest link, or of all moves on one region",
    ioCycles: "cycles that a sample takes of the wafer's edge",
    wireLength: "hops between connected layers",
    goal: "what the objective minimises",
  }),
  mode: text("pipeline or resident"),
  status: text("optimal or feasible"),
  slowest: text("the slowest layer"),
  binds: text("what decides the interval: kernel, link or io"),
} as const;

const fastOnFewCores: readonly Objective[] = [
  { figure: "samplesPerSecond", goal: "max" },
  { figure: "cores", goal: "min" },
];

/** Wafers and devices that a partition is tried for. */
const mostWafers = 256;

export const actions: Readonly<Record<ActionName, Action>> = {
  plan: {
    model: "language",
    options: {
      mode: { rule: { kind: "choice", values: planModes }, usual: "auto", describe: "how layers and weights lie" },
      wafers: { rule: count(1), usual: null, describe: "so many at most; null: as few as hold it" },
      objective: {
        rule: { kind: "choice", values: planObjectives },
        usual: "latency",
        describe: "what the plan is good at",
      },
      context: { rule: count(1), usual: null, describe: "tokens of a sequence; null: 4096, or the model's" },
      batch: { rule: count(1), usual: null, describe: "sequences that a step works on" },
      users: { rule: count(1), usual: 1, describe: "sequences whose caches are held" },
      weights: { rule: { kind: "choice", values: weightFormats }, usual: "fp16", describe: "form of the weights" },
      speculative: {
        rule: { kind: "text", form: /^[1-9]\d{0,3},(?:0(?:\.\d{1,9})?|1)$/, says: "K,ACCEPTANCE such as 4,0.8" },
        usual: null,
        describe: "K,ACCEPTANCE: K tokens written ahead, so many of them confirmed",
      },
      splitLayers: { rule: { kind: "flag" }, usual: false, describe: "a layer may lie on several wafers" },
    },
    figures: {
      ...numbers({
        wafers: "of one copy",
        replicas: "copies on the wafers that there are",
        contextTokens: "tokens of a sequence",
        longestContext: "tokens that fit on as many wafers",
        batchSequences: "sequences that a step works on",
        usersInFlight: "sequences whose caches fit",
        decodePerUser: "tokens a second",
        decodeInAll: "tokens a second",
        prefillTokensPerSecond: "of one prompt",
        prefillInAll: "of prompts that follow each other",
        timeToFirstToken: "seconds",
        parameters: "of the model",
        weightBytes: "of the model",
        cacheBytesPerToken: "of all layers",
        balance: "work of the busiest wafer over the mean",
        edgeLoad: "share of the edge in use",
        linkLoad: "share of the links between wafers in use",
        watts: "of all copies",
        joulesPerToken: "of a decoded token",
        doubled: "what twice the resource that binds would give",
      }),
      planMode: text("how layers and weights lie"),
      binds: text("what takes most of a token's time"),
    },
    objectives: [
      { figure: "decodePerUser", goal: "max" },
      { figure: "watts", goal: "min" },
    ],
    keep: ["report", "plan"],
    usualKeep: [],
  },
  place: {
    model: "onnx",
    options: placing,
    figures: placementFigures,
    objectives: fastOnFewCores,
    keep: ["report", "placement", "kernels", "graph"],
    usualKeep: ["report"],
  },
  compile: {
    model: "onnx",
    options: placing,
    figures: {
      ...placementFigures,
      ...numbers({
        weightsBytes: "of the program on the host",
        arenaBytes: "of the program's values",
        codeBytes: "of its WebAssembly",
      }),
    },
    objectives: fastOnFewCores,
    keep: ["report", "placement", "kernels", "graph"],
    usualKeep: ["report"],
  },
  partition: {
    model: "onnx",
    options: { wafers: { rule: count(1, mostWafers), usual: 2, describe: "wafers to cut the model over" }, seed },
    figures: {
      ...numbers({
        wafersUsed: "wafers that hold layers",
        layers: "layers on them",
        hostOps: "ops on the host",
        cores: "cores of all wafers",
        intervalCycles: "cycles per sample of the slowest wafer",
        samplesPerSecond: "at the target's clock",
        latencyCycles: "cycles of a sample through all wafers",
        bound: "cycles that no chain of so many wafers goes below",
        gap: "(interval - bound) / interval",
        wordsBetween: "words a sample over the links between wafers",
      }),
      status: text("optimal or feasible"),
      binds: text("what decides the interval of the slowest wafer: layers or edge"),
    },
    objectives: [
      { figure: "samplesPerSecond", goal: "max" },
      { figure: "wafersUsed", goal: "min" },
    ],
    keep: [],
    usualKeep: [],
  },
  simulate: {
    model: "onnx",
    options: {
      ...Object.fromEntries(Object.entries(placing).filter(([name]) => !["fuse", "mode", "replicas"].includes(name))),
      samples: { rule: count(1, 10_000), usual: 8, describe: "samples that follow each other" },
      level: {
        rule: { kind: "choice", values: ["stream", "word"] },
        usual: "stream",
        describe: "streams with shares of links, or word by word with random inputs",
      },
    },
    figures: {
      ...numbers({
        cores: "cores of all rectangles",
        intervalCycles: "cycles between samples, as run",
        latencyCycles: "cycles of one sample, as run",
        cycles: "of all samples",
        words: "over links",
        certificateInterval: "cycles that the placement promises",
        certificateLatency: "cycles that the placement promises",
        samplesPerSecond: "at the target's clock",
      }),
      binds: text("what decides the promised interval"),
    },
    objectives: fastOnFewCores,
    keep: ["report", "placement", "kernels", "graph"],
    usualKeep: ["report"],
  },
};

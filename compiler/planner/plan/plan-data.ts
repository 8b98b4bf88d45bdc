/** What a plan says, and what all modes say alike. */
import { type Basis, type Target, usableRect } from "../../../ir/machine/target.ts";
import type { ModelShape } from "../models/build.ts";
import type { WaferSystem } from "../machines/systems.ts";
import type { Clock } from "../speed/clock.ts";
import { basisOf } from "./figures.ts";
import { elementBytes, wide } from "./formats.ts";
import type { WeightFormat } from "./weight-formats.ts";
import type { PlanMode, PlanObjective, planModes } from "./plan-names.ts";
import { waferBytes, type WaferLoad } from "./wafers.ts";

export interface PlanOptions {
  readonly system: WaferSystem;
  readonly mode: (typeof planModes)[number];
  /** null: as many as the model needs */
  readonly wafers: number | null;
  readonly objective: PlanObjective;
  /** tokens of a sequence; null: 4,096, or the model's */
  readonly context: number | null;
  /** sequences that a step works on; null: 1, and for streaming as many as hide the edge */
  readonly batch: number | null;
  /** sequences whose caches are held */
  readonly users: number;
  readonly weights: WeightFormat;
  readonly splitLayers: boolean;
  readonly speculative: Speculation | null;
  readonly clock?: Clock;
}

/** What a plan is asked for where nothing else is said. */
export const usualPlan: Omit<PlanOptions, "system"> = {
  mode: "auto",
  wafers: null,
  objective: "latency",
  context: null,
  batch: null,
  users: 1,
  weights: "fp16",
  splitLayers: false,
  speculative: null,
};

/** A small model writes tokens ahead, which the model confirms together. */
export interface Speculation {
  readonly tokens: number;
  /** share of them that is confirmed, each given those before it */
  readonly acceptance: number;
}

/** Bytes in the fullest core by what they hold. */
export interface CoreMap {
  readonly code: number;
  readonly system: number;
  readonly weights: number;
  readonly cache: number;
  readonly values: number;
  readonly free: number;
}

/** What binds, what comes next, and what twice the first would give. */
export interface Limit {
  readonly binds: string;
  readonly share: number;
  readonly next: string;
  readonly doubled: number;
  readonly sentence: string;
  /** seconds of a token by what takes them */
  readonly parts: readonly { readonly name: string; readonly seconds: number }[];
}

export interface Plan {
  readonly model: string;
  readonly machine: string;
  readonly validated: boolean;
  readonly mode: PlanMode;
  readonly reason: string;
  /** wafers of one copy of the model */
  readonly wafers: number;
  /** no arrangement of this kind has fewer; equal to `wafers` for whole layers */
  readonly wafersBound: number;
  /** copies of the model on the wafers that there are */
  readonly replicas: number;
  readonly splitLayers: boolean;
  readonly weights: WeightFormat;
  readonly context: number;
  readonly longestContext: number;
  readonly users: number;
  readonly batch: number;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly weightBytes: number;
  readonly cacheBytesPerToken: number;
  readonly waferBytes: number;
  readonly layersPerWafer: readonly (readonly string[])[];
  readonly heldBytes: readonly number[];
  /** bytes of each wafer by what they are, and multiply-adds of a token with its weights */
  readonly waferLoads: readonly {
    readonly weights: number;
    readonly cache: number;
    readonly values: number;
    readonly work: number;
  }[];
  readonly coresPerWafer: number;
  readonly coreBytes: CoreMap;
  /** rectangles of the busiest wafer */
  readonly regions: {
    readonly columns: number;
    readonly rows: number;
    /** rectangles that hold layers */
    readonly used: number;
    readonly width: number;
    readonly height: number;
  } | null;
  /** work of the busiest wafer over the mean */
  readonly balance: number;
  readonly decodePerUser: number;
  readonly decodeInAll: number;
  /** of one prompt, and of prompts that follow each other from region to region */
  readonly prefillTokensPerSecond: number;
  readonly prefillInAll: number;
  /** pieces that a prompt is cut into because its values do not fit at once */
  readonly promptPieces: number;
  readonly timeToFirstToken: number;
  readonly usersInFlight: number;
  /** share of the edge and of the links between wafers that is in use */
  readonly edgeLoad: number;
  readonly linkLoad: number;
  readonly watts: number;
  readonly joulesPerToken: number;
  readonly limit: Limit;
  /** tokens that one confirmation gives; null: not asked for */
  readonly tokensPerStep: number | null;
  readonly stream: Streaming | null;
  readonly basis: Readonly<Record<string, Basis>>;
  readonly clockSource: string;
  /** what a plan does not have yet */
  readonly absent: readonly string[];
}

export interface Streaming {
  /** seconds in which all weights pass the edge */
  readonly passSeconds: number;
  /** sequences at which computing takes as long */
  readonly hidingBatch: number;
}

/** What plans leave to later. */
export const absent: readonly string[] = [
  "placement behind the mode: regions, routes and certificate of the placer",
  "simulation of a layer of each kind",
];

/** Sequences whose caches are held. */
export const sequencesOf = ({ users, batch }: PlanOptions): number => Math.max(users, batch ?? 1);

/** Figures that do not depend on the mode. */
export type Summary = Pick<
  Plan,
  | "model"
  | "machine"
  | "validated"
  | "splitLayers"
  | "weights"
  | "context"
  | "parameters"
  | "activeParameters"
  | "weightBytes"
  | "cacheBytesPerToken"
  | "waferBytes"
  | "coresPerWafer"
>;

/** What all modes say of a model. */
export function summary(shape: ModelShape, context: number, options: PlanOptions): Summary {
  const { config, layers } = shape;
  const { width, height } = usableRect(options.system.target);
  const bytes = elementBytes(options.weights, config);
  const sum = (of: (layer: (typeof layers)[number]) => number): number =>
    layers.reduce((total, layer) => total + of(layer), 0);
  return {
    model: config.name,
    machine: options.system.name,
    validated: options.system.validated,
    splitLayers: options.splitLayers,
    weights: options.weights,
    context,
    parameters: shape.parameters,
    activeParameters: shape.active,
    weightBytes: sum(({ matrices, expert, experts, tables, vectors }) =>
      Math.ceil(matrices * bytes.matrix + expert * experts * bytes.expert + (tables + vectors) * wide),
    ),
    cacheBytesPerToken: sum(({ cache }) => cache * wide),
    waferBytes: waferBytes(options.system.target),
    coresPerWafer: width * height,
  };
}

/** Cores of a wafer share what it holds evenly, but for the words that tiles are rounded up to. */
export function coreMap(
  target: Target,
  { weights, cache, values }: Pick<WaferLoad, "weights" | "cache" | "values">,
): CoreMap {
  const { sramBytes, systemBytes, codeBytes } = target.core;
  const cores = waferBytes(target) / (sramBytes - systemBytes - codeBytes);
  const each = (bytes: number): number => Math.ceil(bytes / cores);
  const held = {
    code: codeBytes,
    system: systemBytes,
    weights: each(weights),
    cache: each(cache),
    values: each(values),
  };
  const used = Object.values(held).reduce((sum, bytes) => sum + bytes, 0);
  return { ...held, free: Math.max(0, sramBytes - used) };
}

/** The largest part of a time, the next one, and what halving the first would give. */
export function limitOf(parts: Readonly<Record<string, number>>): Limit {
  const total = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const [first, second] = Object.entries(parts).toSorted(([, a], [, b]) => b - a);
  const [binds, time] = first ?? ["nothing", 0];
  const [next, nextTime] = second ?? ["nothing", 0];
  const doubled = total / (total - time / 2);
  const percent = (part: number): string => `${((100 * part) / total).toFixed(0)} %`;
  const sentence = `${binds} takes ${percent(time)} of a token's time, then ${next} (${percent(nextTime)}); twice as fast there gives ${doubled.toFixed(2)} x`;
  return {
    binds,
    share: time / total,
    next,
    doubled,
    sentence,
    parts: Object.entries(parts).map(([name, seconds]) => ({ name, seconds })),
  };
}

/** How the figures of a plan are known. */
export function bases({ system, speculative }: PlanOptions, clock: Clock): Readonly<Record<string, Basis>> {
  const { target } = system;
  const known = (field: string): Basis => target.facts.find((fact) => fact.field === field)?.basis ?? "derived";
  const memory = basisOf(known("core.sramBytes"), known("core.systemBytes"), known("core.codeBytes"));
  const speed = basisOf(
    clock.basis,
    known("clock"),
    ...(speculative === null && system.validated ? [] : ["assumed" as const]),
  );
  const power = known("power");
  const names = {
    published: ["context", "weights", "parameters"],
    derived: ["replicas", "activeParameters", "weightBytes", "cacheBytesPerToken", "users", "batch", "mode", "balance"],
  } as const;
  return {
    ...Object.fromEntries(Object.entries(names).flatMap(([basis, list]) => list.map((name) => [name, basis as Basis]))),
    ...Object.fromEntries(
      [
        "wafers",
        "wafersBound",
        "waferBytes",
        "longestContext",
        "layersPerWafer",
        "heldBytes",
        "waferLoads",
        "coresPerWafer",
        "coreBytes",
        "usersInFlight",
      ].map((name) => [name, memory]),
    ),
    ...Object.fromEntries(
      [
        "regions",
        "decodePerUser",
        "decodeInAll",
        "prefillTokensPerSecond",
        "prefillInAll",
        "promptPieces",
        "timeToFirstToken",
        "edgeLoad",
        "linkLoad",
        "limit",
        "stream",
      ].map((name) => [name, speed]),
    ),
    tokensPerStep: "assumed",
    watts: power,
    joulesPerToken: basisOf(power, speed),
  };
}

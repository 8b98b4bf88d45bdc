/**
 * Time per output token of language models on GPUs that share every layer. A roofline alone is 3 times too fast: what is missing is a constant for
 * each layer and token.
 *
 *     seconds = weights * bytes of weights / bandwidth + cache * bytes of caches / bandwidth + layer * layers
 *             + exchange * bytes of all-reduces / link + work * operations / peak
 *
 * Bytes and operations are those of one GPU. Weights: those that the batch touches. Caches: of the requests that are worked on at once, which their
 * memory bounds; every GPU reads the latents of all heads whole. All-reduces and operations: of the tokens that are written and of those of the
 * prompts that arrive meanwhile, batch * (1 + input / output) tokens; two all-reduces a layer. Fitted by least squares of relative errors on measured serving
 * (aiconfigurator-core 0.12.0, silicon_sample.csv); `scripts/fit-gpu-law.mjs` repeats it, a test compares.
 */
import type { Basis } from "../../../ir/machine/target.ts";
import type { GpuNode } from "../machines/gpus.ts";
import { type ModelShape, shapeOf } from "../models/build.ts";
import { type ModelConfig, seenBy } from "../models/config.ts";

export const gpuPrecisions = ["bf16", "fp8", "fp4", "int4"] as const;

export type GpuPrecision = (typeof gpuPrecisions)[number];

/** Bytes of a weight with its scales: 8 bits for every 16 elements of FP4, 16 bits for every 32 of INT4. */
const weightBytes: Readonly<Record<GpuPrecision, number>> = { bf16: 2, fp8: 1, fp4: 4.5 / 8, int4: 4.5 / 8 };

/** Bytes of an element of caches and of values. */
const wide = 2;

/** A load on a machine. */
export interface Serving {
  readonly node: GpuNode;
  readonly precision: GpuPrecision;
  /** requests at once */
  readonly batch: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export const termNames = ["weights", "cache", "layer", "exchange", "work"] as const;

export type TermName = (typeof termNames)[number];

/** The law's terms before its constants: seconds, seconds, layers, seconds, seconds. Its constants: four factors, and seconds per layer and token. */
export type Terms = Readonly<Record<TermName, number>>;

export interface GpuLaw {
  readonly constants: Terms;
  readonly basis: Basis;
  readonly source: string;
  /** mean relative error on the rows of the fit, of models left out of it, and of rows with more requests at once */
  readonly meanError: LawError;
}

export interface LawError {
  readonly inSample: number;
  readonly leftOut: number;
  readonly largeBatches: number;
}

const source = "measured serving of aiconfigurator-core 0.12.0 on H100, H200 and B200";

/** Requests at once that the fits saw at most. */
export const fittedBatch = 16;

/** Dense models: 317 rows of Llama 3.1 8B and 70B and one of Qwen3-32B; 369 rows have more requests at once. */
export const denseLaw: GpuLaw = {
  constants: { weights: 0.9861, cache: 1.2676, layer: 65.45e-6, exchange: 3.8686, work: 1.033 },
  basis: "fitted",
  source,
  meanError: { inSample: 0.071, leftOut: 0.073, largeBatches: 0.172 },
};

/**
 * Models with experts: 536 rows of gpt-oss-120b, DeepSeek-R1 and V3 and Kimi K2.5; 453 rows have more requests at once. Servers differ by a factor of
 * 1.23 (median) on the same of these models, machine and load, so that no law without their names is much nearer.
 */
export const expertLaw: GpuLaw = {
  constants: { weights: 1.0556, cache: 1.0556, layer: 76.75e-6, exchange: 8.5887, work: 8.5887 },
  basis: "fitted",
  source,
  meanError: { inSample: 0.207, leftOut: 0.213, largeBatches: 0.311 },
};

export const lawOf = ({ experts }: ModelConfig): GpuLaw => (experts === undefined ? denseLaw : expertLaw);

/** Sums over the layers of a model. */
function sizesOf(config: ModelConfig): {
  readonly shape: ModelShape;
  readonly experts: number;
  readonly tables: number;
} {
  const shape = shapeOf(config);
  const sum = (of: (layer: (typeof shape.layers)[number]) => number): number =>
    shape.layers.reduce((total, layer) => total + of(layer), 0);
  return { shape, experts: sum((layer) => layer.expert * layer.experts), tables: sum((layer) => layer.tables) };
}

/** Bytes of an element outside the experts: where experts are narrow, the rest of a model stays in 16 bits. */
const restBytes = ({ experts }: ModelConfig, precision: GpuPrecision): number =>
  experts !== undefined && weightBytes[precision] < 1 ? wide : weightBytes[precision];

/** GPUs among which a model's caches are divided: one for each head that has keys of its own; latents are whole on each. */
const dividing = ({ attention }: ModelConfig, count: number): number =>
  attention.kind === "heads" ? Math.min(count, attention.kvHeads) : 1;

/** Bytes that each GPU keeps of a request that has so many tokens. */
function cacheBytes(config: ModelConfig, count: number, tokens: number): number {
  const layers = shapeOf(config).layers.filter(({ cache }) => cache > 0);
  const elements = layers.reduce((sum, { cache }, i) => sum + cache * seenBy(config, i, tokens), 0);
  return (wide * elements) / dividing(config, count);
}

/** Bytes of weights in each GPU. */
function heldWeights(config: ModelConfig, { node, precision }: Pick<Serving, "node" | "precision">): number {
  const { shape, experts } = sizesOf(config);
  return ((shape.parameters - experts) * restBytes(config, precision) + experts * weightBytes[precision]) / node.count;
}

/** Bytes that a load takes of each GPU; more than it has is refused by callers. */
export const bytesOnEach = (config: ModelConfig, serving: Serving): number =>
  heldWeights(config, serving) +
  serving.batch * cacheBytes(config, serving.node.count, serving.inputTokens + serving.outputTokens);

/** Share of a GPU's memory that servers give to weights and caches. */
const usedMemory = 0.9;

/** Requests that are worked on at once: as many as are there, or as have room for their caches; the others wait. */
function requestsAtOnce(config: ModelConfig, serving: Serving): number {
  const { node, batch, inputTokens, outputTokens } = serving;
  const room = usedMemory * node.gpu.memoryBytes - heldWeights(config, serving);
  return Math.max(1, Math.min(batch, room / cacheBytes(config, node.count, inputTokens + outputTokens)));
}

/** What the law is made of, for a model under a load. */
export function termsOf(config: ModelConfig, serving: Serving): Terms {
  const { node, precision, inputTokens, outputTokens } = serving;
  const { gpu, count } = node;
  const { shape, experts, tables } = sizesOf(config);
  const { chosen, count: all } = config.experts ?? { chosen: 0, count: 1 };
  const batch = requestsAtOnce(config, serving);
  // requests choose their experts independently
  const touched = experts * (1 - (1 - chosen / all) ** batch);
  const dense = shape.parameters - tables - experts;
  const weights = dense * restBytes(config, precision) + touched * weightBytes[precision];
  const tokens = batch * (1 + inputTokens / outputTokens);
  // a ring of all-reduces moves each value twice but for the GPU's own share
  const exchanged = 2 * config.layers * tokens * config.hidden * wide * ((2 * (count - 1)) / count);
  return {
    weights: weights / (count * gpu.bytesPerSecond),
    cache: (batch * cacheBytes(config, count, inputTokens + outputTokens / 2)) / gpu.bytesPerSecond,
    layer: config.layers,
    exchange: exchanged / gpu.linkBytesPerSecond,
    work: (tokens * 2 * shape.active) / (count * peakOf(node, precision)),
  };
}

/** Operations per second in the narrowest type that the machine multiplies and the weights are not wider than. */
function peakOf({ gpu: { flops } }: GpuNode, precision: GpuPrecision): number {
  const f8 = flops.f8 ?? flops.f16;
  switch (precision) {
    case "bf16":
      return flops.f16;
    case "fp8":
      return f8;
    case "fp4":
    case "int4":
      return flops.f4 ?? f8;
  }
}

export const secondsBy = (constants: Terms, terms: Terms): number =>
  termNames.reduce((sum, name) => sum + constants[name] * terms[name], 0);

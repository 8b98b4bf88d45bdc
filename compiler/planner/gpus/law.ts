/**
 * Time per output token of language models on GPUs that share every layer. A roofline alone is 3 times too fast: what is missing is a constant for
 * each layer and token.
 *
 *     seconds = memory * bytes / (gpus * bandwidth) + layer * layers + prompt * operations / (gpus * peak)
 *
 * bytes: weights that the batch touches, and its caches; operations: of the prompts that arrive while a token is written, batch * input / output
 * tokens. Fitted by least squares of relative errors on measured serving (aiconfigurator-core 0.12.0, silicon_sample.csv); `scripts/fit-gpu-law.mjs`
 * repeats it, a test compares.
 */
import type { Basis } from "../../../ir/machine/target.ts";
import type { GpuNode } from "../machines/gpus.ts";
import { shapeOf } from "../models/build.ts";
import type { ModelConfig } from "../models/config.ts";

export const gpuPrecisions = ["bf16", "fp8", "fp4", "int4"] as const;

export type GpuPrecision = (typeof gpuPrecisions)[number];

/** Bytes of a weight with its scales: 8 bits for every 16 elements of FP4, 16 bits for every 32 of INT4. */
const weightBytes: Readonly<Record<GpuPrecision, number>> = { bf16: 2, fp8: 1, fp4: 4.5 / 8, int4: 4.5 / 8 };

/** A load on a machine. */
export interface Serving {
  readonly node: GpuNode;
  readonly precision: GpuPrecision;
  /** requests at once */
  readonly batch: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The law's terms, before its constants: seconds, layers, seconds. */
export interface Terms {
  readonly memory: number;
  readonly layers: number;
  readonly prompt: number;
}

export interface GpuLaw {
  readonly memory: number;
  /** seconds per layer and token */
  readonly layer: number;
  readonly prompt: number;
  readonly basis: Basis;
  readonly source: string;
  /** mean relative error on the rows of the fit, and of models left out of it */
  readonly meanError: { readonly inSample: number; readonly leftOut: number };
}

const source = "measured serving of aiconfigurator-core 0.12.0 on H100, H200 and B200";

/** Dense models, at most 16 requests at once: 317 rows of Llama 3.1 8B and 70B and one of Qwen3-32B. */
export const denseLaw: GpuLaw = {
  memory: 1.0017,
  layer: 71.02e-6,
  prompt: 1.4901,
  basis: "fitted",
  source,
  meanError: { inSample: 0.08, leftOut: 0.086 },
};

/** Models with experts, at most 16 requests at once: 452 rows of gpt-oss-120b and DeepSeek-R1 and V3. */
export const expertLaw: GpuLaw = {
  memory: 1.1194,
  layer: 75.84e-6,
  prompt: 10.65,
  basis: "fitted",
  source,
  meanError: { inSample: 0.214, leftOut: 0.235 },
};

/** Requests at once that the fits saw; beyond them, dense rows of the same table are off by 16 % on the mean, and others by more. */
export const fittedBatch = 16;

export const lawOf = ({ experts }: ModelConfig): GpuLaw => (experts === undefined ? denseLaw : expertLaw);

/** What the law is made of, for a model under a load. */
export function termsOf(config: ModelConfig, { node, precision, batch, inputTokens, outputTokens }: Serving): Terms {
  const shape = shapeOf(config);
  const { gpu, count } = node;
  const sum = (of: (layer: (typeof shape.layers)[number]) => number): number =>
    shape.layers.reduce((total, layer) => total + of(layer), 0);
  const experts = sum((layer) => layer.expert * layer.experts);
  const tables = sum((layer) => layer.tables);
  const { chosen, count: all } = config.experts ?? { chosen: 0, count: 1 };
  // requests choose their experts independently
  const touched = experts * (1 - (1 - chosen / all) ** batch);
  const each = weightBytes[precision];
  // where experts are narrow, the rest of a model stays in 16 bits
  const rest = config.experts !== undefined && each < 1 ? 2 : each;
  const cache = 2 * sum((layer) => layer.cache) * batch * (inputTokens + outputTokens / 2);
  const bytes = (shape.parameters - tables - experts) * rest + touched * each + cache;
  const operations = ((batch * inputTokens) / outputTokens) * 2 * shape.active;
  return {
    memory: bytes / (count * gpu.bytesPerSecond),
    layers: config.layers,
    prompt: operations / (count * peakOf(node, precision)),
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

export const secondsBy = (
  { memory, layer, prompt }: Pick<GpuLaw, "memory" | "layer" | "prompt">,
  terms: Terms,
): number => memory * terms.memory + layer * terms.layers + prompt * terms.prompt;

/** Bytes that a model takes of each GPU; more than it has is refused by callers. */
export function bytesOnEach(
  config: ModelConfig,
  { node, precision, batch, inputTokens, outputTokens }: Serving,
): number {
  const shape = shapeOf(config);
  const cache =
    2 * shape.layers.reduce((total, layer) => total + layer.cache, 0) * batch * (inputTokens + outputTokens);
  return (shape.parameters * weightBytes[precision] + cache) / node.count;
}

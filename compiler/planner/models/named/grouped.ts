/** Dense decoders with turned positions and keys for groups of heads. */
import type { ModelConfig, RotaryScaling } from "../config.ts";

interface Grouped {
  readonly name: string;
  readonly source: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly base: number;
  readonly scaling?: RotaryScaling;
  readonly epsilon?: number;
  readonly bias?: boolean;
  readonly headNorm?: boolean;
  readonly tied?: boolean;
}

const grouped = (of: Grouped): ModelConfig => ({
  name: of.name,
  family: "llama",
  source: of.source,
  layers: of.layers,
  hidden: of.hidden,
  vocabulary: of.vocabulary,
  context: of.context,
  tied: of.tied ?? false,
  norm: { kind: "rms", epsilon: of.epsilon ?? 1e-5 },
  positions: { kind: "rotary", size: 128, base: of.base, ...(of.scaling === undefined ? {} : { scaling: of.scaling }) },
  attention: {
    kind: "heads",
    heads: of.heads,
    kvHeads: of.kvHeads,
    headSize: 128,
    bias: { in: of.bias ?? false, out: false },
    ...(of.headNorm === true ? { headNorm: true } : {}),
  },
  feedForward: { inner: of.inner, activation: "silu", gated: true, bias: false },
});

const llama31 = {
  source: "config.json of meta-llama's Llama 3.1",
  kvHeads: 8,
  vocabulary: 128_256,
  context: 131_072,
  base: 500_000,
  scaling: { kind: "llama3", factor: 8, lowFrequency: 1, highFrequency: 4, original: 8192 },
} as const;

export const groupedModels: readonly ModelConfig[] = [
  grouped({ name: "llama3.1-8b", ...llama31, layers: 32, hidden: 4096, heads: 32, inner: 14_336 }),
  grouped({ name: "llama3.1-70b", ...llama31, layers: 80, hidden: 8192, heads: 64, inner: 28_672 }),
  grouped({ name: "llama3.1-405b", ...llama31, layers: 126, hidden: 16_384, heads: 128, inner: 53_248 }),
  grouped({
    name: "mistral-large-2",
    source: "config.json of mistralai/Mistral-Large-Instruct-2407",
    layers: 88,
    hidden: 12_288,
    heads: 96,
    kvHeads: 8,
    inner: 28_672,
    vocabulary: 32_768,
    context: 131_072,
    base: 1e6,
  }),
  grouped({
    name: "qwen3-32b",
    source: "config.json of Qwen/Qwen3-32B",
    layers: 64,
    hidden: 5120,
    heads: 64,
    kvHeads: 8,
    inner: 25_600,
    vocabulary: 151_936,
    context: 40_960,
    base: 1e6,
    epsilon: 1e-6,
    headNorm: true,
  }),
  grouped({
    name: "qwen3-1.7b",
    source: "config.json of Qwen/Qwen3-1.7B",
    layers: 28,
    hidden: 2048,
    heads: 16,
    kvHeads: 8,
    inner: 6144,
    vocabulary: 151_936,
    context: 40_960,
    base: 1e6,
    epsilon: 1e-6,
    headNorm: true,
    tied: true,
  }),
  grouped({
    name: "llama2-13b",
    source: "config.json of meta-llama/Llama-2-13b",
    layers: 40,
    hidden: 5120,
    heads: 40,
    kvHeads: 40,
    inner: 13_824,
    vocabulary: 32_000,
    context: 4096,
    base: 10_000,
  }),
  grouped({
    name: "codellama-34b",
    source: "config.json of codellama/CodeLlama-34b",
    layers: 48,
    hidden: 8192,
    heads: 64,
    kvHeads: 8,
    inner: 22_016,
    vocabulary: 32_000,
    context: 16_384,
    base: 1e6,
  }),
  grouped({
    name: "qwen2-72b",
    source: "config.json of Qwen/Qwen2-72B",
    layers: 80,
    hidden: 8192,
    heads: 64,
    kvHeads: 8,
    inner: 29_568,
    vocabulary: 152_064,
    context: 32_768,
    base: 1e6,
    epsilon: 1e-6,
    bias: true,
  }),
];

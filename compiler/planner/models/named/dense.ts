/** Dense decoders with a key for every head. */
import type { ModelConfig } from "../config.ts";

interface Gpt3 {
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly headSize: number;
}

const gpt3 = ({ name, layers, hidden, heads, headSize }: Gpt3): ModelConfig => ({
  name,
  family: "gpt",
  source: "Language Models are Few-Shot Learners (arXiv 2005.14165), table 2.1; vocabulary of GPT-2, 2,048 tokens",
  layers,
  hidden,
  vocabulary: 50_257,
  context: 2048,
  tied: true,
  norm: { kind: "layer", epsilon: 1e-5 },
  positions: { kind: "learned" },
  attention: { kind: "heads", heads, kvHeads: heads, headSize, bias: { in: true, out: true } },
  feedForward: { inner: 4 * hidden, activation: "gelu-tanh", gated: false, bias: true },
});

export const denseModels: readonly ModelConfig[] = [
  // the paper prints 24 heads of 128, which do not make 2,048
  gpt3({ name: "gpt3-1.3b", layers: 24, hidden: 2048, heads: 16, headSize: 128 }),
  gpt3({ name: "gpt3-2.7b", layers: 32, hidden: 2560, heads: 32, headSize: 80 }),
  gpt3({ name: "gpt3-6.7b", layers: 32, hidden: 4096, heads: 32, headSize: 128 }),
  // the paper prints 5,140, which 40 heads of 128 do not make
  gpt3({ name: "gpt3-13b", layers: 40, hidden: 5120, heads: 40, headSize: 128 }),
  gpt3({ name: "gpt3-175b", layers: 96, hidden: 12_288, heads: 96, headSize: 128 }),
  {
    name: "gpt-neox-20b",
    family: "gpt",
    source: "EleutherAI/gpt-neox configs/20B.yml",
    layers: 44,
    hidden: 6144,
    vocabulary: 50_432,
    context: 2048,
    tied: false,
    norm: { kind: "layer", epsilon: 1e-5 },
    positions: { kind: "rotary", size: 24, base: 10_000 },
    attention: { kind: "heads", heads: 64, kvHeads: 64, headSize: 96, bias: { in: true, out: true } },
    feedForward: { inner: 24_576, activation: "gelu-tanh", gated: false, bias: true },
    parallel: true,
  },
  {
    name: "gopher-280b",
    family: "gpt",
    source:
      "Scaling Language Models (arXiv 2112.11446): RMSNorm, relative positions of Transformer-XL; inner size 4 x hidden",
    layers: 80,
    hidden: 16_384,
    vocabulary: 32_000,
    context: 2048,
    tied: true,
    norm: { kind: "rms", epsilon: 1e-6 },
    positions: { kind: "relative" },
    attention: { kind: "heads", heads: 128, kvHeads: 128, headSize: 128, bias: { in: true, out: true } },
    feedForward: { inner: 65_536, activation: "gelu-tanh", gated: false, bias: true },
  },
  {
    name: "dalle-12b",
    family: "dalle",
    source: "Zero-Shot Text-to-Image Generation (arXiv 2102.12092): 64 layers of 62 heads of 64; inner size 4 x hidden",
    layers: 64,
    hidden: 3968,
    vocabulary: 16_384 + 8192,
    context: 256 + 1024,
    tied: false,
    norm: { kind: "layer", epsilon: 1e-5 },
    positions: { kind: "learned" },
    attention: { kind: "heads", heads: 62, kvHeads: 62, headSize: 64, bias: { in: true, out: true } },
    feedForward: { inner: 15_872, activation: "gelu-tanh", gated: false, bias: true },
  },
];

/** Models whose feed-forward parts are experts. */
import type { Experts, ModelConfig, Router } from "../config.ts";

const plainRouter: Router = {
  score: "softmax",
  of: "all",
  normalized: false,
  scale: 1,
  bias: false,
  correction: false,
};

const switchModel = (of: {
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly inner: number;
  readonly experts: number;
  readonly every: number;
  readonly gated: boolean;
  readonly source: string;
}): ModelConfig => ({
  name: of.name,
  family: "switch",
  source: of.source,
  layers: of.layers,
  encoderLayers: of.layers,
  hidden: of.hidden,
  vocabulary: 32_128,
  context: 512,
  tied: false,
  norm: { kind: "rms", epsilon: 1e-6 },
  positions: { kind: "buckets", count: 32, farthest: 128 },
  attention: {
    kind: "heads",
    heads: of.heads,
    kvHeads: of.heads,
    headSize: 64,
    bias: { in: false, out: false },
    scale: 1,
  },
  feedForward: { inner: of.inner, activation: of.gated ? "gelu-tanh" : "relu", gated: of.gated, bias: false },
  experts: {
    count: of.experts,
    chosen: 1,
    inner: of.inner,
    shared: 0,
    router: plainRouter,
    after: 0,
    every: of.every,
  },
});

interface Latent {
  readonly name: string;
  readonly source: string;
  readonly heads: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly factor: number;
  readonly base: number;
  readonly experts: Pick<Experts, "count" | "after">;
  readonly routerScale: number;
  readonly groups?: { readonly count: number; readonly chosen: number };
}

const latentModel = (of: Latent): ModelConfig => ({
  name: of.name,
  family: "latent",
  source: of.source,
  layers: 61,
  hidden: 7168,
  vocabulary: of.vocabulary,
  context: of.context,
  tied: false,
  norm: { kind: "rms", epsilon: 1e-6 },
  positions: {
    kind: "rotary",
    size: 64,
    base: of.base,
    interleaved: true,
    scaling: {
      kind: "yarn",
      factor: of.factor,
      betaFast: 32,
      betaSlow: 1,
      original: 4096,
      whole: true,
      magnitude: 1,
    },
  },
  attention: {
    kind: "latent",
    heads: of.heads,
    queryRank: 1536,
    latent: 512,
    plain: 128,
    turned: 64,
    value: 128,
    scale: (0.1 * Math.log(of.factor) + 1) ** 2 / Math.sqrt(192),
  },
  feedForward: { inner: 18_432, activation: "silu", gated: true, bias: false },
  experts: {
    ...of.experts,
    chosen: 8,
    inner: 2048,
    shared: 1,
    every: 1,
    router: {
      ...plainRouter,
      score: "sigmoid",
      normalized: true,
      correction: true,
      scale: of.routerScale,
      ...(of.groups === undefined ? {} : { groups: of.groups }),
    },
  },
});

export const expertModels: readonly ModelConfig[] = [
  {
    name: "grok-1",
    family: "mixture",
    source: "xai-org/grok-1 run.py",
    layers: 64,
    hidden: 6144,
    vocabulary: 131_072,
    context: 8192,
    tied: true,
    norm: { kind: "rms", epsilon: 1e-5 },
    positions: { kind: "rotary", size: 128, base: 10_000 },
    attention: {
      kind: "heads",
      heads: 48,
      kvHeads: 8,
      headSize: 128,
      bias: { in: false, out: false },
      scoreLimit: 30,
      scale: 0.08838834764831845,
    },
    feedForward: { inner: 32_768, activation: "gelu-tanh", gated: true, bias: false },
    experts: { count: 8, chosen: 2, inner: 32_768, shared: 0, router: plainRouter, after: 0, every: 1 },
    sandwich: true,
    multipliers: { embedding: 78.383_671_769_061_69, logits: 0.577_350_269_189_625_7 },
  },
  {
    name: "gpt-oss-120b",
    family: "mixture",
    source: "openai/gpt-oss model.py; config.json of openai/gpt-oss-120b",
    layers: 36,
    hidden: 2880,
    vocabulary: 201_088,
    context: 131_072,
    tied: false,
    norm: { kind: "rms", epsilon: 1e-5 },
    positions: {
      kind: "rotary",
      size: 64,
      base: 150_000,
      scaling: {
        kind: "yarn",
        factor: 32,
        betaFast: 32,
        betaSlow: 1,
        original: 4096,
        whole: false,
        magnitude: 0.1 * Math.log(32) + 1,
      },
    },
    attention: {
      kind: "heads",
      heads: 64,
      kvHeads: 8,
      headSize: 64,
      bias: { in: true, out: true },
      sinks: true,
      window: 128,
    },
    feedForward: { inner: 2880, activation: "clamped-silu", gated: true, bias: true },
    experts: {
      count: 128,
      chosen: 4,
      inner: 2880,
      shared: 0,
      router: { ...plainRouter, of: "chosen", bias: true },
      after: 0,
      every: 1,
    },
  },
  {
    name: "qwen3-235b",
    family: "mixture",
    source: "config.json of Qwen/Qwen3-235B-A22B",
    layers: 94,
    hidden: 4096,
    vocabulary: 151_936,
    context: 40_960,
    tied: false,
    norm: { kind: "rms", epsilon: 1e-6 },
    positions: { kind: "rotary", size: 128, base: 1e6 },
    attention: {
      kind: "heads",
      heads: 64,
      kvHeads: 4,
      headSize: 128,
      bias: { in: false, out: false },
      headNorm: true,
    },
    feedForward: { inner: 12_288, activation: "silu", gated: true, bias: false },
    experts: {
      count: 128,
      chosen: 8,
      inner: 1536,
      shared: 0,
      router: { ...plainRouter, normalized: true },
      after: 0,
      every: 1,
    },
  },
  latentModel({
    name: "deepseek-r1",
    source: "config.json of deepseek-ai/DeepSeek-R1, without its layer that predicts a second token",
    heads: 128,
    vocabulary: 129_280,
    context: 163_840,
    factor: 40,
    base: 10_000,
    experts: { count: 256, after: 3 },
    routerScale: 2.5,
    groups: { count: 8, chosen: 4 },
  }),
  latentModel({
    name: "kimi-k2",
    source: "config.json of moonshotai/Kimi-K2-Instruct",
    heads: 64,
    vocabulary: 163_840,
    context: 131_072,
    factor: 32,
    base: 50_000,
    experts: { count: 384, after: 1 },
    routerScale: 2.827,
  }),
  switchModel({
    name: "switch-c",
    source: "Switch Transformers (arXiv 2101.03961), table 9; vocabulary and 512 tokens of T5",
    layers: 15,
    hidden: 2080,
    heads: 32,
    inner: 6144,
    experts: 2048,
    every: 1,
    gated: false,
  }),
  switchModel({
    name: "switch-xxl",
    source:
      "Switch Transformers (arXiv 2101.03961), table 9, with 128 experts: the paper prints 64, its 395 billion parameters and google/switch-xxl-128 have 128",
    layers: 24,
    hidden: 4096,
    heads: 64,
    inner: 10_240,
    experts: 128,
    every: 2,
    gated: true,
  }),
];

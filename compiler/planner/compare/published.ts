/** Published and measured speeds of models, tokens per second of one user. */
import type { GpuPrecision } from "../gpus/law.ts";

/** Load of a measurement on GPUs. */
export interface Load {
  readonly precision: GpuPrecision;
  readonly batch: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface PublishedSpeed {
  readonly model: string;
  readonly machine: string;
  readonly tokensPerSecond: number;
  /** whether a small model writes ahead, as far as it is known; such rows are faster than any plan without it */
  readonly speculation: "none" | "unknown";
  readonly load?: Load;
  readonly source: string;
}

const thousand = { inputTokens: 1024, outputTokens: 1024 } as const;
const measured = "lowest measured time per token, aiconfigurator-core 0.12.0";

export const publishedSpeeds: readonly PublishedSpeed[] = [
  {
    model: "llama3.1-8b",
    machine: "wse3",
    tokensPerSecond: 1800,
    speculation: "none",
    source: "Cerebras, August 2024",
  },
  {
    model: "llama3.1-70b",
    machine: "wse3",
    tokensPerSecond: 450,
    speculation: "none",
    source: "Cerebras, August 2024",
  },
  {
    model: "llama3.1-405b",
    machine: "wse3",
    tokensPerSecond: 969,
    speculation: "unknown",
    source: "Cerebras, November 2024",
  },
  {
    model: "mistral-large-2",
    machine: "wse3",
    tokensPerSecond: 1100,
    speculation: "unknown",
    source: "press on Le Chat, February 2025",
  },
  {
    model: "gpt-oss-120b",
    machine: "wse3",
    tokensPerSecond: 1706,
    speculation: "unknown",
    source: "Artificial Analysis, May 2026; Cerebras says 3,000, SemiAnalysis 2,059",
  },
  {
    model: "qwen3-32b",
    machine: "wse3",
    tokensPerSecond: 2100,
    speculation: "unknown",
    source: "Cerebras, model page",
  },
  {
    model: "qwen3-235b",
    machine: "wse3",
    tokensPerSecond: 1500,
    speculation: "unknown",
    source: "Cerebras, first listing",
  },
  {
    model: "kimi-k2",
    machine: "wse3",
    tokensPerSecond: 981,
    speculation: "unknown",
    source: "Kimi K2.6, Artificial Analysis in the press",
  },
  {
    model: "llama3.1-70b",
    machine: "h100x8",
    tokensPerSecond: 1e3 / 9.11,
    speculation: "none",
    load: { precision: "fp8", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "llama3.1-70b",
    machine: "h200x8",
    tokensPerSecond: 1e3 / 6.26,
    speculation: "none",
    load: { precision: "fp8", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "llama3.1-70b",
    machine: "b200x8",
    tokensPerSecond: 1e3 / 5.45,
    speculation: "none",
    load: { precision: "fp8", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "gpt-oss-120b",
    machine: "h100x8",
    tokensPerSecond: 1e3 / 3.57,
    speculation: "none",
    load: { precision: "fp4", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "gpt-oss-120b",
    machine: "h200x8",
    tokensPerSecond: 1e3 / 3.58,
    speculation: "none",
    load: { precision: "fp4", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "gpt-oss-120b",
    machine: "b200x8",
    tokensPerSecond: 1e3 / 2.29,
    speculation: "none",
    load: { precision: "fp4", batch: 4, ...thousand },
    source: measured,
  },
  {
    model: "deepseek-r1",
    machine: "b200x8",
    tokensPerSecond: 1e3 / 3.57,
    speculation: "none",
    load: { precision: "fp4", batch: 4, ...thousand },
    source: measured,
  },
];

/** How fast a placed model reads and writes: a step's parts, stages of a pipeline, a prompt in pieces, and links between wafers. */
import { nth } from "../../../ir/access.ts";
import { addedCycles, type LayerCycles, noCycles } from "../../../ir/machine/layer-cycles.ts";
import { clockHz } from "../../../ir/machine/target.ts";
import type { ModelConfig } from "../models/config.ts";
import type { Clock } from "../speed/clock.ts";
import { wide } from "./formats.ts";
import { limitOf, type Plan, type PlanOptions, type Speculation } from "./plan-data.ts";
import { prefillStages, type RegionPlan } from "./regions.ts";
import type { WaferLoad } from "./wafers.ts";

export interface Placed {
  readonly config: ModelConfig;
  readonly wafers: readonly WaferLoad[];
  /** rectangles of each wafer */
  readonly regions: readonly RegionPlan[];
  readonly replicas: number;
  readonly context: number;
  readonly batch: number;
  /** tokens of a prompt whose values fit beside weights and caches */
  readonly promptTokens: number;
}

type Speed = Pick<
  Plan,
  | "decodePerUser"
  | "decodeInAll"
  | "prefillTokensPerSecond"
  | "prefillInAll"
  | "promptPieces"
  | "timeToFirstToken"
  | "edgeLoad"
  | "linkLoad"
  | "watts"
  | "joulesPerToken"
  | "limit"
  | "tokensPerStep"
>;

/** Times that a value goes over a link for a layer that lies on two wafers: what attention made, and what the feed-forward made. */
const crossingsOfSplit = 2;

/** How often a step's values go from wafer to wafer: around all of them, and inside layers that are cut. */
function crossingsOf(wafers: readonly WaferLoad[]): number {
  if (wafers.length <= 1) return 0;
  const split = wafers.filter(
    ({ layers }, i) => i > 0 && nth(layers, 0).name === nth(wafers, i - 1).layers.at(-1)?.name,
  ).length;
  return wafers.length + crossingsOfSplit * split;
}

/** Wafers that a decoded token passes. */
const decoding = ({ wafers, regions }: Placed): readonly WaferLoad[] =>
  wafers.filter((_, i) => nth(regions, i).decodes > 0);

export function speedOf(placed: Placed, options: PlanOptions, clock: Clock): Speed {
  const { config, regions, replicas, context, batch, wafers } = placed;
  const { target } = options.system;
  const hz = clockHz(target);
  const cycles = regions.reduce<LayerCycles>((sum, { decode }) => addedCycles(sum, decode), noCycles);
  const passed = regions.reduce((sum, { decodes }) => sum + decodes, 0);
  const handOff = passed <= 1 ? 0 : clock.handOff / hz;
  const linkSeconds = (tokens: number): number =>
    target.neighbours.latencySeconds + (tokens * config.hidden * wide) / target.neighbours.bytesPerSecond;
  const parts = {
    products: cycles.products / hz,
    "sums over the region": cycles.sums / hz,
    "exponentials and divisions": cycles.functions / hz,
    "what stands between products": cycles.overhead / hz,
    "hand-offs between regions": passed * handOff,
    "links between wafers": crossingsOf(decoding(placed)) * linkSeconds(batch),
  };
  const step = Object.values(parts).reduce((sum, seconds) => sum + seconds, 0);
  const gain = options.speculative === null ? null : speculationGain(options.speculative);
  const latency = step / (gain?.speedup ?? 1);
  const slowest = Math.max(...regions.map(({ decodeStage }) => decodeStage)) / hz + handOff;
  const atOnce = Math.max(1, Math.min(options.users / batch, passed));
  const inAll = Math.min((atOnce * batch) / latency, (batch / slowest) * (gain?.speedup ?? 1));
  const prompt = promptOf(placed, options, clock);
  const promptSeconds = prompt.cycles / hz + crossingsOf(wafers) * linkSeconds(prompt.tokens) * prompt.pieces;
  const watts = replicas * wafers.length * target.power.average;
  return {
    decodePerUser: 1 / latency,
    decodeInAll: replicas * inAll,
    prefillTokensPerSecond: context / promptSeconds,
    prefillInAll: (replicas * prompt.tokens * hz) / prompt.slowest,
    promptPieces: prompt.pieces,
    timeToFirstToken: promptSeconds + step,
    // a token's number goes in and one comes out
    edgeLoad: (inAll * 2 * 4) / target.io.bytesPerSecond,
    linkLoad: wafers.length === 1 ? 0 : (inAll * config.hidden * wide) / target.neighbours.bytesPerSecond,
    watts,
    joulesPerToken: watts / (replicas * inAll),
    limit: limitOf(parts),
    tokensPerStep: gain?.tokens ?? null,
  };
}

interface Prompt {
  /** tokens of a piece, and pieces */
  readonly tokens: number;
  readonly pieces: number;
  /** cycles of one prompt, and of its slowest region for a piece */
  readonly cycles: number;
  readonly slowest: number;
}

/**
 * A prompt goes through the layers whole, as it does in the measured programs, where its values fit; else in equal pieces, which follow each other from
 * region to region.
 */
function promptOf({ regions, context, promptTokens }: Placed, { system }: PlanOptions, clock: Clock): Prompt {
  const pieces = Math.ceil(context / Math.min(context, promptTokens));
  const tokens = Math.ceil(context / pieces);
  // a piece is scored with itself and with those before it, on average half of them
  const seen = (tokens + context) / 2;
  const options = { target: system.target, clock };
  const stages = regions.flatMap((region) =>
    prefillStages(region, options, tokens, (item) => Math.min(item.seen, seen)),
  );
  const handOff = stages.length > 1 ? clock.handOff : 0;
  const slowest = Math.max(...stages) + handOff;
  const through = stages.reduce((sum, cycles) => sum + cycles + handOff, 0);
  return { tokens, pieces, cycles: through + (pieces - 1) * slowest, slowest };
}

/** Share of a step's time that the small model takes for a token: nothing is published. */
const draftShare = 0.1;

/** Tokens that a confirmation gives (Leviathan et al., arXiv 2211.17192), and how much sooner a token comes. */
function speculationGain({ tokens, acceptance }: Speculation): { readonly tokens: number; readonly speedup: number } {
  const given = acceptance === 1 ? tokens + 1 : (1 - acceptance ** (tokens + 1)) / (1 - acceptance);
  return { tokens: given, speedup: given / (1 + draftShare * tokens) };
}

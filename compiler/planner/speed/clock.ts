/**
 * What layers take on a rectangle of cores: what plans ask of a clock, and the one that they use, which is that of `modelDecode` and `modelPrefill`
 * (ir/machine/layer-cycles.ts). `wsc validate` compares it with published tables.
 */
import {
  addedCycles,
  decodeCycles,
  handOffCycles,
  type LayerCycles,
  type LayerWork,
  noCycles,
  prefillCycles,
  type Region,
  scaledCycles,
} from "../../../ir/machine/layer-cycles.ts";
import type { Basis, Target } from "../../../ir/machine/target.ts";
import { type ItemWork, partOfWork } from "./layer-work.ts";

/** A part of a layer on a region, and the shares of it that lie there. */
export interface PartOnRegion {
  readonly target: Target;
  readonly work: ItemWork;
  readonly region: Region;
  /** share of what all tokens pass, and of the experts; 1: all */
  readonly dense: number;
  readonly experts: number;
}

/** Says what layers take. */
export interface Clock {
  readonly basis: Basis;
  readonly source: string;
  /** cycles of one token of each sequence behind `seen` others */
  readonly decode: (part: PartOnRegion, sequences: number, seen: number) => LayerCycles;
  /** cycles of so many tokens of a prompt that are scored with `seen` others each */
  readonly prefill: (part: PartOnRegion, tokens: number, seen: number) => LayerCycles;
  /** cycles between a region and the next one */
  readonly handOff: number;
}

/** Cycles of what a region has of a layer. A token finds its experts there as often as their share says. */
const parts = ({ work, dense, experts }: PartOnRegion, cycles: (work: LayerWork) => LayerCycles): LayerCycles =>
  addedCycles(
    dense === 0 ? noCycles : cycles(partOfWork(dense, work.dense)),
    work.experts === null || experts === 0 ? noCycles : scaledCycles(experts, cycles(work.experts)),
  );

const decode: Clock["decode"] = (part, sequences, seen) => {
  const { target, region } = part;
  return parts(part, (work) => decodeCycles({ target, work, region, sequences, seen }));
};

/**
 * Products whose operands both go round need as many tokens as a side has cores to give each of them some; fewer tokens are multiplied as those of so
 * many sequences are, by weights that stay.
 */
const prefill: Clock["prefill"] = (part, tokens, seen) => {
  const { target, region } = part;
  return tokens < Math.max(region.width, region.height)
    ? decode(part, tokens, seen)
    : parts(part, (work) => prefillCycles({ target, work, region, tokens, seen }));
};

/** The clock of the validated tables. */
export const sharedClock: Clock = {
  basis: "fitted",
  source:
    "modelDecode and modelPrefill, whose constants are fitted on WaferLLM's rows of WSE-2 (arXiv 2502.04563, tables 3 and 4) and WaferEngine's of WSE-3",
  decode,
  prefill,
  handOff: handOffCycles,
};

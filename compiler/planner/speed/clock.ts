/**
 * What a layer takes on a rectangle of cores: what plans ask of a clock, and the law that they use. Its form is that of WaferLLM's programs on WSE-2
 * (arXiv 2502.04563, tables 3 and 4): weights over cores, words over the sides, and what stands between products.
 *
 *     decode  = 0.992 * work / area + 15.31 * side * hop + 4,924     [cycles per layer and token]
 *     prefill = 1.154 * work / area + 1.092 * side * hop             [cycles per layer and token of a long prompt]
 *
 * work: multiply-adds of a token; side: mean of the rectangle's sides; the first term is scaled by the machine's rate of float16, the second by its
 * hops. Fitted by least squares on the eight rows of each table, at 1.1 GHz; errors up to 1.9 % and 10.7 %. With 2 cycles a hop the decode
 * law is within 4 % of what WaferEngine measured on WSE-3 (hardware notes, section 2.4 of the second sheet).
 */
import type { Basis, Target } from "../../../ir/machine/target.ts";
import { lineCycles } from "../../../ir/machine/travel.ts";

/** A layer's work for one token, multiply-adds. */
export interface LayerWork {
  /** with weights: every matrix and the chosen experts */
  readonly weights: number;
  /** of attention, for each token that is looked at */
  readonly perSeen: number;
}

export interface Rectangle {
  readonly width: number;
  readonly height: number;
}

/** Cycles by what takes them. */
export interface Cycles {
  readonly products: number;
  readonly travel: number;
  readonly fixed: number;
}

/** Says what layers take. */
export interface Clock {
  readonly basis: Basis;
  readonly source: string;
  /** cycles of one token behind `seen` others */
  readonly decode: (target: Target, work: LayerWork, region: Rectangle, seen: number) => Cycles;
  /** cycles per token of a prompt whose tokens see `seen` others on average */
  readonly prefill: (target: Target, work: LayerWork, region: Rectangle, seen: number) => Cycles;
}

export const totalOf = ({ products, travel, fixed }: Cycles): number => products + travel + fixed;

/** WSE-2's rate of float16, multiply-adds per cycle, that the fitted first terms contain. */
const fittedRate = 1.896;

interface Law {
  readonly work: number;
  readonly side: number;
  readonly fixed: number;
}

const decodeLaw: Law = { work: 0.992, side: 15.31, fixed: 4924 };
const prefillLaw: Law = { work: 1.154, side: 1.092, fixed: 0 };

const cyclesBy =
  (law: Law): Clock["decode"] =>
  (target, { weights, perSeen }, { width, height }, seen) => {
    const rate = target.core.rates.f16.conflicting / fittedRate;
    const travel = (lineCycles(target, "x", 0, width) + lineCycles(target, "y", 0, height)) / 2;
    return {
      products: (law.work * (weights + perSeen * seen)) / (width * height * rate),
      travel: law.side * travel,
      fixed: law.fixed,
    };
  };

/** The fitted laws. */
export const fittedClock: Clock = {
  basis: "fitted",
  source: "rows of WaferLLM on WSE-2 (arXiv 2502.04563, tables 3 and 4), scaled by hops and rates",
  decode: cyclesBy(decodeLaw),
  prefill: cyclesBy(prefillLaw),
};

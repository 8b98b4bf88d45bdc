/** Cycles of one vector instruction by itself, as micro-measurements time it. */
import type { DType } from "../dtype.ts";
import { rateOf, type Target } from "./target.ts";

/**
 * How the operands lie in the banks, which serve one access of 64 bits a cycle: `shared` operands wait for each other, `apart` they are read together,
 * `paired` they are apart and aligned so that two 32-bit elements come at once.
 */
export const bankClasses = ["shared", "apart", "paired"] as const;

export type BankClass = (typeof bankClasses)[number];

/** Accesses to the busiest bank for each element of 32 bits. */
const accesses: Readonly<Record<BankClass, number>> = { shared: 2, apart: 1, paired: 0.5 };

/** `ready`: the descriptors are loaded; `loaded`: they are loaded first. */
export const vectorStarts = ["ready", "loaded"] as const;

export type VectorStart = (typeof vectorStarts)[number];

/**
 * Cycles from an instruction whose descriptors are ready to its first element, and from the first of the loads to there: both read off
 * the runs of 5,124 elements of SpMM_Cerebras' fmacs_test, whose loads are of three descriptors and their addresses.
 */
export const vectorStartCycles: Readonly<Record<VectorStart, number>> = { ready: 6, loaded: 34 };

/** Cycles of a 32-bit vector instruction over memory, by its banks. */
export const bankedVectorCycles = (elements: number, banks: BankClass, start: VectorStart): number =>
  elements * accesses[banks] + vectorStartCycles[start];

export interface VectorRun {
  readonly target: Target;
  readonly elements: number;
  readonly dtype: DType;
  /** elements that each instruction covers; default: all */
  readonly length?: number;
  /** `aligned`: operands laid out for the banks */
  readonly rate: "aligned" | "conflicting";
  /** cycles of each instruction's start; default: the target's */
  readonly start?: number;
}

/** Cycles of multiply-adds over so many elements, by the target's rate. */
export function vectorRunCycles({ target, elements, dtype, length = elements, rate, start }: VectorRun): number {
  const instructions = Math.ceil(elements / length);
  return elements / rateOf(target, dtype)[rate] + instructions * (start ?? target.core.vectorStartup);
}

/** Cycles of a message whose stages take in all words before they send them on: words, hop and start of the copy at each, and at the first. */
export function relayCycles(target: Target, stages: number, words: number): number {
  const { link, core } = target;
  return stages * (words * link.cyclesPerWord + core.vectorStartup) + core.vectorStartup;
}

/**
 * Cycles of collective operations along a line of cores: every core holds `words` words of one vector. The patterns and their formulas are
 * those of Luczynski et al., HPDC'24 (arXiv 2404.15888), T = max(C, E / N + L) + (2 T_R + 1) D, with C the words over the busiest ramp, E the
 * word hops, N the links, L the longest way, D the depth; a hop takes the target's cycles instead of one.
 */
import type { Target } from "./target.ts";

/** How partial sums of a line of cores become one. */
export const reducePatterns = ["star", "chain", "two-phase", "tree", "ring", "mesh"] as const;

export type ReducePattern = (typeof reducePatterns)[number];

/** True for patterns behind which all cores have the sum; the others bring it to one. */
export const leavesWithAll = (pattern: ReducePattern): boolean => pattern === "ring" || pattern === "mesh";

/** A line of cores with a vector each. */
export interface Line {
  readonly target: Target;
  readonly cores: number;
  /** 32-bit words of the vector */
  readonly words: number;
}

/** Cycles that a partial sum spends at each core where it is added: out of a ramp, added, into the next one. */
const stageCycles = ({ link }: Target): number => 2 * link.rampCycles + 1;

/** Cycles that are lost between the last word that an instruction takes and the first one that the next instruction of its task sends. */
export const restartCycles = ({ core }: Target): number => core.taskCycles + core.fabricStartup - 1;

/** Cycles until the last core has the last word of a vector that one end sends to all. */
export function broadcastCycles({ target, cores, words }: Line): number {
  const { cyclesPerWord, hopCycles, rampCycles } = target.link;
  return cores <= 1 ? 0 : words * cyclesPerWord + cores * hopCycles + 2 * rampCycles;
}

/** Cycles that a chain adds to the words that pass it: a hop and a stage for every core but one. */
export const chainLatency = (target: Target, cores: number): number =>
  cores <= 1 ? 0 : (target.link.hopCycles + stageCycles(target)) * (cores - 1);

/** Cores of a group of the two-phase reduce that has its two phases equally long. */
export const twoPhaseGroup = (cores: number): number => Math.max(1, Math.ceil(Math.sqrt(cores)));

/**
 * Cycles until one core has the sum of all vectors (`ring`, `mesh`: until all have it). `group`: cores of a group in a two-phase reduce. Chain and
 * ring: the published formulas; star, tree: as the word-level simulator finds them (docs/simulator.md); two-phase: a chain in each group of s
 * cores, then one over the groups' ends. All count from the first word that is sent.
 */
export function reduceCycles(pattern: ReducePattern, line: Line, group: number = twoPhaseGroup(line.cores)): number {
  const { target, cores, words } = line;
  if (cores <= 1) return 0;
  const { cyclesPerWord, hopCycles, rampCycles } = target.link;
  const stage = stageCycles(target);
  const stream = words * cyclesPerWord;
  switch (pattern) {
    case "star": {
      // either the root's link is busy all the time, or the last core's words travel longest
      const last = Math.max(stream * (cores - 1) + hopCycles, stream + hopCycles * (cores - 1));
      return last - 1 + 2 * rampCycles + 1;
    }
    case "chain":
      return stream + chainLatency(target, cores);
    case "two-phase": {
      const groups = Math.ceil(cores / group);
      const across = groups === 1 ? 0 : stream + (stage + group * hopCycles) * (groups - 1) + restartCycles(target);
      return stream + chainLatency(target, Math.min(group, cores)) + across;
    }
    case "tree": {
      // a core sends its sum when it is complete: words, hops and stages of the levels follow each other, and each level starts anew
      const levels = Math.ceil(Math.log2(cores));
      return levels * (stream + stage) + (cores - 1) * hopCycles + (levels - 1) * restartCycles(target);
    }
    case "ring":
      return (2 * (cores - 1) * stream) / cores + (4 * cores - 6) * hopCycles + 2 * (cores - 1) * stage;
    case "mesh":
      return treeAllReduceCycles(line, group);
  }
}

/**
 * Cycles of a reduce over a binary tree as published: its levels overlap as far as the busiest ramp lets them. `reduceCycles` counts the programs
 * that wsc writes, whose cores send on only complete sums.
 */
export function overlappedTreeCycles({ target, cores, words }: Line): number {
  if (cores <= 1) return 0;
  const { cyclesPerWord, hopCycles } = target.link;
  const levels = Math.ceil(Math.log2(cores));
  const stream = words * cyclesPerWord;
  const spread = ((stream * cores) / (2 * (cores - 1))) * levels;
  return Math.max(stream * levels, spread + (cores - 1) * hopCycles + stageCycles(target) * levels);
}

/** Cycles until all cores of a line have the sum of their vectors: a chain, and a broadcast back. */
export const allReduceCycles = (line: Line): number =>
  line.cores <= 1 ? 0 : reduceCycles("chain", line) + restartCycles(line.target) + broadcastCycles(line);

/**
 * Cycles until all cores of a line have the sum, over a tree of two levels with its roots in the middle: both halves of every group chain
 * towards its root, the roots of the groups towards the middle one, which sends the sum both ways. A root takes in one side after the other,
 * so that the words pass six times. The all-reduce of MeshGEMV (arXiv 2502.04563, K = 2). `group`: cores of a group. Halves count as such,
 * whether or not a core stands in the middle, so that the cycles grow evenly with the line.
 */
export function treeAllReduceCycles(line: Line, group: number = twoPhaseGroup(line.cores)): number {
  const { target, cores, words } = line;
  if (cores <= 1) return 0;
  const { cyclesPerWord, hopCycles, rampCycles } = target.link;
  const stage = stageCycles(target);
  const within = (group / 2) * (hopCycles + stage);
  const between = (cores / group / 2) * (group * hopCycles + stage);
  const back = (cores / 2) * hopCycles + 2 * rampCycles;
  return 6 * words * cyclesPerWord + within + between + back;
}

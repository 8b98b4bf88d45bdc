/**
 * How long a value is on its way: from the edge of the wafer to the cores of a layer, from layer to layer, and back to the edge. A layer begins
 * when its operands are there, so these cycles and those of the layers (cost.ts) add up to the latency of a sample that has the wafer to itself:
 *
 *     enters   = stream from the edge + ends
 *     passes   = starts + stream over the route's lanes + ends
 *     leaves   = starts + stream to the edge
 *     starts   = taskCycles + fabricStartup + rampCycles                 the sender wakes, and its instruction starts
 *     ends     = rampCycles + 1 + 2 taskCycles                           the last word is kept, is published, and wakes the reader
 *     stream   = travel + max(lane words, what waits for the farthest core)
 *
 * Nothing here is fitted; the word-level simulator knows none of it.
 */
import { defined } from "../access.ts";
import { dtypeInfo } from "../dtype.ts";
import { type Kernel, type Operand, wordBytes } from "../kernel-graph.ts";
import type { PlacedKernel } from "../placement.ts";
import { type Cut, piecesOfLoop, sliceOf, tileOf } from "./mapping.ts";
import { ioBytesPerCycle, type Target } from "./target.ts";
import { lineCycles } from "./travel.ts";

/** A layer, and where it lies. */
export interface Place {
  readonly kernel: Kernel;
  readonly placed: Pick<PlacedKernel, "rect" | "rotated" | "variant">;
}

/** A value's way over the routes between two layers. */
export interface Route {
  readonly words: number;
  readonly lanes: number;
  /** cycles that a word travels in the slowest lane */
  readonly travel: number;
}

const operandOf = ({ operands, name: kernel }: Kernel, name: string): Operand =>
  defined(operands.find((operand) => operand.name === name) ?? missing(kernel, name));

function missing(kernel: string, name: string): never {
  throw new Error(`internal: kernel "${kernel}" has no operand ${name}`);
}

/** Words of an operand in the fullest core. */
function coreWords({ kernel, placed }: Place, name: string): number {
  const operand = operandOf(kernel, name);
  const tile = defined(tileOf(kernel.loops, placed.variant.mapping, 0, 0));
  const ranges = sliceOf(operand, kernel.loops, tile);
  const elements = ranges.reduce((product, { begin, end }, axis) => {
    return product * Math.min(operand.axes[axis]?.size ?? missing(kernel.name, name), end - begin);
  }, 1);
  return (elements * dtypeInfo(operand.dtype).bits) / 8 / wordBytes;
}

/** Pieces that an operand lies in along both sides of the rectangle. */
function piecesAlong({ kernel, placed }: Place, name: string): { readonly across: number; readonly down: number } {
  const { rows, columns } = placed.variant.mapping;
  const loops = new Set(
    operandOf(kernel, name).axes.flatMap((axis) =>
      axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [],
    ),
  );
  const along = (cuts: readonly Cut[]): number =>
    [...loops].reduce((product, loop) => product * piecesOfLoop(cuts, loop), 1);
  const [across, down] = placed.rotated ? [along(rows), along(columns)] : [along(columns), along(rows)];
  return { across, down };
}

/** Cycles from one corner of a part of a rectangle to the other; along a side that the part has no extent on there is nothing to cross. */
function spanCycles(target: Target, { placed: { rect } }: Place, isWide: boolean, isHigh: boolean): number {
  const across = isWide ? lineCycles(target, "x", rect.x, rect.x + rect.width - 1) : 0;
  const down = isHigh ? lineCycles(target, "y", rect.y, rect.y + rect.height - 1) : 0;
  return across + down + (across > 0 && down > 0 ? target.link.turnCycles : 0);
}

const startCycles = ({ core, link }: Target): number => core.taskCycles + core.fabricStartup + link.rampCycles;

const endCycles = ({ core, link }: Target): number => link.rampCycles + 1 + 2 * core.taskCycles;

/** Cycles until the last core of a layer has what it needs of a lane's words, after they have come to its rectangle. */
function giveCycles(target: Target, to: Place, operand: string, laneWords: number): number {
  const { cyclesPerWord } = target.link;
  const own = Math.min(laneWords, coreWords(to, operand));
  // the farthest core's words come first, those of the nearest last
  return Math.max(laneWords * cyclesPerWord, own * cyclesPerWord + spanCycles(target, to, true, true));
}

/** Cycles until a lane has taken the words of all cores that hold some. */
function gatherCycles(target: Target, from: Place, result: string, laneWords: number): number {
  const { across, down } = piecesAlong(from, result);
  const own = Math.min(laneWords, coreWords(from, result));
  const { cyclesPerWord } = target.link;
  return Math.max(laneWords * cyclesPerWord, own * cyclesPerWord + spanCycles(target, from, across > 1, down > 1));
}

const edgeCycles = (target: Target, words: number): number => (words * wordBytes) / ioBytesPerCycle(target);

/** Cycles from the first word of an input at the edge until a layer can begin; `edgeWords`: words of all inputs, which share the edge. */
export function entryCycles(target: Target, to: Place, operand: string, words: number, edgeWords: number): number {
  const { rect } = to.placed;
  // words come in over the rectangle's rows, but what a core needs comes over one ramp
  const laneWords = Math.max(words / rect.height, coreWords(to, operand));
  const travel = target.link.hopCycles + lineCycles(target, "x", 0, rect.x);
  const stream = Math.max(edgeCycles(target, edgeWords), giveCycles(target, to, operand, laneWords));
  return Math.ceil(travel + stream + endCycles(target));
}

/** Cycles from the end of one layer until the next can begin, as far as a value between them says. */
export function passageCycles(
  target: Target,
  from: Place,
  result: string,
  to: Place,
  operands: readonly string[],
  { words, lanes, travel }: Route,
): number {
  const laneWords = words / lanes;
  const given = operands.map((operand) => giveCycles(target, to, operand, Math.max(laneWords, coreWords(to, operand))));
  const stream = Math.max(gatherCycles(target, from, result, laneWords), ...given);
  return Math.ceil(startCycles(target) + travel + stream + endCycles(target));
}

/** Cycles from the end of a layer until an output has left over the edge; `edgeWords`: words of all outputs, which share the edge. */
export function exitCycles(target: Target, from: Place, result: string, words: number, edgeWords: number): number {
  const { rect } = from.placed;
  const { width } = target.fabric;
  const { across, down } = piecesAlong(from, result);
  const own = coreWords(from, result);
  // each row of cores has a lane of its own
  const laneWords = Math.max(words / down, own);
  const last = rect.x + (across > 1 ? rect.width - 1 : 0);
  // it leaves at the edge that the middle of what holds it is nearer to
  const way =
    rect.x + last + 1 <= width ? lineCycles(target, "x", 0, rect.x) : lineCycles(target, "x", last, width - 1);
  const { cyclesPerWord, hopCycles } = target.link;
  const gathered = own * cyclesPerWord + spanCycles(target, from, across > 1, false);
  const stream = Math.max(edgeCycles(target, edgeWords), laneWords * cyclesPerWord, gathered);
  return Math.ceil(startCycles(target) + way + hopCycles + stream);
}

/** What the ways of any placement take at least. */
export const leastEntryCycles = (target: Target, edgeWords: number): number =>
  Math.ceil(target.link.hopCycles + edgeCycles(target, edgeWords) + endCycles(target));

export const leastPassageCycles = (target: Target): number => startCycles(target) + endCycles(target);

export const leastExitCycles = (target: Target, edgeWords: number): number =>
  Math.ceil(startCycles(target) + target.link.hopCycles + edgeCycles(target, edgeWords));

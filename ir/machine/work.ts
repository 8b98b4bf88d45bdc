/**
 * What one core has to do, hold and move for a piece of a kernel, counted from the kernel's loops, operands and stages; no family has formulas
 * of its own. Everything depends on how many iterations of each loop a core has, and on which loops are cut, so the fullest core of a mapping
 * has the figures of a whole block of every loop.
 */
import { nth } from "../access.ts";
import { dtypeInfo } from "../dtype.ts";
import {
  type Axis,
  type Kernel,
  type Loop,
  type Operand,
  type OperandRole,
  type Stage,
  type Term,
  wordBytes,
} from "../kernel-graph.ts";

/** Values that the cores of a row agree on before they go on. */
export interface Agreement {
  /** loops of the row */
  readonly loops: readonly number[];
  /** 32-bit words of each */
  readonly words: number;
  readonly times: number;
}

/** Values of other cores that a core needs before it can go on: a seam of its neighbours', or all of a row. */
export interface Exchange {
  /** loops whose pieces the values lie in */
  readonly loops: readonly number[];
  /** 32-bit words that it takes in */
  readonly words: number;
  /** every core of those loops sends to every other, not only to its neighbours */
  readonly isWide: boolean;
}

/** Work and memory of one core per sample. */
export interface TileWork {
  /** operations at the rate of a multiply-add, and at that of a division */
  readonly fast: number;
  readonly slow: number;
  /** vector instructions */
  readonly vectors: number;
  /** words through its ramp, each way; partial sums included */
  readonly wordsIn: number;
  readonly wordsOut: number;
  /** partial sums that it takes in; they are added as they come, beside what it computes */
  readonly partials: number;
  /** words that the fullest of even lanes takes for each that it would, were all pieces equally long: of what arrives, and of what leaves */
  readonly unevenIn: number;
  readonly unevenOut: number;
  readonly agreements: readonly Agreement[];
  readonly exchanges: readonly Exchange[];
  readonly weightBytes: number;
  readonly activationBytes: number;
  /** those of the activation bytes that stay from sample to sample */
  readonly stateBytes: number;
  readonly bufferBytes: number;
}

interface AxisForm {
  readonly size: number;
  /** loop and factor of each term; empty where all positions are needed */
  readonly loops: readonly number[];
  readonly factors: readonly number[];
  /** the loop that positions are dealt out over */
  readonly spread: { readonly loop: number; readonly size: number } | null;
}

interface OperandForm {
  readonly role: OperandRole;
  readonly bytes: number;
  readonly axes: readonly AxisForm[];
  /** loops of the terms of its axes, each once */
  readonly loops: readonly number[];
  /** it is summed up in place */
  readonly grows: boolean;
}

interface GatherForm {
  /** number of the operand */
  readonly operand: number;
  readonly axes: readonly AxisForm[];
  /** loops that the operand's positions depend on where it is made */
  readonly loops: readonly number[];
  readonly isWide: boolean;
}

interface StageForm {
  readonly domain: readonly { readonly loops: readonly number[]; readonly factors: readonly number[] }[];
  readonly vector: readonly number[];
  /** the operand that it makes */
  readonly makes: number;
  readonly perPoint: { readonly fast: number; readonly slow: number };
  readonly perResult: { readonly fast: number; readonly slow: number };
  /** loops that it sums over */
  readonly sums: readonly number[];
  readonly combine: { readonly loops: readonly number[]; readonly times: number } | null;
  /** a later stage runs over those loops again, so that all of their cores need the sums */
  readonly isShared: boolean;
  readonly gathers: readonly GatherForm[];
}

/** A kernel with its loops by number: made once, asked for many tiles. */
export interface Nest {
  readonly kernel: Kernel;
  readonly loops: readonly Loop[];
  readonly operands: readonly OperandForm[];
  readonly stages: readonly StageForm[];
}

/** Prepares a kernel for `workOf`. */
export function nestOf(kernel: Kernel): Nest {
  const { loops, operands, stages } = kernel;
  const number = (name: string): number => {
    const index = loops.findIndex((loop) => loop.name === name);
    if (index < 0) throw new Error(`internal: kernel "${kernel.name}" has no loop ${name}`);
    return index;
  };
  const sumOf = (terms: readonly Term[]): { loops: number[]; factors: number[] } => ({
    loops: terms.map(({ loop }) => number(loop)),
    factors: terms.map(({ factor }) => Math.abs(factor)),
  });
  const axisForm = (axis: Axis): AxisForm => {
    switch (axis.kind) {
      case "whole":
        return { size: axis.size, loops: [], factors: [], spread: null };
      case "spread": {
        const loop = number(axis.loop);
        return { size: axis.size, loops: [], factors: [], spread: { loop, size: (loops[loop] as Loop).size } };
      }
      case "index":
        return { size: axis.size, ...sumOf(axis.terms), spread: null };
    }
  };
  const operandNumber = (name: string): number => {
    const index = operands.findIndex((operand) => operand.name === name);
    if (index < 0) throw new Error(`internal: kernel "${kernel.name}" has no operand ${name}`);
    return index;
  };
  const runsOver = ({ domain }: Stage): ReadonlySet<string> =>
    new Set(domain.flatMap((terms) => terms.map(({ loop }) => loop)));
  const stageForms = stages.map((stage, index): StageForm => {
    const makes = operandNumber(stage.makes);
    const kept = new Set((operands[makes] as Operand).axes.flatMap(loopsOfAxis));
    const sums = [...runsOver(stage)].filter((loop) => !kept.has(loop));
    return {
      domain: stage.domain.map(sumOf),
      vector: stage.vector.map(number),
      makes,
      perPoint: stage.perPoint,
      perResult: stage.perResult,
      sums: sums.map(number),
      combine: stage.combine === null ? null : { loops: stage.combine.loops.map(number), times: stage.combine.times },
      isShared: stages.slice(index + 1).some((later) => sums.some((loop) => runsOver(later).has(loop))),
      gathers: stage.gathers.map(({ operand, axes }): GatherForm => {
        const own = operandNumber(operand);
        return {
          operand: own,
          axes: axes.map(axisForm),
          loops: [...new Set((operands[own] as Operand).axes.flatMap(loopsOfAxis))].map(number),
          isWide: axes.some((axis) => axis.kind === "whole" && axis.size > 1),
        };
      }),
    };
  });
  const forms = operands.map(({ role, dtype, axes: own }, index): OperandForm => {
    const axes = own.map(axisForm);
    const inAxes = [...new Set(axes.flatMap((axis) => axis.loops))];
    const grows = stageForms.some(({ makes, sums }) => makes === index && sums.length > 0);
    return { role, bytes: dtypeInfo(dtype).bits / 8, axes, loops: inAxes, grows };
  });
  return { kernel, loops, operands: forms, stages: stageForms };
}

/** Names of the loops that the positions along an axis depend on. */
const loopsOfAxis = (axis: Axis): readonly string[] =>
  axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [];

/** Positions between the first and the last that so many iterations of each loop touch. */
function extentOf(loops: readonly number[], factors: readonly number[], extents: readonly number[]): number {
  let reach = 1;
  let touched = 1;
  for (let index = 0; index < loops.length; index++) {
    const extent = extents[loops[index] as number] as number;
    reach += (factors[index] as number) * (extent - 1);
    touched *= extent;
  }
  // between channels of several groups, and between strides, lie positions that nobody needs
  return Math.min(reach, touched);
}

function elementsOf({ axes }: Pick<OperandForm, "axes">, extents: readonly number[]): number {
  let elements = 1;
  for (const { size, loops, factors, spread } of axes) {
    if (spread !== null) elements *= Math.ceil((size * (extents[spread.loop] as number)) / spread.size);
    else if (loops.length === 0) elements *= size;
    else elements *= extentOf(loops, factors, extents);
  }
  return elements;
}

/** Elements that a stage reads, padding left out. */
function gatheredElements({ axes }: GatherForm, extents: readonly number[]): number {
  let elements = 1;
  for (const axis of axes) elements *= Math.min(axis.size, elementsOf({ axes: [axis] }, extents));
  return elements;
}

function pointsOf({ domain }: StageForm, extents: readonly number[]): number {
  let points = 1;
  for (const { loops, factors } of domain) points *= extentOf(loops, factors, extents);
  return points;
}

const longestOf = (loops: readonly number[], extents: readonly number[]): number =>
  loops.reduce((most, loop) => Math.max(most, extents[loop] as number), 1);

/** The longest axis of an operand: what vector instructions over all of it run along. */
const longestAxis = ({ axes }: OperandForm, extents: readonly number[]): number =>
  axes.reduce((most, axis) => Math.max(most, elementsOf({ axes: [axis] }, extents)), 1);

/** Words that the fullest of even lanes takes for each that it would, were all pieces as long as the longest. */
export function unevenness(
  { operands, loops }: Nest,
  extents: readonly number[],
  pieces: readonly number[],
): Pick<TileWork, "unevenIn" | "unevenOut"> {
  let unevenIn = 1;
  let unevenOut = 1;
  for (const operand of operands) {
    if (operand.role !== "activation" && operand.role !== "result") continue;
    let share = 1;
    for (const loop of operand.loops) share *= (nth(extents, loop) * nth(pieces, loop)) / nth(loops, loop).size;
    if (operand.role === "activation") unevenIn = Math.max(unevenIn, share);
    else unevenOut = Math.max(unevenOut, share);
  }
  return { unevenIn, unevenOut };
}

/** Bytes that a sum is kept in at least while it grows. */
const accumulatorBytes = 4;

/**
 * The work of a core with `extents` iterations of each loop, where each loop lies in `pieces` pieces. Partial sums of a stage are handed on
 * from core to core where a loop that it sums over is cut, and the last one goes on alone; where a later stage runs over that loop again, all of
 * its cores wait for the sum. A stage that does not run over a loop which is cut is done by each of its cores.
 */
export function workOf(nest: Nest, extents: readonly number[], pieces: readonly number[]): TileWork {
  let fast = 0;
  let slow = 0;
  let vectors = 0;
  let partials = 0;
  const agreements: Agreement[] = [];
  const exchanges: Exchange[] = [];
  let gathered = 0;
  const elements: number[] = [];
  for (const operand of nest.operands) elements.push(elementsOf(operand, extents));
  const isCut = (loop: number): boolean => (pieces[loop] as number) > 1;
  for (const stage of nest.stages) {
    const points = pointsOf(stage, extents);
    const made = nest.operands[stage.makes] as OperandForm;
    const results = nth(elements, stage.makes);
    const length = longestOf(stage.vector, extents);
    const resultLength = longestAxis(made, extents);
    const isSummed = stage.sums.some(isCut) && !stage.isShared;
    // a sum of several cores leaves from memory of its own, so that it is copied where nothing else is done to it
    const isCopied = isSummed && stage.perResult.fast + stage.perResult.slow === 0;
    fast += points * stage.perPoint.fast + results * (isCopied ? 1 : stage.perResult.fast);
    slow += points * stage.perPoint.slow + results * stage.perResult.slow;
    // one vector instruction for each operation of an iteration; divisions and their like go one by one
    vectors += (points * stage.perPoint.fast) / length;
    vectors += (results * (isCopied ? 1 : stage.perResult.fast)) / resultLength;
    if (stage.combine !== null && stage.combine.times > 0) {
      const along = stage.combine.loops.reduce((product, loop) => product * (extents[loop] as number), 1);
      vectors += (points / along) * stage.combine.times;
      if (stage.combine.loops.some(isCut))
        agreements.push({ loops: stage.combine.loops, words: points / along, times: stage.combine.times });
    }
    for (const gather of stage.gathers) {
      const { bytes } = nth(nest.operands, gather.operand);
      const lacking = (gatheredElements(gather, extents) - nth(elements, gather.operand)) * bytes;
      if (lacking <= 0 || !gather.loops.some(isCut)) continue;
      gathered += lacking;
      exchanges.push({ loops: gather.loops.filter(isCut), words: lacking / wordBytes, isWide: gather.isWide });
    }
    if (!stage.sums.some(isCut)) continue;
    const words = (results * Math.max(accumulatorBytes, made.bytes)) / wordBytes;
    if (stage.isShared) agreements.push({ loops: stage.sums, words, times: 1 });
    else partials += results;
  }
  const traffic = trafficOf(nest, elements, partials);
  const uneven = unevenness(nest, extents, pieces);
  return {
    fast,
    slow,
    vectors,
    partials,
    unevenIn: uneven.unevenIn,
    unevenOut: uneven.unevenOut,
    agreements,
    exchanges,
    wordsIn: traffic.wordsIn,
    wordsOut: traffic.wordsOut,
    weightBytes: traffic.weightBytes,
    activationBytes: traffic.activationBytes + gathered,
    stateBytes: traffic.stateBytes,
    bufferBytes: traffic.bufferBytes,
  };
}

/** Words through the ramp, and bytes by what they hold, from the elements of each operand that a core has. */
function trafficOf(
  { operands }: Nest,
  held: readonly number[],
  partials: number,
): Pick<TileWork, "wordsIn" | "wordsOut" | "weightBytes" | "activationBytes" | "stateBytes" | "bufferBytes"> {
  let arriving = 0;
  let leaving = 0;
  let weights = 0;
  let kept = 0;
  let states = 0;
  for (let index = 0; index < operands.length; index++) {
    const operand = nth(operands, index);
    const elements = nth(held, index);
    const bytes = elements * operand.bytes;
    switch (operand.role) {
      case "weight":
        weights += bytes;
        break;
      case "activation":
        arriving += bytes;
        break;
      case "state":
        kept += bytes;
        states += bytes;
        break;
      case "local":
      case "result":
        kept += operand.grows ? elements * Math.max(accumulatorBytes, operand.bytes) : bytes;
        if (operand.role === "result") leaving += bytes;
        break;
    }
  }
  return {
    wordsIn: arriving / wordBytes + partials,
    wordsOut: leaving / wordBytes,
    weightBytes: weights,
    activationBytes: arriving + kept,
    stateBytes: states,
    // one sample is worked on while the next arrives
    bufferBytes: arriving,
  };
}

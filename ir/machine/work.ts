/**
 * What one core has to do, hold and move for a piece of a kernel, counted from the kernel's loops, operands and stages; no family has formulas
 * of its own. Everything depends on how many iterations of each loop a core has, and on which loops are cut, so the fullest core of a mapping
 * has the figures of a whole block of every loop.
 */
import { dtypeInfo } from "../dtype.ts";
import { type Kernel, type Loop, type OperandRole, type Term, wordBytes } from "../kernel-graph.ts";

/** Values that the cores of a row agree on before they go on. */
export interface Agreement {
  /** loops of the row */
  readonly loops: readonly number[];
  /** 32-bit words of each */
  readonly words: number;
  readonly times: number;
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
  /** partial sums that it takes in and adds */
  readonly partials: number;
  readonly agreements: readonly Agreement[];
  readonly weightBytes: number;
  readonly activationBytes: number;
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
  /** another stage reads its result */
  readonly isInner: boolean;
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
  const forms = operands.map(({ role, dtype, axes }): OperandForm => ({
    role,
    bytes: dtypeInfo(dtype).bits / 8,
    axes: axes.map((axis): AxisForm => {
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
    }),
  }));
  return {
    kernel,
    loops,
    operands: forms,
    stages: stages.map((stage): StageForm => {
      const makes = operands.findIndex(({ name }) => name === stage.makes);
      const made = operands[makes];
      if (made === undefined) throw new Error(`internal: kernel "${kernel.name}" has no operand ${stage.makes}`);
      const kept = new Set(
        made.axes.flatMap((axis) =>
          axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [],
        ),
      );
      const runs = new Set(stage.domain.flatMap((terms) => terms.map(({ loop }) => loop)));
      return {
        domain: stage.domain.map(sumOf),
        vector: stage.vector.map(number),
        makes,
        perPoint: stage.perPoint,
        perResult: stage.perResult,
        sums: [...runs].filter((loop) => !kept.has(loop)).map(number),
        combine: stage.combine === null ? null : { loops: stage.combine.loops.map(number), times: stage.combine.times },
        isInner: made.role === "local",
      };
    }),
  };
}

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

function elementsOf({ axes }: OperandForm, extents: readonly number[]): number {
  let elements = 1;
  for (const { size, loops, factors, spread } of axes) {
    if (spread !== null) elements *= Math.ceil((size * (extents[spread.loop] as number)) / spread.size);
    else if (loops.length === 0) elements *= size;
    else elements *= extentOf(loops, factors, extents);
  }
  return elements;
}

function pointsOf({ domain }: StageForm, extents: readonly number[]): number {
  let points = 1;
  for (const { loops, factors } of domain) points *= extentOf(loops, factors, extents);
  return points;
}

const longestOf = (loops: readonly number[], extents: readonly number[]): number =>
  loops.reduce((most, loop) => Math.max(most, extents[loop] as number), 1);

/** Bytes that a sum is kept in at least while it grows. */
const accumulatorBytes = 4;

/**
 * The work of a core with `extents` iterations of each loop, where each loop lies in `pieces` pieces. Partial sums of a stage are handed on
 * from core to core where a loop that it sums over is cut; where a later stage needs them, all of those cores wait for the sum.
 */
export function workOf(nest: Nest, extents: readonly number[], pieces: readonly number[]): TileWork {
  let fast = 0;
  let slow = 0;
  let vectors = 0;
  let partials = 0;
  const agreements: Agreement[] = [];
  const isCut = (loop: number): boolean => (pieces[loop] as number) > 1;
  for (const stage of nest.stages) {
    const points = pointsOf(stage, extents);
    const made = nest.operands[stage.makes] as OperandForm;
    const results = elementsOf(made, extents);
    const length = longestOf(stage.vector, extents);
    fast += points * stage.perPoint.fast + results * stage.perResult.fast;
    slow += points * stage.perPoint.slow + results * stage.perResult.slow;
    // one vector instruction for each operation of an iteration; divisions and their like go one by one
    vectors += (points * stage.perPoint.fast + results * stage.perResult.fast) / length;
    if (stage.combine !== null && stage.combine.times > 0) {
      const along = stage.combine.loops.reduce((product, loop) => product * (extents[loop] as number), 1);
      vectors += (points / along) * stage.combine.times;
      if (stage.combine.loops.some(isCut))
        agreements.push({ loops: stage.combine.loops, words: points / along, times: stage.combine.times });
    }
    if (!stage.sums.some(isCut)) continue;
    const words = (results * Math.max(accumulatorBytes, made.bytes)) / wordBytes;
    if (stage.isInner) agreements.push({ loops: stage.sums, words, times: 1 });
    else partials += results;
  }
  return { fast: fast + partials, slow, vectors, partials, agreements, ...trafficOf(nest, extents, partials) };
}

/** Words through the ramp, and bytes by what they hold. */
function trafficOf(
  { operands, stages }: Nest,
  extents: readonly number[],
  partials: number,
): Pick<TileWork, "wordsIn" | "wordsOut" | "weightBytes" | "activationBytes" | "bufferBytes"> {
  let arriving = 0;
  let leaving = 0;
  let weights = 0;
  let kept = 0;
  for (const [index, operand] of operands.entries()) {
    const elements = elementsOf(operand, extents);
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
        break;
      case "local":
      case "result": {
        const grows = stages.some(({ makes, sums }) => makes === index && sums.length > 0);
        kept += grows ? elements * Math.max(accumulatorBytes, operand.bytes) : bytes;
        if (operand.role === "result") leaving += bytes;
        break;
      }
    }
  }
  return {
    wordsIn: arriving / wordBytes + partials,
    wordsOut: leaving / wordBytes,
    weightBytes: weights,
    activationBytes: arriving + kept,
    // one sample is worked on while the next arrives
    bufferBytes: arriving,
  };
}

/**
 * The cost model: what one cut of a kernel costs on a target. All kernels are costed from the same few figures of their fullest core, so
 * that every family uses one model and a simulator can share it.
 *
 *     compute = (macs + fastOps) / rate + slowOps * slowOpCycles + vectors * vectorStartup                             [cycles]
 *     ramp    = max(wordsIn, wordsOut) * cyclesPerWord                 words through the fullest core's ramp, each way [cycles]
 *     ports   = max(wordsIn, wordsOut * fanOut of the kernel) / ports * cyclesPerWord                                  [cycles]
 *     cycles  = max(max(compute, ramp) + serial, ports)   computing overlaps moving; `serial` is what waits for a reduction
 *     latency = cycles + crossing + reduceLatency         crossing: hops from one corner to the other, and the ramps
 *
 * The rate is that of operands that were not laid out for the banks. Check of the compute term: dense f32 GEMM on WSE-2's simulator takes
 * 2.11 cycles per multiply-add and 20.9 per vector, within 2% (pr0f3ss/SpMM_Cerebras; test/kernels/cost.test.ts holds the rows).
 */
import { storageBytes } from "../../ir/dtype.ts";
import { dimOf, type Kernel, type SramBudget } from "../../ir/kernel-graph.ts";
import { rateOf, type Target } from "../../ir/machine/target.ts";

/** Bytes of a word of the fabric. */
export const wordBytes = 4;

/** Work and memory of the fullest core under one cut. */
export interface CoreLoad {
  /** multiply-adds, or other operations at their rate */
  readonly macs: number;
  /** operations at the rate of a division */
  readonly slowOps: number;
  /** vector instructions issued */
  readonly vectors: number;
  /** words through the ramp per sample */
  readonly wordsIn: number;
  readonly wordsOut: number;
  /** cycles that overlap with nothing */
  readonly serial: number;
}

/** Figures of a kernel and target that no cut changes, looked up once per kernel. */
export interface Rates {
  readonly kernel: Kernel;
  readonly target: Target;
  /** cycles per multiply-add inside a vector */
  readonly perMac: number;
  readonly perWord: number;
  /** bytes of one element of the kernel's dtype in SRAM */
  readonly elementBytes: number;
  /** words of one element on the fabric */
  readonly elementWords: number;
  /** words of the busier direction at the kernel's border */
  readonly borderWords: number;
  /** per output element: operations of the expression or epilogue */
  readonly fast: number;
  readonly slow: number;
}

export function ratesOf(kernel: Kernel, target: Target): Rates {
  const elementBytes = Math.max(1, storageBytes(kernel.dtype));
  return {
    kernel,
    target,
    perMac: 1 / rateOf(target, kernel.dtype).conflicting,
    perWord: target.link.cyclesPerWord,
    elementBytes,
    elementWords: elementBytes / wordBytes,
    borderWords: Math.max(kernel.wordsIn, kernel.wordsOut * kernel.fanOut),
    fast: dimOf(kernel, "fast", 0),
    slow: dimOf(kernel, "slow", 0),
  };
}

/** Cycles per sample that the fullest core needs for itself. */
export function coreCycles(rates: Rates, load: CoreLoad): number {
  const { core } = rates.target;
  const compute = load.macs * rates.perMac + load.slowOps * core.slowOpCycles + load.vectors * core.vectorStartup;
  const ramp = Math.max(load.wordsIn, load.wordsOut) * rates.perWord;
  return Math.max(compute, ramp) + load.serial;
}

/** Cycles per sample of a rectangle: those of its fullest core, or of its border; a whole number. */
export const cyclesWithBorder = (rates: Rates, core: number, ports: number): number =>
  Math.max(1, Math.ceil(Math.max(core, (rates.borderWords / ports) * rates.perWord)));

/** Cycles per sample of a rectangle whose fullest core carries `load`. */
export const cyclesOf = (rates: Rates, load: CoreLoad, ports: number): number =>
  cyclesWithBorder(rates, coreCycles(rates, load), ports);

/** Words that can enter or leave a rectangle per cycle, on whichever side a neighbour lies. */
export const portsOf = (rows: number, columns: number): number => Math.min(rows, columns);

/** Bytes of the fullest core; `codeUnits` counts the inner loops that the kernel is made of. */
export function sramOf(
  rates: Rates,
  codeUnits: number,
  data: { readonly weights: number; readonly activations: number; readonly buffers: number },
): SramBudget {
  const { core } = rates.target;
  return {
    code: codeUnits * core.codeBytes,
    weights: Math.ceil(data.weights),
    activations: Math.ceil(data.activations),
    buffers: Math.ceil(data.buffers),
    stack: core.systemBytes,
  };
}

/** Bytes that remain for data once `codeUnits` inner loops and the run time are in place. */
export const dataBytes = (target: Target, codeUnits: number): number =>
  target.core.sramBytes - target.core.systemBytes - codeUnits * target.core.codeBytes;

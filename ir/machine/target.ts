/**
 * What wsc knows about a machine: a mesh of equal cores, each with its SRAM and a router, and what it is connected to. Presets stand in
 * compiler/targets, with the source of every figure; a user's own machine is JSON of the same form (compiler/targets/schema.ts).
 */
import type { DType } from "../dtype.ts";
import type { Rect } from "../placement.ts";

/** Elements per cycle that a vector instruction multiplies and adds, once it runs. */
export interface ElementRate {
  /** where its operands lie in banks that can be read together */
  readonly aligned: number;
  /** where two operands share a bank; what a kernel gets whose operands were not laid out for the banks */
  readonly conflicting: number;
}

/** Element types that have a rate of their own; `other` is for every type that has none. */
export const rateTypes = ["f32", "f16", "bf16", "i8", "other"] as const;

export type RateType = (typeof rateTypes)[number];

/** Borders inside the mesh, such as those between dies, that take longer to cross than other links, at the same rate. */
export interface Seams {
  /** a border after every so many columns, and rows */
  readonly columns: number;
  readonly rows: number;
  /** cycles of a hop over such a border */
  readonly hopCycles: number;
}

/** How a figure is known. */
export const bases = ["published", "fitted", "derived", "assumed"] as const;

export type Basis = (typeof bases)[number];

/** Where a figure comes from. */
export interface Fact {
  /** path of the figure, or of the part of the description that holds it: `link.hopCycles`, `core.rates` */
  readonly field: string;
  readonly basis: Basis;
  readonly source: string;
}

export interface Target {
  readonly name: string;
  readonly description: string;
  /** cores of the whole mesh */
  readonly fabric: { readonly width: number; readonly height: number };
  /** cores at the rim that carry the host's streams, and what the edge of the wafer moves */
  readonly io: {
    readonly columnsWest: number;
    readonly columnsEast: number;
    readonly rowsNorth: number;
    readonly rowsSouth: number;
    readonly bytesPerSecond: number;
  };
  /** GHz; sources disagree, so a range, and the one that figures in seconds use */
  readonly clock: { readonly min: number; readonly max: number; readonly used: number };
  readonly core: {
    readonly sramBytes: number;
    /** banks that the SRAM is made of */
    readonly banks: number;
    /** stack, run time and routing tables */
    readonly systemBytes: number;
    /** code of one loop form; stages use one or more (code.ts) */
    readonly codeBytes: number;
    /** what each further use of a loop form takes in a core that has it: descriptors, registers, the call; default `codeBytes`: nothing is shared */
    readonly callBytes?: number;
    readonly rates: Readonly<Record<RateType, ElementRate>>;
    /** cycles before a vector instruction gives its first result */
    readonly vectorStartup: number;
    /** cycles before an instruction that sends or receives takes its first word */
    readonly fabricStartup: number;
    /** cycles from what a task waits for to its first instruction */
    readonly taskCycles: number;
    /** cycles of a division, an exponential and their like */
    readonly slowOpCycles: number;
    /** words that an input or output queue of a core holds */
    readonly queueWords: number;
  };
  readonly link: {
    /** cycles that a 32-bit word takes of a link, each way; also of the ramp between core and router */
    readonly cyclesPerWord: number;
    /** cycles from a router to its neighbour */
    readonly hopCycles: number;
    /** cycles more where a route bends */
    readonly turnCycles: number;
    /** cycles between core and router, each way */
    readonly rampCycles: number;
    readonly seams?: Seams;
  };
  readonly colors: {
    /** colors that a router can hold */
    readonly perRouter: number;
    /** colors that the vendor's run time keeps */
    readonly reserved: readonly number[];
    /** colors that kernels use inside their own rectangles */
    readonly kernel: number;
    /** settings that a router can be switched between for one color, so that several ways in take turns; default 1: none */
    readonly switchPositions?: number;
  };
  /** links to other wafers */
  readonly neighbours: { readonly bytesPerSecond: number; readonly latencySeconds: number };
  /** memory outside the wafer that weights can stream in from */
  readonly memory: { readonly bytes: number; readonly bytesPerSecond: number };
  /** watts of the whole system: doing nothing, on average under load, at most */
  readonly power: { readonly idle: number; readonly average: number; readonly peak: number };
  /** cores of this machine that do not work, nor their routers: columns and rows of the fabric; default none */
  readonly deadCores?: readonly (readonly [x: number, y: number])[];
  /** where the figures come from */
  readonly facts: readonly Fact[];
}

/** The rectangle that kernels may use: the fabric without its I/O rim. */
export function usableRect(target: Target): Rect {
  const { fabric, io } = target;
  return {
    x: io.columnsWest,
    y: io.rowsNorth,
    width: fabric.width - io.columnsWest - io.columnsEast,
    height: fabric.height - io.rowsNorth - io.rowsSouth,
  };
}

/** The rates of an element type. */
export function rateOf(target: Target, dtype: DType): ElementRate {
  const { rates } = target.core;
  switch (dtype) {
    case "f32":
    case "f16":
    case "bf16":
    case "i8":
      return rates[dtype];
    case "u8":
      return rates.i8;
    default:
      return rates.other;
  }
}

/** Colors that edges may use, ascending: all but the reserved ones and the lowest, which kernels use inside. */
export function routeColors(target: Target): number[] {
  const reserved = new Set(target.colors.reserved);
  const free: number[] = [];
  for (let color = 0; color < target.colors.perRouter; color++) if (!reserved.has(color)) free.push(color);
  return free.slice(target.colors.kernel);
}

/** Ways in that may take turns on one color of a router. */
export const switchPositionsOf = ({ colors }: Target): number => colors.switchPositions ?? 1;

/** Bytes of each further use of a loop form. */
export const callBytesOf = ({ core }: Target): number => core.callBytes ?? core.codeBytes;

/** Clock in Hz that figures in seconds are derived with. */
export const clockHz = (target: Target): number => target.clock.used * 1e9;

/** Bytes per cycle over the edge of the wafer. */
export const ioBytesPerCycle = (target: Target): number => target.io.bytesPerSecond / clockHz(target);

/**
 * What the compiler knows about a machine: a mesh of equal cores, each with its SRAM and a router. Presets stand in the files beside this
 * one, with their sources; a user's own machine is JSON of the same form (schema.ts).
 */
import type { DType } from "../../ir/dtype.ts";
import type { Rect } from "../../ir/placement.ts";

/** Multiply-adds per core and cycle when nothing stalls. `other` is for every element type that has no entry. */
export interface FmaPerCycle {
  readonly f32: number;
  readonly f16: number;
  readonly bf16: number;
  readonly i8: number;
  readonly other: number;
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
    /** stack, run time and routing tables */
    readonly systemBytes: number;
    /** code of one kernel's core loop; families use one or more */
    readonly codeBytes: number;
    readonly fmaPerCycle: FmaPerCycle;
    /** share of `fmaPerCycle` that measured kernels reach inside a vector instruction */
    readonly efficiency: number;
    /** cycles before a vector instruction gives its first result */
    readonly vectorStartup: number;
    /** cycles of a division, an exponential and their like */
    readonly slowOpCycles: number;
  };
  readonly link: {
    /** 32-bit words per link, direction and cycle; also between core and router */
    readonly wordsPerCycle: number;
    /** cycles between core and router, each way */
    readonly rampLatency: number;
  };
  readonly colors: {
    /** colors that a router can hold */
    readonly perRouter: number;
    /** colors that the vendor's run time keeps */
    readonly reserved: readonly number[];
    /** colors that kernels use inside their own rectangles */
    readonly kernel: number;
  };
  /** cores of this machine that do not work, nor their routers: columns and rows of the fabric; default none */
  readonly deadCores?: readonly (readonly [x: number, y: number])[];
  /** where the figures come from */
  readonly sources: readonly string[];
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

/** Multiply-adds per core and cycle at the peak for a dtype. */
export function fmaPerCycle(target: Target, dtype: DType): number {
  const table = target.core.fmaPerCycle;
  switch (dtype) {
    case "f32":
    case "f16":
    case "bf16":
    case "i8":
      return table[dtype];
    case "u8":
      return table.i8;
    default:
      return table.other;
  }
}

/** Colors that edges may use, ascending: all but the reserved ones and the lowest, which kernels use inside. */
export function routeColors(target: Target): number[] {
  const reserved = new Set(target.colors.reserved);
  const free: number[] = [];
  for (let color = 0; color < target.colors.perRouter; color++) if (!reserved.has(color)) free.push(color);
  return free.slice(target.colors.kernel);
}

/** Clock in Hz that figures in seconds are derived with. */
export const clockHz = (target: Target): number => target.clock.used * 1e9;

/** Bytes per cycle over the edge of the wafer. */
export const ioBytesPerCycle = (target: Target): number => target.io.bytesPerSecond / clockHz(target);

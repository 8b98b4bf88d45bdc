/**
 * What kernels take of a machine, for the decision to fuse: the fewest cores that keep up with an interval, and the interval at which all kernels
 * together have room. Lists are coarse and shared by kernels that differ only in name.
 */
import { type Kernel, type KernelPort, wordBytes } from "../../../ir/kernel-graph.ts";
import { ioBytesPerCycle, type Target, usableRect } from "../../../ir/machine/target.ts";
import { type Candidate, sidesOf, type TimeWindow } from "../family.ts";
import { families, kernelSignature, triesOf } from "../library.ts";
import { mappingsOf } from "../mappings.ts";

/** Cuts to try per kernel at most, and variants to keep: coarser than where kernels are placed, since every attempt to fuse asks. */
const effort = { tries: 4_000, keep: 400 } as const;

/** Cores against cycles, ascending in cycles, falling in cores. */
type Staircase = readonly { readonly cycles: number; readonly cores: number }[];

export class Estimate {
  readonly #target: Target;
  readonly #cores: number;
  readonly #tries: number;
  readonly #known = new Map<string, Staircase>();

  /** `distinct`: kernels that share the effort. */
  constructor(target: Target, distinct: number) {
    this.#target = target;
    this.#tries = Math.min(effort.tries, triesOf(distinct));
    const { width, height } = usableRect(target);
    this.#cores = width * height;
  }

  /** Fewest cores on which a kernel takes at most `interval` cycles, or any number of them for null; Infinity where there is no such way. */
  cores(kernel: Kernel, interval: number | null): number {
    const coarse = this.#stairs(kernel, null);
    if (interval === null) return coarse.at(-1)?.cores ?? Infinity;
    const fine = this.#stairs(kernel, { least: interval * 0.6, most: interval });
    return Math.min(coresAt(coarse, interval), coresAt(fine, interval));
  }

  /** The least interval at which all kernels have room, by area; at least `least`. Null where there is none. */
  interval(kernels: readonly Kernel[], least: number): number | null {
    const stairs = kernels.map((kernel) => this.#stairs(kernel, null));
    const fits = (cycles: number): boolean => {
      let cores = 0;
      for (const steps of stairs) cores += coresAt(steps, cycles);
      return cores <= this.#cores;
    };
    let high = stairs.reduce((most, steps) => Math.max(most, steps.at(-1)?.cycles ?? Infinity), least);
    if (!Number.isFinite(high) || !fits(high)) return null;
    let low = least;
    if (fits(low)) return low;
    while (high - low > Math.max(1, low / 200)) {
      const middle = (low + high) / 2;
      if (fits(middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  /** Cycles in which the edge of the wafer carries what a model takes and gives. */
  edgeCycles(ports: readonly (readonly KernelPort[])[]): number {
    let words = 0;
    for (const list of ports) {
      const byName = new Map<string, number>();
      for (const port of list) byName.set(port.name, Math.max(byName.get(port.name) ?? 0, port.words));
      for (const count of byName.values()) words += count;
    }
    return Math.ceil((words * wordBytes) / ioBytesPerCycle(this.#target));
  }

  #stairs(kernel: Kernel, window: TimeWindow | null): Staircase {
    const key = `${window === null ? "" : window.most} ${kernelSignature(kernel)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const space = { target: this.#target, sides: sidesOf(this.#target), tries: this.#tries, keep: effort.keep, window };
    const stairs = staircaseOf(mappingsOf(kernel, families[kernel.family], space).candidates);
    this.#known.set(key, stairs);
    return stairs;
  }
}

function staircaseOf(candidates: readonly Candidate[]): Staircase {
  const steps: { cycles: number; cores: number }[] = [];
  for (const { rows, columns, cycles } of candidates) {
    const cores = rows * columns;
    const last = steps.at(-1);
    if (last !== undefined && last.cores <= cores) continue;
    if (last?.cycles === cycles) steps.pop();
    steps.push({ cycles, cores });
  }
  return steps;
}

function coresAt(steps: Staircase, cycles: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as Staircase[number]).cycles <= cycles) low = middle + 1;
    else high = middle;
  }
  return steps[low - 1]?.cores ?? Infinity;
}

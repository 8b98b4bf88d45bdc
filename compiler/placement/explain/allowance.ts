/**
 * How much may be tried for an explanation. Tries are counted in units of work, so that a limit in seconds has the same explanation on every machine;
 * the clock only guards. A try that was begun is ended.
 */
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { listingTries } from "../../kernels/library.ts";

/** What an explanation may take. */
export interface ExplainLimits {
  /** seconds of counted work; default: as many as it takes */
  readonly effortSeconds?: number;
  /** milliseconds since the epoch; default: no limit */
  readonly deadline?: number;
}

/** Units (cuts of loops that are listed) for a second; common machines list twice as many. */
const unitsPerSecond = 200_000;

/** Units for routing one edge again. */
const unitsPerEdge = 1_000;

export class Allowance {
  readonly #deadline: number;
  #units: number;
  #isCut = false;

  constructor({ effortSeconds = Infinity, deadline = Infinity }: ExplainLimits = {}) {
    this.#deadline = deadline;
    this.#units = effortSeconds * unitsPerSecond;
  }

  /** True when something was left out. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** True when variants of all kernels may be listed once more. */
  mayList(graph: KernelGraph): boolean {
    return this.#take(listingTries(graph));
  }

  /** True when all edges may be routed once more. */
  mayRoute({ edges }: KernelGraph): boolean {
    return this.#take(edges.length * unitsPerEdge);
  }

  #take(units: number): boolean {
    if (this.#units <= 0 || Date.now() > this.#deadline) {
      this.#isCut = true;
      return false;
    }
    this.#units -= units;
    return true;
  }
}

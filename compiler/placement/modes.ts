/**
 * The modes: how layers can share a wafer (`--mode`). Each prepares a problem, says what nothing goes below, and searches; what it returns carries its
 * certificate, and the checker knows what to look at by the placement's own mode. `auto` takes the best that there is for the objective.
 */
import { fail, WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { ModeName, Placement } from "../../ir/placement.ts";
import { ioCyclesOf } from "./certificate.ts";
import { placePrepared, type PlaceOptions, withinLimit } from "./place.ts";
import { leastInterval, prepare, type PreparedProblem } from "./prepare.ts";
import { placeReplicas, type Replicas } from "./replicas.ts";
import { prepareResident } from "./resident/resident.ts";

export interface ModeOptions extends PlaceOptions {
  readonly mode?: ModeName | "auto";
  /** copies side by side; default 1 */
  readonly replicas?: Replicas;
}

/** A placement, and the problem that an explanation goes back to: that of a pipeline, of its first copy where there are several. */
export interface Placed {
  readonly placement: Placement;
  readonly prepared: PreparedProblem | null;
}

/** A problem that is ready to be searched. */
export interface ReadyMode {
  /** cycles between samples that no placement of this mode goes below */
  readonly bound: number;
  readonly search: (options: ModeOptions) => Promise<Placed>;
}

export interface Mode {
  readonly name: ModeName;
  /** throws WSC5002 where the graph does not fit, WSC5005 for what the mode cannot be asked */
  readonly prepare: (graph: KernelGraph, target: Target, options: ModeOptions) => ReadyMode;
}

const pipeline: Mode = {
  name: "pipeline",
  prepare: (graph, target, options) => {
    const { replicas = 1 } = options;
    if (replicas !== 1) {
      return {
        bound: ioCyclesOf(graph, target),
        search: (search) => placeReplicas(graph, target, replicas, search),
      };
    }
    const prepared = prepare(graph, target, options);
    return {
      bound: leastInterval(prepared),
      search: async (search) => ({ prepared, placement: await placePrepared(prepared, search) }),
    };
  },
};

const resident: Mode = {
  name: "resident",
  prepare: (graph, target, options) => {
    if ((options.replicas ?? 1) !== 1)
      throw fail("WSC5005", "copies are of pipelines, and mode resident is one region", {
        hint: "leave out --replicas, or use --mode pipeline",
      });
    const { bound, search } = prepareResident(graph, target, options);
    return { bound, search: (given) => Promise.resolve({ placement: search(given), prepared: null }) };
  },
};

/** All modes. */
export const modes: Readonly<Record<ModeName, Mode>> = { pipeline, resident };

/** Places a graph in the mode that is asked for; throws a WscError where that mode has no placement of it. */
export async function placeInMode(graph: KernelGraph, target: Target, options: ModeOptions = {}): Promise<Placed> {
  const start = Date.now();
  const within = (name: ModeName): Promise<Placed> =>
    modes[name].prepare(graph, target, options).search(withinLimit(options, start));
  const { mode = "auto" } = options;
  return mode === "auto" ? best(graph, target, options, start) : within(mode);
}

/**
 * A pipeline takes most samples per second wherever it fits. What does not fit may do so on one region, where each layer has all cores; and one sample alone
 * may be sooner through there.
 */
async function best(graph: KernelGraph, target: Target, options: ModeOptions, start: number): Promise<Placed> {
  const { objective = "throughput" } = options;
  const search = async (mode: Mode): Promise<Placed | WscError> => {
    try {
      return await mode.prepare(graph, target, options).search(withinLimit(options, start));
    } catch (error) {
      if (error instanceof WscError) return error;
      throw error;
    }
  };
  const piped = await search(pipeline);
  const isRefused = piped instanceof WscError;
  if (isRefused ? !isNoFit(piped) : objective !== "latency") return placedOr(piped);
  const other = await search(resident);
  if (other instanceof WscError) return placedOr(piped);
  if (isRefused) return other;
  return latency(other) < latency(piped) ? other : piped;
}

const latency = ({ placement }: Placed): number => placement.certificate.latencyCycles;

const isNoFit = ({ diagnostics }: WscError): boolean => diagnostics.every(({ code }) => code === "WSC5002");

function placedOr(found: Placed | WscError): Placed {
  if (found instanceof WscError) throw found;
  return found;
}

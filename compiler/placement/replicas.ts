/**
 * Copies of a small model side by side (`--replicas`): the wafer is divided into equal regions, the model is placed in the first of them with its share
 * of the wafer's edge, and the placement stands in every region. Samples are dealt out in turn, so that N copies take one every 1/N of a copy's
 * interval, and never faster than the edge, which they have in common.
 *
 * The bound is one by area, for copies that are all equal and made of the listed variants: N of them need N times the least area of an
 * interval. Where the number was free, it is the least of the bounds of all numbers.
 */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { type Placement, placementVersion } from "../../ir/placement.ts";
import { fail, WscError } from "../../ir/diagnostic.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import type { VariantList } from "../kernels/family.ts";
import { variantTable } from "../kernels/library.ts";
import { certify, ioCyclesOf } from "./certificate.ts";
import { resolveConstraints } from "./constraints/constraints.ts";
import {
  copiesOf,
  type Division,
  divisionsInto,
  maxCopies,
  regionConstraints,
  regionTarget,
  squareDivisions,
} from "./divisions.ts";
import { Grid } from "./packing/grid.ts";
import { placePrepared, type PlaceOptions, withinLimit } from "./place.ts";
import { prepare, type PreparedProblem } from "./prepare.ts";
import { classCounts } from "./problem.ts";
import { areaCurve, leastThat, totalAreaAt } from "./sizing/area-bound.ts";
import { blockedBoxes } from "./task.ts";
import { classesOf } from "./variants.ts";

/** Copies that are wanted: so many, or as many as give most samples per second. */
export type Replicas = number | "auto";

export interface Replicated {
  /** the problem of one copy in its region */
  readonly prepared: PreparedProblem;
  readonly placement: Placement;
}

/** Divisions that are placed at most, the most promising first. */
const tried = 3;

/** Places copies of a graph, or it alone; throws a WscError where they do not fit or what is asked for cannot be had of copies. */
export async function placeReplicas(
  graph: KernelGraph,
  target: Target,
  replicas: Replicas,
  options: PlaceOptions = {},
): Promise<Replicated> {
  const start = Date.now();
  if (replicas === 1) {
    const prepared = prepare(graph, target, options);
    return { prepared, placement: await placePrepared(prepared, withinLimit(options, start)) };
  }
  refuseUnfit(replicas, options);
  const staircase = staircaseOf(options.variants ?? variantTable(graph, target));
  const ioCycles = ioCyclesOf(graph, target);
  const promised = (division: Division): number => {
    const cycles = staircase.leastTime(division.width * division.height);
    return cycles === null ? Infinity : Math.max(cycles / division.count, ioCycles);
  };
  const divisions = replicas === "auto" ? freeDivisions(target, staircase) : divisionsInto(target, replicas);
  const ranked = divisions
    .map((division) => ({ division, cycles: promised(division) }))
    .sort(
      (a, b) =>
        a.cycles - b.cycles || a.division.count - b.division.count || longSide(a.division) - longSide(b.division),
    );
  let best: Replicated | null = null;
  let refusal: WscError | null = null;
  for (const [index, { division, cycles }] of ranked.entries()) {
    const isBetter = best === null || cycles < best.placement.certificate.objective;
    if (!isBetter || (index >= tried && best !== null) || index >= 4 * tried) break;
    try {
      const found = await placeIn(graph, target, division, replicas, withinLimit(options, start));
      if (best === null || found.placement.certificate.objective < best.placement.certificate.objective) best = found;
    } catch (error) {
      if (!(error instanceof WscError)) throw error;
      refusal ??= error;
    }
  }
  if (best !== null) return best;
  if (refusal !== null) throw refusal;
  throw fail("WSC5002", `${target.name} has no room for ${replicas} regions`, { subject: "replicas" });
}

const longSide = ({ width, height }: Division): number => Math.max(width, height);

function refuseUnfit(replicas: Replicas, { constraints, from, objective = "throughput" }: PlaceOptions): void {
  if (replicas !== "auto" && (!Number.isInteger(replicas) || replicas < 1 || replicas > maxCopies))
    throw fail("WSC8001", `replicas are a whole number from 1 to ${maxCopies}, or "auto", not ${replicas}`);
  if ((constraints?.pins ?? []).length > 0)
    throw fail("WSC5005", "layers are pinned to one place, and the model is to stand in several", {
      hint: "leave out the pins or --replicas",
    });
  if (from !== undefined)
    throw fail("WSC5005", "--from and --replicas exclude each other", { hint: "place the copies anew" });
  if (replicas === "auto" && objective !== "throughput")
    throw fail(
      "WSC5005",
      `--replicas auto looks for the most samples per second, and --objective ${objective} asks for something else`,
      { hint: "give the number of copies" },
    );
}

/** Divisions for a number that is free: as small as the smallest copy at most. */
function freeDivisions(target: Target, { leastArea }: Staircase): readonly Division[] {
  const { width, height } = usableRect(target);
  return squareDivisions(target, Math.max(1, Math.min(maxCopies, Math.floor((width * height) / leastArea))));
}

/** Places the model in the first region of a division, and sets it into all of them. */
async function placeIn(
  graph: KernelGraph,
  target: Target,
  division: Division,
  replicas: Replicas,
  options: PlaceOptions,
): Promise<Replicated> {
  const request = options.constraints ?? {};
  const constraints = resolveConstraints(graph, target, request);
  const region = regionTarget(target, division);
  const prepared = prepare(graph, region, {
    ...options,
    constraints: regionConstraints(target, request, division),
  });
  // a copy alone is not what was asked for
  const { onFound: _, ...search } = options;
  const copy = await placePrepared(prepared, search);
  const copies = copiesOf(division);
  const { width, height } = usableRect(target);
  const cores = new Grid(width, height, blockedBoxes(constraints, target)).free;
  const { lists } = prepared;
  const bound =
    replicas === "auto"
      ? freeBound([lists, options.variants ?? variantTable(graph, target)], cores)
      : (staircaseOf(lists).leastTime(cores / copies.count) ?? 0) / copies.count;
  const { solver, seed, goal, linkCycles } = copy.certificate;
  const certificate = certify({
    graph,
    target,
    kernels: copy.kernels,
    routing: { routes: copy.routes, fullestLink: linkCycles / target.link.cyclesPerWord },
    copies,
    bound,
    solver,
    seed,
    objective: goal.kind,
    goalBound: goal.bound,
    movement: null,
  });
  return { prepared, placement: wholePlacement(copy, target, { constraints, copies, certificate }) };
}

const wholePlacement = (
  copy: Placement,
  target: Target,
  whole: Pick<Placement, "constraints" | "copies" | "certificate">,
): Placement => ({
  ...copy,
  version: placementVersion,
  target: {
    ...copy.target,
    name: target.name,
    width: target.fabric.width,
    height: target.fabric.height,
    usable: usableRect(target),
  },
  ...whole,
});

/** The least interval of the graph by the cores that it has. */
interface Staircase {
  /** cycles of one copy on so many cores; null where it does not fit */
  readonly leastTime: (cores: number) => number | null;
  /** cores of the smallest copy */
  readonly leastArea: number;
  readonly steps: readonly { readonly cycles: number; readonly area: number }[];
}

function staircaseOf(lists: readonly VariantList[]): Staircase {
  const problem = { width: 1, height: 1, ...classesOf(lists) };
  const curves = problem.classes.map(areaCurve);
  const counts = classCounts(problem);
  const times = [...new Set(curves.flatMap((curve) => curve.times))].sort((a, b) => a - b);
  const areaOf = (cycles: number): number => totalAreaAt(curves, counts, cycles);
  return {
    leastTime: (cores) => (lists.length === 0 ? 0 : leastThat(times, (cycles) => areaOf(cycles) <= cores)),
    leastArea: Math.max(1, areaOf(times.at(-1) ?? 0)),
    steps: times.map((cycles) => ({ cycles, area: areaOf(cycles) })),
  };
}

/** The least cycles between samples that any number of equal copies can reach on so many cores. */
function freeBound(tables: readonly (readonly VariantList[])[], cores: number): number {
  let least = Infinity;
  for (const { steps } of tables.map(staircaseOf)) {
    for (const { cycles, area } of steps) {
      const count = Math.min(maxCopies, Math.floor(cores / area));
      if (count > 0) least = Math.min(least, cycles / count);
    }
  }
  return Number.isFinite(least) ? least : 0;
}

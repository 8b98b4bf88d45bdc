/**
 * Kernel graph + target -> placement:
 *
 *     variants      every kernel lists how it can be cut                                     (prepare.ts, variants.ts, compiler/kernels)
 *     constraints   pinned and kept kernels are settled, blocked cores taken out              (prepare.ts, hold.ts, task.ts)
 *     sizing        an integer program proves the least interval that the area allows         (sizing.ts)
 *     floorplan     the least interval at which the rectangles can be packed                  (floorplan.ts, site-packing.ts, tighten.ts)
 *     routes        lanes and a color for every edge, for several packings of that interval   (search.ts, routes.ts)
 *
 * The interval is that of the slowest kernel, or of the fullest link or the wafer's edge where those are slower; of all packings that were
 * routed the one with the least interval, then the shortest wires, is taken. While links decide, packings with somewhat slower kernels, which
 * have more room to choose from, are tried too. Other objectives (objectives.ts) bring an order of merit of their own, and take the best of
 * what is found in it and of the packing for throughput. What does not fit is a diagnostic with figures (no-fit.ts).
 */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { oneCopy, type Placement, type PlacementObjective, placementVersion } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import type { Solver } from "../solver/linear-program.ts";
import { loadSolver, type SolverChoice } from "../solver/solvers.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { certify } from "./certificate.ts";
import { floorplansAt, leastPackable, leastWidened, pack, packableWidened, widen } from "./packing/floorplan.ts";
import { holdOld, movementFrom, releaseOrder } from "./hold.ts";
import { noColors, noPacking, tooSlowLinks } from "./explain/no-fit.ts";
import { prepare, type PreparedProblem, type PrepareOptions } from "./prepare.ts";
import { approaches, betterBy, usualCost } from "./objectives.ts";
import { classesOf } from "./variants.ts";
import { type Candidate, maxRoutings, placedKernels, plansFrom, routeColorsOf, Selection } from "./search.ts"; // prettier-ignore
import { distinctTimes, type Problem } from "./problem.ts";
import { sizeLayers } from "./sizing/sizing.ts";
import { targetFacts } from "./target-facts.ts";
import { type Held, type Task, taskOf } from "./task.ts";
import { shortenWires } from "./wires.ts";
import { Grid } from "./packing/grid.ts";
import { packingSteps } from "./packing/sets.ts";
import { isKernelBound, isSmall, proveInterval, tighten } from "./tighten.ts";

export { type PlacementObjective, placementObjectives } from "../../ir/placement.ts";

/** Which step runs, for progress bars. */
export type PlaceStep = "variants" | "sizing" | "floorplan" | "routes";

/** How to search in a prepared problem. */
export interface SearchOptions {
  /** an earlier placement to begin with: layers that still exist stay where they can */
  readonly from?: Placement;
  /** seconds after which the best found is taken; results then depend on the machine */
  readonly timeLimitSeconds?: number;
  /**
   * seconds that the search goes on for, as counted work (arrangement/work.ts), while the interval is above its bound: the same number gives the
   * same result. Default: it ends once packings of one kind are through, which takes some seconds.
   */
  readonly effortSeconds?: number;
  readonly solver?: SolverChoice;
  /** of the search's random moves; recorded in the certificate */
  readonly seed?: number;
  readonly onProgress?: (step: PlaceStep, detail: string) => void;
  /** is given every placement that is better than those before, while a pipeline of one copy is searched for: who stops the search has the last one */
  readonly onFound?: (placement: Placement) => void;
}

export interface PlaceOptions extends PrepareOptions, SearchOptions {}

const defaultTimeLimit = 60;

/** Intervals within this ratio of each other count as equal in the search for a packing, which takes longer for many layers or obstacles. */
const packingTolerance = ({ items, site }: Problem): number =>
  items.length <= 500 && (site?.grid.blocked.length ?? 0) <= manyObstacles ? 0.001 : 0.004;

const manyObstacles = 100;

/** The search as it goes on. */
interface Search extends PreparedProblem {
  readonly solver: Solver;
  readonly solverChoice: SolverChoice;
  readonly seed: number;
  readonly deadline: number;
  readonly effortSeconds: number;
  readonly progress: NonNullable<PlaceOptions["onProgress"]>;
  /** is told of a candidate that is the best so far, with what is proven of the objective */
  readonly onBest: ((best: Candidate, goalBound: number) => void) | null;
}

/** Places every kernel, or throws a WscError: WSC5002 says what does not fit, WSC5005 which constraint is not valid. */
export async function place(graph: KernelGraph, target: Target, options: PlaceOptions = {}): Promise<Placement> {
  const start = Date.now();
  options.onProgress?.("variants", `${graph.kernels.length} kernels`);
  const prepared = prepare(graph, target, options);
  return placePrepared(prepared, withinLimit(options, start));
}

/** The same options for what comes after `start` (milliseconds since the epoch): the time limit holds for both. */
export const withinLimit = <T extends SearchOptions>(options: T, start: number): T => ({
  ...options,
  timeLimitSeconds: (options.timeLimitSeconds ?? defaultTimeLimit) - (Date.now() - start) / 1000,
});

/** Places the kernels of a prepared problem; throws WSC5002 where no arrangement or no routes are found. */
export async function placePrepared(prepared: PreparedProblem, options: SearchOptions = {}): Promise<Placement> {
  const solver = await loadSolver(options.solver);
  const { objective, task } = prepared;
  const deadline = Date.now() + (options.timeLimitSeconds ?? defaultTimeLimit) * 1000;
  const progress = options.onProgress ?? (() => undefined);
  progress("sizing", `${task.problem.classes.length} distinct kernels`);
  proveArea(prepared, solver, deadline);
  const { solver: solverChoice = "auto", seed = 0, effortSeconds = 0 } = options;
  const bound = Math.max(prepared.areaCycles, prepared.pinnedCycles);
  const { onFound, from } = options;
  const drawUp = (best: Candidate, goalBound: number): Placement => {
    const proven = { bound: objective === "throughput" ? goalBound : bound, goalBound, solver: solver.name, seed };
    return placementOf(prepared, best, { ...proven, from });
  };
  const onBest: Search["onBest"] =
    onFound === undefined
      ? null
      : (best, goalBound) => {
          onFound(drawUp(best, goalBound));
        };
  const search: Search = { ...prepared, solver, solverChoice, seed, deadline, effortSeconds, progress, onBest };
  const { best, goalBound } = objective === "throughput" ? await fastest(search, bound, from) : bestOf(search, objective, from); // prettier-ignore
  const placement = drawUp(best, goalBound);
  return from !== undefined && isUnchanged(from, placement) ? from : placement;
}

/** What is known of a candidate beside itself. */
interface Proven {
  /** of the interval */
  readonly bound: number;
  /** of the objective */
  readonly goalBound: number;
  readonly solver: string;
  readonly seed: number;
  readonly from: Placement | undefined;
}

/** A candidate as a placement with its certificate. */
function placementOf(
  { scene, objective }: PreparedProblem,
  { kernels, routing }: Candidate,
  proven: Proven,
): Placement {
  const { graph, target } = scene;
  const { bound, goalBound, solver, seed, from } = proven;
  const certificate = certify({
    graph,
    target,
    kernels,
    routing,
    copies: oneCopy,
    bound,
    solver,
    seed,
    objective,
    goalBound,
    movement: from === undefined ? null : movementFrom(graph, from, kernels),
  });
  return {
    version: placementVersion,
    model: graph.name,
    precision: graph.precision,
    target: targetFacts(target),
    constraints: scene.constraints,
    mode: { kind: "pipeline" },
    copies: oneCopy,
    kernels,
    routes: routing.routes,
    certificate,
  };
}

/** The integer program says the same of the least interval by area as the staircases of areas do. */
function proveArea({ task, areaCycles }: PreparedProblem, solver: Solver, deadline: number): void {
  const sizing = sizeLayers(task.problem, solver, Math.max(1, (deadline - Date.now()) / 2000));
  if (sizing?.cycles !== areaCycles) throw new Error(`internal: sizing gives ${sizing?.cycles}, by area ${areaCycles}`);
}

/** True when an earlier placement is this one, of the same interval for the same goal; it says nothing else then, movement included. */
function isUnchanged(old: Placement, now: Placement): boolean {
  const parts = ({ certificate, ...rest }: Placement): string =>
    JSON.stringify([rest, certificate.objective, certificate.goal.kind, certificate.goal.value]);
  return parts(old) === parts(now);
}

/** The fastest placement that is found, and what is proven; with an earlier one, the one nearest to it that is not much slower. */
async function fastest(
  search: Search,
  bound: number,
  old: Placement | undefined,
): Promise<{ readonly best: Candidate; readonly goalBound: number }> {
  const { scene, task, deadline, seed, solverChoice, effortSeconds } = search;
  const kept = old === undefined ? [] : keptFrom(search, old);
  if (old !== undefined && kept.length > 0) {
    const near = nearOld(search, old, kept);
    if (near !== null) return { best: near, goalBound: bound };
  }
  const selection = new Selection(betterBy("throughput"), told(search, bound));
  searchThroughput(search, task, selection);
  // unasked, proofs of tight floorplans may take all the time there is; half of it is enough for most
  const half = (Date.now() + deadline) / 2;
  const until = effortSeconds > 0 ? deadline : half;
  const options = { bound: Math.max(bound, scene.ioCycles), seed, deadline: until, effortSeconds };
  if (isKernelBound(selection.best)) widenOn({ ...search, deadline: half }, selection, options.bound);
  persevere({ ...search, deadline: half }, selection, options.bound);
  tighten(scene, task, selection, options);
  const unproven = (selection.best?.interval ?? 0) > options.bound && isSmall(task);
  const solver = unproven ? await loadSolver(solverChoice === "glpk" ? "glpk" : "highs") : search.solver;
  const goalBound = unproven ? proveInterval(scene, task, selection, { ...options, solver }) : bound;
  return { best: selection.best ?? refuse(search, selection), goalBound };
}

/** Who is told of the best so far, with what is proven by then. */
const told = ({ onBest }: Search, goalBound: number): ((best: Candidate) => void) | null =>
  onBest === null
    ? null
    : (best) => {
        onBest(best, goalBound);
      };

const keptFrom = ({ scene, pinned, listInside, asBefore }: Search, old: Placement): readonly Held[] =>
  holdOld(scene.graph, scene.target, scene.constraints, old, pinned, listInside, asBefore);

/** How much slower than the old placement, or than what is proven possible, one near to the old may be. */
const movementSlack = 1.1;

/** Keeps all kernels that can stay, then ever fewer, until what is left can be placed at about the old speed; null when that never happens. */
function nearOld(search: Search, old: Placement, kept: readonly Held[]): Candidate | null {
  const { pinned, lists, areaCycles } = search;
  const scene = { ...search.scene, old };
  const stay = new Set([...kept, ...pinned].map(({ kernel }) => kernel));
  const free = new Set(scene.graph.kernels.flatMap(({ id }) => (stay.has(id) ? [] : [id])));
  const order = releaseOrder(kept, scene.graph, free);
  const wanted = Math.max(old.certificate.objective, areaCycles, scene.ioCycles) * movementSlack;
  for (let released = 0; released < order.length; released = Math.max(1, released * 2)) {
    const task = taskOf(scene.graph, scene.target, lists, scene.constraints, [...pinned, ...order.slice(released)]);
    if ("homeless" in task) continue;
    const selection = new Selection(betterBy("throughput"));
    searchThroughput({ ...search, scene }, task, selection);
    if (selection.best !== null && selection.best.interval <= wanted) return selection.best;
    if (Date.now() > search.deadline) return null;
  }
  return null;
}

/** Packs and routes from the fastest on, until links no longer decide. */
function searchThroughput(search: Search, task: Task, selection: Selection): void {
  const { scene, areaCycles, deadline, progress } = search;
  const bound = Math.max(areaCycles, scene.ioCycles);
  const cycles = leastPackable(task.problem, bound, {
    tolerance: packingTolerance(task.problem),
    deadline,
    onTry: onTryOf(search),
  });
  if (cycles === null) {
    const last = packableWidened(task.problem, bound, { deadline, onTry: onTryOf(search) });
    if (last !== null) offerAll(search, task, selection, last.wider, last.cycles);
    return;
  }
  for (const plan of plansFrom(task, cycles, () => selection.best?.interval ?? Infinity)) {
    if (selection.best !== null && (selection.routed >= maxRoutings || Date.now() > deadline)) break;
    const result = selection.offer(scene, placedKernels(scene, task, plan));
    if (result !== null) progress("routes", `${result.interval} cycles`);
  }
  // routes of wider windows are worth their tries only where the slowest kernel decides
  const { best } = selection;
  if (isKernelBound(best)) packWider(search, task, selection, { bound, reached: best.interval, by: 1 });
}

const onTryOf =
  ({ progress }: Search) =>
  (cycles: number, fits: boolean): void => {
    progress("floorplan", `${cycles} cycles ${fits ? "fit" : "do not fit"}`);
  };

/** Offers packings in wider windows, faster than what was reached. */
function packWider(
  search: Search,
  task: Task,
  selection: Selection,
  { bound, reached, by }: { readonly bound: number; readonly reached: number; readonly by: number },
): void {
  const wider = reached > bound ? widen(task.problem, by) : null;
  if (wider === null) return;
  const cycles = leastWidened(wider, bound, reached, { deadline: search.deadline, onTry: onTryOf(search) });
  if (cycles !== null) offerAll(search, task, selection, wider, cycles);
}

/** Offers the packings of a widened problem at an interval, until one keeps it. */
function offerAll(search: Search, task: Task, selection: Selection, wider: Problem, cycles: number): void {
  const { scene, deadline, progress } = search;
  for (const styled of floorplansAt(wider, cycles)) {
    for (const plan of styled) {
      const result = selection.offer(scene, placedKernels(scene, task, plan));
      if (result !== null) progress("routes", `${result.interval} cycles`);
      if (Date.now() > deadline || (selection.best?.interval ?? Infinity) <= cycles) return;
    }
  }
}

/** Packs in ever wider windows while the effort that was asked for allows it. */
function widenOn(search: Search, selection: Selection, bound: number): void {
  const { task, effortSeconds } = search;
  let steps = effortSeconds * packingStepsPerSecond * wideningShare;
  for (let by = 2; ; by++) {
    const wider = widen(task.problem, by);
    if (wider === null || selection.best === null || Date.now() > search.deadline) return;
    steps -= packingSteps(wider) * usualTries;
    if (steps < 0) return;
    packWider(search, task, selection, { bound, reached: selection.best.interval, by });
  }
}

/** Steps of packing in a second of effort: additions of curves. */
const packingStepsPerSecond = 1e9;

/** Tries of one window, and the share of the effort for all of them. */
const usualTries = 6;
const wideningShare = 0.3;

/**
 * Packs at intervals between the bound and what was reached, for the effort that was asked for: whether rectangles can be packed on shelves does not
 * only depend on the interval, so that some between two of the bisection may do. Only while the slowest kernel decides.
 */
function persevere({ scene, task, effortSeconds, deadline }: Search, selection: Selection, bound: number): void {
  const { problem, ids } = task;
  const tries = Math.floor((effortSeconds * packedItemsPerSecond) / ids.length);
  const best = selection.best;
  if (tries === 0 || !isKernelBound(best) || best.interval <= bound) return;
  const reached = best.interval;
  const isBeaten = (cycles: number): boolean => cycles >= (selection.best?.interval ?? reached);
  const times = distinctTimes(problem).filter((time) => time >= bound && time < reached);
  const step = Math.max(1, Math.ceil(times.length / tries));
  for (let index = (times.length - 1) % step; index < times.length && Date.now() < deadline; index += step) {
    const cycles = times[index] ?? reached;
    if (isBeaten(cycles)) return;
    const plan = pack(problem, cycles);
    if (plan !== null) selection.offer(scene, placedKernels(scene, task, plan));
  }
}

/** Items that are packed in a second of effort; common machines pack several times as many. */
const packedItemsPerSecond = 400;

/** The best placement for another objective: packed in its own orders of merit, and for throughput, which may be as good. */
function bestOf(
  search: Search,
  objective: Exclude<PlacementObjective, "throughput">,
  old: Placement | undefined,
): { readonly best: Candidate; readonly goalBound: number } {
  const { scene, task, pinned, lists, solver, deadline } = search;
  const { graph, target, constraints } = scene;
  const timeLimitSeconds = Math.max(1, (deadline - Date.now()) / 3000);
  const options = { graph, target, solver, timeLimitSeconds };
  const { bound, orders } = approaches[objective]({ ...options, task });
  const selection = new Selection(betterBy(objective), told(search, bound));
  const kept = old === undefined ? [] : keptFrom(search, old);
  const near = kept.length === 0 ? task : taskOf(graph, target, lists, constraints, [...pinned, ...kept]);
  if (near !== task && !("homeless" in near)) {
    const beside = old === undefined ? search : { ...search, scene: { ...scene, old } };
    for (const order of approaches[objective]({ ...options, task: near }).orders)
      searchOrder(beside, near, order, selection);
    if (selection.best !== null) return { best: selection.best, goalBound: bound };
  }
  for (const order of orders) searchOrder(search, task, order, selection);
  const byThroughput = new Selection(betterBy(objective));
  searchThroughput(search, task, byThroughput);
  const both = [selection.best, byThroughput.best].filter((one) => one !== null).sort((a, b) => (betterBy(objective)(a, b) ? -1 : 1)); // prettier-ignore
  return { best: both[0] ?? refuse(search, byThroughput), goalBound: bound };
}

/** Packs with costed variants from the least common cost on. */
function searchOrder(search: Search, task: Task, order: readonly VariantList[], selection: Selection): void {
  const { scene, deadline, progress, objective } = search;
  const costed: Task = { ...task, lists: order, problem: { ...task.problem, ...classesOf(order) } };
  const cost = leastPackable(costed.problem, usualCost, {
    tolerance: packingTolerance(task.problem),
    deadline,
    onTry: (tried, fits) => {
      progress("floorplan", `${objective} ${tried / usualCost} of the least ${fits ? "fits" : "does not fit"}`);
    },
  });
  if (cost === null) return;
  const origin = usableRect(scene.target);
  const grid = task.problem.site?.grid ?? new Grid(origin.width, origin.height, []);
  const first = selection.routed;
  for (const styled of floorplansAt(costed.problem, cost)) {
    for (const plan of styled) {
      if (selection.best !== null && (selection.routed - first >= maxRoutings || Date.now() > deadline)) return;
      const shorter = objective === "wire" ? shortenWires(scene.graph, costed, plan, cost, grid, origin) : plan;
      selection.offer(scene, placedKernels(scene, costed, shorter));
    }
  }
}

function refuse({ scene, task }: Search, { failure, tooSlow, routed }: Selection): never {
  if (routed === 0) throw noPacking(scene, task);
  if (tooSlow !== null) throw tooSlowLinks(scene, tooSlow);
  if (failure === null) throw new Error("internal: a packing was found and lost");
  throw noColors(scene.graph, scene.target, routeColorsOf(scene.target).length, failure);
}

/** Contest graph -> placement: the placer's search over the contest's kernels, then a last touch on the cuts. */
import { fail, type WscError } from "../../ir/diagnostic.ts";
import { arrange, type ArrangeStage, type NotArranged, type SearchEnd } from "../placement/arrangement/arrange.ts";
import type { Arrangement } from "../placement/arrangement/arrangement.ts";
import { floorplanText } from "../placement/arrangement/floorplan-text.ts";
import { workIn } from "../placement/arrangement/work.ts";
import { mostItemsToProve, type ProofOptions, provenCost } from "../placement/arrangement/prove.ts";
import { loadSolver } from "../solver/solvers.ts";
import { areaAt, type CostBound } from "../placement/arrangement/cost-bound.ts";
import { type ContestProblem, contestProblem } from "./arrangement.ts";
import { type ContestScore, scoreContest } from "./check.ts";
import type { ContestKernel } from "./kernel.ts";
import type { ContestGraph } from "./kgraph.ts";
import type { ContestPlace } from "./paint.ts";
import { polish } from "./polish.ts";

export interface ContestOptions {
  /** seconds for the search; more of them never make the result worse */
  readonly timeLimitSeconds: number;
  /** seconds of a fast machine that are given to the search as counted work; default: all. The same number gives the same result unless the time limit strikes first */
  readonly effortSeconds?: number;
  readonly seed: number;
  readonly onBetter?: (stage: ArrangeStage | "proof", cost: number) => void;
}

export interface ContestPlacement {
  readonly places: readonly ContestPlace[];
  readonly score: ContestScore;
  /** no placement costs less: proven over all cuts (adapters counted as none) */
  readonly bound: number;
  /** no placement has a slowest kernel of fewer cycles: proven by area over all cuts */
  readonly cycleBound: number;
  readonly status: "optimal" | "feasible";
  /** what ended the search for arrangements (proofs of integer programs follow for few kernels) */
  readonly endedBy: SearchEnd;
}

/** Largest problem: curves of the slicing tree take 8 bytes per item and column. */
const mostItemColumns = 1e8;

export async function placeContest(graph: ContestGraph, options: ContestOptions): Promise<ContestPlacement> {
  const start = Date.now();
  const deadline = start + options.timeLimitSeconds * 1000;
  const items = graph.kernels.length;
  const share = items <= mostItemsToProve ? 1 - proofShare : 1;
  if (items === 0) return emptyPlacement(graph);
  if (items * graph.width > mostItemColumns)
    throw fail("WSC1009", `${items} kernels on ${graph.width} columns are too many to place`);
  const problem = contestProblem(graph);
  const placesOf = (arrangement: Arrangement): ContestPlace[] => finish(graph, problem, arrangement);
  const arranged = arrange(problem, {
    work: workIn((options.effortSeconds ?? options.timeLimitSeconds) * share),
    seed: options.seed,
    deadline: start + options.timeLimitSeconds * share * 1000,
    isOptimal: (arrangement, bound) => isProven(scoreContest(graph, placesOf(arrangement)), bound),
    ...(options.onBetter === undefined ? {} : { onBetter: options.onBetter }),
  });
  if (typeof arranged === "string") throw noFit(graph, problem, arranged);
  let places = placesOf(arranged.arrangement);
  let score = scoreContest(graph, places);
  const offer = (arrangement: Arrangement): number => {
    const offered = placesOf(arrangement);
    const offeredScore = scoreContest(graph, offered);
    if (offeredScore.cost < score.cost && offeredScore.faults.length === 0) {
      [places, score] = [offered, offeredScore];
      options.onBetter?.("proof", score.cost);
    }
    return score.cost;
  };
  const { bound } = arranged;
  const cost = isProven(score, bound) ? bound.cost : await proveSmall(problem, bound, score.cost, { deadline, offer });
  if (score.faults.length > 0) throw new Error(`internal: the placement is not legal: ${score.faults.join("; ")}`);
  const status = isProven(score, { ...bound, cost }) ? "optimal" : "feasible";
  return {
    places,
    score,
    bound: Math.min(cost, score.cost),
    cycleBound: bound.cycles,
    status,
    endedBy: arranged.endedBy,
  };
}

/** Share of the time that is kept for the proof of a small problem. */
const proofShare = 0.75;

/** Integer programs, where there are few kernels. */
async function proveSmall(
  problem: ContestProblem,
  bound: CostBound,
  cost: number,
  options: Omit<ProofOptions, "solver">,
): Promise<number> {
  if (problem.items.length > mostItemsToProve) return bound.cost;
  return provenCost(problem, bound, cost, { ...options, solver: await loadSolver("highs") });
}

/** The integer program of a graph as CPLEX-LP text; its optimum is what a proven placement costs (adapters counted as none). */
export function contestProgramText(graph: ContestGraph, options: ContestOptions): string {
  const problem = contestProblem(graph);
  if (problem.items.length === 0) throw fail("WSC1009", `${graph.name} has no kernels to write a program of`);
  const arranged = arrange(problem, {
    work: workIn(options.effortSeconds ?? options.timeLimitSeconds),
    seed: options.seed,
    deadline: Date.now() + options.timeLimitSeconds * 1000,
    isOptimal: ({ cost }, bound) => cost <= bound.cost,
  });
  if (typeof arranged === "string") throw noFit(graph, problem, arranged);
  const { arrangement, bound } = arranged;
  return floorplanText(problem, {
    title: graph.name,
    names: graph.kernels.map(({ name }) => name),
    leastCycles: bound.cycles,
    mostCycles: graph.timeWeight > 0 ? Math.max(bound.cycles, arrangement.cost / graph.timeWeight) : arrangement.limit,
  });
}

/** Costs are sums of quarters times weights; this much is rounding. */
const isProven = ({ cost }: ContestScore, bound: CostBound): boolean => cost <= bound.cost * (1 + 1e-12);

function finish(graph: ContestGraph, problem: ContestProblem, { limit, spots, boxes }: Arrangement): ContestPlace[] {
  const plain = spots.map(({ x, y, width, height }, kernel): ContestPlace => {
    const cut = problem.cutAt(limit, kernel, width, height);
    return { x, y, ...cut };
  });
  return polish(graph, plain, boxes);
}

const emptyPlacement = (graph: ContestGraph): ContestPlacement => ({
  places: [],
  score: scoreContest(graph, []),
  bound: 0,
  cycleBound: 0,
  status: "optimal",
  endedBy: "proof",
});

/** Which limit stands in the way, and by how much. */
function noFit(graph: ContestGraph, problem: ContestProblem, why: NotArranged): WscError {
  const shapes = problem.shapesAt(Number.MAX_SAFE_INTEGER);
  const homeless = graph.kernels.findIndex((_, kernel) => (shapes[problem.items[kernel] ?? -1]?.count ?? 0) === 0);
  const wafer = `${graph.width} x ${graph.height} cores of ${graph.memoryLimit} words`;
  if (homeless >= 0) {
    const { name, type } = graph.kernels[homeless] as ContestKernel;
    return fail("WSC5002", `does not fit alone: no cut keeps the memory limit and the sides of ${wafer}`, {
      subject: `${type} ${name}`,
      hint: "a larger memlimit, width or height",
    });
  }
  const needed = areaAt(problem, Number.MAX_SAFE_INTEGER);
  const have = graph.width * graph.height;
  const share = `its ${graph.kernels.length} kernels need at least ${needed} cores at any speed, and ${wafer} are ${have}`;
  return fail("WSC5002", why === "area" ? `does not fit: ${share}` : `no arrangement was found: ${share}`, {
    subject: graph.name,
    hint:
      why === "area"
        ? `${(needed / have).toFixed(2)} times the cores, or a larger memlimit`
        : "a larger wafer, or a larger memlimit",
  });
}

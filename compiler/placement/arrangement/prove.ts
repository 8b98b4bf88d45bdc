/**
 * Solves a small arrangement problem to the end by integer programs. Cycles fall apart into ranges, as in cost-bound.ts; here the wires of a
 * range are the optimum of the floorplan program (floorplan-program.ts) over the shapes that its upper end allows. A range closes when its lower
 * end's cycles with those wires cost no less than the best arrangement known. What a program finds is an arrangement too, and often a better one.
 */
import type { Solver } from "../../solver/linear-program.ts";
import { type Arrangement, type ArrangementProblem, type ClassShapes, costOf, type Spot } from "./arrangement.ts";
import { type CostBound, slowestAbove, wireBoundAt } from "./cost-bound.ts";
import { type FloorplanInput, floorplanProgram, type StandingShape } from "./floorplan-program.ts";

export interface ProofOptions {
  readonly solver: Solver;
  /** milliseconds since the epoch */
  readonly deadline: number;
  /** takes an arrangement that was found, and says what it costs once it is finished */
  readonly offer: (arrangement: Arrangement) => number;
}

/** Items, and shapes of all items together, that programs are written for. */
export const mostItemsToProve = 12;
const mostShapes = 800;

/** Branch-and-bound nodes per program: the same on every machine, where the clock is not. */
const mostNodes = 200_000;

/** Seconds at most for the whole-core corners of a floorplan that a program has found. */
const secondsForCorners = 5;

/** Times closer than this share are one. */
const narrow = 1e-9;

interface Range {
  readonly low: number;
  readonly high: number;
  /** least wires with shapes of `high`, proven */
  readonly wire: number;
  /** `wire` is what the program gives, not a quick bound */
  readonly exact: boolean;
}

/** The least cost that is proven by the deadline: at least the bound that is given, at most the best cost known or offered. */
export function provenCost(
  problem: ArrangementProblem,
  bound: CostBound,
  known: number,
  options: ProofOptions,
): number {
  const { timeWeight, wireWeight } = problem;
  if (timeWeight <= 0 || problem.items.length > mostItemsToProve) return bound.cost;
  const leastOf = ({ low, wire }: Range): number =>
    wire === Infinity ? Infinity : timeWeight * low + wireWeight * wire;
  let best = known;
  let open: Range[] = [quickRange(problem, bound.cycles * (1 - narrow), known / timeWeight)];
  while (Date.now() < options.deadline) {
    open = open.filter((range) => leastOf(range) < best * (1 - 1e-12)).sort((a, b) => leastOf(b) - leastOf(a));
    const first = open.pop();
    if (first === undefined) return best;
    const parts = first.exact ? halves(problem, first) : null;
    if (parts !== null) open.push(...parts);
    else if (first.exact) {
      open.push(first);
      break;
    } else {
      const spare = wireWeight > 0 ? (best - timeWeight * first.low) / wireWeight : Infinity;
      const { range, arrangement } = solveRange(problem, first, spare, options);
      if (arrangement !== null) best = Math.min(best, options.offer(arrangement));
      open.push(range);
    }
  }
  return Math.max(bound.cost, Math.min(best, ...open.map(leastOf)));
}

const quickRange = (problem: ArrangementProblem, low: number, high: number): Range => ({
  low,
  high,
  wire: wireBoundAt(problem, high),
  exact: false,
});

/**
 * Two parts of a range, or the one time that it holds; null when it holds one already. What wires need in the whole they need in each part.
 */
function halves(problem: ArrangementProblem, range: Range): Range[] | null {
  const { low, high, wire } = range;
  if (low >= high) return null;
  // times at which no shape is slowest hold nothing that lower ranges do not have
  const last = slowestAbove(problem.shapesAt(high), low);
  if (last === null) return [];
  const before = slowestAbove(problem.shapesAt(last * (1 - narrow)), low);
  if (before === null) return [{ ...range, low: last, high: last }];
  const middle = before > 4 * low ? Math.sqrt(low * before) : (low + before) / 2;
  const lower = quickRange(problem, low, middle);
  return [
    { ...lower, wire: Math.max(lower.wire, wire) },
    { ...range, low: middle, high: last },
  ];
}

/** The range with the optimum of its program, or what the solver proves of it; floorplans with more than `mostWire` do not count. */
function solveRange(
  problem: ArrangementProblem,
  range: Range,
  mostWire: number,
  { solver, deadline }: ProofOptions,
): { readonly range: Range; readonly arrangement: Arrangement | null } {
  const shapes = problem.shapesAt(range.high);
  const items = problem.items.map((kind) => standing(shapes[kind]));
  const solved = { ...range, exact: true };
  const nothing = { range: { ...solved, wire: Infinity }, arrangement: null };
  if (items.some((list) => list.length === 0)) return nothing;
  if (items.reduce((sum, list) => sum + list.length, 0) > mostShapes) return { range: solved, arrangement: null };
  const limit = Number.isFinite(mostWire) ? { mostWire } : {};
  const input: FloorplanInput = { ...problem, items, timeWeight: 0, wireWeight: 1, ...limit };
  const { program, decode } = floorplanProgram(input);
  const seconds = Math.max(0.1, (deadline - Date.now()) / 1000);
  const { status, values, objective, bound } = solver.solve(program, {
    timeLimitSeconds: seconds,
    nodeLimit: mostNodes,
    gap: 1e-7,
  });
  if (status === "infeasible") return nothing;
  const proven = (status === "optimal" ? objective : bound) ?? 0;
  // sums of half cores
  const wire = Math.max(range.wire, Math.ceil(2 * proven - 1e-4) / 2);
  const arrangement = values.length > 0 ? onCores(problem, input, decode(values), range.high, solver) : null;
  return { range: { ...solved, wire }, arrangement };
}

/** A floorplan with its shapes on whole cores; null when there is no room for that. */
function onCores(
  problem: ArrangementProblem,
  input: FloorplanInput,
  chosen: readonly { readonly shape: number }[],
  limit: number,
  solver: Solver,
): Arrangement | null {
  const shapes = chosen.map(({ shape }, item) => input.items[item]?.[shape]);
  if (!shapes.every((shape) => shape !== undefined)) return null;
  const { mostWire: _, ...open } = input;
  const { program, decode } = floorplanProgram({ ...open, items: shapes.map((shape) => [shape]), wholeCorners: true });
  const { values } = solver.solve(program, { timeLimitSeconds: secondsForCorners, nodeLimit: mostNodes, gap: 1e-7 });
  if (values.length === 0) return null;
  const spots = decode(values).map(({ x, y }, item): Spot => {
    const { width, height } = shapes[item] as StandingShape;
    return { x: Math.round(x), y: Math.round(y), width, height };
  });
  if (!isLegal(problem, spots)) return null;
  const cycles = Math.max(...shapes.map((shape) => shape.cycles));
  const wire = problem.wires.reduce((sum, { from, to }) => sum + distance(spots[from], spots[to]), 0);
  return { boxes: spots, spots, limit, cycles, wire, cost: costOf(problem, cycles, wire) };
}

/** L1, of centres. */
function distance(a: Spot | undefined, b: Spot | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return Math.abs(2 * (a.x - b.x) + a.width - b.width) / 2 + Math.abs(2 * (a.y - b.y) + a.height - b.height) / 2;
}

/** Solvers allow small violations, which times the wafer's side may be a core. */
function isLegal({ width, height }: ArrangementProblem, spots: readonly Spot[]): boolean {
  return spots.every(
    (a, index) =>
      a.x >= 0 &&
      a.y >= 0 &&
      a.x + a.width <= width &&
      a.y + a.height <= height &&
      spots
        .slice(0, index)
        .every((b) => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y),
  );
}

function standing(shapes: ClassShapes | undefined): StandingShape[] {
  if (shapes === undefined) return [];
  return Array.from({ length: shapes.count }, (_, corner) => ({
    width: shapes.widths[corner] as number,
    height: shapes.heights[corner] as number,
    cycles: shapes.cycles[corner] as number,
  }));
}

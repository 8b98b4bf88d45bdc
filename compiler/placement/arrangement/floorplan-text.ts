/** The floorplan program of an arrangement problem as CPLEX-LP text: shapes of every speed that could be worth it, cycles a variable. */
import { fail } from "../../../ir/diagnostic.ts";
import { printLp } from "../../solver/lp-text.ts";
import type { ArrangementProblem } from "./arrangement.ts";
import { slowestAbove } from "./cost-bound.ts";
import { floorplanProgram, type StandingShape } from "./floorplan-program.ts";

export interface FloorplanText {
  /** of the problem, for the comment */
  readonly title: string;
  /** of the items */
  readonly names: readonly string[];
  /** cycles that no arrangement goes below, and that a best one need not exceed */
  readonly leastCycles: number;
  readonly mostCycles: number;
}

/** Items and shapes that are written at most; solvers give up long before. */
const mostItems = 60;
const mostShapes = 20_000;

/** Programs with the objective of the problem: the optimum is a bound for every arrangement of at most `mostCycles`. */
export function floorplanText(problem: ArrangementProblem, text: FloorplanText): string {
  const { title, names, leastCycles, mostCycles } = text;
  const tooLarge = (size: string): Error =>
    fail("WSC1009", `the integer program of ${title} is too large to be of use: ${size}`, {
      hint: `programs are written up to ${mostItems} kernels and ${mostShapes} shapes`,
    });
  if (problem.items.length > mostItems) throw tooLarge(`${problem.items.length} kernels`);
  const classes = shapesBetween(problem, leastCycles, mostCycles);
  const items = problem.items.map((kind) => classes[kind] ?? []);
  const count = items.reduce((sum, shapes) => sum + shapes.length, 0);
  if (count > mostShapes) throw tooLarge(`${count} shapes`);
  const { program, describe } = floorplanProgram({ ...problem, items, leastCycles });
  return printLp(program, {
    comments: [
      `floorplan of ${title} on ${problem.width} x ${problem.height} cores: shapes of up to ${mostCycles} cycles`,
      `objective: ${problem.timeWeight} * cycles of the slowest kernel + ${problem.wireWeight} * cores of wire`,
      ...names.map((name, item) => `item ${item}: ${name}`),
    ],
    describe,
  });
}

/** By class: shapes of at most `high` cycles that no other one beats in sides and cycles; speeds below `low` count as `low`. */
function shapesBetween(problem: ArrangementProblem, low: number, high: number): StandingShape[][] {
  const found: StandingShape[][] = problem.shapesAt(high).map(() => []);
  let limit = high;
  for (;;) {
    const classes = problem.shapesAt(limit);
    for (const [kind, { widths, heights, cycles, count }] of classes.entries()) {
      const list = found[kind] ?? [];
      for (let corner = 0; corner < count; corner++) {
        const [width, height] = [widths[corner] as number, heights[corner] as number];
        offer(list, { width, height, cycles: Math.max(low, cycles[corner] as number) });
      }
    }
    const slowest = slowestAbove(classes, low);
    if (slowest === null) return found;
    limit = slowest * (1 - 1e-9);
  }
}

/** Adds a shape to those that nothing beats. */
function offer(shapes: StandingShape[], shape: StandingShape): void {
  const beats = (a: StandingShape, b: StandingShape): boolean =>
    a.width <= b.width && a.height <= b.height && a.cycles <= b.cycles;
  if (shapes.some((other) => beats(other, shape))) return;
  const kept = shapes.filter((other) => !beats(shape, other));
  shapes.splice(0, shapes.length, ...kept, shape);
}

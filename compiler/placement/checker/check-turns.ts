/**
 * The checker's part for lanes in which several routes take turns. Such a lane is a tree that leads to one core: at each of its routers all
 * words go on one way, and they come in over no more ways than the router can switch between. Its routes follow each other in the order of
 * their reader's operands. Their words add up on every link, each followed by a control word.
 */
import { showName } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import type { Placement, Route } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Faults } from "./faults.ts";

/** A lane with its routes, and what was seen of it: a set of ways in and of ways out for each router. */
export class TurnLane {
  /** from 1 on */
  readonly number: number;
  readonly routes: Route[] = [];
  readonly waysIn: Map<number, Set<number>> = new Map();
  readonly waysOut: Map<number, Set<number>> = new Map();

  constructor(number: number) {
    this.number = number;
  }

  enter(router: number, way: number): void {
    add(this.waysIn, router, way);
  }

  leave(router: number, way: number): void {
    add(this.waysOut, router, way);
  }
}

function add(sets: Map<number, Set<number>>, router: number, way: number): void {
  const known = sets.get(router);
  if (known === undefined) sets.set(router, new Set([way]));
  else known.add(way);
}

/** All lanes with turns. */
export interface Turns {
  readonly lanes: readonly TurnLane[];
  /** the lane of a route; null for one that has its lanes for itself */
  of(route: Route): TurnLane | null;
}

/** Words that a route's turn ends with. */
export const switchWord = ({ turn }: Route): number => (turn === undefined ? 0 : 1);

/** Routes that take turns share reader, color and last core. */
export function turnsOf({ routes }: Placement): Turns {
  const lanes = new Map<string, TurnLane>();
  const keyOf = (route: Route): string => [route.to, route.color, route.toX, route.toY].join(" ");
  for (const route of routes) {
    if (route.turn === undefined) continue;
    const lane = lanes.get(keyOf(route)) ?? new TurnLane(lanes.size + 1);
    lane.routes.push(route);
    lanes.set(keyOf(route), lane);
  }
  return {
    lanes: [...lanes.values()],
    of: (route) => (route.turn === undefined ? null : (lanes.get(keyOf(route)) ?? null)),
  };
}

function laneName({ kernels }: Placement, { routes }: TurnLane): string {
  const { to = 0, color = 0, toX = 0, toY = 0 } = routes[0] ?? {};
  return `lane of color ${color} into "${showName(kernels[to]?.name ?? "")}" at (${toX}, ${toY})`;
}

/** Turns are counted from 0 and follow the operands of the reader. */
export function checkOrder(graph: KernelGraph, placement: Placement, { lanes }: Turns, faults: Faults): void {
  for (const lane of lanes) {
    const inTurn = [...lane.routes].sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0));
    const places = inTurn.map(({ edge }) => operandOf(graph, edge));
    if (inTurn.some(({ turn }, index) => turn !== index)) {
      faults.add(laneName(placement, lane), `has turns ${inTurn.map(({ turn }) => turn).join(", ")}`);
    } else if (inTurn.some((route, index) => index > 0 && isBefore(index, route, inTurn, places))) {
      const order = inTurn.map(({ edge }) => graph.edges[edge]?.operands[0] ?? "nothing").join(", ");
      faults.add(laneName(placement, lane), `brings ${order} in an order that its reader does not take them in`);
    }
  }
}

/** True when a route's operand comes before that of the route whose turn is just before; edges of one operand come in their own order. */
function isBefore(index: number, { edge }: Route, inTurn: readonly Route[], places: readonly number[]): boolean {
  const [place = 0, previous = 0] = [places[index], places[index - 1]];
  return place < previous || (place === previous && edge < (inTurn[index - 1]?.edge ?? 0));
}

/** Place of what an edge carries among its reader's operands. */
function operandOf({ kernels, edges }: KernelGraph, index: number): number {
  const edge = edges[index];
  return (kernels[edge?.to ?? -1]?.operands ?? []).findIndex(({ name }) => name === edge?.operands[0]);
}

/** One way out of each router, and no more ways in than it has switch positions. */
export function checkTrees(placement: Placement, target: Target, { lanes }: Turns, faults: Faults): void {
  const positions = target.colors.switchPositions ?? 1;
  const { width } = target.fabric;
  const at = (router: number): string => `router (${router % width}, ${Math.floor(router / width)})`;
  for (const lane of lanes) {
    const forks = [...lane.waysOut].find(([, ways]) => ways.size > 1);
    if (forks !== undefined) faults.add(laneName(placement, lane), `goes on ${forks[1].size} ways at ${at(forks[0])}`);
    const crowded = [...lane.waysIn].find(([, ways]) => ways.size > positions);
    if (crowded !== undefined) {
      const [router, ways] = crowded;
      faults.add(
        laneName(placement, lane),
        `enters ${at(router)} on ${ways.size} ways, which can switch between ${positions}`,
      );
    }
  }
}

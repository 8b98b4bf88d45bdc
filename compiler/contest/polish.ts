/**
 * The last touch on a contest placement, kernel by kernel until nothing improves: among the cuts that stay inside the kernel's box, its memory
 * and the slowest kernel's time, the one whose adapters and wires cost least.
 *
 * Only figures that neighbours use can save an adapter, so those are tried. And a kernel of odd width cannot stand in the middle of a box of even
 * width; one more k (or c) than needed makes centres meet, which saves half a core of wire at every edge.
 */
import { adapterCount } from "./check.ts";
import { type ContestKernel, type ConvSizes, convPerformance, type Execution, performanceOf } from "./kernel.ts";
import type { Spot } from "../placement/arrangement/arrangement.ts";
import type { ContestGraph } from "./kgraph.ts";
import type { ContestPlace } from "./paint.ts";

const mostSweeps = 40;

/** Limits that a kernel's cut has to keep. */
interface Room extends Spot {
  readonly cycles: number;
  readonly memory: number;
}

interface State {
  readonly graph: ContestGraph;
  readonly rooms: readonly Room[];
  readonly places: ContestPlace[];
  readonly producers: readonly (readonly number[])[];
  readonly consumers: readonly (readonly number[])[];
}

/** Places inside the same boxes, of at most the same cost. */
export function polish(graph: ContestGraph, places: readonly ContestPlace[], boxes: readonly Spot[]): ContestPlace[] {
  const state = stateOf(graph, places, boxes);
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let changed = false;
    for (const kernel of graph.kernels.keys()) changed = improve(state, kernel) || changed;
    if (!changed) break;
  }
  return state.places;
}

function stateOf(graph: ContestGraph, places: readonly ContestPlace[], boxes: readonly Spot[]): State {
  const cycles = graph.kernels.reduce(
    (most, kernel, index) => Math.max(most, performanceOf(kernel, (places[index] as ContestPlace).execution).time),
    0,
  );
  const rooms = boxes.map((box): Room => ({ ...box, cycles, memory: graph.memoryLimit }));
  const producers: number[][] = graph.kernels.map(() => []);
  const consumers: number[][] = graph.kernels.map(() => []);
  for (const { from, to } of graph.edges) {
    consumers[from]?.push(to);
    producers[to]?.push(from);
  }
  return { graph, rooms, places: [...places], producers, consumers };
}

/** Tries all worthwhile cuts of a kernel; true when one is better. */
function improve(state: State, index: number): boolean {
  const now = state.places[index] as ContestPlace;
  const kernel = state.graph.kernels[index] as ContestKernel;
  const room = state.rooms[index] as Room;
  const measure = (place: ContestPlace): number =>
    localCost(state, index, place) + aside * offCentre(room, kernel, place);
  let best = now;
  let least = measure(now) - 1e-6;
  for (const rotated of [now.rotated, !now.rotated]) {
    for (const execution of cutsFor(state, index, kernel, rotated)) {
      const place = placeIn(room, kernel, execution, rotated);
      const cost = measure(place);
      if (cost >= least) continue;
      least = cost - 1e-6;
      best = place;
    }
  }
  state.places[index] = best;
  return best !== now;
}

/** Of cuts that cost the same, the one in the middle of its box: its neighbours can meet it there. */
const aside = 1e-3;

function offCentre(room: Room, kernel: ContestKernel, place: ContestPlace): number {
  const { x, y } = doubleCentre(kernel, place);
  return Math.abs(x - 2 * room.x - room.width) + Math.abs(y - 2 * room.y - room.height);
}

/** In the middle of the room. */
function placeIn(room: Room, kernel: ContestKernel, execution: Execution, rotated: boolean): ContestPlace {
  const { width, height } = performanceOf(kernel, execution);
  const [wide, high] = rotated ? [height, width] : [width, height];
  return { execution, rotated, x: room.x + ((room.width - wide) >> 1), y: room.y + ((room.height - high) >> 1) };
}

/** Adapters and wires of one kernel's edges. */
function localCost({ graph, places, producers, consumers }: State, index: number, place: ContestPlace): number {
  const { adapterWeight, wireWeight, kernels } = graph;
  const kernel = kernels[index] as ContestKernel;
  const own = doubleCentre(kernel, place);
  let cost = 0;
  const add = (other: number, adapters: number): void => {
    const there = doubleCentre(kernels[other] as ContestKernel, places[other] as ContestPlace);
    cost += adapterWeight * adapters + (wireWeight * (Math.abs(own.x - there.x) + Math.abs(own.y - there.y))) / 2;
  };
  for (const other of producers[index] ?? []) {
    if (other !== index)
      add(
        other,
        adapterCount(kernels[other] as ContestKernel, (places[other] as ContestPlace).execution, place.execution),
      );
  }
  for (const other of consumers[index] ?? []) {
    if (other !== index) add(other, adapterCount(kernel, place.execution, (places[other] as ContestPlace).execution));
  }
  return cost;
}

function doubleCentre(
  kernel: ContestKernel,
  { execution, x, y, rotated }: ContestPlace,
): { readonly x: number; readonly y: number } {
  const { width, height } = performanceOf(kernel, execution);
  return rotated ? { x: 2 * x + height, y: 2 * y + width } : { x: 2 * x + width, y: 2 * y + height };
}

/** Cuts that agree with some neighbour in some figure and keep the room's limits. */
function* cutsFor(state: State, index: number, kernel: ContestKernel, rotated: boolean): Generator<Execution> {
  const room = state.rooms[index] as Room;
  const [width, height] = rotated ? [room.height, room.width] : [room.width, room.height];
  const own = (state.places[index] as ContestPlace).execution;
  const around = [...(state.producers[index] ?? []), ...(state.consumers[index] ?? [])];
  const neighbours = around.map((other) => (state.places[other] as ContestPlace).execution);
  const entering = new Set<number | undefined>();
  for (const other of state.producers[index] ?? []) {
    entering.add(
      (state.places[other] as ContestPlace).execution.k[(state.graph.kernels[other] as ContestKernel).lastConv],
    );
  }
  const leaving = new Set(
    (state.consumers[index] ?? []).map((other) => (state.places[other] as ContestPlace).execution.c[0]),
  );
  const image = kernel.convs[0] as ConvSizes;
  for (const h of new Set([own.h, ...neighbours.map((cut) => cut.h)])) {
    for (const w of new Set([own.w, ...neighbours.map((cut) => cut.w)])) {
      const most = Math.floor(height / (h * w)) - 1;
      if (most < 1 || h > image.H || w > image.W) continue;
      for (const first of new Set([undefined, ...entering])) {
        for (const last of new Set([undefined, ...leaving])) {
          const cut = cutWith(kernel, room, { h, w, most, width }, first, last);
          if (cut === null) continue;
          yield cut;
          yield* grown(kernel, cut, width, height);
        }
      }
    }
  }
}

/** A cut with one more k in its first convolution, or with less c in all of them, where there is room. */
function* grown(kernel: ContestKernel, cut: Execution, width: number, height: number): Generator<Execution> {
  const wider = { ...cut, k: cut.k.map((k, index) => (index === 0 ? k + 1 : k)) };
  const higher = { ...cut, c: cut.c.map((c) => c + 1) };
  const both = { ...wider, c: higher.c };
  for (const larger of [wider, higher, both]) {
    const cost = performanceOf(kernel, larger);
    if (cost.width <= width && cost.height <= height) yield larger;
  }
}

interface Frame {
  readonly h: number;
  readonly w: number;
  /** largest c that the height allows */
  readonly most: number;
  readonly width: number;
}

/** The narrowest cut whose first c and last k are as wanted (undefined: any); null when it breaks a limit. */
function cutWith(
  kernel: ContestKernel,
  room: Room,
  { h, w, most, width }: Frame,
  first: number | undefined,
  last: number | undefined,
): Execution | null {
  if (first !== undefined && first > most) return null;
  const c: number[] = [];
  const k: number[] = [];
  let wide = 0;
  for (const [index, sizes] of kernel.convs.entries()) {
    const split = index === 0 && first !== undefined ? first : Math.min(most, Math.max(1, Math.ceil(sizes.C)));
    const least = leastK(sizes, room, h, w, split);
    const chosen = index === kernel.lastConv && last !== undefined ? last : least;
    wide += 3 * chosen;
    if (chosen < least || wide > width) return null;
    c.push(split);
    k.push(chosen);
  }
  return { h, w, c, k };
}

/** Least k that keeps cycles and memory, from the cost formulas. */
function leastK(sizes: ConvSizes, { cycles, memory }: Room, h: number, w: number, c: number): number {
  const one = convPerformance({ ...sizes, K: 1 }, h, w, c, 1);
  const steps = Math.floor(cycles / one.time);
  return steps < 1
    ? Infinity
    : Math.max(Math.ceil(sizes.K / steps), Math.ceil((one.memory * sizes.K) / memory - 1e-12));
}

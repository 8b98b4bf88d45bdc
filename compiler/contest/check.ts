/**
 * Says whether a contest placement is legal and what it costs, from the contest's formulas alone; shares nothing with the search. The adapter
 * term is a reading (the official formula is not public): per edge, how many of (h, w, channels) differ between the producer's last convolution
 * (h, w, k) and the consumer's first (h, w, c).
 */
import { type ContestKernel, type Execution, performanceOf } from "./kernel.ts";
import type { ContestGraph } from "./kgraph.ts";
import type { ContestPlace } from "./paint.ts";

export interface ContestScore {
  readonly cost: number;
  /** cycles of the slowest kernel */
  readonly cycles: number;
  /** cores */
  readonly wire: number;
  readonly adapters: number;
  /** share of the wafer's cores */
  readonly utilisation: number;
  /** one sentence per breach; empty when legal */
  readonly faults: readonly string[];
}

interface Box {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function scoreContest(graph: ContestGraph, places: readonly ContestPlace[]): ContestScore {
  const faults: string[] = [];
  let cycles = 0;
  let cores = 0;
  const boxes = graph.kernels.map((kernel, index): Box => {
    const place = places[index];
    if (place === undefined) {
      faults.push(`${kernel.name} is not placed`);
      return { name: kernel.name, x: 0, y: 0, width: 0, height: 0 };
    }
    const cost = performanceOf(kernel, place.execution);
    const [width, height] = place.rotated ? [cost.height, cost.width] : [cost.width, cost.height];
    cycles = Math.max(cycles, cost.time);
    cores += width * height;
    if (cost.memory > graph.memoryLimit)
      faults.push(`${kernel.name} needs ${Math.ceil(cost.memory)} words, a core has ${graph.memoryLimit}`);
    if (place.x < 0 || place.y < 0 || place.x + width > graph.width || place.y + height > graph.height) {
      faults.push(
        `${kernel.name} is ${width} x ${height} at (${place.x}, ${place.y}), outside ${graph.width} x ${graph.height}`,
      );
    }
    return { name: kernel.name, x: place.x, y: place.y, width, height };
  });
  faults.push(...overlaps(boxes));
  let wire = 0;
  let adapters = 0;
  for (const { from, to } of graph.edges) {
    wire += distance(boxes[from] as Box, boxes[to] as Box);
    adapters += adaptersBetween(graph, places, from, to);
  }
  const cost = graph.timeWeight * cycles + graph.wireWeight * wire + graph.adapterWeight * adapters;
  return { cost, cycles, wire, adapters, utilisation: cores / (graph.width * graph.height), faults };
}

/** Sweeps over x. */
function overlaps(boxes: readonly Box[]): string[] {
  const sorted = [...boxes].sort((a, b) => a.x - b.x);
  const faults: string[] = [];
  for (const [index, a] of sorted.entries()) {
    for (let next = index + 1; next < sorted.length; next++) {
      const b = sorted[next] as Box;
      if (b.x >= a.x + a.width) break;
      if (a.y < b.y + b.height && b.y < a.y + a.height) faults.push(`${a.name} overlaps ${b.name}`);
    }
  }
  return faults;
}

const distance = (a: Box, b: Box): number =>
  (Math.abs(2 * a.x + a.width - 2 * b.x - b.width) + Math.abs(2 * a.y + a.height - 2 * b.y - b.height)) / 2;

function adaptersBetween(graph: ContestGraph, places: readonly ContestPlace[], from: number, to: number): number {
  const producer = places[from]?.execution;
  const consumer = places[to]?.execution;
  if (producer === undefined || consumer === undefined) return 0;
  return adapterCount(graph.kernels[from] as ContestKernel, producer, consumer);
}

/** Adapters that one edge needs. */
export function adapterCount(producer: ContestKernel, out: Execution, into: Execution): number {
  const channels = out.k[producer.lastConv] === into.c[0] ? 0 : 1;
  return (out.h === into.h ? 0 : 1) + (out.w === into.w ? 0 : 1) + channels;
}

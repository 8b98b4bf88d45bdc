/** A contest graph as a problem for the placer's search: kernels with equal sizes form a class, and shapes are listed for the limit asked for. */
import { type ArrangementProblem, type ClassShapes, rememberLimits } from "../placement/arrangement/arrangement.ts";
import { type ContestKernel, type Execution, performanceOf } from "./kernel.ts";
import type { ContestGraph } from "./kgraph.ts";
import { type ContestShape, type ShapeLimits, shapesOf } from "./variants.ts";

export interface ContestProblem extends ArrangementProblem {
  /** how a kernel is cut where it stands with a width and height at a limit of cycles, and whether it is turned */
  readonly cutAt: (limit: number, kernel: number, width: number, height: number) => ContestCut;
}

export interface ContestCut {
  readonly execution: Execution;
  readonly rotated: boolean;
}

/** A corner of a curve with the cut that gives it. */
interface ContestShapes extends ClassShapes {
  readonly cuts: readonly ContestCut[];
}

export function contestProblem(graph: ContestGraph): ContestProblem {
  const { classes, items } = classesOf(graph.kernels);
  const shapesAt = rememberLimits((limit) => classes.map((kernel) => cornersOf(graph, kernel, limit)));
  return {
    width: graph.width,
    height: graph.height,
    items,
    order: flowOrder(graph),
    wires: graph.edges,
    timeWeight: graph.timeWeight,
    wireWeight: graph.wireWeight,
    shapesAt,
    cutAt: (limit, kernel, width, height) => {
      const shapes = shapesAt(limit)[items[kernel] ?? -1];
      const corner = shapes?.widths.indexOf(width) ?? -1;
      const cut = shapes?.cuts[corner];
      if (cut === undefined || shapes?.heights[corner] !== height)
        throw new Error(`internal: kernel ${kernel} has no shape ${width} x ${height}`);
      return cut;
    },
  };
}

function classesOf(kernels: readonly ContestKernel[]): {
  readonly classes: readonly ContestKernel[];
  readonly items: readonly number[];
} {
  const classes: ContestKernel[] = [];
  const numbers = new Map<string, number>();
  const items = kernels.map((kernel) => {
    const key = `${kernel.type} ${kernel.convs.map(({ H, W, R, S, C, K, T }) => [H, W, R, S, C, K, T].join(",")).join(" ")}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, classes.length);
    return classes.push(kernel) - 1;
  });
  return { classes, items };
}

/** The curve over both orientations. */
function cornersOf(graph: ContestGraph, kernel: ContestKernel, limit: number): ContestShapes {
  const { width, height } = graph;
  const limits: ShapeLimits = {
    time: limit,
    memory: graph.memoryLimit,
    long: Math.max(width, height),
    short: Math.min(width, height),
  };
  const lowest = new Array<
    { readonly high: number; readonly shape: ContestShape; readonly rotated: boolean } | undefined
  >(width + 1);
  const offer = (wide: number, high: number, shape: ContestShape, rotated: boolean): void => {
    if (wide > width || high > height || high >= (lowest[wide]?.high ?? Infinity)) return;
    lowest[wide] = { high, shape, rotated };
  };
  for (const shape of shapesOf(kernel, limits)) {
    offer(shape.width, shape.height, shape, false);
    offer(shape.height, shape.width, shape, true);
  }
  const corners: { readonly wide: number; readonly high: number; readonly cut: ContestCut }[] = [];
  for (const [wide, corner] of lowest.entries()) {
    if (corner === undefined || corner.high >= (corners.at(-1)?.high ?? Infinity)) continue;
    corners.push({ wide, high: corner.high, cut: { execution: corner.shape.execution, rotated: corner.rotated } });
  }
  return {
    count: corners.length,
    widths: Uint16Array.from(corners, ({ wide }) => wide),
    heights: Uint16Array.from(corners, ({ high }) => high),
    cycles: Float64Array.from(corners, ({ cut }) => performanceOf(kernel, cut.execution).time),
    cuts: corners.map(({ cut }) => cut),
  };
}

/** Kernels so that producers come before consumers, each soon after its producers; the rest of a cycle follows in the order of the file. */
export function flowOrder({ kernels, edges }: ContestGraph): number[] {
  const waiting = new Int32Array(kernels.length);
  const consumers: number[][] = kernels.map(() => []);
  for (const { from, to } of edges) {
    consumers[from]?.push(to);
    waiting[to] = (waiting[to] as number) + 1;
  }
  const ready = kernels.flatMap((_, kernel) => (waiting[kernel] === 0 ? [kernel] : [])).reverse();
  const order: number[] = [];
  for (let kernel = ready.pop(); kernel !== undefined; kernel = ready.pop()) {
    order.push(kernel);
    for (const consumer of [...(consumers[kernel] ?? [])].reverse()) {
      waiting[consumer] = (waiting[consumer] as number) - 1;
      if (waiting[consumer] === 0) ready.push(consumer);
    }
  }
  const placed = new Set(order);
  return [...order, ...kernels.keys()].filter((kernel, at) => at < order.length || !placed.has(kernel));
}

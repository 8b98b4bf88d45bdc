/**
 * All worthwhile shapes of a contest kernel for a time and a memory limit, exactly. With h, w and the height fixed, the largest c that fits is
 * best (it saves time and memory), and then the least k of each convolution follows in closed form:
 *
 *     ceil(K/k) <= floor(time / (ceil(H/h) * ceil(W/w) * ceil(C/c) * R*S/T^2)) = q        k >= ceil(K/q)
 *     memory words <= limit                                                              k >= K * (C*R*S/c + (W+S-1)*(H+R-1)/(w*h)) / limit
 */
import type { ContestKernel, ConvSizes, Execution } from "./kernel.ts";

/** A shape upright; it may be turned. */
export interface ContestShape {
  /** cores */
  readonly height: number;
  readonly width: number;
  readonly execution: Execution;
}

export interface ShapeLimits {
  /** cycles */
  readonly time: number;
  /** words per core */
  readonly memory: number;
  /** cores of the longer and the shorter side of the wafer */
  readonly long: number;
  readonly short: number;
}

/** Shapes that no other beats in both sides, ascending in height, descending in width. */
export function shapesOf(kernel: ContestKernel, limits: ShapeLimits): ContestShape[] {
  const best = new Array<Cut | undefined>(limits.long + 1);
  const [first] = kernel.convs;
  if (first === undefined) return [];
  for (const h of cuts(first.H, limits.long)) {
    for (const w of cuts(first.W, Math.floor(limits.long / h))) offerRows(kernel, limits, h, w, best);
  }
  const shapes: ContestShape[] = [];
  let narrowest = Infinity;
  for (const [height, cut] of best.entries()) {
    if (cut === undefined || cut.width >= narrowest) continue;
    narrowest = cut.width;
    shapes.push({ height, width: cut.width, execution: executionOf(kernel, limits, cut) });
  }
  return shapes;
}

interface Cut {
  readonly width: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

/** 1..size, as far as two rows of cores each fit. */
function cuts(size: number, long: number): number[] {
  const most = Math.min(Math.ceil(size), Math.floor(long / 2));
  return Array.from({ length: Math.max(0, most) }, (_, i) => i + 1);
}

/** Offers the shapes of all heights for one (h, w). */
function offerRows(kernel: ContestKernel, limits: ShapeLimits, h: number, w: number, best: (Cut | undefined)[]): void {
  const channels = kernel.convs.reduce((most, { C }) => Math.max(most, Math.ceil(C)), 1);
  const most = Math.min(channels, Math.floor(limits.long / (h * w)) - 1);
  for (let c = 1; c <= most; c++) {
    const height = h * w * (c + 1);
    const room = Math.min(height <= limits.short ? limits.long : limits.short, (best[height]?.width ?? Infinity) - 1);
    const width = widthWithin(kernel, limits, h, w, c, room);
    if (width !== null) best[height] = { width, h, w, c };
  }
}

/** Least width, or null when it exceeds the room or no k is enough. */
function widthWithin(
  { convs }: ContestKernel,
  limits: ShapeLimits,
  h: number,
  w: number,
  c: number,
  room: number,
): number | null {
  let width = 0;
  for (const sizes of convs) {
    width += 3 * leastK(sizes, limits, h, w, c);
    if (width > room) return null;
  }
  return width;
}

/** Least k that keeps time and memory; Infinity when none does. */
function leastK(sizes: ConvSizes, { time, memory }: ShapeLimits, h: number, w: number, c: number): number {
  const { H, W, R, S, C, K, T } = sizes;
  const perStep = (Math.ceil(H / h) * Math.ceil(W / w) * Math.ceil(C / c) * R * S) / (T * T);
  const steps = Math.floor(time / perStep);
  if (steps < 1) return Infinity;
  const words = C * R * S * w * h + (W + S - 1) * (H + R - 1) * c;
  return Math.max(Math.ceil(K / steps), Math.ceil((K * words) / (memory * c * w * h)));
}

function executionOf({ convs }: ContestKernel, limits: ShapeLimits, { h, w, c }: Cut): Execution {
  return { h, w, c: convs.map(() => c), k: convs.map((sizes) => leastK(sizes, limits, h, w, c)) };
}

/** Where the fabric is fullest: the link with most words and the router with most colors, counted over finished routes. */
import type { KernelEdge, KernelGraph } from "../../../ir/kernel-graph.ts";
import {
  type Certificate,
  controlWords,
  type FullestRouter,
  linkDirections,
  type PlacedKernel,
  type Route,
} from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { type Course, walk } from "./route-geometry.ts";

/** The fullest link with its edges, and the fullest router; null where nothing is routed. */
export function fullestOf(
  graph: KernelGraph,
  target: Target,
  kernels: readonly PlacedKernel[],
  routes: readonly Route[],
): Pick<Certificate, "fullestLink" | "fullestRouter"> {
  if (routes.length === 0) return { fullestLink: null, fullestRouter: null };
  const { width } = target.fabric;
  const { load, colors } = loadsOf(graph, target.fabric, routes);
  return {
    fullestLink: fullestLinkOf(routes, width, load),
    fullestRouter: fullestRouterOf(target, kernels, colors),
  };
}

/** What edges carry. */
export interface Traffic {
  readonly edges: readonly Pick<KernelEdge, "words" | "stream">[];
}

/** A bundle of lanes that carries an edge. */
export type LoadedRoute = Course & Pick<Route, "edge" | "color" | "turn">;

/** Words per sample of every link (four a router: east, west, south, north), and the colors of routes in every router as bits; routers by rows. */
export function loadsOf(
  traffic: Traffic,
  { width, height }: Target["fabric"],
  routes: readonly LoadedRoute[],
): { readonly load: Float64Array; readonly colors: Uint32Array } {
  const load = new Float64Array(width * height * 4);
  const colors = new Uint32Array(width * height);
  for (const group of byStream(traffic, routes)) addStream(traffic, group, width, load, colors);
  return { load, colors };
}

/** Routes that carry one value on one color: where they share a link, its words pass once. Those that take turns count each for itself. */
function byStream(graph: Traffic, routes: readonly LoadedRoute[]): readonly (readonly LoadedRoute[])[] {
  const streams = new Map<string, LoadedRoute[]>();
  for (const route of routes) {
    const key = `${route.turn === undefined ? "" : route.edge} ${graph.edges[route.edge]?.stream ?? -1} ${route.color}`;
    const known = streams.get(key);
    if (known === undefined) streams.set(key, [route]);
    else known.push(route);
  }
  return [...streams.values()];
}

function addStream(
  graph: Traffic,
  routes: readonly LoadedRoute[],
  width: number,
  load: Float64Array,
  colors: Uint32Array,
): void {
  const seen = new Set<number>();
  for (const route of routes) {
    const words = (graph.edges[route.edge]?.words ?? 0) / route.lanes + (route.turn === undefined ? 0 : controlWords);
    walk(route, (x, y, direction) => {
      const router = y * width + x;
      colors[router] = ((colors[router] ?? 0) | (1 << route.color)) >>> 0;
      if (direction < 0) return;
      const link = router * 4 + direction;
      if (routes.length > 1 && seen.has(link)) return;
      if (routes.length > 1) seen.add(link);
      load[link] = (load[link] ?? 0) + words;
    });
  }
}

function fullestLinkOf(routes: readonly Route[], width: number, load: Float64Array): Certificate["fullestLink"] {
  let fullest = 0;
  for (let link = 1; link < load.length; link++) if ((load[link] as number) > (load[fullest] as number)) fullest = link;
  if (load[fullest] === 0) return null;
  const router = fullest >> 2;
  const edges = routes.filter((route) => passes(route, router, fullest & 3, width)).map(({ edge }) => edge);
  const direction = linkDirections[fullest & 3] ?? "east";
  return { x: router % width, y: Math.floor(router / width), direction, words: load[fullest] ?? 0, edges };
}

function passes(route: Route, router: number, direction: number, width: number): boolean {
  let found = false;
  walk(route, (x, y, way) => {
    if (way === direction && y * width + x === router) found = true;
  });
  return found;
}

function fullestRouterOf(target: Target, kernels: readonly PlacedKernel[], colors: Uint32Array): FullestRouter {
  const { width } = target.fabric;
  const own = new Uint16Array(colors.length);
  for (const { rect, variant } of kernels) {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      own.fill(variant.colors, y * width + rect.x, y * width + rect.x + rect.width);
    }
  }
  let fullest = 0;
  let most = -1;
  for (let router = 0; router < colors.length; router++) {
    const count = (own[router] as number) + bitCount(colors[router] as number);
    if (count <= most) continue;
    most = count;
    fullest = router;
  }
  return {
    x: fullest % width,
    y: Math.floor(fullest / width),
    colors: most + target.colors.reserved.filter((color) => color < target.colors.perRouter).length,
  };
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * Constraints as a user states them, with layers by name, and what they come to for a kernel graph: ids, the target's own dead cores added,
 * everything on the fabric. What can be seen to be wrong without placing anything is said here, all of it at once.
 */
import { type Diagnostic, diagnostic, showName, WscError } from "../../../ir/diagnostic.ts";
import { links } from "../../../ir/fabric/program.ts";
import type { KernelGraph, KernelId } from "../../../ir/kernel-graph.ts";
import type { Core, DeadLink, LinkDirection, Pin, PlacementConstraints, Rect } from "../../../ir/placement.ts";
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { nearestName } from "../../../ir/nearest.ts";
import { overlapOf } from "../packing/grid.ts";

/** A layer that has its place given; without width and height only its north-west corner. */
export interface PinRequest {
  /** a kernel's name, its id (`k3`), or the name of an ONNX node that went into it */
  readonly layer: string;
  readonly x: number;
  readonly y: number;
  readonly width?: number;
  readonly height?: number;
  readonly rotated?: boolean;
}

/** A link, by one of its routers and the side on which it leaves it. */
export type LinkRequest = readonly [x: number, y: number, side: LinkDirection];

/** What a user may ask of a placement; coordinates are cores of the fabric. */
export interface ConstraintRequest {
  readonly pins?: readonly PinRequest[];
  readonly keepOut?: readonly Rect[];
  readonly deadCores?: readonly (readonly [x: number, y: number])[];
  /** links that no word passes, either way */
  readonly deadLinks?: readonly LinkRequest[];
  readonly coLocate?: readonly (readonly string[])[];
  /** cycles between two samples at most */
  readonly maxInterval?: number;
}

/** Finds layers by name and checks that everything lies on the fabric; throws all faults at once as WSC5005. */
export function resolveConstraints(
  graph: KernelGraph,
  target: Target,
  request: ConstraintRequest,
): PlacementConstraints {
  const faults: Diagnostic[] = [];
  const layerOf = layerFinder(graph, faults);
  const pins = (request.pins ?? []).flatMap((pin, index) => resolvePin(pin, index, target, layerOf, faults));
  reportRepeated(
    graph,
    pins.map(({ kernel }) => kernel),
    "is pinned twice",
    faults,
  );
  const coLocate = (request.coLocate ?? []).map((names) => [...new Set(names.flatMap((name) => layerOf(name)))]);
  reportRepeated(graph, coLocate.flat(), "is in two co-located groups; make them one", faults);
  for (const [index, rect] of (request.keepOut ?? []).entries())
    checkRect(`keep-out ${index + 1}`, rect, target, faults);
  const deadLinks = deadLinksOf(target, request, faults);
  const deadCores = deadCoresOf(target, request, deadLinks, faults);
  if (faults.length > 0) throw new WscError(faults);
  return {
    pins,
    keepOut: request.keepOut ?? [],
    deadCores,
    ...(deadLinks.length === 0 ? {} : { deadLinks }),
    coLocate: coLocate.filter((group) => group.length > 1),
    maxInterval: request.maxInterval ?? null,
  };
}

const fault = (faults: Diagnostic[], message: string, hint?: string): void => {
  faults.push(diagnostic("error", "WSC5005", message, { hint }));
};

/** Finds a layer by name, id, or the ONNX nodes in it; gives nothing, and a fault, where there is none or more than one. */
function layerFinder(graph: KernelGraph, faults: Diagnostic[]): (name: string) => readonly KernelId[] {
  const byName = new Map<string, Set<KernelId>>();
  const add = (name: string, id: KernelId): void => {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, new Set([id]));
    else known.add(id);
  };
  for (const { id, name } of graph.kernels) add(name, id);
  const names = new Set(byName.keys());
  for (const { id } of graph.kernels) if (!names.has(`k${id}`)) add(`k${id}`, id);
  for (const { id, origin } of graph.kernels) for (const name of origin) if (!names.has(name)) add(name, id);
  return (name) => {
    const found = [...(byName.get(name) ?? [])];
    if (found.length === 1) return found;
    const shown = `"${showName(name)}"`;
    if (found.length > 1) {
      fault(
        faults,
        `${found.length} layers are named ${shown}`,
        `name one by its id: ${found.map((id) => `k${id}`).join(", ")}`,
      );
      return [];
    }
    const near = nearestName(name, [...byName.keys()]);
    const hint = near === undefined ? "" : `did you mean "${showName(near)}"? `;
    fault(faults, `no layer is named ${shown}`, `${hint}--emit kernels lists all layers`);
    return [];
  };
}

function resolvePin(
  request: PinRequest,
  index: number,
  target: Target,
  layerOf: (name: string) => readonly KernelId[],
  faults: Diagnostic[],
): readonly Pin[] {
  const { x, y, width = null, height = null, rotated = null } = request;
  const what = `pin ${index + 1} ("${showName(request.layer)}")`;
  if ((width === null) !== (height === null)) fault(faults, `${what} has a width or a height, and needs both or none`);
  const usable = usableRect(target);
  const rect = { x, y, width: width ?? 1, height: height ?? 1 };
  const inside = overlapOf(rect, usable);
  if (inside === null || inside.width < rect.width || inside.height < rect.height) {
    fault(
      faults,
      `${what} is ${showRect(rect)}, outside the usable columns ${usable.x}..${usable.x + usable.width - 1} and rows ${usable.y}..${usable.y + usable.height - 1}`,
    );
  }
  return layerOf(request.layer).map((kernel) => ({ kernel, x, y, width, height, rotated }));
}

function reportRepeated(graph: KernelGraph, ids: readonly KernelId[], what: string, faults: Diagnostic[]): void {
  const seen = new Set<KernelId>();
  for (const id of ids) {
    if (seen.has(id)) fault(faults, `layer "${showName(graph.kernels[id]?.name ?? "")}" ${what}`);
    seen.add(id);
  }
}

function checkRect(what: string, rect: Rect, { name, fabric }: Target, faults: Diagnostic[]): void {
  if (overlapOf(rect, { x: 0, y: 0, ...fabric }) !== null) return;
  fault(faults, `${what} is ${showRect(rect)}, not on ${name}'s fabric of ${fabric.width} x ${fabric.height}`);
}

/** The two cores at the ends of a link. */
export function endsOfLink([x, y, side]: LinkRequest): Rect {
  const { dx, dy } = links[side];
  return { x: Math.min(x, x + dx), y: Math.min(y, y + dy), width: 1 + Math.abs(dx), height: 1 + Math.abs(dy) };
}

/** Dead links of the request, each once, row by row. */
function deadLinksOf(target: Target, request: ConstraintRequest, faults: Diagnostic[]): readonly DeadLink[] {
  const { width, height } = target.fabric;
  const found = new Map<number, DeadLink>();
  for (const link of request.deadLinks ?? []) {
    const ends = endsOfLink(link);
    const side = ends.width === 2 ? "east" : "south";
    const isOn = ends.x >= 0 && ends.y >= 0 && ends.x + ends.width <= width && ends.y + ends.height <= height;
    if (isOn) found.set(2 * (ends.y * width + ends.x) + (side === "east" ? 0 : 1), { x: ends.x, y: ends.y, side });
    else {
      const [x, y, given] = link;
      fault(faults, `dead link (${x}, ${y}) ${given} is not on ${target.name}'s fabric of ${width} x ${height}`);
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([, link]) => link);
}

/**
 * Dead cores of the target and of the request, each once, row by row. Of a dead link's two cores the first one is given up, if both work: nothing
 * that keeps off it uses the link.
 */
function deadCoresOf(
  target: Target,
  request: ConstraintRequest,
  deadLinks: readonly DeadLink[],
  faults: Diagnostic[],
): readonly Core[] {
  const { width, height } = target.fabric;
  const numbers = new Set<number>();
  for (const [x, y] of [...(target.deadCores ?? []), ...(request.deadCores ?? [])]) {
    if (x >= 0 && y >= 0 && x < width && y < height) numbers.add(y * width + x);
    else fault(faults, `dead core (${x}, ${y}) is not on ${target.name}'s fabric of ${width} x ${height}`);
  }
  for (const { x, y, side } of deadLinks) {
    const [first, second] = [y * width + x, side === "east" ? y * width + x + 1 : (y + 1) * width + x];
    if (!numbers.has(second)) numbers.add(first);
  }
  return [...numbers].sort((a, b) => a - b).map((number) => ({ x: number % width, y: Math.floor(number / width) }));
}

/** `40 x 30 at (4, 1)`. */
export const showRect = ({ x, y, width, height }: Rect): string => `${width} x ${height} at (${x}, ${y})`;

/**
 * Says whether a placement is legal. Shares no code with the placer: it works on the placement's own data, the kernel graph and the target,
 * and walks every lane core by core.
 *
 *     rectangles   every kernel once, as large as its variant, inside the usable area, no two overlapping
 *     memory       code + weights + activations + buffers + stack of the fullest core within its SRAM; weights of all cores hold the kernel's
 *     routes       every edge once, from a core of its producer to a core of its consumer, inside the fabric
 *     colors       allowed for routes; at any router a color has one source, one way in, and at most the router's number of them
 *     constraints  pinned there, nothing on keep-out areas and dead cores, co-located kernels touch, the interval within its limit
 *     certificate  objective, bound and gap agree with the placement, and so do the goal's
 */
import { type Diagnostic, showName } from "../../ir/diagnostic.ts";
import { type KernelGraph, sramCategories } from "../../ir/kernel-graph.ts";
import type { PlacedKernel, Placement, Rect } from "../../ir/placement.ts";
import type { Target } from "../targets/target.ts";
import { checkConstraints } from "./check-constraints.ts";
import { checkRoutes } from "./check-routes.ts";
import { Faults } from "./faults.ts";

/** Everything illegal about a placement, as WSC5003; empty when it is legal. */
export function checkPlacement(graph: KernelGraph, placement: Placement, target: Target): readonly Diagnostic[] {
  const faults = new Faults();
  if (checkShape(graph, placement, target, faults)) {
    checkOverlaps(placement, faults);
    for (const kernel of placement.kernels) checkMemory(graph, kernel, target, faults);
    const load = checkRoutes(graph, placement, target, faults);
    checkConstraints(placement, target, faults);
    checkCertificate(placement, load / target.link.wordsPerCycle, faults);
  }
  return faults.list;
}

const nameOf = ({ kernel, name }: PlacedKernel): string => `kernel ${kernel} "${showName(name)}"`;
const show = ({ x, y, width, height }: Rect): string => `${width} x ${height} at (${x}, ${y})`;

/** Counts, sizes and bounds; false when the rest cannot be looked at. */
function checkShape(graph: KernelGraph, placement: Placement, target: Target, faults: Faults): boolean {
  const { fabric, io } = target;
  const left = io.columnsWest;
  const top = io.rowsNorth;
  const right = fabric.width - io.columnsEast;
  const bottom = fabric.height - io.rowsSouth;
  if (placement.target.width !== fabric.width || placement.target.height !== fabric.height) {
    faults.add(
      "fabric",
      `is ${fabric.width} x ${fabric.height}, the placement is for ${placement.target.width} x ${placement.target.height}`,
    );
  }
  if (placement.kernels.length !== graph.kernels.length || placement.routes.length !== graph.edges.length) {
    faults.add(
      "placement",
      `has ${placement.kernels.length} kernels and ${placement.routes.length} routes for ${graph.kernels.length} kernels and ${graph.edges.length} edges`,
    );
    return false;
  }
  for (const [index, placed] of placement.kernels.entries()) {
    const { rect, variant, rotated } = placed;
    if (placed.kernel !== index) faults.add(nameOf(placed), `stands where kernel ${index} belongs`);
    const [width, height] = rotated ? [variant.rows, variant.columns] : [variant.columns, variant.rows];
    if (rect.width !== width || rect.height !== height) {
      faults.add(nameOf(placed), `is ${show(rect)}, its variant ${rotated ? "turned is" : "is"} ${width} x ${height}`);
    }
    const inside = rect.x >= left && rect.y >= top && rect.x + rect.width <= right && rect.y + rect.height <= bottom;
    if (!inside || rect.width < 1 || rect.height < 1) {
      faults.add(
        nameOf(placed),
        `${show(rect)} is not inside the usable columns ${left}..${right - 1} and rows ${top}..${bottom - 1}`,
      );
    }
  }
  return faults.list.length === 0;
}

/** Sweep over x: each rectangle is compared with those that begin before it ends. */
function checkOverlaps(placement: Placement, faults: Faults): void {
  const sorted = [...placement.kernels].sort((a, b) => a.rect.x - b.rect.x);
  for (const [index, a] of sorted.entries()) {
    for (let other = index + 1; other < sorted.length; other++) {
      const b = sorted[other] as PlacedKernel;
      if (b.rect.x >= a.rect.x + a.rect.width) break;
      if (a.rect.y < b.rect.y + b.rect.height && b.rect.y < a.rect.y + a.rect.height) {
        faults.add(nameOf(a), `${show(a.rect)} overlaps ${nameOf(b)} ${show(b.rect)}`);
      }
    }
  }
}

function checkMemory(graph: KernelGraph, placed: PlacedKernel, target: Target, faults: Faults): void {
  const { sram, rows, columns } = placed.variant;
  let total = 0;
  for (const category of sramCategories) {
    if (!(sram[category] >= 0)) faults.add(nameOf(placed), `${category} take ${sram[category]} bytes`);
    total += sram[category];
  }
  if (total > target.core.sramBytes) {
    faults.add(nameOf(placed), `needs ${total} bytes in its fullest core, a core has ${target.core.sramBytes}`);
  }
  const weights = graph.kernels[placed.kernel]?.weightBytes ?? 0;
  if (sram.weights * rows * columns < weights) {
    faults.add(
      nameOf(placed),
      `${rows * columns} cores with ${sram.weights} bytes each cannot hold ${weights} bytes of weights`,
    );
  }
}

function checkCertificate(placement: Placement, linkCycles: number, faults: Faults): void {
  const { certificate, kernels } = placement;
  const slowest = kernels.reduce((most, { variant }) => Math.max(most, variant.cycles), 0);
  const { objective, bound, gap } = certificate;
  if (objective < slowest)
    faults.add("certificate", `claims an interval of ${objective} cycles, a kernel takes ${slowest}`);
  if (objective < linkCycles - 1e-3)
    faults.add("certificate", `claims an interval of ${objective} cycles, a link takes ${linkCycles}`);
  if (bound > objective) faults.add("certificate", `its bound ${bound} is above its objective ${objective}`);
  if (Math.abs(gap - (objective - bound) / objective) > 1e-9)
    faults.add("certificate", `its gap ${gap} does not follow from objective and bound`);
  if (certificate.status === "optimal" && gap !== 0) faults.add("certificate", "claims to be optimal with a gap");
  checkGoal(placement, faults);
}

/** The goal's value is recounted where rectangles alone tell it: interval, cores and wire length. */
function checkGoal({ certificate, kernels, routes }: Placement, faults: Faults): void {
  const { kind, value, bound, gap, status } = certificate.goal;
  const counted: Readonly<Record<typeof kind, number>> = {
    throughput: certificate.objective,
    latency: certificate.latencyCycles,
    cores: kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0),
    wire: routes.reduce((sum, { from, to }) => sum + centreDistance(kernels[from]?.rect, kernels[to]?.rect), 0),
  };
  if (Math.abs(value - counted[kind]) > 1e-6 * Math.max(1, value))
    faults.add("certificate", `claims ${value} for ${kind}, the placement has ${counted[kind]}`);
  if (bound > value) faults.add("certificate", `its bound ${bound} on ${kind} is above the value ${value}`);
  if (value > 0 && Math.abs(gap - (value - bound) / value) > 1e-9)
    faults.add("certificate", `its gap ${gap} in ${kind} does not follow from value and bound`);
  if (status === "optimal" && gap !== 0) faults.add("certificate", `claims the least ${kind} with a gap`);
}

const centreDistance = (a: Rect | undefined, b: Rect | undefined): number =>
  a === undefined || b === undefined
    ? 0
    : Math.abs(a.x + a.width / 2 - b.x - b.width / 2) + Math.abs(a.y + a.height / 2 - b.y - b.height / 2);

/**
 * Says whether a placement is legal. Shares no code with the placer: it works on the placement's own data, the kernel graph and the target,
 * walks every lane core by core, and asks the machine's clock (ir/machine) what the mappings cost.
 *
 *     rectangles   every kernel once, as large as its variant, inside the usable area, no two overlapping
 *     mappings     of loops that the kernel has, in pieces that its rectangle holds, every iteration in one core (check-mapping.ts)
 *     memory       code + weights + activations + buffers + stack of the fullest core, counted again, within its SRAM
 *     routes       every edge once, from a core of its producer to a core of its consumer, inside the fabric
 *     colors       allowed for routes; at any router a color has one source, one way in, and at most the router's number of them
 *     region       where kernels share one, that and all that follows from it instead (check-resident.ts)
 *     copies       apart from each other, each on working cores inside the usable area (check-copies.ts)
 *     constraints  pinned there, nothing on keep-out areas and dead cores, co-located kernels touch, the interval within its limit
 *     certificate  objective, bound and gap agree with each other, and so do the goal's; every figure is counted again
 */
import { type Diagnostic, showName } from "../../../ir/diagnostic.ts";
import type { Kernel, KernelGraph } from "../../../ir/kernel-graph.ts";
import type { PlacedKernel, Placement, Rect } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { checkCertificate, checkClaims } from "./check-certificate.ts";
import { checkConstraints } from "./check-constraints.ts";
import { checkCopies } from "./check-copies.ts";
import { checkMapping } from "./check-mapping.ts";
import { checkRoutes } from "./check-routes.ts";
import { checkResident } from "./check-resident.ts";
import { Faults } from "./faults.ts";

/** Everything illegal about a placement, as WSC5003; empty when it is legal. */
export function checkPlacement(graph: KernelGraph, placement: Placement, target: Target): readonly Diagnostic[] {
  const faults = new Faults();
  checkMachine(placement, target, faults);
  if (placement.precision !== graph.precision)
    faults.add("precision", `is ${placement.precision}, the layers are ${graph.precision}`);
  const { mode } = placement;
  switch (mode.kind) {
    case "pipeline":
      checkPipeline(graph, placement, target, faults);
      break;
    case "resident":
      checkResident(graph, placement, mode, target, faults);
      break;
  }
  return faults.list;
}

function checkPipeline(graph: KernelGraph, placement: Placement, target: Target, faults: Faults): void {
  if (checkShape(graph, placement, target, faults)) {
    checkOverlaps(placement, faults);
    for (const [index, placed] of placement.kernels.entries())
      checkMapping(kernelAt(graph, index), placed, target, faults);
    const tally = checkRoutes(graph, placement, target, faults);
    checkConstraints(placement, target, faults);
    const travels = checkCopies(placement, target, tally.travel, faults);
    const isSound = faults.list.length === 0;
    checkClaims(placement, faults);
    // figures are counted again only where what they are counted from is in order
    if (isSound) checkCertificate(graph, placement, target, { ...tally, travels }, faults);
  }
}

function kernelAt(graph: KernelGraph, id: number): Kernel {
  const kernel = graph.kernels[id];
  if (kernel === undefined) throw new Error(`internal: no kernel ${id}`);
  return kernel;
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
    const { mapping } = variant;
    const [width, height] = rotated ? [mapping.height, mapping.width] : [mapping.width, mapping.height];
    if (rect.width !== width || rect.height !== height) {
      faults.add(nameOf(placed), `is ${show(rect)}, its variant ${rotated ? "turned is" : "is"} ${width} x ${height}`);
    }
    const whole = [rect.x, rect.y, rect.width, rect.height].every(Number.isInteger);
    const inside =
      whole && rect.x >= left && rect.y >= top && rect.x + rect.width <= right && rect.y + rect.height <= bottom;
    if (!inside || rect.width < 1 || rect.height < 1) {
      faults.add(
        nameOf(placed),
        `${show(rect)} is not inside the usable columns ${left}..${right - 1} and rows ${top}..${bottom - 1}`,
      );
    }
  }
  return faults.list.length === 0;
}

/** The facts about the machine that a placement carries along. */
function checkMachine(placement: Placement, { core, fabric, io }: Target, faults: Faults): void {
  const { usable, sramBytes } = placement.target;
  if (placement.target.width !== fabric.width || placement.target.height !== fabric.height) {
    faults.add(
      "fabric",
      `is ${fabric.width} x ${fabric.height}, the placement is for ${placement.target.width} x ${placement.target.height}`,
    );
  }
  if (sramBytes !== core.sramBytes)
    faults.add("target", `has ${core.sramBytes} bytes per core, the placement says ${sramBytes}`);
  const right = fabric.width - io.columnsEast;
  const bottom = fabric.height - io.rowsSouth;
  const isUsable = usable.x === io.columnsWest && usable.y === io.rowsNorth && usable.x + usable.width === right && usable.y + usable.height === bottom; // prettier-ignore
  if (!isUsable) faults.add("target", `is usable in columns ${io.columnsWest}..${right - 1} and rows ${io.rowsNorth}..${bottom - 1}, the placement says ${show(usable)}`); // prettier-ignore
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

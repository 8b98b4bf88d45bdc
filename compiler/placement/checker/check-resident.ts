/**
 * The checker's part for kernels that share one region: where the region and its kernels lie, what every mapping costs there, what has to move between
 * them, what the fullest core holds, and the certificate, all counted again from the mappings.
 */
import { defined, nth } from "../../../ir/access.ts";
import { showName } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { costOf, siteOf } from "../../../ir/machine/cost.ts";
import {
  regionBytes,
  regionCategories,
  regionEdgeCycles,
  regionSramOf,
  regionTravel,
  residentCost,
} from "../../../ir/machine/resident.ts";
import { type RegionMoves, regionMoves } from "../../../ir/machine/region-moves.ts";
import { spreadOver } from "../../../ir/machine/spread.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { nestOf } from "../../../ir/machine/work.ts";
import type { PlacedKernel, Placement, PlacementMode, Rect } from "../../../ir/placement.ts";
import { edgeWords } from "./check-certificate.ts";
import { faultOf } from "./check-mapping.ts";
import type { Faults } from "./faults.ts";

type Resident = Extract<PlacementMode, { kind: "resident" }>;

const show = ({ x, y, width, height }: Rect): string => `${width} x ${height} at (${x}, ${y})`;
const within = (inner: Rect, outer: Rect): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

/** Checks a placement on one region and everything that it claims. */
export function checkResident(
  graph: KernelGraph,
  placement: Placement,
  mode: Resident,
  target: Target,
  faults: Faults,
): void {
  checkRegion(placement, mode, target, faults);
  if (placement.kernels.length !== graph.kernels.length) {
    faults.add("placement", `has ${placement.kernels.length} kernels for ${graph.kernels.length} kernels`);
    return;
  }
  for (const [id, placed] of placement.kernels.entries()) checkKernel(graph, id, placed, mode.region, target, faults);
  if (faults.list.length > 0) return;
  const moved = checkMoves(graph, placement, mode, target, faults);
  checkMemory(graph, placement, mode, target, moved, faults);
  const cycles = moved.moves.reduce((sum, move) => sum + move.cycles, 0);
  checkFigures(graph, placement, mode, target, cycles, faults);
}

/** Where the region lies, and that nothing is claimed that a region does not have. */
function checkRegion(placement: Placement, { region }: Resident, target: Target, faults: Faults): void {
  const { fabric, io } = target;
  const usable: Rect = {
    x: io.columnsWest,
    y: io.rowsNorth,
    width: fabric.width - io.columnsWest - io.columnsEast,
    height: fabric.height - io.rowsNorth - io.rowsSouth,
  };
  if (!within(region, usable)) faults.add("region", `${show(region)} is not inside the usable ${show(usable)}`);
  const { constraints, copies, routes } = placement;
  if (routes.length > 0) faults.add("region", `has ${routes.length} routes; values move inside it`);
  if (copies.count !== 1) faults.add("copies", `are ${copies.count}, and a region is one`);
  if (constraints.pins.length + constraints.coLocate.length > 0)
    faults.add("constraints", "give layers places of their own, and they share a region");
  const blocked = [
    ...constraints.keepOut,
    ...constraints.deadCores.map(({ x, y }) => ({ x, y, width: 1, height: 1 })),
    ...(target.deadCores ?? []).map(([x, y]) => ({ x, y, width: 1, height: 1 })),
  ];
  const met = blocked.find(
    (area) =>
      area.x < region.x + region.width &&
      region.x < area.x + area.width &&
      area.y < region.y + region.height &&
      region.y < area.y + area.height,
  );
  if (met !== undefined) faults.add("region", `${show(region)} lies on what is dead or kept out, ${show(met)}`);
}

/** One kernel: in the corner of the region, with a mapping of its own loops and the figures that follow. */
function checkKernel(
  graph: KernelGraph,
  id: number,
  placed: PlacedKernel,
  region: Rect,
  target: Target,
  faults: Faults,
): void {
  const subject = `kernel ${placed.kernel} "${showName(placed.name)}"`;
  const kernel = nth(graph.kernels, id);
  const { rect, variant, rotated } = placed;
  const { mapping } = variant;
  if (placed.kernel !== id) faults.add(subject, `stands where kernel ${id} belongs`);
  const isInPlace = rect.x === region.x && rect.y === region.y && within(rect, region) && !rotated;
  if (!isInPlace || rect.width !== mapping.width || rect.height !== mapping.height) {
    faults.add(
      subject,
      `is ${show(rect)}, and not ${mapping.width} x ${mapping.height} in the corner of ${show(region)}`,
    );
    return;
  }
  const wrong = faultOf(kernel, mapping);
  if (wrong !== null) {
    faults.add(subject, wrong);
    return;
  }
  const site = siteOf(target, nestOf(kernel));
  const cost = residentCost(site, mapping);
  const { ports, colors } = costOf(site, mapping);
  const { sram } = variant;
  const figures: readonly (readonly [what: string, claimed: number, counted: number])[] = [
    ["cycles", variant.cycles, cost.cycles],
    ["cycles of latency", variant.latency, cost.cycles],
    ["words per cycle over its border", variant.ports, ports],
    ["colors", variant.colors, colors],
    ["bytes of code", sram.code, cost.code],
    ["bytes of weights", sram.weights, cost.weights],
    ["bytes of activations", sram.activations, cost.working + cost.state],
    ["bytes of buffers", sram.buffers, 0],
    ["bytes of stack", sram.stack, target.core.systemBytes],
  ];
  for (const [what, claimed, counted] of figures)
    if (claimed !== counted) faults.add(subject, `claims ${claimed} ${what}, its mapping comes to ${counted}`);
}

/** Every operand that an edge feeds has its move; gives all as they were counted. */
function checkMoves(
  graph: KernelGraph,
  placement: Placement,
  mode: Resident,
  target: Target,
  faults: Faults,
): RegionMoves {
  const counted = regionMoves(graph, target, mode.region, (id, name) => {
    const kernel = nth(graph.kernels, id);
    return spreadOver(mode.region, {
      kernel,
      operand: defined(kernel.operands.find((one) => one.name === name)),
      mapping: nth(placement.kernels, id).variant.mapping,
    });
  });
  if (counted.moves.length !== mode.moves.length)
    faults.add(
      "moves",
      `are ${mode.moves.length}, and the layers have ${counted.moves.length} operands from each other`,
    );
  for (const [index, { edge, operand, kind, cycles }] of counted.moves.entries()) {
    const claimed = mode.moves[index];
    if (claimed?.edge !== edge || claimed.operand !== operand) faults.add("moves", `lack edge ${edge} to ${operand}`);
    else if (claimed.kind !== kind || claimed.cycles !== cycles)
      faults.add(
        "moves",
        `claim ${claimed.kind} in ${claimed.cycles} cycles for edge ${edge} to ${operand}, the layouts come to ${kind} in ${cycles}`,
      );
  }
  return counted;
}

function checkMemory(
  graph: KernelGraph,
  placement: Placement,
  mode: Resident,
  target: Target,
  { copies }: RegionMoves,
  faults: Faults,
): void {
  const mappings = placement.kernels.map(({ variant }) => variant.mapping);
  const costs = graph.kernels.map((kernel, id) => residentCost(siteOf(target, nestOf(kernel)), nth(mappings, id)));
  const counted = regionSramOf(graph, target, mappings, costs, copies);
  for (const category of regionCategories)
    if (mode.sram[category] !== counted[category])
      faults.add(
        "region",
        `claims ${mode.sram[category]} bytes of ${category} in its fullest core, ${counted[category]} were counted`,
      );
  const total = regionBytes(counted);
  if (total > target.core.sramBytes)
    faults.add("region", `needs ${total} bytes in its fullest core, a core has ${target.core.sramBytes}`);
}

function checkFigures(
  graph: KernelGraph,
  { certificate, kernels, constraints }: Placement,
  { region }: Resident,
  target: Target,
  moved: number,
  faults: Faults,
): void {
  const kernelCycles = kernels.reduce((sum, { variant }) => sum + variant.cycles, 0);
  const linkCycles = moved + regionTravel(target, region);
  const ioCycles = regionEdgeCycles(target, edgeWords(graph), region);
  const sum = Math.max(1, kernelCycles + linkCycles + ioCycles);
  const { objective, bound, gap, status, goal, slowest, bottleneck } = certificate;
  const figures: readonly (readonly [what: string, claimed: number, counted: number])[] = [
    ["cycles of all kernels", certificate.kernelCycles, kernelCycles],
    ["cycles of moves and ways", certificate.linkCycles, linkCycles],
    ["cycles of the wafer's edge", certificate.ioCycles, ioCycles],
    ["cycles between samples", objective, sum],
    ["cycles of latency", certificate.latencyCycles, sum],
    [`cycles of ${goal.kind}`, goal.value, sum],
    ["hops of wire", certificate.wireLength, 0],
    ["of the gap", gap, (objective - bound) / objective],
    ["of the goal's bound", goal.bound, bound],
    ["of the goal's gap", goal.gap, gap],
  ];
  for (const [what, claimed, counted] of figures)
    if (Math.abs(claimed - counted) > 1e-9 * Math.max(1, counted))
      faults.add("certificate", `claims ${claimed} ${what}, ${counted} were counted`);
  if (bound > objective) faults.add("certificate", `its bound ${bound} is above its objective ${objective}`);
  if ((status === "optimal" || goal.status === "optimal") && gap !== 0)
    faults.add("certificate", "claims to be optimal with a gap");
  const causes = { kernel: kernelCycles, link: linkCycles, io: ioCycles };
  if (causes[bottleneck] < Math.max(...Object.values(causes)))
    faults.add("certificate", `calls the ${bottleneck} its bottleneck, which takes ${causes[bottleneck]} cycles`);
  const named = slowest === null ? undefined : kernels[slowest];
  const most = kernels.reduce((so, { variant }) => Math.max(so, variant.cycles), 0);
  if (kernels.length > 0 && named?.variant.cycles !== most)
    faults.add("certificate", `calls kernel ${slowest ?? "none"} the slowest, the slowest takes ${most} cycles`);
  if (objective > (constraints.maxInterval ?? Infinity))
    faults.add("constraints", `ask for ${constraints.maxInterval} cycles at most, a sample takes ${objective}`);
  if (certificate.movement !== null) faults.add("certificate", "tells of kernels that moved, and they share a region");
}

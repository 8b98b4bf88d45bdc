/** Placement -> report: one wafer, or the wafers of a split that pass samples on to each other. */
import { nth } from "../../../ir/access.ts";
import type { HostKernel, Kernel, KernelGraph } from "../../../ir/kernel-graph.ts";
import { sramCategories } from "../../../ir/machine/cost.ts";
import type { Cut } from "../../../ir/machine/mapping.ts";
import { regionCategories } from "../../../ir/machine/resident.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { coresInUse, type PlacedKernel, type Placement } from "../../../ir/placement.ts";
import { passageOf } from "../../placement/certificate.ts";
import { count, duration, visible } from "../text.ts";
import { placementFigures, proofFacts, splitFigures, targetFacts } from "./figures.ts";
import type { PlacedInput, SplitInput, SplitStage } from "./inputs.ts";
import { limitsOf } from "./limits.ts";
import {
  type HeldBytes,
  type ReportData,
  type ReportEdge,
  type ReportLayer,
  type ReportRoute,
  reportVersion,
  type ReportWafer,
  type WaferMap,
} from "./report-data.ts";

/** The report of a placement. */
export function reportOfPlacement({ kernels, placement, target, simulation }: PlacedInput): ReportData {
  const { certificate, precision } = placement;
  const model = nameOf(placement.model);
  return {
    ...common(target),
    model,
    title: `${model} on ${target.name}${precision === "f32" ? "" : ` in ${precision}`}`,
    summary: summaryOf(placement, kernels.host),
    limit: limitsOf([{ wafer: null, placement }]),
    figures: placementFigures(placement, kernels),
    facts: [proofFacts(placement), targetFacts(placement, target)],
    interval: certificate.objective,
    wafers: [waferOf(placement, target.name, 0)],
    links: [],
    layers: layersOf(kernels, placement, target, { wafer: 0, layer: 0, cycles: 0 }),
    edges: edgesOf(kernels, 0, 0),
    host: visibleHost(kernels.host),
    simulation,
  };
}

/** The report of a model that is cut over wafers. */
export function reportOfSplit(split: SplitInput): ReportData {
  const { target, stages, interval } = split;
  const model = nameOf(split.model);
  const parts = stages.reduce<readonly StagePart[]>(
    (before, stage, wafer) => [...before, partOf(before, stage, wafer, target)],
    [],
  );
  const all = `${count(stages.length)} wafers`;
  return {
    ...common(target),
    model,
    title: `${model} on ${all} of ${target.name}`,
    summary: `${layerCount(parts.flatMap(({ layers }) => layers).length)} on ${all} that work at once on successive samples, one every ${duration(interval / (target.clock.used * 1e9))}.${hostNote(split.host)}`,
    limit: limitsOf(stages.map(({ placement }, wafer) => ({ wafer: wafer + 1, placement }))),
    figures: splitFigures(split),
    facts: stages
      .slice(0, 1)
      .map(({ placement }) =>
        targetFacts({ ...placement, certificate: { ...placement.certificate, objective: interval } }, target),
      ),
    interval,
    wafers: parts.map(({ wafer }) => wafer),
    links: split.links,
    layers: parts.flatMap(({ layers }) => layers),
    edges: [...parts.flatMap(({ edges }) => edges), ...split.crossing],
    host: visibleHost(split.host),
    simulation: null,
  };
}

/** What a stage gives to the report. */
interface StagePart {
  readonly wafer: ReportWafer;
  readonly layers: readonly ReportLayer[];
  readonly edges: readonly ReportEdge[];
  /** one more than its greatest number of a stream */
  readonly streams: number;
}

function partOf(
  before: readonly StagePart[],
  { kernels, placement, begin }: SplitStage,
  index: number,
  target: Target,
): StagePart {
  const layer = before.reduce((sum, { layers }) => sum + layers.length, 0);
  const edge = before.reduce((sum, { edges }) => sum + edges.length, 0);
  return {
    wafer: waferOf(placement, `Wafer ${index + 1}`, edge),
    layers: layersOf(kernels, placement, target, { wafer: index, layer, cycles: begin }),
    edges: edgesOf(
      kernels,
      layer,
      before.reduce((sum, { streams }) => sum + streams, 0),
    ),
    streams: kernels.edges.reduce((most, { stream }) => Math.max(most, stream + 1), 0),
  };
}

const nameOf = (model: string): string => (model === "" ? "model" : visible(model));

const visibleHost = (host: readonly HostKernel[]): readonly HostKernel[] =>
  host.map((op) => ({ ...op, reason: visible(op.reason), origin: op.origin.map(visible) }));

const common = (target: Target): Pick<ReportData, "version" | "machine" | "warning" | "coreBytes" | "notes"> => ({
  version: reportVersion,
  machine: target.name,
  warning: null,
  coreBytes: target.core.sramBytes,
  notes: [
    "Cycles come from wsc's cost model, not from hardware. Figures of the machine:",
    ...target.facts.map(({ field, basis, source }) => `${field}, ${basis}: ${source}`),
  ],
});

const layerCount = (layers: number): string => `${count(layers)} layer${layers === 1 ? "" : "s"}`;

const hostNote = (host: readonly HostKernel[]): string =>
  host.length === 0 ? "" : ` ${count(host.length)} operation${host.length === 1 ? " stays" : "s stay"} on the host.`;

function summaryOf({ certificate, mode, kernels, copies, target }: Placement, host: readonly HostKernel[]): string {
  const layers = layerCount(kernels.length);
  const interval = duration(certificate.objective / target.clockHz);
  if (mode.kind === "resident")
    return `All ${layers} share one region of ${mode.region.width} × ${mode.region.height} cores, one after the other. A sample takes ${interval}.${hostNote(host)}`;
  const turns = copies.count === 1 ? "" : `, dealt out to ${count(copies.count)} copies side by side`;
  return `All ${layers} stay on the wafer and work at once on successive samples${turns}. One sample leaves every ${interval}.${hostNote(host)}`;
}

const categories = <C extends string>(names: readonly C[], bytes: Readonly<Record<C, number>>): readonly HeldBytes[] =>
  names.map((category) => ({ category, bytes: bytes[category] }));

function waferOf(placement: Placement, name: string, firstEdge: number): ReportWafer {
  const { certificate, kernels, target } = placement;
  return {
    name,
    layers: kernels.map((kernel) => visible(kernel.name)),
    held: heldBy(placement),
    capacity: coresInUse(placement) * target.sramBytes,
    load: { kind: "cycles", amount: certificate.objective },
    map: mapOf(placement, firstEdge),
  };
}

/** Bytes of all cores in use, each taken as full as the fullest of its layer. */
function heldBy({ mode, copies, kernels }: Placement): readonly HeldBytes[] {
  if (mode.kind === "resident") {
    const cores = mode.region.width * mode.region.height;
    return categories(regionCategories, mode.sram).map(({ category, bytes }) => ({ category, bytes: bytes * cores }));
  }
  return sramCategories.map((category) => ({
    category,
    bytes: kernels.reduce(
      (sum, { rect, variant }) => sum + copies.count * rect.width * rect.height * variant.sram[category],
      0,
    ),
  }));
}

function mapOf({ target, mode, copies, constraints, routes, certificate }: Placement, firstEdge: number): WaferMap {
  return {
    width: target.width,
    height: target.height,
    usable: target.usable,
    copies,
    region: mode.kind === "resident" ? mode.region : null,
    keepOut: constraints.keepOut,
    deadCores: constraints.deadCores,
    routes: routes.map(({ edge, color, lanes, shape, fromX, fromY, toX, toY, via = [], turn }): ReportRoute => ({
      edge: edge + firstEdge,
      color,
      lanes,
      shape,
      fromX,
      fromY,
      toX,
      toY,
      via,
      takesTurns: turn !== undefined,
    })),
    fullestLink:
      certificate.fullestLink === null
        ? null
        : { ...certificate.fullestLink, edges: certificate.fullestLink.edges.map((edge) => edge + firstEdge) },
    fullestRouter: certificate.fullestRouter,
  };
}

const edgesOf = ({ edges }: KernelGraph, firstLayer: number, firstStream: number): readonly ReportEdge[] =>
  edges.map(({ from, to, words, stream }) => ({
    from: from + firstLayer,
    to: to + firstLayer,
    words,
    stream: stream + firstStream,
  }));

/** Where the layers of a wafer begin in the whole report. */
interface Offset {
  readonly wafer: number;
  readonly layer: number;
  readonly cycles: number;
}

function layersOf(kernels: KernelGraph, placement: Placement, target: Target, offset: Offset): readonly ReportLayer[] {
  const begins = beginsOf(kernels, placement, target);
  return placement.kernels.map((placed, index) =>
    layerOf(nth(kernels.kernels, placed.kernel), placed, { ...offset, cycles: offset.cycles + nth(begins, index) }),
  );
}

/** When a sample that has the wafer to itself reaches each layer. */
function beginsOf(kernels: KernelGraph, placement: Placement, target: Target): ArrayLike<number> {
  const { mode, kernels: placed, routes } = placement;
  if (mode.kind === "pipeline") return passageOf(kernels, target, placed, { routes }).start;
  const begins: number[] = [];
  let now = 0;
  for (const { kernel, variant } of placed) {
    for (const { edge, cycles } of mode.moves) if (nth(kernels.edges, edge).to === kernel) now += cycles;
    begins.push(now);
    now += variant.cycles;
  }
  return begins;
}

const cutText = (cuts: readonly Cut[]): string => cuts.map(({ loop, pieces }) => `${loop}/${pieces}`).join(" ");

function layerOf(kernel: Kernel, placed: PlacedKernel, offset: Offset): ReportLayer {
  const { rect, rotated, variant } = placed;
  const { mapping } = variant;
  const [across, down] = rotated ? [mapping.rows, mapping.columns] : [mapping.columns, mapping.rows];
  return {
    id: offset.layer + placed.kernel,
    name: visible(placed.name),
    family: placed.family,
    nodes: kernel.origin.map(visible),
    kinds: [...new Set(kernel.stages.map(({ kind }) => kind))],
    wafer: offset.wafer,
    rect,
    rotated,
    across: cutText(across),
    down: cutText(down),
    cycles: variant.cycles,
    latency: variant.latency,
    begin: offset.cycles,
    end: offset.cycles + variant.latency,
    sram: categories(sramCategories, variant.sram),
    flops: kernel.flops,
  };
}

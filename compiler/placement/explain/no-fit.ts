/** Why a model does not fit: which constraint, at which layer, by how much, and the least change that would help. All WSC5002. */
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../../../ir/diagnostic.ts";
import { type Kernel, type KernelGraph, type KernelId, weightBytes } from "../../../ir/kernel-graph.ts";
import type { PlacementConstraints, Rect } from "../../../ir/placement.ts";
import type { VariantList } from "../../kernels/family.ts";
import { kernelSignature, variantsOf, variantTable } from "../../kernels/library.ts";
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { withPrecision } from "../../kernels/precision.ts";
import { areaAt, areaCurve } from "../sizing/area-bound.ts";
import { showRect } from "../constraints/constraints.ts";
import { pack } from "../packing/floorplan.ts";
import { Grid } from "../packing/grid.ts";
import { type LayerShortage, shortageOf } from "./layer-shortage.ts";
import { leastFactor, rowsToPack } from "./least-change.ts";
import { coresOf, distinctTimes, type Problem } from "../problem.ts";
import type { RoutingFailure } from "../routing/routes.ts";
import type { Scene } from "../search.ts";
import { blockedBoxes, rectOfPin, type Task } from "../task.ts";
import type { Unfit } from "../unfit.ts";

const subjectOf = ({ family, name }: Kernel): string => `${family} "${showName(name)}"`;

function kernelAt(graph: KernelGraph, id: KernelId): Kernel {
  const kernel = graph.kernels[id];
  if (kernel === undefined) throw new Error(`internal: no kernel ${id}`);
  return kernel;
}

const bytes = (count: number): string => {
  if (count < 10_240) return `${Math.round(count)} bytes`;
  return count < 10 * 2 ** 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 2 ** 20).toFixed(1)} MiB`;
};

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)}%`;

/** What a problem that could not be prepared fails at: every layer that does not fit, or all of them together. */
export function unfitError(unfit: Unfit): WscError {
  const { scene } = unfit;
  const { graph, target, constraints, ioCycles } = scene;
  const limit = constraints.maxInterval ?? Infinity;
  switch (unfit.kind) {
    case "memory":
      return noVariants(graph, target, unfit.kernels);
    case "edge":
      return new WscError([noInterval(graph, target, limit, null, ioCycles)]);
    case "limit":
      return new WscError(
        unfit.kernels.map((id, index) => noInterval(graph, target, limit, id, unfit.least[index] ?? Infinity)),
      );
    case "place":
      return new WscError(unfit.kernels.map((id) => noPlace(scene, id)));
    case "area":
      return noRoom(scene, unfit.task);
  }
}

/** Kernels that cannot be cut finely enough for the cores' SRAM, each with what it is short of; equal kernels are looked at once. */
export function noVariants(graph: KernelGraph, target: Target, ids: readonly KernelId[]): WscError {
  const known = new Map<string, LayerShortage>();
  return new WscError(
    ids.map((id) => {
      const kernel = kernelAt(graph, id);
      const signature = kernelSignature(kernel);
      const shortage = known.get(signature) ?? shortageOf(kernel, target);
      known.set(signature, shortage);
      return noVariant(kernel, target, shortage);
    }),
  );
}

function noVariant(kernel: Kernel, target: Target, { sramBytes, operand, changes }: LayerShortage): Diagnostic {
  const { width, height } = usableRect(target);
  const have = target.core.sramBytes;
  const weights = `${bytes(weightBytes(kernel))} of weights`;
  const wafer = `${width} x ${height} cores of ${bytes(have)}`;
  const most = operand === null ? "" : `, most of it ${operand.role} ${operand.name} with ${bytes(operand.bytes)}`;
  return diagnostic(
    "error",
    "WSC5002",
    sramBytes === null
      ? `does not fit ${target.name} alone: no cut of its ${weights} and its activations fits ${wafer}`
      : `does not fit ${target.name} alone: SRAM is short by ${percent(sramBytes / have - 1)}; its ${weights} and its activations need cores of ${bytes(sramBytes)}${most}, and there are ${wafer}`,
    {
      subject: subjectOf(kernel),
      hint:
        changes.length === 0 ? "a larger wafer, a narrower element type, or a smaller batch" : changes.join(", or "),
      shortage: {
        layer: kernel.name,
        operand: operand === null ? null : `${operand.role} ${operand.name}`,
        limit: "core.sramBytes",
        unit: "bytes",
        have,
        need: sramBytes,
        changes,
      },
    },
  );
}

/** A kernel that constraints leave no place for. */
function noPlace(scene: Scene, id: KernelId): Diagnostic {
  const { graph, target, constraints } = scene;
  const kernel = kernelAt(graph, id);
  const pin = constraints.pins.find((one) => one.kernel === id);
  const smallest = smallestOf(variantsOf(kernel, target));
  const size = `its smallest variant is ${smallest.columns} x ${smallest.rows} cores`;
  const subject = subjectOf(kernel);
  if (pin !== undefined) {
    const rect = rectOfPin(pin);
    return diagnostic(
      "error",
      "WSC5002",
      rect === null
        ? `no variant fits at its pinned corner (${pin.x}, ${pin.y}) without blocked cores; ${size}`
        : `no variant fits its pinned rectangle of ${showRect(rect)}; ${size}`,
      { subject, hint: hintForPin(kernel, target, rect) },
    );
  }
  const { width, height } = usableRect(target);
  const boxes = new Grid(width, height, blockedBoxes(constraints, target)).largestBoxes();
  const largest = boxes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a), { width: 0, height: 0, x: 0, y: 0 }); // prettier-ignore
  return diagnostic(
    "error",
    "WSC5002",
    `fits between no blocked cores: ${size}, and the largest free rectangle is ${largest.width} x ${largest.height}`,
    { subject, hint: "fewer or smaller keep-out areas, or a wafer with fewer dead cores" },
  );
}

function smallestOf({ candidates }: VariantList): { readonly rows: number; readonly columns: number } {
  return candidates.reduce((a, b) => (b.rows * b.columns < a.rows * a.columns ? b : a), candidates[0] ?? { rows: 0, columns: 0, cycles: 0 }); // prettier-ignore
}

/** The least rectangle of the pin's proportions that would do, found by trying. */
function hintForPin(kernel: Kernel, target: Target, rect: Rect | null): string | undefined {
  if (rect === null) return "another corner";
  const io = { ...target.io, columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0 };
  const scaled = (factor: number): { width: number; height: number } => ({
    width: Math.min(target.fabric.width, Math.ceil(rect.width * factor)),
    height: Math.min(target.fabric.height, Math.ceil(rect.height * factor)),
  });
  const works = (factor: number): boolean =>
    variantsOf(kernel, { ...target, io, fabric: scaled(factor) }).candidates.length > 0;
  const factor = leastFactor(works, Math.max(target.fabric.width / rect.width, target.fabric.height / rect.height));
  if (factor === null) return "a pin of its corner only";
  const { width, height } = scaled(factor);
  return `a rectangle of ${width} x ${height} would do`;
}

/** No placement can keep to `--max-interval`: some kernel, or the edge of the wafer (`null`), is slower by itself. */
function noInterval(
  graph: KernelGraph,
  target: Target,
  limit: number,
  id: KernelId | null,
  cycles: number,
): Diagnostic {
  const what = id === null ? "the words over the wafer's edge take" : "its fastest variant takes";
  return diagnostic(
    "error",
    "WSC5002",
    `cannot keep to ${limit} cycles between samples on ${target.name}: ${what} ${cycles} cycles, ${percent(cycles / limit - 1)} more`,
    {
      subject: id === null ? `"${showName(graph.name)}"` : subjectOf(kernelAt(graph, id)),
      hint: `--max-interval ${cycles} or more`,
      shortage: {
        layer: id === null ? null : kernelAt(graph, id).name,
        operand: null,
        limit: "--max-interval",
        unit: "cycles",
        have: limit,
        need: cycles,
        changes: [`--max-interval ${cycles}`],
      },
    },
  );
}

/** Kernels keep to `--max-interval`, links do not. */
export function tooSlowLinks({ graph, constraints }: Scene, interval: number): WscError {
  return fail(
    "WSC5002",
    `no routes were found that keep to ${constraints.maxInterval ?? 0} cycles between samples; the best need ${interval} on their fullest link`,
    { subject: `"${showName(graph.name)}"`, hint: `--max-interval ${interval}, or more words per link and cycle` },
  );
}

/** The smallest shapes of all kernels need more cores than there are. */
function noRoom({ graph, target, constraints }: Scene, { problem, ids }: Task): WscError {
  const { needs, needed, largest } = demand(problem);
  const have = coresOf(problem);
  const weights = graph.kernels.reduce((sum, kernel) => sum + weightBytes(kernel), 0);
  const share = (needs[largest] ?? 0) / needed;
  const blocked = problem.width * problem.height - have;
  const taken = blocked === 0 ? "" : ` (constraints take ${blocked} of ${problem.width * problem.height})`;
  const side = Math.ceil(Math.sqrt(needed));
  const { maxInterval } = constraints;
  const limit = maxInterval === null ? "" : ` at ${maxInterval} cycles between samples`;
  const sram = leastSramForAll(graph, target, have);
  const narrow = fitsNarrow(graph, target, have) ? "--precision f16" : null;
  return fail(
    "WSC5002",
    `does not fit ${target.name}: cores are short by ${percent(needed / have - 1)}; ${ids.length} layers with ${bytes(weights)} of weights need at least ${needed} cores${limit}, and ${have} are usable${taken}; the largest layer, ${subjectOf(kernelAt(graph, ids[largest] ?? 0))}, takes ${percent(share)} of them`,
    {
      subject: `"${showName(graph.name)}"`,
      hint: `${Math.ceil(needed / have)} wafers, a fabric of ${side} x ${side} usable cores, ${sram === null ? "" : `core.sramBytes of ${sram}, `}${narrow === null ? "or narrower weights" : `or ${narrow}`}`,
      shortage: {
        layer: null,
        operand: null,
        limit: "usable cores",
        unit: "cores",
        have,
        need: needed,
        changes: [sram === null ? null : `core.sramBytes of ${sram}`, narrow].filter((change) => change !== null),
      },
    },
  );
}

/** SRAM per core from which on the smallest variants of all layers fit so many cores, to 1%; null when 16 times as much is not enough. */
function leastSramForAll(graph: KernelGraph, target: Target, cores: number): number | null {
  const { sramBytes } = target.core;
  const works = (factor: number): boolean => {
    const core = { ...target.core, sramBytes: Math.round(sramBytes * factor) };
    return leastCoresOf(graph, { ...target, core }) <= cores;
  };
  if (isTooLargeForHints(graph)) return null;
  const factor = leastFactor(works, 16);
  return factor === null ? null : Math.round(sramBytes * factor);
}

/** True when layers of 16 bits fit so many cores by area. */
const fitsNarrow = (graph: KernelGraph, target: Target, cores: number): boolean =>
  graph.precision === "f32" && !isTooLargeForHints(graph) && leastCoresOf(withPrecision(graph, "f16"), target) <= cores;

const leastCoresOf = (graph: KernelGraph, target: Target): number =>
  variantTable(graph, target).reduce(
    (sum, list) => sum + (list.candidates.length === 0 ? Infinity : areaOf(smallestOf(list))),
    0,
  );

/** Listing all variants takes long for graphs of many distinct layers. */
const isTooLargeForHints = (graph: KernelGraph): boolean =>
  new Set(graph.kernels.map(kernelSignature)).size > maxDistinctForHints;

const maxDistinctForHints = 60;

const areaOf = ({ rows, columns }: { readonly rows: number; readonly columns: number }): number => rows * columns;

/** Least cores by item, their sum, and the item that needs most. */
function demand(problem: Problem): {
  readonly needs: readonly number[];
  readonly needed: number;
  readonly largest: number;
} {
  const least = problem.classes.map((shapes) => areaAt(areaCurve(shapes), Infinity));
  const needs = problem.items.map((item) => least[item] ?? 0);
  return {
    needs,
    needed: needs.reduce((sum, cores) => sum + cores, 0),
    largest: needs.indexOf(needs.reduce((most, cores) => Math.max(most, cores), 0)),
  };
}

/** Areas fit, rectangles do not. */
export function noPacking({ graph, target, constraints }: Scene, { problem, ids }: Task): WscError {
  const { needed, largest } = demand(problem);
  const have = coresOf(problem);
  const restless = withoutConstraints(constraints, problem);
  const rows = restless === null ? rowsToPack(problem, distinctTimes(problem).at(-1) ?? 0) : null;
  return fail(
    "WSC5002",
    `does not fit ${target.name}: its ${ids.length} rectangles need ${needed} of ${have} cores (${percent(needed / have)}), and no arrangement was found; the largest layer is ${subjectOf(kernelAt(graph, ids[largest] ?? 0))}`,
    {
      subject: `"${showName(graph.name)}"`,
      hint:
        restless ??
        (rows === null
          ? "a larger fabric, or wider cores"
          : `${rows} more rows of ${problem.width} cores (${percent(rows / problem.height)}) leave room to arrange them`),
    },
  );
}

/** Which constraint, left out alone, leaves room; null when none does or there are none. */
function withoutConstraints({ coLocate, pins }: PlacementConstraints, problem: Problem): string | null {
  const { site, ...bare } = problem;
  if (site === undefined) return null;
  const slowest = distinctTimes(problem).at(-1) ?? 0;
  const fits = (changed: Problem): boolean => pack(changed, slowest) !== null;
  if (coLocate.length > 0 && fits({ ...problem, site: { ...site, groups: [] } })) {
    return "it fits when no layers are co-located";
  }
  if (pins.length > 0 && site.corners.length > 0 && fits({ ...problem, site: { ...site, corners: [] } })) {
    return "it fits when no corner is pinned";
  }
  return fits(bare) ? "it fits without keep-out areas, dead cores and pinned rectangles" : null;
}

/** No color left for an edge. */
export function noColors(graph: KernelGraph, target: Target, colors: number, failure: RoutingFailure): WscError {
  const edge = graph.edges[failure.edge];
  const name = (id: KernelId | undefined): string => `"${showName(id === undefined ? "" : kernelAt(graph, id).name)}"`;
  const others = failure.others.slice(0, 3).map((index) => {
    const other = graph.edges[index];
    return `${name(other?.from)} -> ${name(other?.to)}`;
  });
  const subject = `edge ${name(edge?.from)} -> ${name(edge?.to)}`;
  if (failure.others.length < colors && failure.dead !== null) {
    const { x, y } = failure.dead;
    return fail("WSC5002", `does not fit ${target.name}: no way with up to two bends avoids its dead routers, the first at (${x}, ${y}), with a color left`, {
      subject,
      hint: "--co-locate the two layers, or --pin them where their sides face each other",
    }); // prettier-ignore
  }
  const more = failure.others.length > others.length ? ` and ${failure.others.length - others.length} more` : "";
  return fail(
    "WSC5002",
    `does not fit ${target.name}: router (${failure.x}, ${failure.y}) has ${colors} colors for routes, all taken by ${others.join(", ")}${more}`,
    {
      subject,
      hint: `colors.perRouter of ${target.colors.perRouter + failure.others.length + 1 - colors} instead of ${target.colors.perRouter} would do there`,
    },
  );
}

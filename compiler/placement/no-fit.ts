/** Why a model does not fit: which constraint, at which layer, by how much, and the least change that would help. All WSC5002. */
import { fail, showName, type WscError } from "../../ir/diagnostic.ts";
import type { Kernel, KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import { variantsOf } from "../kernels/library.ts";
import { type Target, usableRect } from "../targets/target.ts";
import { areaAt, areaCurve } from "./area-bound.ts";
import type { Problem } from "./problem.ts";
import type { RoutingFailure } from "./routes.ts";

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

/** A kernel that cannot be cut finely enough for the cores' SRAM. */
export function noVariant(graph: KernelGraph, target: Target, id: KernelId): WscError {
  const kernel = kernelAt(graph, id);
  const { width, height } = usableRect(target);
  const needed = leastSram(kernel, target);
  const have = target.core.sramBytes;
  const weights = `${bytes(kernel.weightBytes)} of weights`;
  const wafer = `${width} x ${height} cores of ${bytes(have)}`;
  return fail(
    "WSC5002",
    needed === null
      ? `does not fit ${target.name} alone: no cut of its ${weights} and its activations fits ${wafer}`
      : `does not fit ${target.name} alone: SRAM is short by ${percent(needed / have - 1)}; its ${weights} and its activations need cores of ${bytes(needed)}, and there are ${wafer}`,
    {
      subject: subjectOf(kernel),
      hint:
        needed === null
          ? "a larger wafer, a narrower element type, or a smaller batch"
          : `core.sramBytes of ${needed}, a narrower element type, or a smaller batch`,
    },
  );
}

/** SRAM per core from which on the kernel has a variant, to 1%; null when none up to 1,024 times the target's is enough. */
function leastSram(kernel: Kernel, target: Target): number | null {
  const works = (sramBytes: number): boolean =>
    variantsOf(kernel, { ...target, core: { ...target.core, sramBytes } }).candidates.length > 0;
  let low = target.core.sramBytes;
  let high = low * 2;
  while (!works(high)) {
    low = high;
    high *= 2;
    if (high > target.core.sramBytes * 1024) return null;
  }
  while (high > low * 1.01) {
    const middle = Math.round((low + high) / 2);
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The smallest shapes of all kernels need more cores than there are. */
export function noRoom(graph: KernelGraph, target: Target, problem: Problem): WscError {
  const least = problem.classes.map((shapes) => areaAt(areaCurve(shapes), Infinity));
  const needs = problem.items.map((item) => least[item] ?? 0);
  const needed = needs.reduce((sum, cores) => sum + cores, 0);
  const have = problem.width * problem.height;
  const largest = needs.indexOf(needs.reduce((most, cores) => Math.max(most, cores), 0));
  const weights = graph.kernels.reduce((sum, kernel) => sum + kernel.weightBytes, 0);
  const share = (needs[largest] ?? 0) / needed;
  return fail(
    "WSC5002",
    `does not fit ${target.name}: cores are short by ${percent(needed / have - 1)}; ${graph.kernels.length} layers with ${bytes(weights)} of weights need at least ${needed} cores, and ${have} are usable; the largest layer, ${subjectOf(kernelAt(graph, largest))}, takes ${percent(share)} of them`,
    {
      subject: `"${showName(graph.name)}"`,
      hint: `${Math.ceil(needed / have)} wafers, a fabric of ${Math.ceil(Math.sqrt(needed))} x ${Math.ceil(Math.sqrt(needed))} usable cores, or narrower weights`,
    },
  );
}

/** Areas fit, rectangles do not. */
export function noPacking(graph: KernelGraph, target: Target, problem: Problem): WscError {
  const least = problem.classes.map((shapes) => areaAt(areaCurve(shapes), Infinity));
  const needed = problem.items.reduce((sum, item) => sum + (least[item] ?? 0), 0);
  const have = problem.width * problem.height;
  const largest = problem.items.reduce(
    (most, item, id) => ((least[item] ?? 0) > (least[problem.items[most] ?? 0] ?? 0) ? id : most),
    0,
  );
  return fail(
    "WSC5002",
    `does not fit ${target.name}: its ${graph.kernels.length} rectangles need ${needed} of ${have} cores (${percent(needed / have)}), and no arrangement was found; the largest layer is ${subjectOf(kernelAt(graph, largest))}`,
    {
      subject: `"${showName(graph.name)}"`,
      hint: `a fabric with about ${percent(0.15)} more cores would leave room to arrange them`,
    },
  );
}

/** No color left for an edge. */
export function noColors(graph: KernelGraph, target: Target, colors: number, failure: RoutingFailure): WscError {
  const edge = graph.edges[failure.edge];
  const name = (id: KernelId | undefined): string => `"${showName(id === undefined ? "" : kernelAt(graph, id).name)}"`;
  const others = failure.others.slice(0, 3).map((index) => {
    const other = graph.edges[index];
    return `${name(other?.from)} -> ${name(other?.to)}`;
  });
  const more = failure.others.length > others.length ? ` and ${failure.others.length - others.length} more` : "";
  return fail(
    "WSC5002",
    `does not fit ${target.name}: router (${failure.x}, ${failure.y}) has ${colors} colors for routes, all taken by ${others.join(", ")}${more}`,
    {
      subject: `edge ${name(edge?.from)} -> ${name(edge?.to)}`,
      hint: `${failure.others.length + 1} colors for routes would do there`,
    },
  );
}

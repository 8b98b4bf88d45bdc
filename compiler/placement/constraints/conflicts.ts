/** Constraints that contradict each other whatever the variants are, by name; all of them at once, as WSC5002. */
import { type Diagnostic, diagnostic, showName, WscError } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import type { Pin, PlacementConstraints, Rect } from "../../../ir/placement.ts";
import { showRect } from "./constraints.ts";
import { overlapOf } from "../packing/grid.ts";

/** The part of a pin that is surely taken: its rectangle, or the core at its corner. */
const takenBy = ({ x, y, width, height }: Pin): Rect => ({ x, y, width: width ?? 1, height: height ?? 1 });

/** Throws when pins lie on each other, on keep-out areas or on dead cores. */
export function checkPins(graph: KernelGraph, { pins, keepOut, deadCores }: PlacementConstraints): void {
  const found: Diagnostic[] = [];
  const pinName = (pin: Pin): string => `the pin of layer "${showName(graph.kernels[pin.kernel]?.name ?? "")}"`;
  const clash = (pin: Pin, what: string, common: Rect, hint: string): void => {
    const cores = `${common.width * common.height} core${common.width * common.height === 1 ? "" : "s"}`;
    found.push(
      diagnostic("error", "WSC5002", `${pinName(pin)} overlaps ${what} in ${cores}, ${showRect(common)}`, {
        subject: `"${showName(graph.kernels[pin.kernel]?.name ?? "")}"`,
        hint,
      }),
    );
  };
  for (const [index, pin] of pins.entries()) {
    const rect = takenBy(pin);
    for (const other of pins.slice(index + 1)) {
      const common = overlapOf(rect, takenBy(other));
      if (common !== null) clash(pin, pinName(other), common, "move one of the two");
    }
    for (const [number, area] of keepOut.entries()) {
      const common = overlapOf(rect, area);
      if (common !== null) clash(pin, `keep-out ${number + 1}`, common, "move the pin or the keep-out");
    }
    const dead = deadCores.filter((core) => overlapOf(rect, { ...core, width: 1, height: 1 }) !== null);
    const [first] = dead;
    if (first !== undefined) {
      clash(pin, dead.length === 1 ? "a dead core" : `${dead.length} dead cores, the first`, { ...first, width: 1, height: 1 }, "move the pin"); // prettier-ignore
    }
  }
  if (found.length > 0) throw new WscError(found);
}

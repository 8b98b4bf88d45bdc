/**
 * The checker's part for mappings: that one cuts loops which the kernel has, that its rectangle holds the pieces, and that what the placement
 * says of cycles, latency, memory, ports and colors is what the machine's clock says of the mapping.
 */
import { showName } from "../../../ir/diagnostic.ts";
import { type Kernel, weightBytes } from "../../../ir/kernel-graph.ts";
import { costOf, siteOf, sramBytes, sramCategories } from "../../../ir/machine/cost.ts";
import { holdsPieces, type Mapping, piecesOfLoop } from "../../../ir/machine/mapping.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { nestOf } from "../../../ir/machine/work.ts";
import type { PlacedKernel } from "../../../ir/placement.ts";
import type { Faults } from "./faults.ts";

/** Checks the mapping of one kernel and every figure that follows from it. */
export function checkMapping(kernel: Kernel, placed: PlacedKernel, target: Target, faults: Faults): void {
  const subject = `kernel ${placed.kernel} "${showName(placed.name)}"`;
  const { mapping, sram } = placed.variant;
  checkMemory(kernel, placed, target, subject, faults);
  const wrong =
    mapping.reduce === "mesh"
      ? "sums over a tree for all cores, which layers of a pipeline do not"
      : faultOf(kernel, mapping);
  if (wrong !== null) {
    faults.add(subject, wrong);
    return;
  }
  const counted = costOf(siteOf(target, nestOf(kernel)), mapping);
  const figures: readonly (readonly [what: string, claimed: number, counted: number])[] = [
    ["cycles", placed.variant.cycles, counted.cycles],
    ["cycles of latency", placed.variant.latency, counted.latency],
    ["words per cycle over its border", placed.variant.ports, counted.ports],
    ["colors", placed.variant.colors, counted.colors],
    ...sramCategories.map((category) => [`bytes of ${category}`, sram[category], counted.sram[category]] as const),
  ];
  for (const [what, claimed, found] of figures) {
    if (Math.abs(claimed - found) > 1e-6 * Math.max(1, found))
      faults.add(subject, `claims ${claimed} ${what}, its mapping comes to ${found}`);
  }
}

/** What the placement says of memory must be possible by itself. */
function checkMemory(kernel: Kernel, { variant }: PlacedKernel, target: Target, subject: string, faults: Faults): void {
  const { mapping, sram } = variant;
  for (const category of sramCategories)
    if (!(sram[category] >= 0)) faults.add(subject, `${category} take ${sram[category]} bytes`);
  const total = sramBytes(sram);
  if (total > target.core.sramBytes)
    faults.add(subject, `needs ${total} bytes in its fullest core, a core has ${target.core.sramBytes}`);
  const cores = mapping.height * mapping.width;
  const weights = weightBytes(kernel);
  if (sram.weights * cores < weights)
    faults.add(subject, `${cores} cores with ${sram.weights} bytes each cannot hold ${weights} bytes of weights`);
}

/** What is wrong with a mapping of a kernel; null for nothing. */
export function faultOf({ loops }: Kernel, mapping: Mapping): string | null {
  const cuts = [...mapping.rows, ...mapping.columns];
  const unknown = cuts.find(({ loop }) => !loops.some(({ name }) => name === loop));
  if (unknown !== undefined) return `cuts the loop "${showName(unknown.loop)}", which it does not have`;
  if (cuts.some(({ pieces }) => !Number.isInteger(pieces) || pieces < 1)) return "cuts a loop into no pieces";
  if (!holdsPieces(mapping))
    return `does not hold the pieces of its cuts on ${mapping.width} x ${mapping.height} cores`;
  const idle = loops.find(({ name, size }) => {
    const pieces = piecesOfLoop(mapping.rows, name) * piecesOfLoop(mapping.columns, name);
    // whole rows or columns of cores without work are a waste that no list offers
    return pieces > 2 * Math.max(1, size);
  });
  return idle === undefined
    ? null
    : `cuts the loop "${idle.name}" of ${idle.size} iterations into more pieces than there are`;
}

/** Ways to map each kernel on a region that all of them share, with what each costs there. */
import { nth } from "../../../ir/access.ts";
import type { Kernel, KernelGraph } from "../../../ir/kernel-graph.ts";
import {
  bestReduction,
  blocksOf,
  costOf,
  type Site,
  siteOf,
  sramBytes,
  type Variant,
} from "../../../ir/machine/cost.ts";
import type { RegionSize } from "../../../ir/machine/conversion.ts";
import { type Cut, type Mapping, piecesOf } from "../../../ir/machine/mapping.ts";
import { type ResidentCost, residentCost } from "../../../ir/machine/resident.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { nestOf, workOf } from "../../../ir/machine/work.ts";
import { families, kernelSignature, variantsOf } from "../../kernels/library.ts";

/** A mapping of a kernel with its cost on the region. */
export interface Choice {
  readonly mapping: Mapping;
  readonly cost: ResidentCost;
}

/** Mappings that are kept of a kernel: the fastest, those that leave most room for others, and the fastest of each way to lay loops along the sides. */
const kept = { fastest: 6, smallest: 2, each: 2 } as const;

/** How many times as many kernels as there are share the effort of listing: a region is one of several that are tried. */
const regionsShare = 6;

/** The choices of every kernel on a region, the fastest first; none where a kernel does not fit it. Equal kernels share one list. */
export function choicesOn(graph: KernelGraph, target: Target, region: RegionSize): readonly (readonly Choice[])[] {
  const machine = regionMachine(target, region);
  const signatures = graph.kernels.map(kernelSignature);
  const distinct = new Set(signatures).size;
  const known = new Map<string, readonly Choice[]>();
  return graph.kernels.map((kernel, id) => {
    const signature = nth(signatures, id);
    const before = known.get(signature);
    if (before !== undefined) return before;
    const site = siteOf(target, nestOf(kernel));
    const list = variantsOf(kernel, machine, distinct * regionsShare);
    const listed = list.candidates.flatMap((_, index) => {
      const { mapping } = list.describe(index);
      return [mapping, turned(mapping)].filter(({ height, width }) => height <= region.height && width <= region.width);
    });
    const mappings = [...listed, ...gridMappings(site, kernel, region)];
    const choices = worthwhile(
      mappings
        .map((mapping) => ({ mapping, cost: residentCost(site, mapping) }))
        .filter((choice) => sramBytes(variantOf(site, choice).sram) <= target.core.sramBytes),
    );
    known.set(signature, choices);
    return choices;
  });
}

/** The cores of a region as a machine of their own. */
const regionMachine = (target: Target, { width, height }: RegionSize): Target => ({
  ...target,
  fabric: { width, height },
  io: { ...target.io, columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0 },
});

/** The same cuts along the other sides. */
const turned = ({ height, width, rows, columns, reduce }: Mapping): Mapping => ({
  height: width,
  width: height,
  rows: columns,
  columns: rows,
  reduce,
});

/** Bytes that a kernel keeps on the region while others run. */
export const keptBytes = ({ weights, state, code }: ResidentCost): number => weights + state + code;

/**
 * Mappings that cut one loop along each side as finely as the region allows. Axes of equal length then lie alike in neighbouring layers, so that
 * little has to move between them.
 */
function gridMappings(site: Site, kernel: Kernel, region: RegionSize): readonly Mapping[] {
  const loops = families[kernel.family]
    .cuts(kernel)
    .flatMap((name) => kernel.loops.filter((loop) => loop.name === name && loop.size > 1));
  const cutsOver = (side: number): readonly (readonly Cut[])[] => [
    [],
    ...loops.map(({ name, size }) => [{ loop: name, pieces: Math.ceil(size / Math.ceil(size / side)) }]),
  ];
  return cutsOver(region.height).flatMap((rows) =>
    cutsOver(region.width).flatMap((columns) => {
      if (rows[0] !== undefined && rows[0].loop === columns[0]?.loop) return [];
      const bare: Mapping = { height: piecesOf(rows), width: piecesOf(columns), rows, columns, reduce: "chain" };
      const { extents, pieces } = blocksOf(site.nest, bare);
      const { partials } = workOf(site.nest, extents, pieces);
      return [{ ...bare, reduce: bestReduction(site, bare, partials) }];
    }),
  );
}

function worthwhile(choices: readonly Choice[]): readonly Choice[] {
  const bySpeed = choices.toSorted((a, b) => a.cost.cycles - b.cost.cycles || keptBytes(a.cost) - keptBytes(b.cost));
  const bySize = choices.toSorted((a, b) => keptBytes(a.cost) - keptBytes(b.cost) || a.cost.cycles - b.cost.cycles);
  const chosen = new Set([...bySpeed.slice(0, kept.fastest), ...bySize.slice(0, kept.smallest)]);
  const seen = new Map<string, number>();
  return bySpeed.filter((choice) => {
    const layout = layoutOf(choice.mapping);
    const before = seen.get(layout) ?? 0;
    seen.set(layout, before + 1);
    return before < kept.each || chosen.has(choice);
  });
}

/** Which loops lie along which side, however finely they are cut. */
const layoutOf = ({ rows, columns }: Mapping): string =>
  [rows, columns].map((cuts) => cuts.map(({ loop }) => loop).join(" ")).join(" | ");

/** The figures of a choice as a placement has them: a kernel holds its own weights and states, and no second buffer for what arrives. */
export function variantOf(site: Site, { mapping, cost }: Choice): Variant {
  const { ports, colors } = costOf(site, mapping);
  const sram = {
    code: cost.code,
    weights: cost.weights,
    activations: cost.working + cost.state,
    buffers: 0,
    stack: site.target.core.systemBytes,
  };
  return { mapping, cycles: cost.cycles, latency: cost.cycles, sram, ports, colors };
}

/** Ways to map each kernel on a region that all of them share, with what each costs there. */
import type { Kernel, KernelGraph, Loop } from "../../../ir/kernel-graph.ts";
import {
  bestReduction,
  blocksOf,
  costOf,
  type Site,
  siteOf,
  sramBytes,
  spreadOf,
  summedLoops,
  type Variant,
} from "../../../ir/machine/cost.ts";
import { type Cut, type Mapping, piecesOf } from "../../../ir/machine/mapping.ts";
import { type ResidentCost, residentCost } from "../../../ir/machine/resident.ts";
import type { RegionSize } from "../../../ir/machine/spread.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { nestOf, workOf } from "../../../ir/machine/work.ts";
import { families, kernelSignature } from "../../kernels/library.ts";

/** A mapping of a kernel with its cost on the region. */
export interface Choice {
  readonly mapping: Mapping;
  readonly cost: ResidentCost;
}

/**
 * Mappings that are kept of a kernel: the fastest of each way to lay loops along the sides, so many of them; those along one side alone, between which the most
 * layers need no move; and those that leave most room for others.
 */
const kept = { all: 24, oneSided: 4, smallest: 2 } as const;

/** The choices of every kernel on a region, the fastest first; none where a kernel does not fit it. Equal kernels share one list. */
export function choicesOn(graph: KernelGraph, target: Target, region: RegionSize): readonly (readonly Choice[])[] {
  const known = new Map<string, readonly Choice[]>();
  return graph.kernels.map((kernel) => {
    const signature = kernelSignature(kernel);
    const before = known.get(signature);
    if (before !== undefined) return before;
    const site = siteOf(target, nestOf(kernel));
    const choices = worthwhile(
      site,
      region,
      gridMappings(site, kernel, region)
        .map((mapping) => ({ mapping, cost: residentCost(site, mapping) }))
        .filter((choice) => sramBytes(variantOf(site, choice).sram) <= target.core.sramBytes),
    );
    known.set(signature, choices);
    return choices;
  });
}

/** Bytes that a kernel keeps on the region while others run. */
export const keptBytes = ({ weights, state }: ResidentCost): number => weights + state;

/**
 * Mappings whose sides are filled by few loops. Axes of equal length then lie alike in neighbouring layers, so that little has to move between them. A sum
 * comes together in one core, or in all cores that have a part of it.
 */
function gridMappings(site: Site, kernel: Kernel, region: RegionSize): readonly Mapping[] {
  const names = new Set(families[kernel.family].cuts(kernel));
  const loops = kernel.loops.filter(({ name, size }) => size > 1 && names.has(name));
  const summed = summedLoops(site.nest);
  const columnLists = sideCuts(loops, region.width);
  const cut = sideCuts(loops, region.height).flatMap((rows) =>
    columnLists.flatMap((columns) => {
      const cuts = behind(loops, rows, columns);
      if (cuts === null) return [];
      const bare: Mapping = { height: piecesOf(rows), width: piecesOf(cuts), rows, columns: cuts, reduce: "chain" };
      const spread = spreadOf(bare, summed);
      if (spread.rows * spread.columns === 1) return [bare];
      const { extents, pieces } = blocksOf(site.nest, bare);
      const { partials } = workOf(site.nest, extents, pieces);
      return partials === 0
        ? [bare]
        : [
            { ...bare, reduce: bestReduction(site, bare, partials) },
            { ...bare, reduce: "mesh" as const },
          ];
    }),
  );
  return cut.flatMap((mapping) => {
    const height = mapping.rows.length === 0 ? region.height : mapping.height;
    const width = mapping.columns.length === 0 ? region.width : mapping.width;
    return height === mapping.height && width === mapping.width ? [mapping] : [mapping, { ...mapping, height, width }];
  });
}

/**
 * Cuts of columns beside those of rows. One loop may be cut along both sides, where it is the only one along the rows and the first along the columns: its
 * pieces are cut again. Null where the two do not go together.
 */
function behind(loops: readonly Loop[], rows: readonly Cut[], columns: readonly Cut[]): readonly Cut[] | null {
  const [row, ...more] = rows;
  const [column, ...others] = columns;
  if (row !== undefined && more.length === 0 && column?.loop === row.loop) {
    const size = loops.find(({ name }) => name === row.loop)?.size ?? 1;
    const rest = Math.ceil(size / row.pieces);
    return rest < 2 ? null : [{ loop: row.loop, pieces: evenPieces(rest, column.pieces) }, ...others];
  }
  return columns.some(({ loop }) => rows.some((cut) => cut.loop === loop)) ? null : columns;
}

/** Pieces of a loop on so many cores at most, none of them without iterations. */
const evenPieces = (size: number, cores: number): number => Math.ceil(size / Math.ceil(size / Math.min(size, cores)));

/** The most pieces that are all equally long. */
function equalPieces(size: number, cores: number): number {
  for (let pieces = Math.min(size, cores); pieces > 1; pieces--) if (size % pieces === 0) return pieces;
  return 1;
}

/** Loops along one side at most, and pieces of a loop in front of one that fills the rest, where it is not cut to the last iteration. */
const most = { loops: 4, frontPieces: [2, 4, 8] } as const;

/**
 * Ways to fill a side: some loops in the order of the nest, all but the last cut to single iterations or into few pieces, the last into as many pieces
 * as there is room for, equally long ones among them.
 */
function sideCuts(loops: readonly Loop[], side: number): readonly (readonly Cut[])[] {
  const found: (readonly Cut[])[] = [[]];
  const extend = (front: readonly Cut[], from: number): void => {
    const room = Math.floor(side / piecesOf(front));
    if (room < 2 || front.length === most.loops) return;
    for (const [index, { name, size }] of loops.entries()) {
      if (index < from) continue;
      const last = new Set([evenPieces(size, room), equalPieces(size, room)]);
      for (const pieces of last) if (pieces > 1) found.push([...front, { loop: name, pieces }]);
      const whole = size < room ? [size] : [];
      const few = front.length === 0 ? most.frontPieces.filter((pieces) => pieces < size && pieces <= room) : [];
      for (const pieces of [...whole, ...few]) extend([...front, { loop: name, pieces }], index + 1);
    }
  };
  extend([], 0);
  return found;
}

/**
 * The choices that can be part of a good selection: those that are slower than the fastest by no more than what moving all operands would cost, the
 * fastest of each layout.
 */
function worthwhile(site: Site, region: RegionSize, choices: readonly Choice[]): readonly Choice[] {
  const bySpeed = choices.toSorted((a, b) => a.cost.cycles - b.cost.cycles || keptBytes(a.cost) - keptBytes(b.cost));
  const bySize = choices.toSorted((a, b) => keptBytes(a.cost) - keptBytes(b.cost) || a.cost.cycles - b.cost.cycles);
  const seen = new Set<string>();
  const byLayout = bySpeed.filter(({ mapping }) => {
    const layout = layoutOf(site.nest.loops, mapping);
    const isFirst = !seen.has(layout);
    seen.add(layout);
    return isFirst;
  });
  const moved = site.nest.kernel.operands.filter(({ role }) => role === "activation" || role === "result").length;
  const worth = (bySpeed[0]?.cost.cycles ?? 0) + 2 * moved * crossingCycles(site.target, region.height, region.width);
  const worthy = byLayout.filter(({ cost }) => cost.cycles <= worth);
  const along = (side: "rows" | "columns"): readonly Choice[] =>
    worthy.filter(({ mapping }) => mapping[side].length === 0).slice(0, kept.oneSided);
  const chosen = new Set([
    ...bySize.slice(0, kept.smallest),
    ...along("rows"),
    ...along("columns"),
    ...worthy.slice(0, kept.all),
  ]);
  return bySpeed.filter((choice) => chosen.has(choice));
}

/** Which loops lie along which side, however finely they are cut, whether into equal pieces, and where sums come together. */
function layoutOf(loops: readonly Loop[], { height, width, rows, columns, reduce }: Mapping): string {
  const named = (cuts: readonly Cut[]): string =>
    cuts
      .map(({ loop, pieces }) => `${loop}${loops.some(({ name, size }) => name === loop && size % pieces === 0)}`)
      .join(" ");
  const isRepeated = height * width > piecesOf(rows) * piecesOf(columns);
  return `${named(rows)} | ${named(columns)} | ${reduce === "mesh"} ${isRepeated}`;
}

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

/**
 * Kernel graph + target -> all kernels on one region, one after the other (`--mode resident`):
 *
 *     regions      squares and halves of them, from small to the whole wafer: a small one is crossed sooner, a large one shares work among more cores
 *     choices      the mappings of every kernel on a region, with what they cost there                (choices.ts)
 *     selection    a mapping for every kernel, so that kernels and moves between layouts take least; kernel by kernel, until nothing gets better
 *     memory       weights and states of all kernels and the largest working set fit the fullest core  (ir/machine/resident.ts)
 *
 * The bound: each kernel by its fastest mapping on any of the regions, the words over the wafer's edge, and no moves.
 */
import { nth } from "../../../ir/access.ts";
import { fail } from "../../../ir/diagnostic.ts";
import type { KernelGraph, KernelPort } from "../../../ir/kernel-graph.ts";
import { siteOf } from "../../../ir/machine/cost.ts";
import {
  regionBytes,
  regionEdgeCycles,
  type RegionSram,
  regionSramOf,
  regionTravel,
} from "../../../ir/machine/resident.ts";
import type { LayoutMove } from "../../../ir/machine/region-moves.ts";
import type { RegionSize } from "../../../ir/machine/spread.ts";
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { nestOf } from "../../../ir/machine/work.ts";
import {
  type Certificate,
  oneCopy,
  type PlacedKernel,
  type Placement,
  placementVersion,
  type Rect,
} from "../../../ir/placement.ts";
import { proof } from "../certificate.ts";
import { resolveConstraints } from "../constraints/constraints.ts";
import { Grid } from "../packing/grid.ts";
import type { PlaceOptions, SearchOptions } from "../place.ts";
import { targetFacts } from "../target-facts.ts";
import { blockedBoxes } from "../task.ts";
import { type Choice, choicesOn, keptBytes, variantOf } from "./choices.ts";
import { selectChoices } from "./selection.ts";

/** Mappings for all kernels of a region. */
interface Selection {
  readonly choices: readonly Choice[];
  readonly moves: readonly LayoutMove[];
  readonly sram: RegionSram;
  /** cycles of a sample */
  readonly cycles: number;
}

/** A region with what was found for it. */
interface Found extends Selection {
  readonly region: Rect;
}

/** A region with the choices of every kernel on it. */
interface Site {
  readonly region: Rect;
  readonly lists: readonly (readonly Choice[])[];
  /** cycles of all kernels by their fastest choices, of the ways in and out, and of the edge */
  readonly bound: number;
}

export interface ResidentProblem {
  /** cycles of a sample that no placement with these mappings on these regions goes below */
  readonly bound: number;
  /** throws WSC5002 where no region holds the kernels together */
  readonly search: (options: SearchOptions) => Placement;
}

/** Lists what kernels can do on regions; throws WSC5002 where some fit none, WSC5005 for what a region cannot be asked. */
export function prepareResident(graph: KernelGraph, target: Target, options: PlaceOptions = {}): ResidentProblem {
  refuseUnfit(options);
  const constraints = resolveConstraints(graph, target, options.constraints ?? {});
  const { x, y, width, height } = usableRect(target);
  const boxes = new Grid(width, height, blockedBoxes(constraints, target)).largestBoxes();
  const sites = regionSizes({ width, height }).flatMap((size): readonly Site[] => {
    const box = boxes.find((free) => free.width >= size.width && free.height >= size.height);
    if (box === undefined) return [];
    const lists = choicesOn(graph, target, size);
    if (lists.some((list) => list.length === 0)) return [];
    const bound =
      lists.reduce((sum, list) => sum + nth(list, 0).cost.cycles, 0) +
      regionTravel(target, size) +
      regionEdgeCycles(target, edgeWords(graph), size);
    return [{ region: { x: x + box.x, y: y + box.y, ...size }, lists, bound }];
  });
  if (sites.length === 0) throw noRegion(graph, target, null);
  const fastest = graph.kernels.map((_, id) =>
    sites.reduce((least, { lists }) => Math.min(least, nth(nth(lists, id), 0).cost.cycles), Infinity),
  );
  const bound = Math.max(
    1,
    fastest.reduce((sum, least) => sum + least, 0) + regionEdgeCycles(target, edgeWords(graph), { width, height }),
  );
  const goal = options.objective === "latency" ? "latency" : "throughput";
  return {
    bound,
    search: (given) => {
      const best = bestRegion(graph, target, sites, given);
      if (best.cycles > (constraints.maxInterval ?? Infinity))
        throw fail(
          "WSC5002",
          `one after the other, the layers take ${best.cycles} cycles, and ${constraints.maxInterval} are asked for`,
          { subject: "interval" },
        );
      return {
        version: placementVersion,
        model: graph.name,
        precision: graph.precision,
        target: targetFacts(target),
        constraints,
        mode: { kind: "resident", region: best.region, sram: best.sram, moves: best.moves },
        copies: oneCopy,
        kernels: placedOn(graph, target, best),
        routes: [],
        certificate: certifyRegion(graph, target, best, bound, goal, given.seed ?? 0),
      };
    },
  };
}

/** Regions that are searched behind the best one without a better one; those come first whose layers take least, with a move for so many of them. */
const patience = 4;
const kernelsPerMove = 4;

/** The region with the fewest cycles; throws WSC5002 where none holds all kernels. */
function bestRegion(graph: KernelGraph, target: Target, sites: readonly Site[], options: SearchOptions): Found {
  const deadline = Date.now() + (options.timeLimitSeconds ?? Infinity) * 1000;
  let best: Found | null = null;
  let least: RegionSram | null = null;
  let searched = 0;
  const estimate = ({ bound, region: { width, height } }: Site): number =>
    bound + (graph.kernels.length / kernelsPerMove) * crossingCycles(target, height, width);
  for (const { region, lists, bound } of sites.toSorted((a, b) => estimate(a) - estimate(b))) {
    if (best !== null && (searched === patience || Date.now() > deadline)) break;
    if (best !== null && bound >= best.cycles) continue;
    const smallest = smallestSram(graph, target, lists);
    const selection = regionBytes(smallest) > target.core.sramBytes ? null : select(graph, target, region, lists);
    const { sram } = selection ?? { sram: smallest };
    if (selection === null || regionBytes(sram) > target.core.sramBytes) {
      if (least === null || regionBytes(sram) < regionBytes(least)) least = sram;
      continue;
    }
    searched++;
    options.onProgress?.("floorplan", `${region.width} x ${region.height} cores take ${selection.cycles} cycles`);
    if (best !== null && selection.cycles >= best.cycles) continue;
    best = { ...selection, region };
    searched = 0;
  }
  if (best === null) throw noRegion(graph, target, least);
  return best;
}

/** What the fullest core holds where every kernel keeps least; values that wait for later readers in a layout of theirs are not in it. */
function smallestSram(graph: KernelGraph, target: Target, lists: readonly (readonly Choice[])[]): RegionSram {
  const choices = lists.map((list) =>
    list.reduce((least, choice) => (keptBytes(choice.cost) < keptBytes(least.cost) ? choice : least)),
  );
  const mappings = choices.map(({ mapping }) => mapping);
  const costs = choices.map(({ cost }) => cost);
  return { ...regionSramOf(graph, target, mappings, costs, []), working: 0 };
}

function refuseUnfit({ constraints = {}, from, objective = "throughput" }: PlaceOptions): void {
  const asked = [
    [(constraints.pins ?? []).length > 0, "pins"],
    [(constraints.coLocate ?? []).length > 0, "co-located layers"],
    [from !== undefined, "--from"],
    [objective === "cores" || objective === "wire", `--objective ${objective}`],
  ] as const;
  const wrong = asked.find(([isAsked]) => isAsked);
  if (wrong !== undefined)
    throw fail("WSC5005", `in mode resident all layers share one region, and ${wrong[1]} would have no meaning`, {
      hint: "leave it out, or use --mode pipeline",
    });
}

/** The smallest side of a region; longer ones are two and three times powers of two, which most sizes of models can be divided by. */
const smallestSide = 4;

/** Squares, those half as high and half as wide, and the whole of the usable cores; ascending in area. */
function regionSizes(usable: RegionSize): readonly RegionSize[] {
  const sizes = new Map<string, RegionSize>();
  const add = (width: number, height: number): void => {
    const size = { width: Math.min(usable.width, width), height: Math.min(usable.height, height) };
    sizes.set(`${size.width} ${size.height}`, size);
  };
  const most = Math.max(usable.width, usable.height);
  for (let power = smallestSide; power < most; power *= 2)
    for (const side of [power, (3 / 2) * power]) {
      add(side, side);
      add(side, side / 2);
      add(side / 2, side);
    }
  add(most, most);
  return [...sizes.values()].sort((a, b) => a.width * a.height - b.width * b.height || a.width - b.width);
}

/** A mapping for every kernel: the best that is found, among the smallest where others do not fit the memory together. */
function select(
  graph: KernelGraph,
  target: Target,
  region: RegionSize,
  lists: readonly (readonly Choice[])[],
): Selection {
  const fast = selected(graph, target, region, lists);
  if (regionBytes(fast.sram) <= target.core.sramBytes) return fast;
  const leastOf = (list: readonly Choice[]): number =>
    list.reduce((least, { cost }) => Math.min(least, keptBytes(cost)), Infinity);
  return selected(
    graph,
    target,
    region,
    lists.map((list) => list.filter(({ cost }) => keptBytes(cost) === leastOf(list))),
  );
}

function selected(
  graph: KernelGraph,
  target: Target,
  region: RegionSize,
  lists: readonly (readonly Choice[])[],
): Selection {
  const { choices, moves, copies } = selectChoices(graph, target, region, lists);
  const mappings = choices.map(({ mapping }) => mapping);
  const costs = choices.map(({ cost }) => cost);
  const kernels = costs.reduce((sum, { cycles }) => sum + cycles, 0);
  return {
    choices,
    moves,
    sram: regionSramOf(graph, target, mappings, costs, copies),
    cycles:
      kernels + cyclesOf(moves) + regionTravel(target, region) + regionEdgeCycles(target, edgeWords(graph), region),
  };
}

const cyclesOf = (moves: readonly LayoutMove[]): number => moves.reduce((sum, { cycles }) => sum + cycles, 0);

/** Words over the edge of the wafer for a sample; a value crosses it once, however many kernels read it. */
function edgeWords({ inputs, outputs }: KernelGraph): number {
  const wordsOf = (ports: readonly KernelPort[]): number =>
    [...new Map(ports.map(({ name, words }) => [name, words])).values()].reduce((sum, words) => sum + words, 0);
  return wordsOf(inputs) + wordsOf(outputs);
}

function placedOn(graph: KernelGraph, target: Target, { choices, region }: Found): readonly PlacedKernel[] {
  return graph.kernels.map((kernel, id) => {
    const choice = nth(choices, id);
    const { height, width } = choice.mapping;
    return {
      kernel: id,
      name: kernel.name,
      family: kernel.family,
      rect: { x: region.x, y: region.y, width, height },
      rotated: false,
      variant: variantOf(siteOf(target, nestOf(kernel)), choice),
    };
  });
}

function certifyRegion(
  graph: KernelGraph,
  target: Target,
  { choices, moves, region, cycles }: Found,
  bound: number,
  goal: "throughput" | "latency",
  seed: number,
): Certificate {
  const own = choices.map(({ cost }) => cost.cycles);
  const kernelCycles = own.reduce((sum, one) => sum + one, 0);
  const linkCycles = cyclesOf(moves) + regionTravel(target, region);
  const ioCycles = regionEdgeCycles(target, edgeWords(graph), region);
  const claim = proof(Math.max(1, cycles), bound);
  const most = Math.max(kernelCycles, linkCycles, ioCycles);
  return {
    objective: Math.max(1, cycles),
    ...claim,
    solver: "descent over layouts",
    seed,
    bottleneck: kernelCycles === most ? "kernel" : linkCycles === most ? "link" : "io",
    slowest: own.length === 0 ? null : own.indexOf(Math.max(...own)),
    kernelCycles,
    linkCycles,
    ioCycles,
    latencyCycles: Math.max(1, cycles),
    wireLength: 0,
    goal: { kind: goal, value: Math.max(1, cycles), ...claim },
    fullestLink: null,
    fullestRouter: null,
    movement: null,
  };
}

function noRegion(graph: KernelGraph, target: Target, least: RegionSram | null): Error {
  const have = target.core.sramBytes;
  if (least === null)
    return fail(
      "WSC5002",
      `does not fit ${target.name} in mode resident: some layer has no mapping that fits the cores`,
      {
        subject: graph.name,
        hint: "--mode pipeline says which layer, and what it is short of",
      },
    );
  const { code, weights, state, working, stack } = least;
  return fail(
    "WSC5002",
    `does not fit ${target.name} in mode resident: the fullest core would hold ${regionBytes(least)} bytes and has ${have} (code ${code}, weights ${weights}, state ${state}, working set ${working}, stack ${stack})`,
    { subject: graph.name, hint: "--precision f16, a shorter context, or more wafers (wsc plan)" },
  );
}

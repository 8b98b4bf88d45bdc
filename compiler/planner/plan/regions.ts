/**
 * How a wafer is cut into equal rectangles, each holding some of its layers, which a token passes one after the other. Sums cross small rectangles
 * sooner, large ones share a layer's products among more cores, and every rectangle more is a hand-off more: squares of many sizes and every cut of the
 * wafer are tried.
 */
import { nth } from "../../../ir/access.ts";
import { addedCycles, type LayerCycles, noCycles, type Region, totalCycles } from "../../../ir/machine/layer-cycles.ts";
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import type { Clock } from "../speed/clock.ts";
import { balancedCut, fewestParts } from "./chain.ts";
import type { Item } from "./formats.ts";
import type { WaferLoad } from "./wafers.ts";

/** Part of a layer as a region works on it. */
export interface Task {
  readonly item: Item;
  /** share of its bytes, of what all tokens pass, and of its experts */
  readonly share: number;
  readonly dense: number;
  readonly experts: number;
  readonly bytes: number;
}

export interface RegionPlan {
  readonly region: Region;
  /** rectangles of that size that the wafer has */
  readonly places: number;
  /** tasks of each rectangle in use */
  readonly tasks: readonly (readonly Task[])[];
  /** cycles of a step, all rectangles in turn, without hand-offs; and of the slowest rectangle */
  readonly decode: LayerCycles;
  readonly decodeStage: number;
  /** rectangles that a decoded token passes */
  readonly decodes: number;
}

export interface RegionOptions {
  readonly target: Target;
  readonly clock: Clock;
  readonly objective: "latency" | "throughput";
  /** sequences that a step works on */
  readonly batch: number;
  /** bytes that a core has for weights and caches */
  readonly coreBytes: number;
}

/** Tasks of a wafer, in the order of the model. */
export const tasksOf = (
  load: WaferLoad,
  items: ReadonlyMap<string, Item>,
  bytesOf: (item: Item) => number,
): readonly Task[] =>
  load.layers.flatMap(({ name, share, experts: range }) => {
    const item = items.get(name);
    if (item === undefined) return [];
    const [all, held] = [bytesOf(item), range === null ? 0 : range[1] - range[0]];
    const fluid = all - item.experts * item.expertBytes;
    const dense = share === 1 ? 1 : Math.max(0, (share * all - held * item.expertBytes) / fluid);
    const experts = item.experts === 0 ? 0 : held / item.experts;
    return [{ item, share, dense, experts, bytes: share * all }];
  });

/** Most rectangles along a side of a wafer. */
const most = 24;

/** Sides of the squares that are tried: each so many times the one before. */
const growth = 1.04;
const smallestSide = 32;

/** Rectangles that are tried: cuts of the wafer into equal ones, and squares. */
function candidates(target: Target, tasks: number): readonly Region[] {
  const { width, height } = usableRect(target);
  const regions: Region[] = [];
  for (let columns = 1; columns <= most; columns++)
    for (let rows = 1; rows <= most && columns * rows <= 2 * tasks + 1; rows++) {
      const region = { width: Math.floor(width / columns), height: Math.floor(height / rows) };
      const [short, long] = [Math.min(region.width, region.height), Math.max(region.width, region.height)];
      if (columns * rows === 1 || long <= 3 * short) regions.push(region);
    }
  for (let side = smallestSide; side < Math.min(width, height); side *= growth)
    regions.push({ width: Math.floor(side), height: Math.floor(side) });
  return regions;
}

/** The best cut of a wafer; one rectangle of all its cores always holds what the wafer holds. */
export function bestRegions(tasks: readonly Task[], options: RegionOptions): RegionPlan {
  const bytes = tasks.reduce((sum, task) => sum + task.bytes, 0);
  const largest = Math.max(0, ...tasks.map((task) => task.bytes));
  const { width, height } = usableRect(options.target);
  const kinds = kindsOf(tasks);
  let best: RegionPlan | null = null;
  for (const region of candidates(options.target, tasks.length)) {
    const places = Math.floor(width / region.width) * Math.floor(height / region.height);
    const capacity = region.width * region.height * options.coreBytes;
    const isWhole = region.width === width && region.height === height;
    // what cannot hold its tasks is dropped before any cycle is counted
    if (!isWhole && (capacity < largest || places * capacity < bytes)) continue;
    const plan = regionsOf(tasks, kinds, { region, places }, isWhole ? Infinity : capacity, options);
    if (plan !== null && (best === null || valueOf(plan, options) < valueOf(best, options))) best = plan;
  }
  if (best === null) throw new Error("internal: a wafer does not hold what it was given");
  return best;
}

const valueOf = (plan: RegionPlan, { objective, clock }: RegionOptions): number =>
  objective === "latency" ? totalCycles(plan.decode) + plan.decodes * clock.handOff : plan.decodeStage;

/** For each task the position of the first one that takes as long on any rectangle: models have few kinds of layers, and many of each. */
function kindsOf(tasks: readonly Task[]): readonly number[] {
  const first = new Map<string, number>();
  return tasks.map(({ item, dense, experts }, i) => {
    const key = `${item.kind} ${dense} ${experts}`;
    const kind = first.get(key) ?? i;
    first.set(key, kind);
    return kind;
  });
}

function regionsOf(
  tasks: readonly Task[],
  kinds: readonly number[],
  cut: Pick<RegionPlan, "region" | "places">,
  capacity: number,
  options: RegionOptions,
): RegionPlan | null {
  const { clock, batch, objective } = options;
  const cycles: LayerCycles[] = [];
  for (const [i, task] of tasks.entries()) {
    const { item } = task;
    const isIdle = !item.decodes || item.work === 0;
    const fresh = (): LayerCycles =>
      isIdle ? noCycles : clock.decode(partOf(task, cut.region, options), batch, item.seen);
    cycles.push(cycles[nth(kinds, i)] ?? fresh());
  }
  const links = tasks.map((task, i) => ({ bytes: task.bytes, load: totalCycles(nth(cycles, i)) }));
  const ends =
    objective === "latency"
      ? fewestParts(links, capacity)
      : (balancedCut(links, capacity, Math.min(cut.places, links.length))?.ends ?? null);
  if (ends === null || ends.length > cut.places) return null;
  const groupsOf = <T>(list: readonly T[]): readonly (readonly T[])[] =>
    ends.map((end, i) => list.slice(i === 0 ? 0 : ends[i - 1], end));
  const stages = groupsOf(cycles).map((group) => group.reduce(addedCycles, noCycles));
  return {
    ...cut,
    tasks: groupsOf(tasks),
    decode: stages.reduce(addedCycles, noCycles),
    decodeStage: Math.max(...stages.map(totalCycles)) + clock.handOff,
    decodes: stages.filter((stage) => totalCycles(stage) > 0).length,
  };
}

const partOf = ({ item, dense, experts }: Task, region: Region, { target }: Pick<RegionOptions, "target">) => ({
  target,
  work: item.does,
  region,
  dense,
  experts,
});

/** Cycles of a part of a prompt in each rectangle: so many tokens, scored with `seen(item)` others each. */
export function prefillStages(
  { region, tasks }: RegionPlan,
  options: Pick<RegionOptions, "target" | "clock">,
  tokens: number,
  seen: (item: Item) => number,
): readonly number[] {
  const known = new Map<string, number>();
  const cyclesOf = (task: Task): number => {
    const { item, dense, experts } = task;
    if (item.work === 0) return 0;
    const key = `${item.kind} ${dense} ${experts}`;
    const cycles =
      known.get(key) ?? totalCycles(options.clock.prefill(partOf(task, region, options), tokens, seen(item)));
    known.set(key, cycles);
    return cycles;
  };
  return tasks.map((group) => group.reduce((sum, task) => sum + cyclesOf(task), 0));
}

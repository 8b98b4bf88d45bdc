/**
 * How a wafer is cut into equal rectangles, each holding some of its layers, which a token passes one after the other. Small rectangles are crossed
 * sooner, large ones share a layer's products among more cores: every cut whose rectangles hold their layers is tried.
 */
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { type Clock, type Cycles, type Rectangle, totalOf } from "../speed/clock.ts";
import { fewestParts } from "./chain.ts";
import type { Item } from "./formats.ts";
import type { WaferLoad } from "./wafers.ts";

/** Part of a layer as a region works on it. */
export interface Task {
  readonly item: Item;
  readonly share: number;
  readonly bytes: number;
}

export interface RegionPlan {
  readonly columns: number;
  readonly rows: number;
  readonly region: Rectangle;
  /** tasks of each rectangle in use */
  readonly tasks: readonly (readonly Task[])[];
  /** cycles of a token by what takes them, all rectangles in turn */
  readonly decode: Cycles;
  /** cycles of the slowest rectangle: a decoded token, and a token of a prompt */
  readonly decodeStage: number;
  readonly prefillStage: number;
  /** cycles of a token of a prompt through all rectangles */
  readonly prefill: number;
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
  load.layers.flatMap(({ name, share }) => {
    const item = items.get(name);
    return item === undefined ? [] : [{ item, share, bytes: share * bytesOf(item) }];
  });

const most = 32;

/** The best cut of a wafer; one rectangle always holds what the wafer holds. */
export function bestRegions(tasks: readonly Task[], options: RegionOptions): RegionPlan {
  const { width, height } = usableRect(options.target);
  let best: RegionPlan | null = null;
  for (let columns = 1; columns <= most; columns++)
    for (let rows = 1; rows <= most; rows++) {
      const region = { width: Math.floor(width / columns), height: Math.floor(height / rows) };
      if (Math.max(region.width, region.height) > 3 * Math.min(region.width, region.height) && columns * rows > 1)
        continue;
      const plan = regionsOf(tasks, { columns, rows, region }, options);
      if (plan !== null && (best === null || valueOf(plan, options) < valueOf(best, options))) best = plan;
    }
  if (best === null) throw new Error("internal: a wafer does not hold what it was given");
  return best;
}

const valueOf = (plan: RegionPlan, { objective }: RegionOptions): number =>
  objective === "latency" ? totalOf(plan.decode) : plan.decodeStage;

function regionsOf(
  tasks: readonly Task[],
  cut: Pick<RegionPlan, "columns" | "rows" | "region">,
  { target, clock, batch, coreBytes }: RegionOptions,
): RegionPlan | null {
  const { region, columns, rows } = cut;
  const whole = columns * rows === 1;
  const capacity = whole ? Infinity : region.width * region.height * coreBytes;
  const links = tasks.map(({ bytes, item, share }) => ({ bytes, load: share * item.work }));
  const ends = fewestParts(links, capacity);
  if (ends === null || ends.length > columns * rows) return null;
  const groups = ends.map((end, i) => tasks.slice(i === 0 ? 0 : ends[i - 1], end));
  let decode: Cycles = { products: 0, travel: 0, fixed: 0 };
  let [decodeStage, prefillStage, prefill] = [0, 0, 0];
  for (const group of groups) {
    let [own, ownPrefill] = [0, 0];
    for (const { item, share } of group) {
      if (item.work === 0) continue;
      const work = { weights: share * item.work, perSeen: share * item.perSeen };
      // an encoder's layers see a prompt only
      if (!item.name.startsWith("encoder.")) {
        const cycles = clock.decode(target, work, region, item.seen);
        // a batch's tokens share what stands between products and the ways over the region
        const step = { ...cycles, products: cycles.products * batch };
        decode = {
          products: decode.products + step.products,
          travel: decode.travel + step.travel,
          fixed: decode.fixed + step.fixed,
        };
        own += totalOf(step);
      }
      ownPrefill += totalOf(clock.prefill(target, work, region, item.seen / 2));
    }
    [decodeStage, prefillStage] = [Math.max(decodeStage, own), Math.max(prefillStage, ownPrefill)];
    prefill += ownPrefill;
  }
  return { ...cut, tasks: groups, decode, decodeStage, prefillStage, prefill };
}

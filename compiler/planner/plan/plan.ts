/** A plan: on how many wafers a model lies, where its layers are, how fast it writes, and what limits it. From shapes alone; no weight is read. */
import { nth } from "../../../ir/access.ts";
import { fail } from "../../../ir/diagnostic.ts";
import { type ModelShape, shapeOf } from "../models/build.ts";
import type { ModelConfig } from "../models/config.ts";
import { checkContext } from "../models/find.ts";
import { usableRect } from "../../../ir/machine/target.ts";
import { sharedClock } from "../speed/clock.ts";
import { planProblems } from "./check.ts";
import { type Item, itemBytes, itemsOf } from "./formats.ts";
import { absent, bases, coreMap, type Plan, type PlanOptions, sequencesOf, summary } from "./plan-data.ts";
import type { PlanMode } from "./plan-names.ts";
import { bestRegions, type RegionPlan, tasksOf } from "./regions.ts";
import { speedOf } from "./speed.ts";
import { streamed } from "./stream.ts";
import {
  heldBytes,
  shortfall,
  splitLayers,
  type Spread,
  type SpreadOptions,
  waferBytes,
  type WaferLoad,
  wholeLayers,
} from "./wafers.ts";

const usualContext = 4096;

/** Plans a model; throws what does not fit, by how many bytes. */
export function planModel(config: ModelConfig, options: PlanOptions): Plan {
  const context = options.context ?? Math.min(usualContext, config.context);
  checkContext(config, context);
  const shape = shapeOf(config);
  return options.mode === "stream" ? streamed(shape, context, options) : resident(shape, context, options);
}

const spreadOptions = (options: PlanOptions): SpreadOptions => ({
  capacity: waferBytes(options.system.target),
  sequences: sequencesOf(options),
  tokens: options.batch ?? 1,
});

const wafersAllowed = ({ wafers, system }: PlanOptions): number | null => wafers ?? system.wafers;

/** Layers over the fewest wafers; null where they do not fit. */
function spreadFor(
  shape: ModelShape,
  context: number,
  options: PlanOptions,
): { readonly items: readonly Item[]; readonly spread: Spread } | null {
  const allowed = wafersAllowed(options);
  for (const copied of [false, true]) {
    const items = itemsOf(shape.config, shape.layers, options.weights, context, copied);
    const one = splitLayers(items, spreadOptions(options));
    // a tied table is copied unless all layers lie on one wafer
    if (!copied && one?.wafers.length !== 1) continue;
    const spread = options.splitLayers ? one : wholeLayers(items, spreadOptions(options), allowed);
    if (spread === null) continue;
    if (allowed !== null && spread.wafers.length > allowed) continue;
    return { items, spread };
  }
  return null;
}

/** Whether so many tokens fit on so many wafers. */
const fits = (shape: ModelShape, context: number, options: PlanOptions, wafers: number): boolean =>
  spreadFor(shape, context, { ...options, wafers }) !== null;

/** The longest context that fits on as many wafers, up to the model's. */
function longestContext(shape: ModelShape, context: number, options: PlanOptions, wafers: number): number {
  let [low, high] = [context, shape.config.context];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(shape, middle, options, wafers)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function refuse(shape: ModelShape, context: number, options: PlanOptions): Error {
  const { config } = shape;
  const capacity = waferBytes(options.system.target);
  const items = itemsOf(config, shape.layers, options.weights, context, true);
  const largest = items.reduce((a, b) => (itemBytes(b) > itemBytes(a) ? b : a));
  const sequences = sequencesOf(options);
  const total = items.reduce((sum, item) => sum + itemBytes(item) + item.cache * sequences, 0);
  const allowed = wafersAllowed(options);
  const hint = "--mode stream brings the weights in through the edge, on one wafer";
  if (!options.splitLayers && itemBytes(largest) > capacity) {
    const over = Math.ceil(itemBytes(largest) - capacity);
    return fail("WSC5002", `layer ${largest.name} alone is ${over} bytes larger than a wafer`, {
      subject: config.name,
      hint: `--split-layers lets a layer lie on several wafers; ${hint}`,
    });
  }
  const [count, many] = [allowed ?? 1, allowed === 1 ? "wafer" : "wafers"];
  const short = options.splitLayers
    ? Math.ceil(total - count * capacity)
    : shortfall(items, spreadOptions(options), count);
  const where = options.splitLayers ? "in all" : "on the fullest wafer, layers whole";
  return fail(
    "WSC5002",
    `${config.name} with ${context} tokens does not fit on ${count} ${many} of ${options.system.name}: ${short} bytes are missing ${where}`,
    { subject: config.name, hint },
  );
}

function resident(shape: ModelShape, context: number, options: PlanOptions): Plan {
  const { target } = options.system;
  const placed = spreadFor(shape, context, options);
  if (placed === null) throw refuse(shape, context, options);
  const { items, spread } = placed;
  const { wafers } = spread;
  const sequences = sequencesOf(options);
  const bytes = (item: Item): number => itemBytes(item) + item.cache * sequences;
  const problems = planProblems(
    items.map((item) => ({
      name: item.name,
      weights: itemBytes(item),
      cache: item.cache * sequences,
      experts: item.experts,
    })),
    wafers,
    waferBytes(target),
  );
  if (problems.length > 0) throw new Error(`internal: ${problems.join("; ")}`);
  const mode: PlanMode =
    options.mode === "pipeline" || (options.mode === "auto" && options.objective === "throughput")
      ? "pipeline"
      : "resident";
  const batch = options.batch ?? 1;
  const known = new Map(items.map((item) => [item.name, item]));
  const { sramBytes, systemBytes, codeBytes } = target.core;
  const clock = options.clock ?? sharedClock;
  const regionOptions = {
    target,
    clock,
    batch,
    objective: mode === "pipeline" ? ("throughput" as const) : ("latency" as const),
    coreBytes: sramBytes - systemBytes - codeBytes,
  };
  const plans = regionsOfWafers(wafers, (wafer) => bestRegions(tasksOf(wafer, known, bytes), regionOptions));
  const replicas = Math.max(1, Math.floor((wafersAllowed(options) ?? wafers.length) / wafers.length));
  const fullest = wafers.reduce((a, b) => (heldBytes(b) > heldBytes(a) ? b : a));
  const valueBytes = Math.max(...items.map(({ values }) => values));
  const speed = speedOf(
    {
      config: shape.config,
      wafers,
      regions: plans,
      replicas,
      context,
      batch,
      promptTokens: batch + Math.floor((waferBytes(target) - heldBytes(fullest)) / valueBytes),
    },
    options,
    clock,
  );
  const work = plans.map(({ tasks }) => tasks.flat().reduce((sum, { item, share }) => sum + share * item.work, 0));
  const busiest = nth(plans, work.indexOf(Math.max(...work)));
  const { width, height } = usableRect(target);
  return {
    ...summary(shape, context, options),
    mode,
    reason: reasonOf(mode, wafers.length, options),
    wafers: wafers.length,
    wafersBound: spread.bound,
    replicas,
    longestContext: longestContext(shape, context, options, wafers.length),
    users: options.users,
    batch,
    layersPerWafer: wafers.map(({ layers }) => layers.map(showPart)),
    heldBytes: wafers.map(heldBytes),
    waferLoads: wafers.map(({ weights, cache, values }, i) => ({ weights, cache, values, work: nth(work, i) })),
    coreBytes: coreMap(target, fullest),
    regions: {
      columns: Math.floor(width / busiest.region.width),
      rows: Math.floor(height / busiest.region.height),
      used: busiest.tasks.length,
      ...busiest.region,
    },
    balance: Math.max(...work) / (work.reduce((a, b) => a + b, 0) / work.length),
    usersInFlight: usersInFlight(items, wafers, waferBytes(target), options),
    ...speed,
    stream: null,
    basis: bases(options, clock),
    clockSource: clock.source,
    absent,
  };
}

/** Wafers that hold the same get the same rectangles, found once. */
function regionsOfWafers(
  wafers: readonly WaferLoad[],
  search: (wafer: WaferLoad) => RegionPlan,
): readonly RegionPlan[] {
  const found = new Map<string, RegionPlan>();
  return wafers.map((wafer) => {
    const key = wafer.layers.map(({ name, share }) => `${name.replace(/\d+$/, "")}:${share}`).join();
    const known = found.get(key) ?? search(wafer);
    found.set(key, known);
    return known;
  });
}

const showPart = ({ name, share, experts }: WaferLoad["layers"][number]): string => {
  if (share === 1) return name;
  const which = experts === null ? "" : `, experts ${experts[0]} to ${experts[1] - 1}`;
  return `${name} (${(100 * share).toFixed(1)} %${which})`;
};

function reasonOf(mode: PlanMode, wafers: number, { objective, mode: asked }: PlanOptions): string {
  const where = wafers === 1 ? "all layers fit on one wafer" : `the layers fill ${wafers} wafers`;
  if (asked !== "auto") return `asked for; ${where}`;
  return mode === "pipeline"
    ? `${where}, and for ${objective} every region works on another sequence at once`
    : `${where}, and for ${objective} weights stay beside the cores that multiply by them`;
}

function usersInFlight(
  items: readonly Item[],
  wafers: readonly WaferLoad[],
  capacity: number,
  options: PlanOptions,
): number {
  const sequences = sequencesOf(options);
  const each = wafers.map(({ weights, cache, values }) => ({
    room: capacity - weights - values,
    one: cache / sequences,
  }));
  const counts = each.filter(({ one }) => one > 0).map(({ room, one }) => Math.floor(room / one));
  return items.length === 0 ? 0 : Math.max(sequences, Math.min(...counts));
}

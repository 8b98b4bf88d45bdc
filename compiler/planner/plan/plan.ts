/** A plan: on how many wafers a model lies, where its layers are, how fast it writes, and what limits it. From shapes alone; no weight is read. */
import { clockHz } from "../../../ir/machine/target.ts";
import { fail } from "../../../ir/diagnostic.ts";
import { type ModelShape, shapeOf } from "../models/build.ts";
import type { ModelConfig } from "../models/config.ts";
import { checkContext } from "../models/find.ts";
import { type Cycles, fittedClock } from "../speed/clock.ts";
import { planProblems } from "./check.ts";
import { type Item, itemBytes, itemsOf, wide } from "./formats.ts";
import {
  absent,
  bases,
  coreMap,
  limitOf,
  type Plan,
  type PlanOptions,
  sequencesOf,
  type Speculation,
  summary,
} from "./plan-data.ts";
import type { PlanMode } from "./plan-names.ts";
import { bestRegions, type RegionPlan, tasksOf } from "./regions.ts";
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
  const clock = options.clock ?? fittedClock;
  const regionOptions = {
    target,
    clock,
    batch,
    objective: mode === "pipeline" ? ("throughput" as const) : ("latency" as const),
    coreBytes: sramBytes - systemBytes - codeBytes,
  };
  const plans = regionsOfWafers(wafers, (wafer) => bestRegions(tasksOf(wafer, known, bytes), regionOptions));
  const replicas = Math.max(1, Math.floor((wafersAllowed(options) ?? wafers.length) / wafers.length));
  const speed = speedOf(shape, options, {
    replicas,
    plans,
    wafers: wafers.length,
    context,
    batch,
  });
  const fullest = wafers.reduce((a, b) => (heldBytes(b) > heldBytes(a) ? b : a));
  const work = plans.map(({ tasks }) => tasks.flat().reduce((sum, { item, share }) => sum + share * item.work, 0));
  const busiest = plans[work.indexOf(Math.max(...work))] as RegionPlan;
  const { tokensPerStep } = speed;
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
    coreBytes: coreMap(target, fullest),
    regions: { columns: busiest.columns, rows: busiest.rows, ...busiest.region },
    balance: Math.max(...work) / (work.reduce((a, b) => a + b, 0) / work.length),
    usersInFlight: usersInFlight(items, wafers, waferBytes(target), options),
    ...speed,
    tokensPerStep,
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

interface SpeedInput {
  readonly replicas: number;
  readonly plans: readonly RegionPlan[];
  readonly wafers: number;
  readonly context: number;
  readonly batch: number;
}

function speedOf(shape: ModelShape, options: PlanOptions, { replicas, plans, wafers, context, batch }: SpeedInput) {
  const { target } = options.system;
  const hz = clockHz(target);
  const cycles = plans.reduce<Cycles>(
    (sum, { decode }) => ({
      products: sum.products + decode.products,
      travel: sum.travel + decode.travel,
      fixed: sum.fixed + decode.fixed,
    }),
    { products: 0, travel: 0, fixed: 0 },
  );
  const handed = batch * shape.config.hidden * wide;
  const hand = target.neighbours.latencySeconds + handed / target.neighbours.bytesPerSecond;
  // the last wafer's token goes back to the first
  const links = wafers === 1 ? 0 : wafers * hand;
  const parts = {
    products: cycles.products / hz,
    "travel over the region": cycles.travel / hz,
    "what stands between products": cycles.fixed / hz,
    "links between wafers": links,
  };
  const step = Object.values(parts).reduce((sum, seconds) => sum + seconds, 0);
  const gain = options.speculative === null ? null : speculationGain(options.speculative);
  const latency = step / (gain?.speedup ?? 1);
  const stages = plans.reduce((sum, { tasks }) => sum + tasks.length, 0);
  const slowest = Math.max(...plans.map(({ decodeStage }) => decodeStage)) / hz;
  const atOnce = Math.min(options.users / batch, stages);
  const inAll = Math.min(Math.max(1, atOnce) * batch * (1 / latency), (batch / slowest) * (gain?.speedup ?? 1));
  const prefillStage = Math.max(...plans.map(({ prefillStage: stage }) => stage)) / hz;
  const fill = plans.reduce((sum, { prefill }) => sum + prefill, 0) / hz;
  const watts = replicas * wafers * target.power.average;
  return {
    decodePerUser: 1 / latency,
    decodeInAll: replicas * inAll,
    prefillTokensPerSecond: replicas / prefillStage,
    timeToFirstToken: context * prefillStage + fill + links + step,
    edgeLoad: (inAll * 2 * 4) / target.io.bytesPerSecond,
    linkLoad: wafers === 1 ? 0 : (inAll * shape.config.hidden * wide) / target.neighbours.bytesPerSecond,
    watts,
    joulesPerToken: watts / (replicas * inAll),
    limit: limitOf(parts),
    tokensPerStep: gain?.tokens ?? null,
  };
}

/** Share of a step's time that the small model takes for a token: nothing is published. */
const draftShare = 0.1;

/** Tokens that a confirmation gives (Leviathan et al., arXiv 2211.17192), and how much sooner a token comes. */
function speculationGain({ tokens, acceptance }: Speculation): { readonly tokens: number; readonly speedup: number } {
  const given = acceptance === 1 ? tokens + 1 : (1 - acceptance ** (tokens + 1)) / (1 - acceptance);
  return { tokens: given, speedup: given / (1 + draftShare * tokens) };
}

/** Weights that come in through the edge, layer by layer, while caches and values stay: one wafer, or several that are sent the same. */
import { fail } from "../../../ir/diagnostic.ts";
import { clockHz, type Target, usableRect } from "../../../ir/machine/target.ts";
import type { ModelShape } from "../models/build.ts";
import { totalCycles } from "../../../ir/machine/layer-cycles.ts";
import { type Clock, sharedClock } from "../speed/clock.ts";
import { type Item, itemsOf } from "./formats.ts";
import { absent, bases, coreMap, limitOf, type Plan, type PlanOptions, summary } from "./plan-data.ts";
import { waferBytes } from "./wafers.ts";

/** Two layers' weights are on the wafer at once: one that is multiplied by, one that arrives. */
const layersHeld = 2;

/** Seconds in which a whole wafer computes a step of so many tokens, all layers in turn. */
export function passSeconds(
  items: readonly Item[],
  { target, clock }: { readonly target: Target; readonly clock: Clock },
  tokens: number,
  seen: (item: Item) => number,
): number {
  const region = usableRect(target);
  const known = new Map<string, number>();
  const cycles = items.map((item) => {
    if (item.work === 0) return 0;
    const part = { target, work: item.does, region, dense: 1, experts: 1 };
    const own = known.get(item.kind) ?? totalCycles(clock.prefill(part, tokens, seen(item)));
    known.set(item.kind, own);
    return own;
  });
  return cycles.reduce((sum, each) => sum + each, 0) / clockHz(target);
}

/** The least whole number from 1 on that holds, if every greater one does as well; at most `most`. */
export function leastThat(holds: (value: number) => boolean, most: number): number {
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Sequences beyond which nobody asks. */
const mostSequences = 2 ** 24;

/** Plans a model whose weights stream. */
export function streamed(shape: ModelShape, context: number, options: PlanOptions): Plan {
  const { system } = options;
  const { target } = system;
  const wafers = options.wafers ?? 1;
  const capacity = waferBytes(target);
  const items = itemsOf(shape.config, shape.layers, options.weights, context, false);
  const base = summary(shape, context, options);
  if (base.weightBytes > target.memory.bytes)
    throw fail(
      "WSC5002",
      `${base.weightBytes} bytes of weights are more than the memory beside the wafer, ${target.memory.bytes}`,
      { subject: shape.config.name },
    );
  const cache = items.reduce((sum, item) => sum + item.cache, 0);
  const values = Math.max(...items.map((item) => item.values));
  // layers of many experts pass in pieces: what is multiplied by has at most half of the wafer
  const largest = Math.max(...items.map(({ dense, expertBytes }) => Math.min(dense + expertBytes, capacity / 4)));
  const room = capacity - layersHeld * largest;
  const most = Math.floor(room / (cache + values));
  const clock = options.clock ?? sharedClock;
  const region = usableRect(target);
  const passed = items.filter(({ decodes }) => decodes);
  const computing = (sequences: number): number =>
    passSeconds(passed, { target, clock }, sequences, ({ seen }) => seen);
  const edge = Math.min(target.io.bytesPerSecond, target.memory.bytesPerSecond);
  const passing = passed.reduce((sum, { dense, experts, expertBytes }) => sum + dense + experts * expertBytes, 0);
  const pass = passing / edge;
  const hiding = leastThat((sequences) => computing(sequences) >= pass, mostSequences);
  const batch = options.batch ?? Math.max(1, Math.min(most, hiding));
  if (batch > most) {
    const missing = Math.ceil(batch * (cache + values) - room);
    throw fail(
      "WSC5002",
      `caches of ${batch} sequences of ${context} tokens are ${missing} bytes more than a wafer holds beside two layers`,
      {
        subject: shape.config.name,
        hint: `at most --batch ${most}`,
      },
    );
  }
  const step = Math.max(pass, computing(batch));
  const prompt = Math.max(
    pass,
    passSeconds(items, { target, clock }, context, ({ seen }) => seen),
  );
  const inAll = (wafers * batch) / step;
  const watts = wafers * target.power.average;
  const limit = limitOf({ "weights through the edge": pass, computing: computing(batch) });
  const held = { weights: layersHeld * largest, cache: batch * cache, values: batch * values };
  return {
    ...base,
    mode: "stream",
    reason: `weights come in through the edge, ${(edge / 1e9).toFixed(0)} GB/s, and caches stay; computing hides it from ${hiding} sequences on`,
    wafers,
    wafersBound: 1,
    replicas: 1,
    longestContext: Math.min(shape.config.context, Math.floor((room / batch - values) / (cache / context))),
    users: batch * wafers,
    batch,
    layersPerWafer: Array.from({ length: wafers }, () => items.map(({ name }) => name)),
    heldBytes: Array.from({ length: wafers }, () => held.weights + held.cache + held.values),
    waferLoads: Array.from({ length: wafers }, () => ({ ...held, work: base.activeParameters })),
    coreBytes: coreMap(target, held),
    regions: { columns: 1, rows: 1, used: 1, width: region.width, height: region.height },
    balance: 1,
    decodePerUser: 1 / step,
    decodeInAll: inAll,
    prefillTokensPerSecond: context / prompt,
    prefillInAll: (wafers * context) / prompt,
    promptPieces: 1,
    timeToFirstToken: prompt + step,
    usersInFlight: most * wafers,
    edgeLoad: Math.min(1, pass / step),
    linkLoad: 0,
    watts,
    joulesPerToken: watts / inAll,
    limit,
    tokensPerStep: null,
    stream: { passSeconds: pass, hidingBatch: hiding },
    basis: bases(options, clock),
    clockSource: clock.source,
    absent,
  };
}

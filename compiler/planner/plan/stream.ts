/** Weights that come in through the edge, layer by layer, while caches and values stay: one wafer, or several that are sent the same. */
import { fail } from "../../../ir/diagnostic.ts";
import { clockHz, usableRect } from "../../../ir/machine/target.ts";
import type { ModelShape } from "../models/build.ts";
import { fittedClock, totalOf } from "../speed/clock.ts";
import { type Item, itemsOf } from "./formats.ts";
import { absent, bases, coreMap, limitOf, type Plan, type PlanOptions, summary } from "./plan-data.ts";
import { waferBytes } from "./wafers.ts";

/** Two layers' weights are on the wafer at once: one that is multiplied by, one that arrives. */
const layersHeld = 2;

/** Layers that a decoded token passes; an encoder's see prompts only. */
const decodes = ({ name }: Item): boolean => !name.startsWith("encoder.");

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
  const clock = options.clock ?? fittedClock;
  const hz = clockHz(target);
  const region = usableRect(target);
  const perToken = items
    .filter((item) => decodes(item) && item.work > 0)
    .reduce((sum, item) => {
      const cycles = clock.prefill(target, { weights: item.work, perSeen: item.perSeen }, region, item.seen);
      return sum + totalOf(cycles) / hz;
    }, 0);
  const edge = Math.min(target.io.bytesPerSecond, target.memory.bytesPerSecond);
  const passing = items
    .filter(decodes)
    .reduce((sum, { dense, experts, expertBytes }) => sum + dense + experts * expertBytes, 0);
  const pass = passing / edge;
  const hiding = Math.ceil(pass / perToken);
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
  const step = Math.max(pass, batch * perToken);
  const inAll = (wafers * batch) / step;
  const watts = wafers * target.power.average;
  const limit = limitOf({ "weights through the edge": pass, computing: batch * perToken });
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
    coreBytes: coreMap(target, held),
    regions: { columns: 1, rows: 1, width: region.width, height: region.height },
    balance: 1,
    decodePerUser: 1 / step,
    decodeInAll: inAll,
    prefillTokensPerSecond: Math.min(1 / perToken, (context * 1) / pass),
    timeToFirstToken: Math.max(pass, context * perToken),
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

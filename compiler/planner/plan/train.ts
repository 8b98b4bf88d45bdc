/**
 * Training with weights that stream (Cerebras' training documentation): each step they come in twice, for the forward and the backward pass, and gradients
 * go out once; the update happens where the weights are kept. Values that the backward pass needs stay on the wafer, or only each layer's input does
 * and the rest is computed again. All figures are derived.
 */
import { fail } from "../../../ir/diagnostic.ts";
import { shapeOf } from "../models/build.ts";
import type { ModelConfig } from "../models/config.ts";
import { checkContext } from "../models/find.ts";
import type { WaferSystem } from "../machines/systems.ts";
import { sharedClock } from "../speed/clock.ts";
import { itemsOf, wide } from "./formats.ts";
import { leastThat, passSeconds } from "./stream.ts";
import { waferBytes } from "./wafers.ts";

export interface TrainOptions {
  readonly system: WaferSystem;
  /** wafers that take the same weights and other sequences */
  readonly wafers: number;
  readonly context: number | null;
  /** sequences of a wafer and step; null: as many as hide the edge and fit */
  readonly batch: number | null;
}

export interface TrainingPlan {
  readonly model: string;
  readonly machine: string;
  readonly mode: "stream";
  readonly wafers: number;
  readonly context: number;
  /** sequences of one wafer and step */
  readonly batch: number;
  /** sequences at which computing takes as long as the edge */
  readonly hidingBatch: number;
  readonly largestBatch: number;
  /** whether values are kept for the backward pass, or computed again from each layer's input */
  readonly values: "kept" | "computed again";
  readonly valueBytesPerToken: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly edgeSeconds: number;
  readonly computeSeconds: number;
  readonly stepSeconds: number;
  readonly tokensPerSecond: number;
  readonly watts: number;
  readonly binds: "the edge" | "computing";
  readonly basis: "derived";
}

/** Forward, and twice as much backward: gradients of values and of weights. */
const passes = 3;

/** Sequences beyond which nobody asks. */
const mostSequences = 2 ** 20;

/** Plans a training step. */
export function planTraining(
  config: ModelConfig,
  { system, wafers, context: asked, batch: given }: TrainOptions,
): TrainingPlan {
  const context = asked ?? Math.min(2048, config.context);
  checkContext(config, context);
  const shape = shapeOf(config);
  const { target } = system;
  const items = itemsOf(config, shape.layers, "fp16", context, false);
  const weights = shape.parameters * wide;
  const edge = Math.min(target.io.bytesPerSecond, target.memory.bytesPerSecond);
  // both ways of the edge work at once; in takes longer
  const edgeSeconds = Math.max(2 * weights, weights) / edge;
  // every token is scored with those of its own sequence
  const forward = (sequences: number): number =>
    passSeconds(items, { target, clock: sharedClock }, sequences * context, () => context);
  const kept = items.reduce((sum, item) => sum + (item.work > 0 ? item.values + 4 * config.hidden * wide : 0), 0);
  const inputs = items.filter(({ work }) => work > 0).length * config.hidden * wide;
  const largest = Math.max(
    ...items.map(({ dense, expertBytes }) => Math.min(dense + expertBytes, waferBytes(target) / 4)),
  );
  const room = waferBytes(target) - 2 * largest;
  const most = (perToken: number): number => Math.floor(room / (perToken * context));
  const hiding = (times: number): number =>
    leastThat((sequences) => times * forward(sequences) >= edgeSeconds, mostSequences);
  // what is kept costs room, what is computed again costs a pass: kept where it lets the edge be hidden
  const keeps = most(kept) >= (given ?? hiding(passes));
  const times = keeps ? passes : passes + 1;
  const bytes = keeps ? kept : inputs;
  const largestBatch = most(bytes);
  if (largestBatch < 1 || (given !== null && given > largestBatch))
    throw fail("WSC5002", `values of ${given ?? 1} sequences of ${context} tokens are more than a wafer holds`, {
      subject: config.name,
      hint: largestBatch < 1 ? "a shorter --context" : `at most --batch ${largestBatch}`,
    });
  const batch = given ?? Math.min(largestBatch, hiding(times));
  const computeSeconds = times * forward(batch);
  const stepSeconds = Math.max(edgeSeconds, computeSeconds);
  return {
    model: config.name,
    machine: system.name,
    mode: "stream",
    wafers,
    context,
    batch,
    hidingBatch: hiding(times),
    largestBatch,
    values: keeps ? "kept" : "computed again",
    valueBytesPerToken: bytes,
    bytesIn: 2 * weights,
    bytesOut: weights,
    edgeSeconds,
    computeSeconds,
    stepSeconds,
    tokensPerSecond: (wafers * batch * context) / stepSeconds,
    watts: wafers * target.power.average,
    binds: edgeSeconds > computeSeconds ? "the edge" : "computing",
    basis: "derived",
  };
}

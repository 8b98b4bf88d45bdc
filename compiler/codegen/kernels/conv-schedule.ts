/** Which algorithm does a convolution: a decision from types alone, as data. */
import type { ConvOp, TensorType } from "../../../ir/graph.ts";
import { type Choose, distinct, modelChoice } from "../choice.ts";
import type { Operands } from "../kernel.ts";
import { type ImageShape, imageShapeOf } from "./conv-frame.ts";
import { type Form, formsOf } from "./winograd/forms.ts";
import {
  blockCount,
  partChannels,
  partPositions,
  partsOf,
  phaseTaps,
  positionCount,
  tileCount,
  type WinogradPlan,
  workAreaOf,
} from "./winograd/plan.ts";

export type ConvSchedule =
  /** products over a padded channels-last image */
  | { readonly algorithm: "direct" }
  /** one filter for each channel: vectors of channels */
  | { readonly algorithm: "depthwise" }
  /** products over transformed tiles */
  | { readonly algorithm: "winograd"; readonly plan: WinogradPlan };

export function chooseConvSchedule(op: ConvOp, operands: Operands, choose: Choose = modelChoice): ConvSchedule {
  const [x] = operands.inputs as readonly [TensorType];
  const image = imageShapeOf(x, op.layout);
  const result = imageShapeOf(operands.outputs[0] as TensorType, op.layout);
  const isDepthwise = op.groups === image.channels && result.channels === image.channels && image.channels > 1;
  if (isDepthwise) return { algorithm: "depthwise" };
  if (!suitsWinograd(op, operands)) return { algorithm: "direct" };
  const [, { shape }] = operands.inputs as readonly [TensorType, TensorType];
  const candidates = ranked(convPlans(op, pair(shape), image, result));
  if (candidates.length === 1) return { algorithm: "direct" };
  const schedule = choose({ aspect: "algorithm", candidates, words: algorithmWords });
  return schedule.algorithm === "winograd" ? { ...schedule, plan: chooseBlocks(schedule.plan, choose) } : schedule;
}

const algorithmWords = (schedule: ConvSchedule): string =>
  schedule.algorithm === "winograd"
    ? `winograd ${schedule.plan.forms.map(({ name }) => name).join("x")}`
    : schedule.algorithm;

/** Windows without dilation over a channels-last image, f32, with constant weights. */
function suitsWinograd(op: ConvOp, { inputs, outputs, constants }: Operands): boolean {
  const [x, w] = inputs as readonly [TensorType, TensorType];
  const isFloat = x.dtype === "f32" && w.dtype === "f32" && constants[1] !== undefined;
  const isEmpty = [...x.shape, ...w.shape, ...(outputs[0] as TensorType).shape].includes(0);
  const isPlane = op.layout === "nhwc" && w.shape.length === 4 && op.dilations.every((dilation) => dilation === 1);
  return isFloat && isPlane && !isEmpty;
}

// ---- costs, in cycles of a core like those that docs/performance.md measures on ---------------------------------------------------

/** Multiply-adds per cycle in a long reduction, of the ceiling of 8. */
const longRate = 7;
/** Instructions around a tile of nine accumulators, in cycles, and the multiply-adds that it does in each step. */
const tileOverhead = 18;
const tileWork = 36;
/** Cycles that the transforms take for each position and vector of four channels: loads and stores twice, arithmetic once. */
const transformCycles = 3;
/** Bytes of weights that come in per cycle, from the third-level cache or memory; the shorter of this and the products hides partly. */
const weightBytesPerCycle = 4;
const notHidden = 0.4;
/** Winograd must gain this much to be worth its rounding errors and larger weights. */
const wantedGain = 1.15;

const elementsOf = ({ batch, spatial }: ImageShape): number => spatial.reduce((count, size) => count * size, batch);

const directCycles = (op: ConvOp, kernel: Pair, image: ImageShape, result: ImageShape): number =>
  (kernel[0] * kernel[1] * elementsOf(result) * (image.channels / op.groups) * result.channels) / longRate;

function winogradCycles(plan: WinogradPlan): number {
  const { channels, filters, strides } = plan;
  const positions = positionCount(plan);
  const tiles = tileCount(plan);
  const multiplied = weightCount(plan);
  const overhead = ((positions * tiles * filters) / tileWork) * tileOverhead;
  const weights = (multiplied * 4) / weightBytesPerCycle;
  const transforms = (tiles * positions * (strides[0] * strides[1] * channels + filters) * transformCycles) / 4;
  const [shorter, longer] = [(tiles * multiplied) / longRate, weights].toSorted((a, b) => a - b) as [number, number];
  return longer + notHidden * shorter + overhead + transforms;
}

/** Transformed weights, each of which is multiplied once for a tile. */
const weightCount = (plan: WinogradPlan): number =>
  plan.filters * partsOf(plan).reduce((sum, part) => sum + partPositions(part) * partChannels(plan, part), 0);

type Pair = readonly [number, number];

const pair = (list: readonly number[]): Pair => [list[0] ?? 0, list[1] ?? 0];

/** The direct convolution, and every mix of tile heights and widths with blocks for each. */
function convPlans(op: ConvOp, kernel: Pair, image: ImageShape, result: ImageShape): readonly Costed[] {
  const direct: Costed = {
    schedule: { algorithm: "direct" },
    cycles: directCycles(op, kernel, image, result) / wantedGain,
  };
  const strides = pair(op.strides);
  const [vertical, horizontal] = [formsAlong(kernel[0], strides[0]), formsAlong(kernel[1], strides[1])];
  const plans = vertical.flatMap((rows) =>
    horizontal
      .filter((columns) => rows.size * columns.size > 1)
      .map((columns): Costed => {
        const plan = withBlocks({
          batch: image.batch,
          channels: image.channels,
          filters: result.channels,
          groups: op.groups,
          image: pair(image.spatial),
          result: pair(result.spatial),
          kernel,
          strides,
          padsBegin: pair(op.padsBegin),
          forms: [rows, columns],
          blockTiles: 1,
        });
        return { schedule: { algorithm: "winograd", plan }, cycles: winogradCycles(plan) };
      }),
  );
  return [direct, ...plans];
}

/** Along a dim without a filter there must be no stride either. */
const formsAlong = (taps: number, stride: number): readonly Form[] =>
  taps <= stride && stride > 1 ? [] : formsOf(phaseTaps(taps, stride));

interface Costed {
  readonly schedule: ConvSchedule;
  readonly cycles: number;
}

/** Cheapest first; equals stay in their order. */
const ranked = (costed: readonly Costed[]): readonly ConvSchedule[] =>
  costed.toSorted((a, b) => a.cycles - b.cycles).map(({ schedule }) => schedule);

/** Bytes of a block's transformed tiles and products that should stay in the second-level cache. */
const blockBytes = 512 * 1024;
/** Tiles below which the weights are read too often. */
const fewTiles = 24;
/** A byte of a block that leaves the cache and comes back costs as much as so many bytes of weights that are read again. */
const spilled = 2 * 1.4;
/** Rows of a tile of the products. */
const tileRows = 3;

/**
 * Blocks of equal size that stay in the cache, whole tiles of rows where that costs no further block; one block where reading the weights again
 * for each would cost more.
 */
function withBlocks(plan: WinogradPlan): WinogradPlan {
  const tiles = tileCount(plan);
  const perTile = workAreaOf(plan).byteLength;
  const most = Math.max(fewTiles, Math.floor(blockBytes / perTile));
  const blocks = tiles <= 1.5 * most ? 1 : Math.ceil(tiles / most);
  const readAgain = (blocks - 1) * weightCount(plan) * 4;
  return inBlocks(plan, readAgain > spilled * tiles * perTile ? 1 : blocks);
}

function inBlocks(plan: WinogradPlan, blocks: number): WinogradPlan {
  const tiles = tileCount(plan);
  const even = Math.ceil(tiles / blocks);
  return { ...plan, blockTiles: blocks === 1 ? tiles : Math.min(tiles, Math.ceil(even / tileRows) * tileRows) };
}

/** The model's blocks, fewer or more. */
function chooseBlocks(plan: WinogradPlan, choose: Choose): WinogradPlan {
  const blocks = blockCount(plan);
  const words = (other: WinogradPlan): string => (blockCount(other) === 1 ? "all tiles" : `${other.blockTiles} tiles`);
  const others = [2 * blocks, Math.ceil(blocks / 2), 4 * blocks, 1].map((count) => inBlocks(plan, count));
  return choose({ aspect: "block", candidates: distinct([plan, ...others], words), words });
}

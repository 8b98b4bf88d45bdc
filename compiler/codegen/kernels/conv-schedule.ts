/** Which algorithm does a convolution: a decision from types alone, as data. */
import type { ConvOp, TensorType } from "../../../ir/graph.ts";
import { type Choose, distinct, modelChoice } from "../choice.ts";
import type { Operands } from "../kernel.ts";
import { type ImageShape, imageShapeOf } from "./conv-frame.ts";
import { forms, type Form } from "./winograd/forms.ts";
import { blockCount, positionCount, tileCount, type WinogradPlan, workAreaOf } from "./winograd/plan.ts";

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
  const candidates = ranked(winogradPlans(op, image, result));
  const schedule = choose({ aspect: "algorithm", candidates, words: algorithmWords });
  return schedule.algorithm === "winograd" ? { ...schedule, plan: chooseBlocks(schedule.plan, choose) } : schedule;
}

const algorithmWords = (schedule: ConvSchedule): string =>
  schedule.algorithm === "winograd"
    ? `winograd ${schedule.plan.forms.map(({ name }) => name).join("x")}`
    : schedule.algorithm;

/** 3x3 windows over every pixel of a channels-last image, f32, with constant weights. */
function suitsWinograd(op: ConvOp, { inputs, outputs, constants }: Operands): boolean {
  const [x, w] = inputs as readonly [TensorType, TensorType];
  const isEvery = (list: readonly number[]): boolean => list.every((value) => value === 1);
  const is3x3 = w.shape.length === 4 && w.shape[0] === 3 && w.shape[1] === 3;
  const isFloat = x.dtype === "f32" && w.dtype === "f32" && constants[1] !== undefined;
  const isEmpty = [...x.shape, ...(outputs[0] as TensorType).shape].includes(0);
  return op.layout === "nhwc" && is3x3 && isFloat && !isEmpty && isEvery(op.strides) && isEvery(op.dilations);
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

const directCycles = (op: ConvOp, image: ImageShape, result: ImageShape): number =>
  (9 * elementsOf(result) * (image.channels / op.groups) * result.channels) / longRate;

function winogradCycles(plan: WinogradPlan): number {
  const { channels, filters, groups } = plan;
  const positions = positionCount(plan);
  const tiles = tileCount(plan);
  const products = positions * tiles * (channels / groups) * filters;
  const overhead = ((positions * tiles * filters) / tileWork) * tileOverhead;
  const weights = (positions * (channels / groups) * filters * 4) / weightBytesPerCycle;
  const transforms = (tiles * positions * (channels + filters) * transformCycles) / 4;
  const [shorter, longer] = [products / longRate, weights].toSorted((a, b) => a - b) as [number, number];
  return longer + notHidden * shorter + overhead + transforms;
}

/** Every mix of tile heights and widths, with blocks for each. */
function winogradPlans(op: ConvOp, image: ImageShape, result: ImageShape): readonly Costed[] {
  const pair = (list: readonly number[]): readonly [number, number] => [list[0] ?? 0, list[1] ?? 0];
  const sizes: readonly Form[] = [forms.four, forms.two];
  const direct: Costed = { schedule: { algorithm: "direct" }, cycles: directCycles(op, image, result) / wantedGain };
  const plans = sizes.flatMap((vertical) =>
    sizes.map((horizontal): Costed => {
      const plan = withBlocks({
        batch: image.batch,
        channels: image.channels,
        filters: result.channels,
        groups: op.groups,
        image: pair(image.spatial),
        result: pair(result.spatial),
        padsBegin: pair(op.padsBegin),
        forms: [vertical, horizontal],
        blockTiles: 1,
      });
      return { schedule: { algorithm: "winograd", plan }, cycles: winogradCycles(plan) };
    }),
  );
  return [direct, ...plans];
}

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
/** Rows of a tile of the products. */
const tileRows = 3;

/** Blocks of equal size, whole tiles of rows where that costs no further block. */
function withBlocks(plan: WinogradPlan): WinogradPlan {
  const tiles = tileCount(plan);
  const perTile = workAreaOf(plan).byteLength;
  const most = Math.max(fewTiles, Math.floor(blockBytes / perTile));
  return inBlocks(plan, tiles <= 1.5 * most ? 1 : Math.ceil(tiles / most));
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

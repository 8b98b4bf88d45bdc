/** Which algorithm does a convolution: a decision from types (for integers, also from what the weights add up to), as data. */
import type { ConvOp, TensorType } from "../../../ir/graph.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { type Choose, distinct, modelChoice } from "../choice.ts";
import type { Operands } from "../kernel.ts";
import { rangeOfType } from "../value-range.ts";
import { isByteProduct } from "./bytes/byte-product.ts";
import { type ImageShape, imageShapeOf, kernelShape } from "./conv-frame.ts";
import { isExact, sumBounds } from "./winograd/exactness.ts";
import { type Form, formsOf } from "./winograd/forms.ts";
import { type IntegerForm, integerFormsOf } from "./winograd/integer-forms.ts";
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
  /** windows of integers 0 … 255 as rows: products of bytes */
  | { readonly algorithm: "bytes" }
  /** one filter for each channel: vectors of channels */
  | { readonly algorithm: "depthwise" }
  /** products over transformed tiles */
  | { readonly algorithm: "winograd"; readonly plan: WinogradPlan };

export function chooseConvSchedule(op: ConvOp, operands: Operands, choose: Choose = modelChoice): ConvSchedule {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const image = imageShapeOf(x, op.layout);
  const result = imageShapeOf(operands.outputs[0] as TensorType, op.layout);
  const isDepthwise = op.groups === image.channels && result.channels === image.channels && image.channels > 1;
  if (isDepthwise) return { algorithm: "depthwise" };
  const mixes = formsFor(op, operands);
  const isBytes = isByteProduct(op, operands);
  if (mixes.length === 0 && !isBytes) return { algorithm: "direct" };
  const site: Site = { op, kernel: kernelShape(w, op.layout), source: x.dtype, image, result };
  const plans = [directPlan(site), ...(isBytes ? [bytePlan(site)] : []), ...winogradPlans(site, mixes)];
  const candidates = ranked(plans);
  const schedule = choose({ aspect: "algorithm", candidates, words: algorithmWords });
  return schedule.algorithm === "winograd" ? { ...schedule, plan: chooseBlocks(schedule.plan, choose) } : schedule;
}

const algorithmWords = (schedule: ConvSchedule): string =>
  schedule.algorithm === "winograd"
    ? `winograd ${schedule.plan.forms.map(({ name }) => name).join("x")}`
    : schedule.algorithm;

type Forms = readonly [Form, Form];

/**
 * Mixes of tile heights and widths for windows without dilation over a channels-last image, with constant weights: of floats, or of integers
 * where no bit of the result can differ.
 */
function formsFor(op: ConvOp, { inputs, outputs, constants, rangeOf }: Operands): readonly Forms[] {
  const [x, w] = inputs as readonly [TensorType, TensorType];
  const weights = constants[1];
  const isEmpty = [...x.shape, ...w.shape, ...(outputs[0] as TensorType).shape].includes(0);
  const isPlane = op.layout === "nhwc" && w.shape.length === 4 && op.dilations.every((dilation) => dilation === 1);
  if (weights === undefined || isEmpty || !isPlane) return [];
  if (x.dtype === "f32" && w.dtype === "f32") return mixesOf(op, pair(w.shape), formsOf);
  const isNarrow = [x, w].every(({ dtype }) => dtype === "i8" || dtype === "u8" || dtype === "i16");
  const range = rangeOf?.(0) ?? rangeOfType(x.dtype);
  if (!isNarrow || range === null) return [];
  const mixes = mixesOf(op, pair(w.shape), integerFormsOf);
  if (mixes.length === 0) return [];
  const bounds = sumBounds(weights, range);
  return mixes.filter((mix: readonly [IntegerForm, IntegerForm]) => isExact(mix, bounds));
}

/** All mixes for a filter and its strides, but for tiles of one result. */
function mixesOf<F extends Form>(op: ConvOp, kernel: Pair, forms: (taps: number) => readonly F[]): readonly (readonly [F, F])[] {
  const strides = pair(op.strides);
  // along a dim without a filter there must be no stride either
  const along = (dim: 0 | 1): readonly F[] =>
    kernel[dim] <= strides[dim] && strides[dim] > 1 ? [] : forms(phaseTaps(kernel[dim], strides[dim]));
  return along(0)
    .flatMap((rows) => along(1).map((columns) => [rows, columns] as const))
    .filter(([rows, columns]) => rows.size * columns.size > 1);
} // prettier-ignore

// ---- costs, in cycles of a core like those that docs/performance.md measures on ---------------------------------------------------

interface Costs {
  /** multiply-adds per cycle in a long reduction, of a ceiling of 8 for floats, of 12 for pairs of integers */
  readonly rate: number;
  /** instructions around a tile of the products, in cycles, and its accumulators */
  readonly tileOverhead: number;
  readonly tileWork: number;
  /** cycles that the transforms take for each position and channel or filter: loads and stores twice, arithmetic once */
  readonly input: number;
  readonly output: number;
  /** bytes of weights that come in per cycle, from the third-level cache or memory */
  readonly weightBytes: number;
  /** Winograd must gain this much to be worth its larger weights and, with floats, its rounding errors */
  readonly wantedGain: number;
}

const costs: { readonly [E in WinogradPlan["elements"]]: Costs } = {
  f32: { rate: 7, tileOverhead: 18, tileWork: 36, input: 3 / 4, output: 3 / 4, weightBytes: 4, wantedGain: 1.15 },
  i16: { rate: 9, tileOverhead: 18, tileWork: 32, input: 3 / 8, output: 3 / 4, weightBytes: 2.5, wantedGain: 1.1 },
};
/** Of the time that weights take to come in and that of the products, the shorter hides partly. */
const notHidden = 0.4;

const elementsOf = ({ batch, spatial }: ImageShape): number => spatial.reduce((count, size) => count * size, batch);

/** A convolution and the sizes of its operands. */
interface Site {
  readonly op: ConvOp;
  readonly kernel: readonly number[];
  readonly source: DType;
  readonly image: ImageShape;
  readonly result: ImageShape;
}

/** Elements of a window, of all channels of a group. */
const windowElements = ({ op, kernel, image }: Site): number =>
  kernel.reduce((count, taps) => count * taps, image.channels / op.groups);

const directWork = (site: Site): number => windowElements(site) * elementsOf(site.result) * site.result.channels;

function winogradCycles(plan: WinogradPlan): number {
  const { channels, filters, strides, elements } = plan;
  const { rate, tileOverhead, tileWork, input, output, weightBytes } = costs[elements];
  const positions = positionCount(plan);
  const tiles = tileCount(plan);
  const multiplied = weightCount(plan);
  const overhead = ((positions * tiles * filters) / tileWork) * tileOverhead;
  const weights = (multiplied * storageBytes(elements)) / weightBytes;
  const transforms = tiles * positions * (strides[0] * strides[1] * channels * input + filters * output);
  const [shorter, longer] = [(tiles * multiplied) / rate, weights].toSorted((a, b) => a - b) as [number, number];
  return longer + notHidden * shorter + overhead + transforms;
}

/** Transformed weights, each of which is multiplied once for a tile. */
const weightCount = (plan: WinogradPlan): number =>
  plan.filters * partsOf(plan).reduce((sum, part) => sum + partPositions(part) * partChannels(plan, part), 0);

type Pair = readonly [number, number];

const pair = (list: readonly number[]): Pair => [list[0] ?? 0, list[1] ?? 0];

const elementsFor = (source: DType): WinogradPlan["elements"] => (source === "f32" ? "f32" : "i16");

/** Cycles to widen an element for a direct convolution, one by one. */
const widenCycles = 2;

function directPlan(site: Site): Costed {
  const { source, image } = site;
  const widened = source === "f32" || source === "i16" ? 0 : elementsOf(image) * image.channels * widenCycles;
  return { schedule: { algorithm: "direct" }, cycles: directWork(site) / costs[elementsFor(source)].rate + widened };
}

/** Multiply-adds of bytes per cycle, with the lists of high bits that ReLUs leave; cycles to prepare an element of a row. */
const byteCosts = { rate: 11.2, element: 0.4 };

function bytePlan(site: Site): Costed {
  const prepared = elementsOf(site.result) * windowElements(site) * byteCosts.element;
  return { schedule: { algorithm: "bytes" }, cycles: directWork(site) / byteCosts.rate + prepared };
}

/** Every mix of tile heights and widths, with blocks for each. */
function winogradPlans({ op, kernel, source, image, result }: Site, mixes: readonly Forms[]): readonly Costed[] {
  const elements = elementsFor(source);
  return mixes.map((forms): Costed => {
    const plan = withBlocks({
      elements,
      source,
      batch: image.batch,
      channels: image.channels,
      filters: result.channels,
      groups: op.groups,
      image: pair(image.spatial),
      result: pair(result.spatial),
      kernel: pair(kernel),
      strides: pair(op.strides),
      padsBegin: pair(op.padsBegin),
      forms,
      blockTiles: 1,
    });
    return { schedule: { algorithm: "winograd", plan }, cycles: winogradCycles(plan) * costs[elements].wantedGain };
  });
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
  const readAgain = (blocks - 1) * weightCount(plan) * storageBytes(plan.elements);
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

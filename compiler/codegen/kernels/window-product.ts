/**
 * Convolutions as products. A window product slides a window over a channels-last image that needs no bounds checks (padding is already
 * in it) and writes a channels-last result. Convolutions are window products with input steps of their stride; transposed ones are
 * one window product for each phase of the output, whose results stand `stride` elements apart.
 */
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { type Choose, joinedIf } from "../choice.ts";
import type { KernelArg, KernelCode } from "../kernel.ts";
import { type Arith, aStepBytes } from "./product/arith.ts";
import { type Epilogue, isJoinable } from "./product/epilogue.ts";
import { type Axis, mergeAxes } from "./index-space.ts";
import { matrixBytes, packedArg, type PackLoop, type PackPlan } from "./product/pack.ts";
import { packStage } from "./product/pack-stage.ts";
import {
  type Level,
  type PanelSource,
  panelsOf,
  type Product,
  type ProductAxis,
  type Schedule,
  type Strides,
} from "./product/product.ts";
import { halfPanels } from "./product/half-floats.ts";
import { productStage } from "./product/product-emit.ts";
import { widenedArgs } from "./product/widened-panels.ts";
import { chooseSchedule } from "./product/schedule.ts";

/** One spatial dim of a window product. */
export interface WindowDim {
  /** results along the dim, and elements of the image from one to the next */
  readonly count: number;
  readonly step: number;
  /** taps, and elements of the image from tap to tap */
  readonly taps: number;
  readonly tapStep: number;
  /** image element of the first result's first tap */
  readonly first: number;
  /** elements of the image along the dim */
  readonly imageSize: number;
  /** element of the output for the first result, and from one to the next */
  readonly outFirst: number;
  readonly outStep: number;
  readonly outSize: number;
  /** weight of the first tap, and from tap to tap, in elements of the weights */
  readonly weightFirst: number;
  readonly weightStep: number;
}

/** Strides of the weights (elements) other than those of the taps. */
export interface WeightStrides {
  readonly group: number;
  readonly channel: number;
  readonly filter: number;
}

/** An extra operand of the epilogue with its strides (elements) over batch, spatial dims, filters of the whole output. */
export interface WindowExtra {
  readonly dtype: DType;
  readonly arg: KernelArg;
  readonly strides: readonly number[];
}

export interface WindowProduct {
  readonly name: string;
  readonly arith: Arith;
  readonly batch: number;
  readonly groups: number;
  /** of one group */
  readonly channels: number;
  readonly filters: number;
  readonly dims: readonly WindowDim[];
  readonly weights: WeightStrides;
  readonly epilogue: Epilogue;
  readonly extras: readonly WindowExtra[];
}

/** Tensors of the result's size that are written or read with it. */
export const resultTensors = (extras: readonly WindowExtra[]): number =>
  1 + extras.filter(({ strides }) => strides.slice(1).every((stride) => stride !== 0)).length;

/** What a window product reads and writes. */
export interface WindowArgs {
  readonly image: KernelArg;
  readonly weights: { readonly input: number; readonly dtype: DType; readonly constant: TensorData | undefined };
  readonly out: KernelArg;
  /** scratch for weights that are packed when the program runs */
  readonly scratchId: number;
}

/** Row-major strides of a channels-last tensor over batch and spatial dims, in elements. */
function imageStrides(sizes: readonly number[], channels: number): number[] {
  let stride = channels;
  const strides = sizes.map(() => 0);
  for (let i = sizes.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= sizes[i] ?? 1;
  }
  return [stride, ...strides];
}

/** A window product as loops: strides (elements) of its tensors, rows, and what of the reduction is a run. */
interface Loops {
  readonly image: readonly number[];
  readonly out: readonly number[];
  /** axes around the rows, then y and x; strides of [image, out, extras…] */
  readonly outer: readonly Axis[];
  readonly y: Axis;
  readonly x: Axis;
  readonly reduction: Reduction;
}

function loopsOf(window: WindowProduct): Loops {
  const { dims, channels, filters, groups, extras } = window;
  const image = imageStrides(
    dims.map((dim) => dim.imageSize),
    channels * groups,
  );
  const out = imageStrides(
    dims.map((dim) => dim.outSize),
    filters * groups,
  );
  const rows = rowAxes(window, image, out);
  const unit = { size: 1, strides: new Array<number>(2 + extras.length).fill(0) };
  const [y = unit, x = unit] = rows.slice(-2);
  return { image, out, outer: rows.slice(0, -2), y, x, reduction: reductionOf(window, image) };
}

/** The stages of a window product: packing of variable weights, then the product. */
export function windowStages(window: WindowProduct, args: WindowArgs, choose: Choose): KernelCode[] {
  const loops = loopsOf(window);
  const schedule = scheduleOf(window, loops, joinedIf(isJoinable(window.epilogue), choose));
  const half = halfPanels(args.weights.constant, window.arith, loops.y.size * loops.x.size);
  const plan = packPlan(window, loops.reduction, schedule.tile.vectors, half?.arith ?? window.arith);
  const b = placeWeights(
    plan,
    half === null ? args : { ...args, weights: { ...args.weights, constant: half.constant } },
  );
  const source: PanelSource =
    half === null ? { kind: "packed", apart: false } : { kind: "halves", form: half.arith.name };
  const product = productOf(window, loops, schedule, matrixBytes(plan), source);
  const operands = [args.image, b.arg, ...window.extras.map((extra) => extra.arg), args.out];
  return [...b.stages, productStage(product, [...operands, ...widenedArgs(product, args.scratchId)])];
}

function scheduleOf(
  { arith, groups, filters, extras }: WindowProduct,
  { outer, y, x, reduction }: Loops,
  choose: Choose,
): Schedule {
  const { levels, run } = reduction;
  const size = {
    outer: outer.reduce((count, axis) => count * axis.size, groups),
    y: y.size,
    x: x.size,
    columns: filters,
    steps: levels.reduce((count, level) => count * level.count, Math.ceil(run / arith.kStep)),
    canBlockRun: levels.length === 0,
    resultTensors: resultTensors(extras),
  };
  // rows of windows that overlap share most of their image
  const isShared = levels.length > 0 && y.size > 1;
  const aRowBytes = (y.strides[0] ?? 0) * storageBytes(arith.a);
  return chooseSchedule(isShared ? { ...size, aRowBytes } : size, arith, choose);
}

function productOf(
  window: WindowProduct,
  loops: Loops,
  schedule: Schedule,
  groupBytes: number,
  b: PanelSource,
): Product {
  const { arith, channels, filters, groups, extras } = window;
  const place = (axis: Axis): ProductAxis => ({ size: axis.size, strides: byteStrides(window, axis.strides, 0) });
  const groupStrides = [channels, filters, ...extras.map((extra) => (extra.strides.at(-1) ?? 0) * filters)];
  const group = { size: groups, strides: byteStrides(window, groupStrides, groupBytes) };
  const { levels, run } = loops.reduction;
  return {
    name: window.name,
    arith,
    start: byteStrides(window, startOffsets(window, loops.image, loops.out), 0),
    outer: [...(groups > 1 ? [group] : []), ...loops.outer.map(place)],
    y: place(loops.y),
    x: place(loops.x),
    columns: filters,
    extraPerColumn: extras.map((extra) => extra.strides.at(-1) !== 0),
    levels,
    run: Math.ceil(run / arith.kStep),
    aStep: aStepBytes(arith),
    b,
    epilogue: window.epilogue,
    schedule,
  };
}

/** Strides of [image, out, extras…] in elements as strides in bytes. */
function byteStrides(window: WindowProduct, strides: readonly number[], b: number): Strides {
  const { arith, epilogue } = window;
  return {
    a: (strides[0] ?? 0) * storageBytes(arith.a),
    b,
    out: (strides[1] ?? 0) * storageBytes(epilogue.output),
    extras: epilogue.extras.map((dtype, i) => (strides[2 + i] ?? 0) * storageBytes(dtype)),
  };
}

/** Batch and spatial axes with strides of [image, out, extras…], merged. */
function rowAxes({ batch, dims, extras }: WindowProduct, image: readonly number[], out: readonly number[]): Axis[] {
  const axes = dims.map((dim, i): Axis => {
    const others = extras.map((extra) => (extra.strides[i + 1] ?? 0) * dim.outStep);
    return { size: dim.count, strides: [(image[i + 1] ?? 0) * dim.step, (out[i + 1] ?? 0) * dim.outStep, ...others] };
  });
  const all = [
    { size: batch, strides: [image[0] ?? 0, out[0] ?? 0, ...extras.map((extra) => extra.strides[0] ?? 0)] },
    ...axes,
  ];
  return mergeAxes(all);
}

/** Elements from the start of image, out and extras to the first result's. */
function startOffsets({ dims, extras }: WindowProduct, image: readonly number[], out: readonly number[]): number[] {
  const sum = (pick: (dim: WindowDim, i: number) => number): number =>
    dims.reduce((total, dim, i) => total + pick(dim, i), 0);
  return [
    sum((dim, i) => dim.first * (image[i + 1] ?? 0)),
    sum((dim, i) => dim.outFirst * (out[i + 1] ?? 0)),
    ...extras.map((extra) => sum((dim, i) => dim.outFirst * (extra.strides[i + 1] ?? 0))),
  ];
}

interface Reduction {
  readonly levels: readonly Level[];
  /** elements of the run */
  readonly run: number;
  /** taps (by dim) that are part of the run, counted from the last dim */
  readonly runDims: number;
}

/** Taps that are neighbours in the image join the channels in one run; the others are levels. */
function reductionOf({ dims, channels, arith }: WindowProduct, image: readonly number[]): Reduction {
  let run = channels;
  let runDims = 0;
  for (let i = dims.length - 1; i >= 0; i--) {
    const { taps, tapStep } = dims[i] as WindowDim;
    if (taps !== 1 && (image[i + 1] ?? 0) * tapStep !== run) break;
    run *= taps;
    runDims++;
  }
  const levels = dims.slice(0, dims.length - runDims).map((dim, i): Level => {
    return { count: dim.taps, a: (image[i + 1] ?? 0) * dim.tapStep * storageBytes(arith.a) };
  });
  return { levels: levels.filter((level) => level.count !== 1), run, runDims };
}

function packPlan(window: WindowProduct, { runDims }: Reduction, vectors: number, arith: Arith): PackPlan {
  const { dims, channels, weights, groups, filters } = window;
  const taps = dims.map((dim): PackLoop => ({ size: dim.taps, stride: dim.weightStep }));
  const isLoop = (loop: PackLoop): boolean => loop.size !== 1;
  return {
    arith,
    panels: panelsOf(filters, vectors, arith.lanes),
    source: {
      matrices: groups === 1 ? [] : [{ size: groups, stride: weights.group }],
      levels: taps.slice(0, dims.length - runDims).filter(isLoop),
      run: [...taps.slice(dims.length - runDims).filter(isLoop), { size: channels, stride: weights.channel }],
      columnStride: weights.filter,
      start: dims.reduce((sum, dim) => sum + (dim.taps === 0 ? 0 : dim.weightFirst), 0),
    },
  };
}

function placeWeights(plan: PackPlan, args: WindowArgs): { arg: KernelArg; stages: readonly KernelCode[] } {
  const { input, dtype, constant } = args.weights;
  if (constant !== undefined) return { arg: packedArg(input, constant, plan), stages: [] };
  const { code, scratch } = packStage(plan, dtype, { kind: "input", index: input }, args.scratchId);
  return { arg: scratch, stages: [code] };
}

/**
 * Convolutions over images of open size as products: the open twin of kernels/window-product.ts. A window slides over a channels-last image with
 * its padding in it. Channels, filters and taps are known, and so is everything between neighbouring pixels of a row: the tiles are those of known
 * shapes. What is open, and comes as parameters, is the way from row to row, and how many rows and pixels there are:
 *
 *     for each image and group (a unit):  for each block of rows:  for each panel of filters:
 *       for each row:  tiles of `tile.rows` pixels, then one tile of what is left
 *
 * A block has as many rows as stay near in the caches, so that panels are read seldom.
 */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { addDims, countOf, type Dim, mulDims, subDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { modelChoice } from "../choice.ts";
import { kernelKey } from "../kernel.ts";
import { type Arith, aStepBytes } from "../kernels/product/arith.ts";
import { type Epilogue, hoistConstants } from "../kernels/product/epilogue.ts";
import { matrixBytes, packedArg, type PackLoop, type PackPlan } from "../kernels/product/pack.ts";
import { type Level, panelsOf, type Product, type Schedule, totalSteps } from "../kernels/product/product.ts";
import { chooseSchedule } from "../kernels/product/schedule.ts";
import type { Cursors } from "../kernels/product/tile.ts";
import { type Bound, type FunctionBuilder, type Local, loopRange, pushBound } from "../wasm/index.ts";
import type { OpenImage } from "./image.ts";
import {
  type OpenFunction,
  openFunction,
  type OpenKernelArg,
  type OpenKernelCode,
  type OpenOperand,
  type Size,
  SizeParams,
} from "./kernel.ts";
import { emitPixels, overPanels, type PanelBases, type PixelPanel } from "./pixels.ts";
import { addBound, copyOf, openBroadcastStrides } from "./rows.ts";

/** One spatial dim of a window product. */
export interface OpenWindowDim {
  /** results along the dim, and elements of the image from one to the next */
  readonly count: Dim;
  readonly step: number;
  /** taps, and elements of the image from tap to tap */
  readonly taps: number;
  readonly tapStep: number;
  /** image element of the first result's first tap */
  readonly first: number;
  /** element of the output for the first result, and from one to the next */
  readonly outFirst: number;
  readonly outStep: number;
  /** weight of the first tap, and from tap to tap, in elements of the weights */
  readonly weightFirst: number;
  readonly weightStep: number;
}

export interface OpenWindow {
  readonly name: string;
  readonly arith: Arith;
  readonly image: OpenImage;
  readonly groups: number;
  /** rows, columns */
  readonly dims: readonly [OpenWindowDim, OpenWindowDim];
  /** strides of the weights, in elements, other than those of the taps */
  readonly weights: { readonly group: number; readonly channel: number; readonly filter: number };
  /** the whole channels-last result, over batch, rows and columns */
  readonly result: OpenImage;
  readonly epilogue: Epilogue;
  /** operands of the epilogue, with the rank of the result */
  readonly extras: readonly OpenOperand[];
}

export interface OpenWindowArgs {
  readonly image: OpenKernelArg;
  readonly weights: { readonly input: number; readonly constant: TensorData };
  readonly extras: readonly OpenKernelArg[];
  readonly out: OpenKernelArg;
}

/** The sizes by which tiles are chosen: no code depends on them otherwise. */
const typical = { rows: 28, columns: 28 } as const;

/** Bytes of a block's rows of image and result that stay near beside the weights. */
const blockBytes = 256 * 1024;

export function openWindowStage(window: OpenWindow, args: OpenWindowArgs): OpenKernelCode {
  const { arith, groups, image, dims, epilogue, extras, result } = window;
  const [rowDim, columnDim] = dims;
  const channels = image.channels / groups;
  const filters = result.channels / groups;
  const params = new SizeParams();
  const level = reductionOf(window, params, 3 + extras.length);
  const schedule = scheduleOf(window, level.steps, filters);
  const plan = packPlan(window, level.runTaps, schedule);
  if (matrixBytes(plan) === 0) throw new NotOpen("a convolution of nothing");
  const pixel = image.channels * storageBytes(arith.a);
  const [imageBytes, rowBytes] = [
    mulDims(image.rows, image.columns, pixel),
    mulDims(image.columns, pixel * rowDim.step),
  ];
  const outPixel = result.channels * storageBytes(epilogue.output);
  const outRow = mulDims(result.columns, outPixel * rowDim.outStep);
  const strided = extras.map((extra) => extraStrides(extra, result));
  const product: Product = {
    name: window.name,
    arith,
    start: { a: 0, b: 0, out: 0, extras: [] },
    outer: [],
    y: { size: 1, strides: { a: 0, b: 0, out: 0, extras: extras.map(() => 0) } },
    x: {
      size: 1,
      strides: {
        a: pixel * columnDim.step,
        b: 0,
        out: outPixel * columnDim.outStep,
        extras: strided.map(({ pixel: bytes }) => bytes * columnDim.outStep),
      },
    },
    columns: filters,
    extraPerColumn: strided.map(({ column }) => column !== 0),
    levels: level.levels,
    run: level.run,
    aStep: aStepBytes(arith),
    b: { kind: "packed", apart: false },
    epilogue,
    schedule,
  };
  const at = (dim: 0 | 1): Size => params.of(nth(dims, dim).count);
  const open: OpenSizes = {
    rows: at(0),
    columns: at(1),
    blockRow: params.of(addDims(rowBytes, mulDims(outRow, 1 + strided.filter(({ column }) => column !== 0).length))),
    image: params.of(imageBytes),
    row: params.of(rowBytes),
    first: params.of(addDims(mulDims(rowDim.first, image.columns, pixel), columnDim.first * pixel)),
    out: {
      image: params.of(mulDims(result.rows, result.columns, outPixel)),
      row: params.of(outRow),
      first: params.of(addDims(mulDims(rowDim.outFirst, result.columns, outPixel), columnDim.outFirst * outPixel)),
    },
    extras: strided.map((strides) => ({
      image: params.of(strides.image),
      row: params.of(mulDims(strides.row, rowDim.outStep)),
      first: params.of(addDims(mulDims(strides.row, rowDim.outFirst), strides.pixel * columnDim.outFirst)),
    })),
  };
  const kernel: WindowKernel = {
    product,
    open,
    groups,
    group: {
      a: channels * storageBytes(arith.a),
      b: matrixBytes(plan),
      out: filters * storageBytes(epilogue.output),
      extras: strided.map(({ column }) => column * filters),
    },
  };
  const addresses = [args.image, packedArg(args.weights.input, args.weights.constant, plan), ...args.extras, args.out];
  const work = mulDims(
    2 * filters * groups * totalSteps(product) * arith.kStep,
    countOf([image.batch, rowDim.count, columnDim.count]),
  );
  return {
    key: kernelKey("open window", { ...product, arith: arith.name }, open, groups),
    units: mulDims(image.batch, groups),
    args: addresses,
    sizes: params.dims,
    work,
    emit: (module) =>
      openFunction(module, window.name, addresses.length, params.dims.length, (site) => {
        hoistConstants(site.f, epilogue);
        arith.hoist?.(site.f);
        emitImages(site, kernel);
      }),
  };
}

// ---- plans ------------------------------------------------------------------------------------------------------------------------

interface Reduction {
  readonly levels: readonly Level[];
  /** steps of the run, and of the whole reduction */
  readonly run: number;
  readonly steps: number;
  /** columns of taps are part of the run */
  readonly runTaps: boolean;
}

/** Taps of a row that are neighbours in the image join the channels in one run; the others are levels. */
function reductionOf({ image, groups, dims, arith }: OpenWindow, params: SizeParams, addresses: number): Reduction {
  const [rows, columns] = dims;
  const channels = image.channels / groups;
  const pixel = image.channels * storageBytes(arith.a);
  const runTaps = columns.taps === 1 || (groups === 1 && columns.tapStep === 1);
  const run = Math.ceil((channels * (runTaps ? columns.taps : 1)) / arith.kStep);
  const inner: Level[] = runTaps ? [] : [{ count: columns.taps, a: columns.tapStep * pixel }];
  const moved = inner.length === 0 ? run * aStepBytes(arith) : columns.taps * columns.tapStep * pixel;
  const steps = rows.taps * (runTaps ? 1 : columns.taps) * run;
  if (rows.taps === 1) return { levels: inner, run, steps, runTaps };
  const rest = params.of(subDims(mulDims(image.columns, rows.tapStep * pixel), moved));
  const a = typeof rest === "number" ? rest + moved : { param: addresses + rest.param };
  return { levels: [{ count: rows.taps, a }, ...inner], run, steps, runTaps };
}

const scheduleOf = ({ arith, extras }: OpenWindow, steps: number, filters: number): Schedule =>
  chooseSchedule(
    {
      outer: 1,
      y: typical.rows,
      x: typical.columns,
      columns: filters,
      steps,
      canBlockRun: false,
      resultTensors: 1 + extras.length,
    },
    arith,
    modelChoice,
  );

function packPlan(
  { arith, dims, weights, groups, image, result }: OpenWindow,
  runTaps: boolean,
  schedule: Schedule,
): PackPlan {
  const loops = dims.map(({ taps, weightStep }): PackLoop => ({ size: taps, stride: weightStep }));
  const [rows, columns] = [nth(loops, 0), nth(loops, 1)];
  const isLoop = ({ size }: PackLoop): boolean => size !== 1;
  return {
    arith,
    panels: panelsOf(result.channels / groups, schedule.tile.vectors, arith.lanes),
    source: {
      matrices: groups === 1 ? [] : [{ size: groups, stride: weights.group }],
      levels: (runTaps ? [rows] : [rows, columns]).filter(isLoop),
      run: [...(runTaps ? [columns] : []).filter(isLoop), { size: image.channels / groups, stride: weights.channel }],
      columnStride: weights.filter,
      start: dims.reduce((sum, { weightFirst }) => sum + weightFirst, 0),
    },
  };
}

export interface ExtraStrides {
  /** bytes from image to image, row to row, pixel to pixel, channel to channel */
  readonly image: Dim;
  readonly row: Dim;
  readonly pixel: number;
  readonly column: number;
}

/** How an operand lies beside a channels-last result. */
export function extraStrides(extra: OpenOperand, { batch, rows, columns, channels }: OpenImage): ExtraStrides {
  const whole = extra.dims.length === 3 ? [batch, columns, channels] : [batch, rows, columns, channels];
  const bytes = storageBytes(extra.dtype);
  const strides = openBroadcastStrides(extra, whole).map((stride) => mulDims(stride, bytes));
  const [image, row, pixel, column] =
    strides.length === 3 ? [nth(strides, 0), 0, nth(strides, 1), nth(strides, 2)] : strides;
  if (typeof pixel !== "number" || typeof column !== "number") throw new NotOpen("an epilogue operand of open strides");
  return { image: defined(image), row: defined(row), pixel, column };
}

// ---- code -------------------------------------------------------------------------------------------------------------------------

interface PlaneSizes {
  /** bytes from image to image, row to row, and to the first pixel */
  readonly image: Size;
  readonly row: Size;
  readonly first: Size;
}

interface OpenSizes extends PlaneSizes {
  readonly rows: Size;
  readonly columns: Size;
  /** bytes of image and result that a row takes */
  readonly blockRow: Size;
  readonly out: PlaneSizes;
  readonly extras: readonly PlaneSizes[];
}

interface WindowKernel {
  readonly product: Product;
  readonly open: OpenSizes;
  readonly groups: number;
  /** bytes from group to group */
  readonly group: { readonly a: number; readonly b: number; readonly out: number; readonly extras: readonly number[] };
}

/** Pushes base + image * bytes + group * bytes + first. */
function startOf(
  { f, bound }: OpenFunction,
  base: Local,
  sizes: PlaneSizes,
  image: Local,
  group: Bound,
  groupBytes: number,
): Local {
  const local = copyOf(f, base);
  addScaled(f, local, image, bound(sizes.image));
  addScaled(f, local, group, groupBytes);
  addBound(f, local, bound(sizes.first));
  return local;
}

/** local += index * stride */
export function addScaled(f: FunctionBuilder, local: Local, index: Bound, stride: Bound): void {
  if (stride === 0 || index === 0) return;
  f.get(local);
  pushBound(f, index);
  pushBound(f, stride);
  f.op("i32.mul");
  f.op("i32.add");
  f.set(local);
}

function emitImages(site: OpenFunction, kernel: WindowKernel): void {
  const { f, addresses, begin, end } = site;
  const { open, groups, group } = kernel;
  const unit = f.local("i32");
  loopRange(f, unit, begin, end, 1, () => {
    const [image, index] = [f.local("i32"), groups === 1 ? 0 : f.local("i32")];
    f.get(unit);
    if (groups > 1) {
      f.i32(groups);
      f.op("i32.div_u");
    }
    f.set(image);
    if (typeof index !== "number") {
      f.get(unit);
      f.i32(groups);
      f.op("i32.rem_u");
      f.set(index);
    }
    const bases: PanelBases = {
      a: startOf(site, nth(addresses, 0), open, image, index, group.a),
      b: copyOf(f, nth(addresses, 1)),
      extras: open.extras.map((sizes, i) =>
        startOf(site, nth(addresses, 2 + i), sizes, image, index, nth(group.extras, i)),
      ),
      out: startOf(site, nth(addresses, addresses.length - 1), open.out, image, index, group.out),
    };
    addScaled(f, bases.b, index, group.b);
    emitBlocks(site, kernel, bases);
    f.release(image, bases.a, bases.b, bases.out, ...bases.extras);
    if (typeof index !== "number") f.release(index);
  });
}

/** Blocks of rows: as many as stay near, and at least one. */
function emitBlocks(site: OpenFunction, kernel: WindowKernel, bases: PanelBases): void {
  const { f, bound } = site;
  const { open } = kernel;
  const weightsBytes = kernel.group.b;
  const near = Math.max(blockBytes, weightsBytes);
  const [height, top, bottom] = f.localArray("i32", 3) as [Local, Local, Local];
  f.i32(near);
  pushBound(f, bound(open.blockRow));
  f.op("i32.div_u");
  f.i32(1);
  f.op("i32.add");
  f.set(height);
  f.i32(0);
  f.set(top);
  f.loop((again) => {
    // the block's end: top + height, or the end of all
    f.get(top);
    f.get(height);
    f.op("i32.add");
    f.tee(bottom);
    pushBound(f, bound(open.rows));
    f.get(bottom);
    pushBound(f, bound(open.rows));
    f.op("i32.lt_u");
    f.select("i32");
    f.set(bottom);
    overPanels(f, kernel.product, bases, (cursors, panel) => {
      emitRows(site, kernel, cursors, panel, top, bottom);
    });
    f.get(bottom);
    f.tee(top);
    pushBound(f, bound(open.rows));
    f.op("i32.lt_u");
    f.brIf(again);
  });
  f.release(height, top, bottom);
}

function emitRows(
  site: OpenFunction,
  { product, open }: WindowKernel,
  bases: Cursors,
  panel: PixelPanel,
  top: Local,
  bottom: Local,
): void {
  const { f, bound } = site;
  const cursors: Cursors = {
    a: copyOf(f, bases.a),
    out: copyOf(f, bases.out),
    extras: bases.extras.map((extra) => copyOf(f, extra)),
  };
  addScaled(f, cursors.a, top, bound(open.row));
  addScaled(f, cursors.out, top, bound(open.out.row));
  for (const [i, extra] of cursors.extras.entries()) addScaled(f, extra, top, bound(nth(open.extras, i).row));
  const row = f.local("i32");
  loopRange(f, row, top, bottom, 1, () => {
    emitPixels(f, product, cursors, bound(open.columns), panel);
    addBound(f, cursors.a, bound(open.row));
    addBound(f, cursors.out, bound(open.out.row));
    for (const [i, extra] of cursors.extras.entries()) addBound(f, extra, bound(nth(open.extras, i).row));
  });
  f.release(row, cursors.a, cursors.out, ...cursors.extras);
}

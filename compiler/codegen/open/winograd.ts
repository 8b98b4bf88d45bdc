/**
 * Convolutions with short filters over images of open size by Winograd's minimal filtering: the transforms and products of kernels/winograd, over blocks
 * of a fixed number of tiles. How many tiles there are, and where one lies, is worked out when the code runs; the last block has what is left.
 */
import { nth } from "../../../ir/access.ts";
import { ceilDiv, type Dim, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { type ConvOp, tensorType } from "../../../ir/graph.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { modelChoice } from "../choice.ts";
import { kernelKey } from "../kernel.ts";
import { chooseConvSchedule } from "../kernels/conv-schedule.ts";
import { commonMultiple } from "../kernels/product/rows.ts";
import type { Epilogue } from "../kernels/product/epilogue.ts";
import type { Product, ProductAxis } from "../kernels/product/product.ts";
import { inputTransform } from "../kernels/winograd/input-transform.ts";
import { outputTransform, type ResultSource, type WinogradResult } from "../kernels/winograd/output-transform.ts";
import {
  partChannels,
  partPositions,
  partsOf,
  type TileGeometry,
  type WinogradPlan,
  workAreaOf,
} from "../kernels/winograd/plan.ts";
import { i32s } from "../kernels/winograd/transform-line.ts";
import { productOf, transformWork, type Winograd, winogradOf } from "../kernels/winograd/winograd.ts";
import {
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
  pushBound,
} from "../wasm/index.ts";
import type { ConvPlane } from "./conv-plane.ts";
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
import { emitPixels, overPanels, type PanelBases } from "./pixels.ts";
import { copyOf } from "./rows.ts";
import { extraStrides, type OpenWindowArgs } from "./window-product.ts";

/** Beside the scratch memory of a padded image. */
const workScratch = 1;

/** Results along a dim by which the algorithm and its forms are chosen: no code depends on them otherwise. */
const typicalResults = 28;

export interface OpenWinogradChoice {
  readonly plan: WinogradPlan;
  /** pixels of the result below which a direct sum is faster: the transformed weights take longer to come in than they save */
  readonly leastPixels: number;
}

/** The plan by which a convolution of typical size would be done; null where that is no minimal filter. */
export function chooseOpenWinograd(
  op: Omit<ConvOp, "inputs" | "outputs" | "origin">,
  { kernel, strides, dilations, before, after }: ConvPlane,
  weights: TensorData,
  channels: number,
): OpenWinogradChoice | null {
  if (weights.shape.length !== 4) return null;
  const planFor = (results: number): WinogradPlan | null => {
    const along = (at: 0 | 1): number =>
      Math.max(1, (results - 1) * strides[at] + (kernel[at] - 1) * dilations[at] + 1 - before[at] - after[at]);
    const x = tensorType("f32", [1, along(0), along(1), channels]);
    const y = tensorType("f32", [1, results, results, nth(weights.shape, 3)]);
    const operands = { inputs: [x, tensorType("f32", weights.shape)], outputs: [y], constants: [undefined, weights] };
    const schedule = chooseConvSchedule({ ...op, inputs: [], outputs: [], origin: [] }, operands, modelChoice);
    return schedule.algorithm === "winograd" ? schedule.plan : null;
  };
  const plan = planFor(typicalResults);
  if (plan === null) return null;
  let least = typicalResults;
  while (least > 1 && planFor(least - 1) !== null) least--;
  return { plan: inOpenBlocks(plan), leastPixels: least * least };
}

/** Bytes of a block's transformed tiles and products that should stay in the second-level cache. */
const blockBytes = 512 * 1024;
/** Tiles below which the weights are read too often, and above which a block only takes memory. */
const [fewTiles, manyTiles] = [24, 144];
/** A byte of a block that leaves the cache costs as much as so many bytes of weights that are read again. */
const spilled = 2.8;
/** Whole tiles of products of any height. */
const wholeRows = commonMultiple(3, 4);

/** Blocks that stay in the cache, or larger ones where reading the weights for each would cost more. */
function inOpenBlocks(plan: WinogradPlan): WinogradPlan {
  const perTile = workAreaOf({ ...plan, blockTiles: 1 }).byteLength;
  const weights = partsOf(plan).reduce((sum, part) => sum + partPositions(part) * partChannels(plan, part), 0);
  const weightBytes = weights * plan.filters * storageBytes(plan.elements);
  const wanted = Math.max(fewTiles, blockBytes / perTile, weightBytes / (spilled * perTile));
  return { ...plan, blockTiles: Math.floor(Math.min(manyTiles, wanted) / wholeRows) * wholeRows };
}

export interface OpenWinograd {
  readonly plan: WinogradPlan;
  readonly image: OpenImage;
  readonly result: OpenImage;
  readonly epilogue: Epilogue;
  /** operands of the epilogue, with the rank of the result */
  readonly extras: readonly OpenOperand[];
}

export function openWinogradStage(winograd: OpenWinograd, args: OpenWindowArgs): OpenKernelCode {
  const { image, result, epilogue, extras } = winograd;
  const { forms, blockTiles, channels, filters } = winograd.plan;
  const params = new SizeParams();
  const grid = [ceilDiv(result.rows, forms[0].outputs), ceilDiv(result.columns, forms[1].outputs)] as const;
  const tiles = mulDims(result.batch, ...grid);
  const strides = extras.map((extra) => extraStrides(extra, result));
  const plane = ({ rows, columns }: OpenImage, pixel: number): readonly [Size, Size, number] => [
    params.of(mulDims(rows, columns, pixel)),
    params.of(mulDims(columns, pixel)),
    pixel,
  ];
  const sizes: OpenGeometry = {
    batch: params.of(result.batch),
    grid: [params.of(grid[0]), params.of(grid[1])],
    image: [params.of(image.rows), params.of(image.columns)],
    result: [params.of(result.rows), params.of(result.columns)],
    imageStrides: plane(image, channels * storageBytes("f32")),
    resultStrides: plane(result, filters * storageBytes(epilogue.output)),
    extras: strides.map((extra) => [params.of(extra.image), params.of(extra.row)]),
    tiles: params.of(tiles),
  };
  // the first two strides of an extra operand are the geometry's
  const known: WinogradResult = { epilogue, extras: strides.map(({ pixel, column }) => [0, 0, pixel, column]) };
  const { kernel, weights } = winogradOf(winograd.plan, known, args.weights, modelChoice);
  const work: OpenKernelArg = { kind: "scratch", id: workScratch, bytes: workAreaOf(kernel.plan).byteLength };
  const addresses = [args.image, ...weights, work, ...args.extras, args.out];
  const perTile = transformWork(kernel.plan);
  const products = partsOf(kernel.plan).reduce(
    (sum, part) => sum + 2 * partPositions(part) * partChannels(kernel.plan, part) * filters,
    0,
  );
  const { batch: _, image: __, result: ___, forms: ____, ...baked } = kernel.plan;
  return {
    key: kernelKey(
      "open winograd",
      baked,
      forms.map(({ name }) => name),
      known,
      sizes,
    ),
    units: ceilDiv(tiles, blockTiles),
    args: addresses,
    sizes: params.dims,
    work: mulDims(tiles, perTile.input + perTile.output + products),
    emit: (module) => emitBlocks(module, kernel, sizes, addresses.length, params.dims),
  };
}

/** `TileGeometry` in sizes. */
interface OpenGeometry {
  readonly batch: Size;
  readonly grid: readonly [Size, Size];
  readonly image: readonly [Size, Size];
  readonly result: readonly [Size, Size];
  readonly imageStrides: readonly [Size, Size, number];
  readonly resultStrides: readonly [Size, Size, number];
  /** of the extra operands, from image to image and row to row */
  readonly extras: readonly (readonly [Size, Size])[];
  readonly tiles: Size;
}

/** The transforms take all sizes of the kernel as their last parameters. */
function sourceOf(open: OpenGeometry, count: number): ResultSource {
  const reader =
    (sizes: readonly Local[]) =>
    (size: Size): Bound =>
      typeof size === "number" ? size : nth(sizes, size.param);
  return {
    count,
    geometry: (sizes): TileGeometry => {
      const at = reader(sizes);
      const pair = ([a, b]: readonly [Size, Size]): readonly [Bound, Bound] => [at(a), at(b)];
      const strides = ([image, row, pixel]: OpenGeometry["imageStrides"]): TileGeometry["imageStrides"] => [
        at(image),
        at(row),
        pixel,
      ];
      return {
        batch: at(open.batch),
        grid: pair(open.grid),
        image: pair(open.image),
        result: pair(open.result),
        imageStrides: strides(open.imageStrides),
        resultStrides: strides(open.resultStrides),
      };
    },
    extras: (sizes) => {
      const at = reader(sizes);
      return open.extras.map(([image, row]) => [at(image), at(row)] as const);
    },
  };
}

function emitBlocks(
  module: ModuleBuilder,
  { plan, result, parts }: Winograd,
  open: OpenGeometry,
  args: number,
  dims: readonly Dim[],
): number {
  const source = sourceOf(open, dims.length);
  const input = inputTransform(module, plan, source);
  const output = outputTransform(module, plan, result, source);
  const products = productFunction(
    module,
    parts.map((part) => productOf(plan, part, plan.blockTiles)),
  );
  return openFunction(module, "winograd", args, dims.length, (site) => {
    const { f, addresses, begin, end } = site;
    const image = nth(addresses, 0);
    const weights = addresses.slice(1, 1 + parts.length);
    const work = nth(addresses, 1 + parts.length);
    const operands = addresses.slice(2 + parts.length);
    const [unit, first, count] = f.localArray("i32", 3) as [Local, Local, Local];
    const transform = (index: number, pushed: readonly Local[]): void => {
      for (const local of [...pushed, first]) f.get(local);
      f.i32(0);
      f.get(count);
      for (const param of dims.keys()) f.get(f.param(args + param));
      f.call(index);
    };
    loopRange(f, unit, begin, end, 1, () => {
      setBlock(site, unit, plan.blockTiles, open.tiles, first, count);
      transform(input, [image, work]);
      for (const local of [work, ...weights, count]) f.get(local);
      f.call(products);
      transform(output, [work, ...operands]);
    });
  });
}

/** first = unit * blockTiles; count = min(blockTiles, tiles - first) */
function setBlock(
  { f, bound }: OpenFunction,
  unit: Local,
  blockTiles: number,
  tiles: Size,
  first: Local,
  count: Local,
): void {
  f.get(unit);
  f.i32(blockTiles);
  f.op("i32.mul");
  f.set(first);
  pushBound(f, bound(tiles));
  f.get(first);
  f.op("i32.sub");
  f.tee(count);
  f.i32(blockTiles);
  f.get(count);
  f.i32(blockTiles);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(count);
}

/** Adds a function (work, weights…, tiles): the products of a block. */
const productFunction = (module: ModuleBuilder, products: readonly Product[]): number =>
  module.function("winograd_products", { params: i32s(2 + products.length), results: [] }, (f) => {
    const [work, count] = [f.param(0), f.param(1 + products.length)];
    for (const [i, product] of products.entries()) {
      const bases: PanelBases = { a: copyOf(f, work), b: copyOf(f, f.param(1 + i)), out: copyOf(f, work), extras: [] };
      increment(f, bases.a, product.start.a);
      increment(f, bases.out, product.start.out);
      // tiles stand side by side as pixels do
      emitOuter(f, product.outer, bases, () => {
        const rows = { ...product, x: product.y };
        overPanels(f, rows, bases, (cursors, panel) => {
          emitPixels(f, rows, cursors, count, panel);
        });
      });
      f.release(bases.a, bases.b, bases.out);
    }
  });

/** Loops over axes of known size. Leaves the pointers as they were. */
function emitOuter(f: FunctionBuilder, axes: readonly ProductAxis[], bases: PanelBases, body: () => void): void {
  const [axis, ...inner] = axes;
  if (axis === undefined) {
    body();
    return;
  }
  if (axis.size === 1) {
    emitOuter(f, inner, bases, body);
    return;
  }
  const { size, strides } = axis;
  const move = (rounds: number): void => {
    increment(f, bases.a, rounds * strides.a);
    increment(f, bases.b, rounds * strides.b);
    increment(f, bases.out, rounds * strides.out);
  };
  const counter = f.local("i32");
  loopRange(f, counter, 0, size, 1, () => {
    emitOuter(f, inner, bases, body);
    move(1);
  });
  move(-size);
  f.release(counter);
}

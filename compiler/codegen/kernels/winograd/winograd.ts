/**
 * 3x3 convolutions with stride 1 by Winograd's minimal filtering: image tiles and weights are transformed, multiplied position by position
 * (36 matrix products in place of one with nine times the reduction, for tiles of 4 x 4 results), and transformed back, with the epilogue.
 *
 * Results differ from a direct sum by rounding: at most about 2e-6 of the largest result (docs/performance.md). An infinity or NaN in the
 * image reaches every result of the tiles that it is in, as NaN.
 */
import type { TensorData } from "../../../../ir/tensor.ts";
import { type Choose, modelChoice } from "../../choice.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import { type FunctionBuilder, type Local, loopRange, type ModuleBuilder, mulConst } from "../../wasm/index.ts";
import { arithFor } from "../product/arith.ts";
import { noEpilogue } from "../product/epilogue.ts";
import { matrixBytes, type PackPlan } from "../product/pack.ts";
import { panelsOf, type Product, type Schedule, workOf } from "../product/product.ts";
import { productStage } from "../product/product-emit.ts";
import { chooseSchedule, type ProductSize } from "../product/schedule.ts";
import { blockCount, positionCount, tileCount, type WinogradPlan, workAreaOf } from "./plan.ts";
import { inputTransform, outputTransform, type WinogradResult } from "./transforms.ts";
import { winogradWeights } from "./weights.ts";

export interface WinogradArgs {
  readonly image: KernelArg;
  /** which input the constant weights are, [3, 3, channels / groups, filters] */
  readonly weights: { readonly input: number; readonly constant: TensorData };
  readonly extras: readonly KernelArg[];
  readonly out: KernelArg;
  readonly scratchId: number;
}

const f32 = arithFor("f32", "f32", false);

/** A plan with its result and how its products are done. */
interface Winograd {
  readonly plan: WinogradPlan;
  readonly result: WinogradResult;
  /** of the products of a whole block */
  readonly schedule: Schedule;
  readonly pack: PackPlan;
}

/**
 * The stages: one for each step when all tiles make one block, so that threads share tiles, positions and tiles again; else one whose units
 * are blocks, each going through all steps while its data is in the cache.
 */
export function winogradStages(
  plan: WinogradPlan,
  result: WinogradResult,
  args: WinogradArgs,
  choose: Choose = modelChoice,
): KernelCode[] {
  const schedule = chooseSchedule(productSize(plan, plan.blockTiles), f32, choose);
  const kernel: Winograd = { plan, result, schedule, pack: packPlan(plan, schedule) };
  const weights = winogradWeights(args.weights.input, args.weights.constant, plan.forms, kernel.pack);
  return blockCount(plan) === 1 ? stepStages(kernel, args, weights) : [blockStage(kernel, args, weights)];
}

function packPlan(plan: WinogradPlan, { tile }: Schedule): PackPlan {
  const { channels, filters, groups } = plan;
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  return {
    arith: f32,
    panels: panelsOf(filtersPerGroup, tile.vectors, f32.lanes),
    source: {
      matrices: [
        { size: positionCount(plan), stride: perGroup * filters },
        { size: groups, stride: filtersPerGroup },
      ],
      levels: [],
      run: [{ size: perGroup, stride: filters }],
      columnStride: 1,
    },
  };
}

const productSize = (plan: WinogradPlan, tiles: number): ProductSize => ({
  outer: positionCount(plan) * plan.groups,
  y: tiles,
  x: 1,
  columns: plan.filters / plan.groups,
  steps: plan.channels / plan.groups,
  canBlockRun: true,
});

/** The products of a block of `tiles` tiles: M[position] = V[position] * weights[position]. Operands: work area, weights, work area. */
function productOf({ plan, pack, schedule }: Winograd, tiles: number): Product {
  const { v, m } = workAreaOf(plan);
  const [perGroup, filtersPerGroup] = [plan.channels / plan.groups, plan.filters / plan.groups];
  const b = matrixBytes(pack);
  const size = { ...productSize(plan, tiles), vectors: pack.panels.width / f32.lanes };
  const still = { a: 0, b: 0, out: 0, extras: [] };
  return {
    name: "winograd_product",
    arith: f32,
    start: { a: v.offset, b: 0, out: m.offset, extras: [] },
    outer: [
      { size: positionCount(plan), strides: { a: v.position, b: plan.groups * b, out: m.position, extras: [] } },
      { size: plan.groups, strides: { a: perGroup * 4, b, out: filtersPerGroup * 4, extras: [] } },
    ],
    y: { size: tiles, strides: { a: v.tile, b: 0, out: m.tile, extras: [] } },
    x: { size: 1, strides: still },
    columns: filtersPerGroup,
    extraPerColumn: [],
    levels: [],
    run: perGroup,
    aStep: 4,
    b: { kind: "packed", apart: false },
    epilogue: plainResult,
    schedule: tiles === plan.blockTiles ? schedule : chooseSchedule(size, f32),
  };
}

const plainResult = noEpilogue("f32");

/** Operations of the transforms of one tile, roughly. */
const transformWork = ({
  channels,
  filters,
  forms,
}: WinogradPlan): { readonly input: number; readonly output: number } => {
  const perPosition = 8 * forms[0].size * forms[1].size;
  return { input: perPosition * channels, output: perPosition * filters };
};

// ---- all tiles in one block -------------------------------------------------------------------------------------------------------

function stepStages(kernel: Winograd, args: WinogradArgs, weights: KernelArg): KernelCode[] {
  const { plan, result } = kernel;
  const tiles = tileCount(plan);
  const work: KernelArg = { kind: "scratch", id: args.scratchId, byteLength: workAreaOf(plan).byteLength };
  const perTile = transformWork(plan);
  const outputArgs = [work, ...args.extras, args.out];
  return [
    {
      key: kernelKey("winograd_input", planKey(plan)),
      units: tiles,
      args: [args.image, work],
      work: tiles * perTile.input,
      emit: (module) => wholeBlock(module, "winograd_image", 2, inputTransform(module, plan)),
    },
    productStage(productOf(kernel, tiles), [work, weights, work]),
    {
      key: kernelKey("winograd_output", planKey(plan), result),
      units: tiles,
      args: outputArgs,
      work: tiles * perTile.output,
      emit: (module) => wholeBlock(module, "winograd_result", outputArgs.length, outputTransform(module, plan, result)),
    },
  ];
}

const planKey = ({ forms, ...rest }: WinogradPlan): unknown => [rest, forms.map((form) => form.name)];

/** A stage that calls a transform whose first tile is tile 0. */
const wholeBlock = (module: ModuleBuilder, name: string, args: number, transform: number): number =>
  module.function(name, kernelType(args), (f) => {
    for (let i = 0; i < args; i++) f.get(f.param(i));
    f.i32(0);
    f.get(f.param(args));
    f.get(f.param(args + 1));
    f.call(transform);
  });

// ---- blocks of tiles --------------------------------------------------------------------------------------------------------------

/** Units are blocks, which go through one work area. */
function blockStage(kernel: Winograd, args: WinogradArgs, weights: KernelArg): KernelCode {
  const { plan, result } = kernel;
  const blocks = blockCount(plan);
  const { byteLength } = workAreaOf(plan);
  const work: KernelArg = { kind: "scratch", id: args.scratchId, byteLength, isPrivate: true };
  const perTile = transformWork(plan);
  const all = [args.image, weights, work, ...args.extras, args.out];
  return {
    key: kernelKey("winograd", planKey(plan), result),
    units: blocks,
    args: all,
    work: workOf(productOf(kernel, tileCount(plan))) + tileCount(plan) * (perTile.input + perTile.output),
    emit: (module) => emitBlocks(module, kernel, all.length),
  };
}

interface BlockFunctions {
  readonly input: number;
  readonly output: number;
  /** by tiles in the block: the product, and its units */
  readonly products: readonly { readonly tiles: number; readonly index: number; readonly units: number }[];
}

function emitBlocks(module: ModuleBuilder, kernel: Winograd, args: number): number {
  const { plan, result } = kernel;
  const lastTiles = tileCount(plan) - (blockCount(plan) - 1) * plan.blockTiles;
  const sizes = [...new Set([plan.blockTiles, lastTiles])];
  const functions: BlockFunctions = {
    input: inputTransform(module, plan),
    output: outputTransform(module, plan, result),
    products: sizes.map((tiles) => {
      const product = productStage(productOf(kernel, tiles), operandsOfProduct);
      return { tiles, index: product.emit(module), units: product.units };
    }),
  };
  return module.function("winograd", kernelType(args), (f) => {
    emitBlockLoop(f, plan, functions, args, lastTiles);
  });
}

/** Addresses are given by the caller. */
const operandsOfProduct: readonly KernelArg[] = [0, 1, 2].map((index): KernelArg => ({ kind: "input", index }));

function emitBlockLoop(f: FunctionBuilder, plan: WinogradPlan, functions: BlockFunctions, args: number, lastTiles: number): void {
  const [image, weights, work] = f.params as [Local, Local, Local];
  const operands = f.params.slice(3, args);
  const [begin, end] = f.params.slice(args) as [Local, Local];
  const [unit, first, count] = f.localArray("i32", 3) as [Local, Local, Local];
  const call = (index: number, ...pushed: readonly Local[]): void => {
    for (const local of pushed) f.get(local);
    f.get(first);
    f.i32(0);
    f.get(count);
    f.call(index);
  };
  loopRange(f, unit, begin, end, 1, () => {
    f.get(unit);
    mulConst(f, plan.blockTiles);
    f.set(first);
    f.i32(lastTiles);
    f.i32(plan.blockTiles);
    f.get(unit);
    f.i32(blockCount(plan) - 1);
    f.op("i32.eq");
    f.select("i32");
    f.set(count);
    call(functions.input, image, work);
    emitProducts(f, functions, work, weights, count);
    call(functions.output, work, ...operands);
  });
} // prettier-ignore

/** Calls the product for the block's number of tiles. */
function emitProducts(f: FunctionBuilder, { products }: BlockFunctions, work: Local, weights: Local, count: Local): void {
  const [whole, last] = products;
  const call = (product: BlockFunctions["products"][number]): void => {
    for (const local of [work, weights, work]) f.get(local);
    f.i32(0);
    f.i32(product.units);
    f.call(product.index);
  };
  if (whole === undefined) throw new Error("internal: a block without products");
  if (last === undefined) {
    call(whole);
    return;
  }
  f.get(count);
  f.i32(whole.tiles);
  f.op("i32.eq");
  f.if(
    () => {
      call(whole);
    },
    () => {
      call(last);
    },
  );
} // prettier-ignore

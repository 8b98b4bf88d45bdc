/**
 * Convolutions with short filters by Winograd's minimal filtering: image tiles and weights are transformed, multiplied position by position
 * (for 3x3 and tiles of 4 x 4 results 36 matrix products in place of one with nine times the reduction), and transformed back, with the
 * epilogue. Strides make phases (plan.ts).
 *
 * Results of floats differ from a direct sum by rounding: at most about 4e-6 of the largest result (docs/performance.md). An infinity or NaN in the
 * image reaches every result of the tiles that it is in, as NaN. Results of integers are those of a direct sum (integer-forms.ts).
 */
import type { TensorData } from "../../../../ir/tensor.ts";
import { defined, nth } from "../../../../ir/access.ts";
import { type Choose, joinedChoice, joinedIf, modelChoice } from "../../choice.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType, type PackedArg } from "../../kernel.ts";
import { type FunctionBuilder, type Local, loopRange, type ModuleBuilder, mulConst } from "../../wasm/index.ts";
import { storageBytes } from "../../../../ir/dtype.ts";
import { aStepBytes } from "../product/arith.ts";
import { isJoinable, noEpilogue } from "../product/epilogue.ts";
import { matrixBytes, type PackPlan } from "../product/pack.ts";
import { panelsOf, type Product, type ProductAxis, type Schedule, workOf } from "../product/product.ts";
import { productStage } from "../product/product-emit.ts";
import { chooseSchedule, type ProductSize } from "../product/schedule.ts";
import { inputTransform } from "./input-transform.ts";
import { knownExtras, outputTransform, type ResultSource, type WinogradResult } from "./output-transform.ts";
import {
  blockCount,
  geometryOf,
  type Part,
  partChannels,
  partPositions,
  partsOf,
  pixelStrides,
  tileArith,
  tileCount,
  type WinogradPlan,
  workAreaOf,
} from "./plan.ts";

import { winogradWeights } from "./weights.ts";

export interface WinogradArgs {
  readonly image: KernelArg;
  /** which input the constant weights are, [rows, columns, channels / groups, filters] */
  readonly weights: { readonly input: number; readonly constant: TensorData };
  readonly extras: readonly KernelArg[];
  readonly out: KernelArg;
  readonly scratchId: number;
}

/** A plan with its result and how its products are done, part by part. */
export interface Winograd {
  readonly plan: WinogradPlan;
  readonly result: WinogradResult;
  readonly parts: readonly PackedPart[];
}

export interface PackedPart {
  readonly part: Part;
  /** of a whole block */
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
  const { kernel, weights } = winogradOf(plan, result, args.weights, choose);
  return blockCount(plan) === 1 ? stepStages(kernel, args, weights) : [blockStage(kernel, args, weights)];
}

/** How the products of a plan are done, and their weights. */
export function winogradOf(
  plan: WinogradPlan,
  result: WinogradResult,
  { input, constant }: WinogradArgs["weights"],
  choose: Choose,
): { readonly kernel: Winograd; readonly weights: readonly PackedArg[] } {
  const arith = tileArith(plan);
  const packedPart = (part: Part, choosing: Choose): PackedPart => {
    const schedule = chooseSchedule(productSize(plan, part, plan.blockTiles), arith, choosing);
    return { part, schedule, pack: packPlan(plan, part, schedule) };
  };
  // the first part has most of the positions and phases
  const [firstPart, ...otherParts] = partsOf(plan);
  const first = packedPart(defined(firstPart), joinedIf(isJoinable(result.epilogue), choose));
  const parts = [first, ...otherParts.map((part) => packedPart(part, choiceAfter(first.schedule)))];
  const weights = parts.map(({ part, pack }) => winogradWeights(input, constant, plan, part, pack));
  return { kernel: { plan: forSchedule(plan, first.schedule), result, parts }, weights };
}

/** Where products are joined, transforms of floats are too: two vectors of channels at once. */
const forSchedule = (plan: WinogradPlan, { tile }: Schedule): WinogradPlan =>
  plan.elements === "f32" && tile.joined !== undefined ? { ...plan, transformVectors: 2 } : plan;

/** What follows from a choice that is made: vectors are joined or not. */
const choiceAfter = ({ tile }: Schedule): Choose => (tile.joined === undefined ? modelChoice : joinedChoice);

function packPlan(plan: WinogradPlan, part: Part, { tile }: Schedule): PackPlan {
  const { channels, filters, groups } = plan;
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  const [y, x] = part.phases;
  const plane = perGroup * filters;
  const { levels, run } = reductionOf(plan, part);
  const arith = tileArith(plan);
  return {
    arith,
    panels: panelsOf(filtersPerGroup, tile.vectors, arith.lanes),
    source: {
      matrices: [
        { size: partPositions(part), stride: y * x * plane },
        { size: groups, stride: filtersPerGroup },
      ],
      levels: levels.map(({ count, phases }) => ({ size: count, stride: phases * plane })),
      run: [{ size: run, stride: filters }],
      columnStride: 1,
    },
  };
}

/**
 * What a product of the part adds up: loops over phases, then a run of neighbours in V. Phases join the run where they stand side by side.
 * `phases` counts from the weights' first phase to the next round's, `stored` the same in V.
 */
function reductionOf({ strides, channels, groups }: WinogradPlan, { phases: [y, x] }: Part): Reduction {
  const perGroup = channels / groups;
  const rows = { count: y, phases: x, stored: strides[1] };
  if (groups === 1 && (x === strides[1] || y === 1)) return { levels: [], run: y * x * perGroup };
  if (groups === 1) return { levels: [rows], run: x * perGroup };
  const levels = [rows, { count: x, phases: 1, stored: 1 }];
  return { levels: levels.filter(({ count }) => count > 1), run: perGroup };
}

interface Reduction {
  readonly levels: readonly { readonly count: number; readonly phases: number; readonly stored: number }[];
  /** elements */
  readonly run: number;
}

const productSize = (plan: WinogradPlan, part: Part, tiles: number): ProductSize => ({
  outer: partPositions(part) * plan.groups,
  y: tiles,
  x: 1,
  columns: plan.filters / plan.groups,
  steps: Math.ceil(partChannels(plan, part) / tileArith(plan).kStep),
  canBlockRun: reductionOf(plan, part).levels.length === 0,
});

/** The products of a part for a block of `tiles` tiles: M[position] = V[position] * weights[position]. Operands: work area, weights, work area. */
export function productOf(plan: WinogradPlan, { part, pack, schedule }: PackedPart, tiles: number): Product {
  const { v, m } = workAreaOf(plan);
  const [perGroup, filtersPerGroup] = [plan.channels / plan.groups, plan.filters / plan.groups];
  const b = matrixBytes(pack);
  const size = { ...productSize(plan, part, tiles), vectors: pack.panels.width / pack.arith.lanes };
  const { arith } = pack;
  const aBytes = storageBytes(arith.a);
  const still = { a: 0, b: 0, out: 0, extras: [] };
  const [rows, columns] = part.positions;
  const lineSize = plan.forms[1].size;
  const first = rows.first * lineSize + columns.first;
  const along = (count: number, positions: number, matrices: number): ProductAxis => ({
    size: count,
    strides: { a: positions * v.position, b: matrices * plan.groups * b, out: positions * m.position, extras: [] },
  });
  const positions =
    columns.count === lineSize
      ? [along(partPositions(part), 1, 1)]
      : [along(rows.count, lineSize, columns.count), along(columns.count, 1, 1)];
  const { levels, run } = reductionOf(plan, part);
  return {
    name: "winograd_product",
    arith,
    start: { a: v.offset + first * v.position, b: 0, out: m.offset + first * m.position, extras: [] },
    outer: [
      ...positions.filter((axis) => axis.size > 1 || positions.length === 1),
      { size: plan.groups, strides: { a: perGroup * aBytes, b, out: filtersPerGroup * 4, extras: [] } },
    ],
    y: { size: tiles, strides: { a: v.tile, b: 0, out: m.tile, extras: [] } },
    x: { size: 1, strides: still },
    columns: filtersPerGroup,
    extraPerColumn: [],
    levels: levels.map(({ count, stored }) => ({ count, a: stored * plan.channels * aBytes })),
    run: Math.ceil(run / arith.kStep),
    aStep: aStepBytes(arith),
    b: { kind: "packed", apart: false },
    epilogue: arith.acc === "f32" ? plainFloats : plainIntegers,
    schedule: tiles === plan.blockTiles ? schedule : chooseSchedule(size, arith, choiceAfter(schedule)),
  };
}

const [plainFloats, plainIntegers] = [noEpilogue("f32"), noEpilogue("i32")] as const;

/** All sizes are numbers. */
const known = (plan: WinogradPlan, result: WinogradResult): ResultSource => ({
  count: 0,
  geometry: () => geometryOf(plan, result.epilogue.output),
  extras: () => knownExtras(result),
});

/** Operations of the transforms of one tile, roughly. */
export const transformWork = ({
  channels,
  filters,
  forms,
  strides,
}: WinogradPlan): { readonly input: number; readonly output: number } => {
  const perPosition = 8 * forms[0].size * forms[1].size;
  return { input: perPosition * strides[0] * strides[1] * channels, output: perPosition * filters };
};

// ---- all tiles in one block -------------------------------------------------------------------------------------------------------

function stepStages(
  { plan, result, parts }: Winograd,
  args: WinogradArgs,
  weights: readonly KernelArg[],
): KernelCode[] {
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
      emit: (module) => wholeBlock(module, "winograd_image", 2, inputTransform(module, plan, known(plan, result))),
    },
    ...parts.map((part, i) => productStage(productOf(plan, part, tiles), [work, nth(weights, i), work])),
    {
      key: kernelKey("winograd_output", planKey(plan), result),
      units: tiles,
      args: outputArgs,
      work: tiles * perTile.output,
      inPlace: inPlaceInputs(plan, result, args),
      emit: (module) =>
        wholeBlock(
          module,
          "winograd_result",
          outputArgs.length,
          outputTransform(module, plan, result, known(plan, result)),
        ),
    },
  ];
}

/** Extra operands whose elements lie as those of the result: a pixel's are read just before it is stored. */
function inPlaceInputs(
  plan: WinogradPlan,
  { epilogue, extras }: WinogradResult,
  args: WinogradArgs,
): readonly number[] {
  const sizes = [plan.batch, ...plan.result, plan.filters];
  const { output } = epilogue;
  const out = [...pixelStrides(plan.result, plan.filters, output), storageBytes(output)];
  return args.extras.flatMap((arg, i) => {
    const isParallel = extras[i]?.every((stride, dim) => stride === out[dim] || sizes[dim] === 1) === true;
    return arg.kind === "input" && isParallel && epilogue.extras[i] === output ? [arg.index] : [];
  });
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
function blockStage(kernel: Winograd, args: WinogradArgs, weights: readonly KernelArg[]): KernelCode {
  const { plan, result, parts } = kernel;
  const blocks = blockCount(plan);
  const { byteLength } = workAreaOf(plan);
  const work: KernelArg = { kind: "scratch", id: args.scratchId, byteLength, isPrivate: true };
  const perTile = transformWork(plan);
  const all = [args.image, ...weights, work, ...args.extras, args.out];
  return {
    key: kernelKey("winograd", planKey(plan), result),
    units: blocks,
    args: all,
    work: parts.reduce(
      (sum, part) => sum + workOf(productOf(plan, part, tileCount(plan))),
      tileCount(plan) * (perTile.input + perTile.output),
    ),
    inPlace: inPlaceInputs(plan, result, args),
    emit: (module) => emitBlocks(module, kernel, all.length),
  };
}

interface BlockFunctions {
  readonly input: number;
  readonly output: number;
  /** by tiles in the block: for each part the product, and its units */
  readonly products: readonly {
    readonly tiles: number;
    readonly parts: readonly { readonly index: number; readonly units: number }[];
  }[];
}

function emitBlocks(module: ModuleBuilder, kernel: Winograd, args: number): number {
  const { plan, result, parts } = kernel;
  const lastTiles = tileCount(plan) - (blockCount(plan) - 1) * plan.blockTiles;
  const sizes = [...new Set([plan.blockTiles, lastTiles])];
  const functions: BlockFunctions = {
    input: inputTransform(module, plan, known(plan, result)),
    output: outputTransform(module, plan, result, known(plan, result)),
    products: sizes.map((tiles) => ({
      tiles,
      parts: parts.map((part) => {
        const product = productStage(productOf(plan, part, tiles), operandsOfProduct);
        return { index: product.emit(module), units: product.units };
      }),
    })),
  };
  return module.function("winograd", kernelType(args), (f) => {
    emitBlockLoop(f, kernel, functions, args, lastTiles);
  });
}

/** Addresses are given by the caller. */
const operandsOfProduct: readonly KernelArg[] = [0, 1, 2].map((index): KernelArg => ({ kind: "input", index }));

function emitBlockLoop(f: FunctionBuilder, { plan, parts }: Winograd, functions: BlockFunctions, args: number, lastTiles: number): void {
  const image = f.param(0);
  const weights = f.params.slice(1, 1 + parts.length);
  const work = f.param(1 + parts.length);
  const operands = f.params.slice(2 + parts.length, args);
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

/** Calls the products for the block's number of tiles. */
function emitProducts(f: FunctionBuilder, { products }: BlockFunctions, work: Local, weights: readonly Local[], count: Local): void {
  const [whole, last] = products;
  const call = ({ parts }: BlockFunctions["products"][number]): void => {
    for (const [i, { index, units }] of parts.entries()) {
      for (const local of [work, nth(weights, i), work]) f.get(local);
      f.i32(0);
      f.i32(units);
      f.call(index);
    }
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

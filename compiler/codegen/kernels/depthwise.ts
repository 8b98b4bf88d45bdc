/** Depthwise convolutions: one filter for each channel, vectors of channels, several columns of the result at once. */
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { type ConvLayout, type ConvOp, epilogueOperands, type TensorType } from "../../../ir/graph.ts";
import { makeTensor } from "../../../ir/tensor.ts";
import { type Choose, distinct } from "../choice.ts";
import { type KernelCode, kernelKey, kernelType, type KernelArg, type Operands } from "../kernel.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import {
  convScratch,
  type ImageShape,
  imageShapeOf,
  kernelShape,
  type PreparedResult,
  prepareImage,
  prepareResult,
} from "./conv-frame.ts";
import { loadLanes } from "./product/access.ts";
import { type Arith, arithFor, fitsHalf, laneDots, lowHalf } from "./product/arith.ts";
import { type Epilogue, emitStore, hoistConstants } from "./product/epilogue.ts";
import { packedArg, type PackPlan } from "./product/pack.ts";
import { packStage } from "./product/pack-stage.ts";
import { panelsOf } from "./product/product.ts";
import {
  emitWalk,
  narrowWalk,
  rowMajorBytes,
  type Tap,
  type TileSite,
  type Walk,
  type WalkBody,
  type WalkDim,
  type WalkOperand,
  type WalkParams,
  walkUnits,
} from "./window-walk.ts";

export function depthwiseStages(op: ConvOp, operands: Operands, choose: Choose): KernelCode[] {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const isNarrow = operands.constants[1] !== undefined && fitsHalf(x.dtype) && fitsHalf(w.dtype);
  const arith = isNarrow ? laneDots : arithFor(x.dtype, w.dtype, false);
  // narrow elements are widened when they are loaded
  const from = isNarrow ? x.dtype : arith.a;
  const shape = imageShapeOf(x, op.layout);
  const dims = walkDims(op, shape.spatial, w, imageShapeOf(operands.outputs[0] as TensorType, op.layout).spatial);
  const whole = shape.spatial.map((size) => ({ before: 0, size }));
  const image = prepareImage(x, op.layout, whole, from);
  const result = prepareResult(op, operands, op.layout, arith.acc, epilogueOperands.conv);
  const weights = placeWeights(op, w, dims, arith, operands);
  const walk = walkOf(shape, dims, arith, from, result, chooseColumns(dims.at(-1) as WalkDim, choose));
  const args = [image.arg, weights.arg, ...result.extras.map((extra) => extra.arg), result.arg];
  const stage: KernelCode = {
    key: kernelKey("depthwise", arith.name, from, walk, result.epilogue),
    units: walkUnits(walk),
    args,
    work: 2 * shape.batch * shape.channels * dims.reduce((count, dim) => count * dim.taps * dim.outSize, 1),
    emit: (module) => emitDepthwise(module, walk, { arith, from }, result.epilogue, args.length),
  };
  return [...image.stages, ...weights.stages, stage, ...result.stages];
}

function walkOf(
  shape: ImageShape,
  dims: readonly WalkDim[],
  arith: Arith,
  from: DType,
  result: PreparedResult,
  tileColumns: number,
): Walk {
  const { batch, channels, spatial } = shape;
  const dense = (sizes: readonly number[], bytes: number): { readonly strides: readonly number[] } => ({
    strides: rowMajorBytes([batch, ...sizes, channels], bytes),
  });
  const outSizes = dims.map((dim) => dim.outSize);
  const extras = result.extras.map(({ dtype, strides }) => ({
    strides: strides.map((stride) => stride * storageBytes(dtype)),
  }));
  return narrowWalk({
    batch,
    channels,
    lanes: arith.lanes,
    dims,
    image: dense(spatial, storageBytes(from)),
    operands: [dense(outSizes, storageBytes(result.epilogue.output)), ...extras],
    tapBytes: 16,
    tileColumns,
  });
}

function walkDims(op: ConvOp, input: readonly number[], w: TensorType, output: readonly number[]): WalkDim[] {
  const kernel = kernelShape(w, op.layout);
  return output.map((outSize, i) => ({
    inSize: input[i] ?? 1,
    outSize,
    taps: kernel[i] ?? 1,
    stride: op.strides[i] ?? 1,
    dilation: op.dilations[i] ?? 1,
    padBegin: op.padsBegin[i] ?? 0,
  }));
}

/** Vector registers for accumulators, image columns and weights of a window row (see schedule.ts). */
const vectorRegisters = 15;

const mostColumns = 6;

/** Columns of a tile: as many as the registers hold, fewer, or one that spills. */
function chooseColumns(dim: WalkDim, choose: Choose): number {
  const columns = fittingColumns(dim);
  const fewer = Array.from({ length: columns }, (_, i) => columns - i);
  const candidates = [...fewer, columns + 1].map((count) => Math.min(count, Math.max(1, dim.outSize)));
  return choose({ aspect: "columns", candidates: distinct(candidates, String), words: String });
}

type RowOfTaps = Pick<WalkDim, "taps" | "stride" | "dilation">;

/** Columns of a tile: as many as the registers hold. */
export function fittingColumns(dim: RowOfTaps): number {
  let columns = 1;
  while (columns < mostColumns && registersFor(dim, columns + 1) <= vectorRegisters) columns++;
  return columns;
}

function registersFor(dim: RowOfTaps, columns: number): number {
  const inputs = new Set<number>();
  for (let c = 0; c < columns; c++) for (let t = 0; t < dim.taps; t++) inputs.add(c * dim.stride + t * dim.dilation);
  return columns + inputs.size + dim.taps;
}

/** Weights as [vector of channels][taps][lanes]. */
export const depthwisePack = (arith: Arith, channels: number, taps: number, layout: ConvLayout): PackPlan => ({
  arith,
  panels: panelsOf(channels, 1, arith.lanes),
  source: {
    matrices: [],
    levels: [],
    run: [{ size: taps, stride: layout === "nchw" ? 1 : channels }],
    columnStride: layout === "nchw" ? taps : 1,
  },
});

function placeWeights(op: ConvOp, w: TensorType, dims: readonly WalkDim[], arith: Arith, operands: Operands): { arg: KernelArg; stages: readonly KernelCode[] } {
  const taps = dims.reduce((count, dim) => count * dim.taps, 1);
  const plan = depthwisePack(arith, op.groups, taps, op.layout);
  const constant = operands.constants[1];
  if (constant !== undefined) {
    const halves = (): Int32Array => Int32Array.from(constant.elements as Int16Array, lowHalf);
    const packed = arith === laneDots ? makeTensor("i32", constant.shape, halves()) : constant;
    return { arg: packedArg(1, packed, plan), stages: [] };
  }
  const { code, scratch } = packStage(plan, w.dtype, { kind: "input", index: 1 }, convScratch.weights);
  return { arg: scratch, stages: [code] };
} // prettier-ignore

/** How elements are multiplied, and their dtype in the image. */
interface Taken {
  readonly arith: Arith;
  readonly from: DType;
}

function emitDepthwise(module: ModuleBuilder, walk: Walk, taken: Taken, epilogue: Epilogue, args: number): number {
  return module.function("depthwise", kernelType(args), (f) => {
    const extras = epilogue.extras.map((_, i) => f.param(2 + i));
    const params: WalkParams = {
      image: f.param(0),
      weights: f.param(1),
      operands: [f.param(args - 1), ...extras],
      begin: f.param(args),
      end: f.param(args + 1),
    };
    hoistConstants(f, epilogue);
    emitWalk(f, walk, params, depthwiseBody(walk.operands, taken, epilogue));
  });
}

/** What is done in a tile; `operands` are the result and the epilogue's, of which the last two strides count. */
export function depthwiseBody(operands: readonly WalkOperand[], taken: Taken, epilogue: Epilogue): WalkBody {
  let accs: Local[] = [];
  return {
    start: ({ f, columns }) => {
      accs = f.localArray("v128", columns.length);
      for (const acc of accs) {
        f.splatConst("i32x4", 0);
        f.set(acc);
      }
    },
    visit: ({ f, count }, image, weights, taps) => {
      if (weights === null) throw new Error("internal: depthwise without weights");
      accumulate(f, taken, accs, image, weights, taps, count);
    },
    finish: (site) => {
      for (const { index } of site.columns)
        storeColumn(site, operands, taken.arith, epilogue, accs[index] as Local, index);
      site.f.release(...accs);
    },
  };
}

/** One row of the window: every image column and every weight is loaded once. */
function accumulate(f: FunctionBuilder, { arith, from }: Taken, accs: readonly Local[], image: Local, weights: Local, taps: readonly Tap[], count: number): void {
  const loadOnce = (keys: readonly number[], load: (key: number) => void): Map<number, Local> => {
    const locals = new Map<number, Local>();
    for (const key of new Set(keys)) {
      const local = f.local("v128");
      load(key);
      f.set(local);
      locals.set(key, local);
    }
    return locals;
  };
  const ws = loadOnce(taps.map((tap) => tap.tap), (tap) => {
    f.get(weights);
    f.load("v128.load", tap * 16);
  });
  const xs = loadOnce(taps.map((tap) => tap.offset), (offset) => {
    loadLanes(f, from, image, offset, arith.lanes, count);
  });
  for (const { column, tap, offset } of taps) {
    f.get(xs.get(offset) as Local);
    f.get(ws.get(tap) as Local);
    arith.accumulate(f, accs[column] as Local);
  }
  f.release(...ws.values(), ...xs.values());
} // prettier-ignore

function storeColumn(
  site: TileSite,
  operands: readonly WalkOperand[],
  arith: Arith,
  epilogue: Epilogue,
  acc: Local,
  column: number,
): void {
  const [out, ...extras] = operands;
  const [pointer, ...extraPointers] = site.operands;
  emitStore(site.f, epilogue, arith.lanes, acc, site.count, {
    pointer: pointer as Local,
    offset: column * (out?.strides.at(-2) ?? 0),
    extras: extras.map(({ strides }, i) => ({
      pointer: extraPointers[i] as Local,
      offset: column * (strides.at(-2) ?? 0),
      perColumn: strides.at(-1) !== 0,
    })),
  });
}

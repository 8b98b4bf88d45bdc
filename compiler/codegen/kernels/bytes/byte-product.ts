/**
 * Convolutions as byte products: the image holds integers 0 … 255 of which few are above 127, the weights are signed bytes. The windows of the
 * image become rows (rows.ts), which are multiplied by all filters, sixteen products in an instruction.
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { type ConvOp, epilogueOperands, type TensorType } from "../../../../ir/graph.ts";
import { defined } from "../../../../ir/access.ts";
import type { Choose } from "../../choice.ts";
import type { KernelCode, Operands, ScratchArg } from "../../kernel.ts";
import { type IntegerRange, isWithin, rangeOfType } from "../../value-range.ts";
import {
  convScratch,
  type ImageDim,
  imageShapeOf,
  kernelShape,
  prepareImage,
  prepareResult,
  resultExtras,
  windowedDim,
} from "../conv-frame.ts";
import { mergeAxes } from "../index-space.ts";
import { byteSteps } from "../product/arith.ts";
import { packedArg, type PackPlan } from "../product/pack.ts";
import { noStrides, panelsOf, type Product, type ProductAxis } from "../product/product.ts";
import { productStage } from "../product/product-emit.ts";
import { chooseSchedule } from "../product/schedule.ts";
import { widenedArgs } from "../product/widened-panels.ts";
import { resultTensors, type WindowExtra } from "../window-product.ts";
import { layoutOf, rowsStage, type SourceRows, stepElements, vectorBytes } from "./rows.ts";

const bytes: IntegerRange = defined(rangeOfType("u8"));

/**
 * Whether a convolution can be a byte product. Zero must be the least value of the image: then the values lie on one side of it, and few are
 * large; around a zero point in the middle every second one would have its high bit set.
 */
export function isByteProduct(op: ConvOp, operands: Operands): boolean {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const [output] = operands.outputs as readonly [TensorType];
  const range = operands.rangeOf?.(0) ?? rangeOfType(x.dtype);
  return (
    op.layout === "nhwc" &&
    op.groups === 1 &&
    sourceType(x) !== null &&
    w.dtype === "i8" &&
    operands.constants[1] !== undefined &&
    hasWholePieces(w) &&
    op.dilations.every((dilation) => dilation === 1) &&
    ![...x.shape, ...output.shape].includes(0) &&
    range !== null &&
    isWithin(range, bytes) &&
    rowAxis(op, operands) !== null
  );
}

/** The elements of a window are neighbours along its last dim: pieces of whole vectors, or a single one. */
function hasWholePieces({ shape }: TensorType): boolean {
  const [taps = 1, channels = 1] = shape.slice(-3);
  const isOnePiece = shape.slice(0, -3).every((size) => size === 1);
  return shape.length >= 3 && shape.length <= 4 && (isOnePiece || (taps * channels) % vectorBytes === 0);
}

const sourceType = ({ dtype }: TensorType): SourceRows["dtype"] | null =>
  dtype === "u8" || dtype === "i16" ? dtype : null;

/** The stages of a convolution that `isByteProduct`. */
export function byteProductStages(op: ConvOp, operands: Operands, choose: Choose): readonly KernelCode[] {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const output = operands.outputs[0] as TensorType;
  const dims = windowDims(op, x, w, output);
  const source = sourceRows(op, x, w, output);
  const image = prepareImage(x, "nhwc", dims, source.dtype);
  const rows = layoutOf(source);
  const result = prepareResult(op, operands, "nhwc", "i32", epilogueOperands.conv);
  const { channels: filters } = imageShapeOf(output, "nhwc");
  const length = source.pieces.count * source.elements;
  const steps = Math.ceil(length / stepElements);
  const y = defined(rowAxis(op, operands));
  const schedule = chooseSchedule(
    {
      outer: 1,
      y: rows.rows,
      x: 1,
      columns: filters,
      steps,
      canBlockRun: false,
      aRowBytes: rows.rowStride / 2,
      resultTensors: resultTensors(result.extras),
    },
    byteSteps,
    choose,
  );
  const product: Product = {
    name: `bytes_${w.shape.join("x")}`,
    arith: byteSteps,
    start: noStrides(result.extras.length),
    outer: [],
    y,
    x: { size: 1, strides: noStrides(result.extras.length) },
    columns: filters,
    extraPerColumn: result.extras.map((extra) => extra.strides.at(-1) !== 0),
    levels: [],
    run: steps,
    aStep: stepElements,
    b: { kind: "bytes", isWidened: false },
    byteRows: rows,
    epilogue: result.epilogue,
    schedule,
  };
  const plan: PackPlan = {
    arith: byteSteps,
    panels: panelsOf(filters, schedule.tile.vectors, byteSteps.lanes),
    source: { matrices: [], levels: [], run: [{ size: length, stride: filters }], columnStride: 1, start: 0 },
  };
  const scratch: ScratchArg = { kind: "scratch", id: convScratch.weights, byteLength: rows.byteLength };
  const weights = packedArg(1, defined(operands.constants[1]), plan);
  const operandArgs = [scratch, weights, ...result.extras.map(({ arg }) => arg), result.arg];
  const args = [...operandArgs, ...widenedArgs(product, convScratch.weights + 1)];
  return [...image.stages, rowsStage(source, image.arg, scratch), productStage(product, args), ...result.stages];
}

/** The image with its padding, as far as windows reach. */
function windowDims(op: ConvOp, x: TensorType, w: TensorType, output: TensorType): readonly ImageDim[] {
  const { spatial } = imageShapeOf(x, "nhwc");
  const result = imageShapeOf(output, "nhwc").spatial;
  return kernelShape(w, "nhwc").map((taps, dim) => windowedDim(op, dim, spatial[dim] ?? 1, result[dim] ?? 1, taps));
}

/** The windows of the padded image as rows, a piece for each line of a window. */
function sourceRows(op: ConvOp, x: TensorType, w: TensorType, output: TensorType): SourceRows {
  const dtype = sourceType(x);
  if (dtype === null) throw new Error(`internal: byte product of ${x.dtype}`);
  const { channels } = imageShapeOf(x, "nhwc");
  const result = imageShapeOf(output, "nhwc");
  const sizes = windowDims(op, x, w, output).map(({ size }) => size);
  const strideOf = (dim: number): number =>
    sizes.slice(dim + 1).reduce((bytes, size) => bytes * size, channels * storageBytes(dtype));
  const axes = result.spatial.map((size, dim) => ({ size, strides: [strideOf(dim) * (op.strides[dim] ?? 1)] }));
  const [taps = 1, lines = 1] = kernelShape(w, "nhwc").toReversed();
  return {
    dtype,
    axes: mergeAxes([{ size: result.batch, strides: [strideOf(-1)] }, ...axes]).map(({ size, strides }) => ({
      size,
      stride: strides[0] ?? 0,
    })),
    pieces: { count: lines, stride: strideOf(0) },
    elements: taps * channels,
  };
}

/** All rows as one axis; null where an operand of the epilogue does not step through them evenly. */
function rowAxis(op: ConvOp, operands: Operands): ProductAxis | null {
  const extras = resultExtras(operands, "nhwc", epilogueOperands.conv);
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const [result] = operands.outputs as readonly [TensorType];
  const output = imageShapeOf(result, "nhwc");
  const { rowStride } = layoutOf(sourceRows(op, x, w, result));
  const sizes = [output.batch, ...output.spatial];
  const bytesOf = ({ strides, dtype }: WindowExtra, axis: number): number => (strides[axis] ?? 0) * storageBytes(dtype);
  const axes = sizes.map((size, i) => {
    const rows = sizes.slice(i + 1).reduce((a, b) => a * b, 1);
    const out = rows * output.channels * storageBytes(result.dtype);
    return { size, strides: [rows * rowStride, out, ...extras.map((extra) => bytesOf(extra, i))] };
  });
  const merged = mergeAxes(axes);
  if (merged.length > 1) return null;
  const [{ size, strides } = { size: 1, strides: [] }] = merged;
  const [a = 0, out = 0, ...others] = strides;
  return { size, strides: { a, b: 0, out, extras: extras.map((_, i) => others[i] ?? 0) } };
}

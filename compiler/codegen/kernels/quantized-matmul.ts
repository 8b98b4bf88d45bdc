/**
 * Matrix products with weights of 8 bits or less, which stay in that size in memory. Few rows read the integers (weight-only/few-rows.ts); for
 * many rows panels are widened to f32, one at a time (weight-only/widen.ts), and the ordinary product goes over them.
 */
import { storageBytes } from "../../../ir/dtype.ts";
import { epilogueOperands, type QuantizedMatmulOp, type TensorType, tensorType } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { nth } from "../../../ir/access.ts";
import { type Choose, joinedIf, modelChoice } from "../choice.ts";
import type { KernelArg, KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { broadcastStrides } from "./index-space.ts";
import { placeAxes, rowAxes, scheduleOf } from "./matmul.ts";
import { matrixOf } from "./matrix.ts";
import { arithFor } from "./product/arith.ts";
import { type Epilogue, makeEpilogue } from "./product/epilogue.ts";
import { noStrides, type Product } from "./product/product.ts";
import { productStage } from "./product/product-emit.ts";
import { widenedArgs } from "./product/widened-panels.ts";
import { type BlockSums, blockSumsStage, sumsBytes } from "./weight-only/block-sums.ts";
import { type ExtraRows, type FewRows, fewRowsStage } from "./weight-only/few-rows.ts";
import {
  hasOffsets,
  type QuantizedWeights,
  quantizedWeights,
  storedBits,
  storedBlock,
  type StripLayout,
  stripsArg,
} from "./weight-only/strips.ts";

/** True when a kernel can be made: the weights and all that belongs to them are known. */
export const hasConstantWeights = ({ constants }: Operands): boolean =>
  [1, 2, 3].every((index) => constants[index] !== undefined);

const scratchId = 0;
const aOperand: KernelArg = { kind: "input", index: 0 };
const result: KernelArg = { kind: "output", index: 0 };

/** What both ways need. */
interface Site {
  readonly quantized: QuantizedWeights;
  readonly layout: Omit<StripLayout, "width">;
  readonly a: TensorType;
  readonly output: TensorType;
  readonly extras: readonly TensorType[];
  readonly extraArgs: readonly KernelArg[];
  readonly epilogue: Epilogue;
}

/** From this many rows on widening a panel costs less than what reading integers costs each row. */
const manyRows = 5;

export const emitQuantizedMatmul: KernelEmitter<QuantizedMatmulOp> = (op, operands, choose = modelChoice) => {
  const [a, weights] = operands.inputs as readonly [TensorType, TensorType];
  const [columns = 0, inner = 0] = weights.shape;
  const quantized = quantizedWeights(operands.constants, op.blockSize);
  const fixed = epilogueOperands.quantizedMatmul;
  const extras = operands.inputs.slice(fixed);
  const output = nth(operands.outputs, 0);
  const site: Site = {
    quantized,
    layout: {
      bits: storedBits(weights),
      columns,
      inner,
      block: storedBlock(op.blockSize, inner),
      hasOffsets: hasOffsets(quantized),
    },
    a,
    output,
    extras,
    extraArgs: extras.map((_, i) => ({ kind: "input", index: fixed + i })),
    epilogue: makeEpilogue(op.epilogue, "f32", extras.map(({ dtype }) => dtype), output.dtype),
  };
  const rows = elementCount(a.shape.slice(0, -1));
  return rows < manyRows ? fewRows(site, rows) : panelsOfRows(site, choose);
}; // prettier-ignore

// ---- few rows -----------------------------------------------------------------------------------------------------------------------

function fewRows(site: Site, rows: number): readonly KernelCode[] {
  const { width, streams } = stripsFor(rows, site.layout.bits);
  const { quantized, output, extras, extraArgs, epilogue } = site;
  const layout = { ...site.layout, width };
  const product: FewRows = {
    layout,
    rows,
    streams,
    epilogue,
    extras: extras.map((type) => extraRows(type, output)),
  };
  const sums = layout.hasOffsets ? [{ rows, inner: layout.inner, block: layout.block }] : [];
  const sumsArgs = sums.map(sumsArg);
  const args = [aOperand, stripsArg(quantized, layout), ...sumsArgs, ...extraArgs, result];
  return [...sums.map((each) => blockSumsStage(each, [aOperand, sumsArg(each)])), fewRowsStage(product, args)];
}

const sumsArg = (sums: BlockSums): KernelArg => ({ kind: "scratch", id: scratchId, byteLength: sumsBytes(sums) });

/** Strips that fill the registers: an accumulator for each vector and row, indices of the bytes, what is being added (measured). */
function stripsFor(rows: number, bits: StripLayout["bits"]): { readonly width: number; readonly streams: number } {
  if (rows === 1) return { width: 16, streams: 2 };
  if (rows > 2) return { width: 8, streams: 1 };
  return bits === 8 ? { width: 8, streams: 2 } : { width: 16, streams: 1 };
}

/** Where each row of the result finds its element of an operand that is broadcast to it. */
function extraRows({ dtype, shape }: TensorType, output: TensorType): ExtraRows {
  const strides = broadcastStrides(shape, output.shape);
  let offsets = [0];
  for (const [axis, size] of output.shape.slice(0, -1).entries()) {
    const stride = (strides[axis] ?? 0) * storageBytes(dtype);
    offsets = offsets.flatMap((offset) => Array.from({ length: size }, (_, i) => offset + i * stride));
  }
  return { rows: offsets, perColumn: (shape.at(-1) ?? 1) > 1 };
}

// ---- many rows ----------------------------------------------------------------------------------------------------------------------

const arith = arithFor("f32", "f32", false);

function panelsOfRows(site: Site, choose: Choose): readonly KernelCode[] {
  const { quantized, a, output, extras, extraArgs, epilogue } = site;
  const { columns, inner } = site.layout;
  const [left, right] = [matrixOf(a, false), matrixOf(tensorType("f32", [columns, inner]), true)];
  const axes = rowAxes(left, right, extras, output);
  // panels are widened by conversions, over which an engine that joins vectors ends the process (product/epilogue.ts)
  const schedule = scheduleOf(axes, right, extras, arith, joinedIf(false, choose));
  const layout = { ...site.layout, width: schedule.tile.vectors * arith.lanes };
  const product: Product = {
    name: `widened${layout.bits}_${left.rows}x${inner}x${columns}`,
    arith,
    start: noStrides(extras.length),
    ...placeAxes(axes, arith, { matrixStride: 0 }, epilogue),
    columns,
    extraPerColumn: extras.map((type) => (type.shape.at(-1) ?? 1) > 1),
    levels: [],
    run: inner,
    aStep: storageBytes("f32"),
    b: { kind: "strips", layout },
    epilogue,
    schedule,
  };
  const args = [aOperand, stripsArg(quantized, layout), ...extraArgs, result];
  return [productStage(product, [...args, ...widenedArgs(product, scratchId)])];
}

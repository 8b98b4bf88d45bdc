/** Matrix products with weights of 8 bits or less, which stay in that size in memory. */
import { storageBytes } from "../../../ir/dtype.ts";
import { epilogueOperands, type QuantizedMatmulOp, type TensorType } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { nth } from "../access.ts";
import type { KernelArg, KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { makeEpilogue } from "./product/epilogue.ts";
import { broadcastStrides } from "./index-space.ts";
import { type BlockSums, blockSumsStage, sumsBytes } from "./weight-only/block-sums.ts";
import { type ExtraRows, type FewRows, fewRowsStage } from "./weight-only/few-rows.ts";
import { hasOffsets, quantizedWeights, storedBits, storedBlock, type StripLayout, stripsArg } from "./weight-only/strips.ts"; // prettier-ignore

/** True when a kernel can be made: the weights and all that belongs to them are known. */
export const hasConstantWeights = ({ constants }: Operands): boolean =>
  [1, 2, 3].every((index) => constants[index] !== undefined);

const sumsScratch = 0;

export const emitQuantizedMatmul: KernelEmitter<QuantizedMatmulOp> = (op, operands) => {
  const [aType, weightType] = operands.inputs as readonly [TensorType, TensorType];
  const rows = elementCount(aType.shape.slice(0, -1));
  const [columns = 0, inner = 0] = weightType.shape;
  const quantized = quantizedWeights(operands.constants, op.blockSize);
  const { width, streams, tileRows } = tileFor(rows);
  const layout: StripLayout = {
    bits: storedBits(weightType),
    columns,
    inner,
    block: storedBlock(op.blockSize, inner),
    width,
    hasOffsets: hasOffsets(quantized),
  };
  const output = nth(operands.outputs, 0);
  const extras = operands.inputs.slice(epilogueOperands.quantizedMatmul);
  const epilogue = makeEpilogue(op.epilogue, "f32", extras.map(({ dtype }) => dtype), output.dtype);
  const product: FewRows = { layout, rows, tileRows, streams, epilogue, extras: extras.map((type) => extraRows(type, output)) };
  const { arg: sums, stages } = prepareSums(layout.hasOffsets ? { rows, inner, block: layout.block } : null);
  const extraArgs = extras.map((_, i): KernelArg => ({ kind: "input", index: epilogueOperands.quantizedMatmul + i }));
  const args: readonly KernelArg[] = [input, stripsArg(quantized, layout), ...sums, ...extraArgs, { kind: "output", index: 0 }];
  return [...stages, fewRowsStage(product, args)];
}; // prettier-ignore

const input: KernelArg = { kind: "input", index: 0 };

/** Strips and rows that fill the registers: one accumulator for each vector and row, indices of the bytes, what is being added. */
function tileFor(rows: number): { readonly width: number; readonly streams: number; readonly tileRows: number } {
  if (rows === 1) return { width: 16, streams: 2, tileRows: 1 };
  return rows === 2 ? { width: 16, streams: 1, tileRows: 2 } : { width: 8, streams: 1, tileRows: 4 };
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

function prepareSums(sums: BlockSums | null): { readonly arg: readonly KernelArg[]; readonly stages: readonly KernelCode[] } {
  if (sums === null) return { arg: [], stages: [] };
  const scratch: KernelArg = { kind: "scratch", id: sumsScratch, byteLength: sumsBytes(sums) };
  return { arg: [scratch], stages: [blockSumsStage(sums, [input, scratch])] };
} // prettier-ignore

/**
 * Weights of few bits as kernels read them: strips of neighbouring columns, each one stream of memory. A strip has, block by block, the block's
 * rows, then its scales and (where there are any) its offsets, one f32 for each column:
 *
 *     strip 0: | block 0: row 0, row 1, … | scales | offsets | block 1: … |   strip 1: …
 *
 * A row is `width` bytes, one for each column: an integer of 8 bits, or two of 4. Row i of a block has element i; the upper half bytes have
 * the second half of the block's elements. All integers are signed, so that they can be put at the top of a lane as they are (bytes.ts):
 * unsigned ones are stored less half their range, and zero points likewise. What is left of a zero point is no part of the sums; it goes
 * into the offset, -(zero * scale), which is multiplied by the sum of A's elements in the block. Missing columns and elements are zero.
 */
import { dtypeInfo } from "../../../../ir/dtype.ts";
import type { TensorType } from "../../../../ir/graph.ts";
import type { TensorData } from "../../../../ir/tensor.ts";
import { digestOf } from "../../../../ir/text/digest.ts";
import { defined } from "../../../../ir/access.ts";
import type { PackedArg } from "../../kernel.ts";
import { broadcastStrides } from "../index-space.ts";

/** How a constant is laid out in strips. */
export interface StripLayout {
  readonly bits: 4 | 8;
  readonly columns: number;
  readonly inner: number;
  /** elements of a column that share a scale; the last block may have fewer */
  readonly block: number;
  /** columns of a strip: 4, 8, 12 or 16 */
  readonly width: number;
  readonly hasOffsets: boolean;
}

/** The four constant operands of a quantizedMatmul behind A. */
export interface QuantizedWeights {
  readonly weights: TensorData;
  readonly scales: TensorData;
  readonly zeros: TensorData;
  readonly blockSize: number;
}

/** Longer blocks are stored as several with the same scale: sums stay short, which keeps them accurate, and so do pieces of the reduction. */
const longestBlock = 512;
const shortestPiece = 64;

/** Elements of a stored block for a block of the model. */
export function storedBlock(blockSize: number, inner: number): number {
  const size = Math.max(1, Math.min(blockSize, inner));
  if (size <= longestBlock) return size;
  if (size === inner) return Math.ceil(inner / Math.ceil(inner / longestBlock) / 2) * 2;
  for (let piece = longestBlock; piece >= shortestPiece; piece--) if (size % piece === 0) return piece;
  return size;
}

export const blockCount = ({ inner, block }: StripLayout): number => Math.ceil(inner / block);

/** Rows of a block of `elements`. */
export const rowsOf = ({ bits }: Pick<StripLayout, "bits">, elements: number): number =>
  bits === 4 ? Math.ceil(elements / 2) : elements;

/** Bytes of scales and offsets behind a block's rows. */
export const parameterBytes = ({ width, hasOffsets }: StripLayout): number => 4 * width * (hasOffsets ? 2 : 1);

/** Bytes of a block of `elements`. */
export const blockBytes = (layout: StripLayout, elements: number): number =>
  rowsOf(layout, elements) * layout.width + parameterBytes(layout);

/** Elements of the last block. */
export const lastBlock = (layout: StripLayout): number => layout.inner - (blockCount(layout) - 1) * layout.block;

export const stripBytes = (layout: StripLayout): number =>
  layout.inner === 0
    ? 0
    : (blockCount(layout) - 1) * blockBytes(layout, layout.block) + blockBytes(layout, lastBlock(layout));

/** What a kernel reads 16 bytes at a time may end within a row of fewer. */
const slackBytes = 16;

/** Half the range of an unsigned type, 0 for a signed one. */
function halfRange({ dtype }: TensorData): number {
  const { class: cls, bits } = dtypeInfo(dtype);
  return cls === "unsigned" ? 2 ** (bits - 1) : 0;
}

type Numbers = ArrayLike<number>;

/** One entry for each column and block of a matrix that may have a dim of 1 for all alike. */
function parameterAt({ shape, elements }: TensorData, rows: number, blocks: number): (n: number, b: number) => number {
  const [perColumn = 0, perBlock = 0] = broadcastStrides(shape, [rows, blocks]);
  const values = elements as Numbers;
  return (n, b) => values[n * perColumn + b * perBlock] as number;
}

/** True when a zero point is not half the range, as that of symmetric weights is. */
export function hasOffsets({ weights, zeros }: Pick<QuantizedWeights, "weights" | "zeros">): boolean {
  const middle = halfRange(weights);
  return Array.from(zeros.elements as Numbers).some((zero) => zero !== middle);
}

/** Bits that a row keeps of each element: those of the type, rounded up. */
export const storedBits = ({ dtype }: Pick<TensorType, "dtype">): 4 | 8 => (dtypeInfo(dtype).bits <= 4 ? 4 : 8);

/** What converting a stored integer from the top of a lane multiplies it by. */
export const topFactor = ({ bits }: Pick<StripLayout, "bits">): number => 2 ** (32 - bits);

/** The argument for weights (the op's input 1) in strips. */
export function stripsArg(quantized: QuantizedWeights, layout: StripLayout): PackedArg {
  const strips = Math.ceil(layout.columns / layout.width);
  const { scales, zeros, blockSize } = quantized;
  // weights alone name the constant, scales and zero points are part of what is made of it
  const parameters = [blockSize, digestOf(scales), scales.shape, digestOf(zeros), zeros.shape];
  return {
    kind: "packed",
    input: 1,
    layout: `strips ${JSON.stringify([layout, ...parameters])}`,
    byteLength: strips * stripBytes(layout) + slackBytes,
    write: (target) => {
      writeStrips(target, quantized, layout);
    },
  };
}

function writeStrips(target: Uint8Array, quantized: QuantizedWeights, layout: StripLayout): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  target.fill(0);
  for (let column = 0, at = 0; column < layout.columns; column += layout.width) {
    for (let start = 0; start < layout.inner; start += layout.block) {
      const count = Math.min(layout.block, layout.inner - start);
      writeBlock(view, at, quantized, layout, column, start, count);
      at += blockBytes(layout, count);
    }
  }
}

/** `count` elements from `start` of the columns from `column`. */
function writeBlock(
  view: DataView,
  at: number,
  quantized: QuantizedWeights,
  layout: StripLayout,
  column: number,
  start: number,
  count: number,
): void {
  const { width, inner } = layout;
  const elements = quantized.weights.elements as Numbers;
  const middle = halfRange(quantized.weights);
  const rows = rowsOf(layout, count);
  for (let lane = 0; lane < Math.min(width, layout.columns - column); lane++) {
    const from = (column + lane) * inner + start;
    for (let i = 0; i < count; i++) {
      const value = (elements[from + i] as number) - middle;
      const byte = at + (i % rows) * width + lane;
      if (layout.bits === 8) view.setInt8(byte, value);
      else view.setUint8(byte, view.getUint8(byte) | ((value & 15) << (i < rows ? 0 : 4)));
    }
  }
  writeParameters(view, at + rows * width, quantized, layout, column, start);
}

/** Scales bear the factor of conversion; the offset is that of the scale itself. */
function writeParameters(
  view: DataView,
  at: number,
  { weights, scales, zeros, blockSize }: QuantizedWeights,
  layout: StripLayout,
  column: number,
  start: number,
): void {
  const { columns, inner, width } = layout;
  const blocks = Math.ceil(inner / blockSize);
  const [scaleAt, zeroAt] = [parameterAt(scales, columns, blocks), parameterAt(zeros, columns, blocks)];
  const block = Math.floor(start / blockSize);
  for (let lane = 0; lane < Math.min(width, columns - column); lane++) {
    const scale = scaleAt(column + lane, block);
    view.setFloat32(at + 4 * lane, scale / topFactor(layout), true);
    if (!layout.hasOffsets) continue;
    const zero = zeroAt(column + lane, block) - halfRange(weights);
    view.setFloat32(at + 4 * (width + lane), -(zero * scale), true);
  }
}

/** The constants among an op's operands, which its emitter needs. */
export function quantizedWeights(constants: readonly (TensorData | undefined)[], blockSize: number): QuantizedWeights {
  return { weights: defined(constants[1]), scales: defined(constants[2]), zeros: defined(constants[3]), blockSize };
}

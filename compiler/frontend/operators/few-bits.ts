/**
 * com.microsoft's operators with weights of 2, 4 or 8 bits in blocks that share a scale and a zero point: MatMulNBits, A times the transpose of a
 * constant [N, K], and GatherBlockQuantized. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { toFloat32 } from "../../../ir/small-float.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { derived } from "../../../ir/lineage.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import { madeTensor, withShape } from "../../../ir/tensor-source.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { mapIn, toDType, widen } from "./precision.ts";
import { dequantizedBlocks } from "./quantization.ts";
import { add } from "./scalar.ts";
import { operatorOf } from "./table.ts";

export interface Format {
  readonly n: number;
  readonly k: number;
  readonly bits: 2 | 4 | 8;
  readonly blockSize: number;
  readonly blocks: number;
}

export const weightTypes: Readonly<Record<Format["bits"], DType>> = { 2: "u2", 4: "u4", 8: "u8" };

function formatOf(node: NodeContext): Format {
  const [n, k, bits, blockSize] = [node.int("N", 0), node.int("K", 0), node.int("bits", 4), node.int("block_size", 0)];
  if (n < 1 || k < 1) throw node.attributeError(`K and N must be positive, are ${k} and ${n}`);
  if (bits !== 2 && bits !== 4 && bits !== 8) throw node.unsupported(`bits ${bits}; 2, 4 and 8 are`);
  if (blockSize < 16 || !Number.isInteger(Math.log2(blockSize))) {
    throw node.attributeError(`block_size is ${blockSize}, must be a power of two from 16 on`);
  }
  if (node.int("weight_prepacked", 0) !== 0) throw node.unsupported("weights packed for a GPU (weight_prepacked)");
  return { n, k, bits, blockSize, blocks: Math.ceil(k / blockSize) };
}

/** A constant input of exactly `count` elements; exporters differ in how they cut them into dims. */
function constantOf(node: NodeContext, index: number, count: number, what: string): TensorData {
  const tensor = node.constant(index);
  if (elementCount(tensor.shape) === count) return tensor;
  throw node.shapeError(`${what} [${tensor.shape.join(", ")}] must have ${count} elements`);
}

/** All integers that bytes hold, lowest bits first. A large model has some hundred millions: those of a byte are written as one little-endian word. */
function unpacked(bytes: Uint8Array, bits: Format["bits"]): Uint8Array {
  switch (bits) {
    case 8:
      return bytes;
    case 4: {
      const out = new Uint16Array(bytes.length);
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i] as number;
        out[i] = (byte & 0x0f) | ((byte & 0xf0) << 4);
      }
      return new Uint8Array(out.buffer);
    }
    case 2: {
      const out = new Uint32Array(bytes.length);
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i] as number;
        out[i] = (byte & 0x03) | ((byte & 0x0c) << 6) | ((byte & 0x30) << 12) | ((byte & 0xc0) << 18);
      }
      return new Uint8Array(out.buffer);
    }
  }
}

/** The first `count` of the integers that a row of bytes holds, lowest bits first, for each of `rows` rows. */
function unpackRows(bytes: Uint8Array, rows: number, count: number, bits: Format["bits"]): Uint8Array {
  const all = unpacked(bytes, bits);
  const length = all.length / rows;
  if (length === count) return all;
  const out = new Uint8Array(rows * count);
  for (let row = 0; row < rows; row++) out.set(all.subarray(row * length, row * length + count), row * count);
  return out;
}

/** Integers out of rows of bytes, in a type and shape of their own. */
export function unpackedTensor(
  bytes: TensorData,
  dtype: DType,
  shape: readonly number[],
  count: number,
  bits: Format["bits"],
): TensorData {
  const rows = elementCount(shape) / count;
  const load = (): Uint8Array | Float32Array => {
    const integers = unpackRows(bytes.elements as Uint8Array, rows, count, bits);
    return dtype === "f32" ? Float32Array.from(integers) : integers;
  };
  const recipe = `unpack ${bits} to ${dtype} ${shape.join(" ")}`;
  return derived(recipe, [bytes], madeTensor(dtype, shape, { recipe, from: [bytes], load }));
}

/** B's integers as [N, K]: blocks are whole bytes, so that a row's blocks are one run. */
function weightsOf(node: NodeContext, { n, k, bits, blockSize, blocks }: Format): TensorData {
  const bytes = constantOf(node, 1, (n * blocks * blockSize * bits) / 8, "B");
  if (bytes.dtype !== "u8") throw node.typeError(`B is ${bytes.dtype}, must be u8`);
  return unpackedTensor(bytes, weightTypes[bits], [n, k], k, bits);
}

/** Elements of a float tensor as f32, in another shape. */
export function floatsOf(floats: TensorData, shape: readonly number[]): TensorData {
  const { dtype } = floats;
  if (dtype !== "f16" && dtype !== "bf16") return withShape(floats, shape);
  const load = (): Float32Array => toFloat32(dtype, floats.elements as Uint16Array);
  return madeTensor("f32", shape, { recipe: "to f32", from: [floats], load });
}

/** Zero points of all blocks: packed as B is, as floats, or half the range for all. */
function zerosOf(node: NodeContext, { n, bits, blocks }: Format): TensorData {
  if (!node.hasInput(3)) return tensorFrom("f32", [1, 1], [2 ** (bits - 1)]);
  if (node.dtype(3) !== "u8") {
    if (node.dtype(3) !== node.dtype(0)) throw node.typeError(`zero_points are ${node.dtype(3)}, A is ${node.dtype(0)}`);
    return floatsOf(constantOf(node, 3, n * blocks, "zero_points"), [n, blocks]);
  }
  const bytes = constantOf(node, 3, n * Math.ceil((blocks * bits) / 8), "zero_points");
  return unpackedTensor(bytes, "f32", [n, blocks], blocks, bits);
} // prettier-ignore

/** The order of A's elements in which groups are the blocks; null when they are already. Every group must fill its block. */
function groupOrder(node: NodeContext, { k, blockSize, blocks }: Format): number[] | null {
  if (!node.hasInput(4)) return null;
  const groups = node.integers(4).slice(0, k);
  if (groups.length < k) throw node.shapeError(`g_idx has ${groups.length} elements for K ${k}`);
  if (groups.every((group, i) => group === Math.floor(i / blockSize))) return null;
  const order = [...groups.keys()].sort((i, j) => (groups[i] as number) - (groups[j] as number) || i - j);
  const isFull = order.every((from, i) => groups[from] === Math.floor(i / blockSize));
  if (!isFull) throw node.unsupported(`a g_idx whose ${blocks} groups are not of ${blockSize} elements each`);
  return order;
}

/** Columns of a matrix in another order. */
function reordered(matrix: TensorData, order: readonly number[]): TensorData {
  const [rows = 0, columns = 0] = matrix.shape;
  const load = (): Uint8Array => {
    const source = matrix.elements as Uint8Array;
    const out = new Uint8Array(source.length);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < columns; i++) out[row * columns + i] = source[row * columns + (order[i] as number)] as number;
    }
    return out;
  };
  return madeTensor(matrix.dtype, matrix.shape, { recipe: `columns ${order.join(" ")}`, from: [matrix], load });
}

/** A in the compute type as a matrix or more, its last dim in the order of the groups. */
function operandA(node: NodeContext, { k }: Format, order: readonly number[] | null): ValueId {
  const shape = node.shape(0);
  if (shape.at(-1) !== k) throw node.shapeError(`A is [${shape.join(", ")}], its last dim must be K = ${k}`);
  const wide = widen(node, node.input(0));
  const a = shape.length === 1 ? node.reshape(wide, [1, k]) : wide;
  if (order === null) return a;
  const indices = node.constantValue(tensorFrom("i64", [k], order));
  return node.emitOne({ kind: "gather", inputs: [a, indices], axis: Math.max(1, shape.length - 1) });
}

function matmulNBits(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 1);
  if (dtypeInfo(dtype).bits > 32) throw node.typeError(`A is ${dtype}, must be f32, f16 or bf16`);
  const format = formatOf(node);
  const { n, blocks, blockSize } = format;
  if (node.dtype(2) !== dtype) throw node.typeError(`scales are ${node.dtype(2)}, A is ${dtype}`);
  const order = groupOrder(node, format);
  const weights = weightsOf(node, format);
  const scales = floatsOf(constantOf(node, 2, n * blocks, "scales"), [n, blocks]);
  const constants = [order === null ? weights : reordered(weights, order), scales, zerosOf(node, format)];
  const inputs = [operandA(node, format, order), ...constants.map((tensor) => node.constantValue(tensor))];
  const product = node.emitOne({ kind: "quantizedMatmul", inputs, blockSize, epilogue: null });
  const shaped = node.reshape(product, [...node.shape(0).slice(0, -1), n]);
  if (!node.hasInput(5)) return [toDType(node, dtype, shaped)];
  if (node.shape(5).join() !== String(n)) throw node.shapeError(`bias [${node.shape(5).join(", ")}] must be [${n}]`);
  return [mapIn(node, "f32", dtype, [shaped, node.input(5)], (args) => args.reduce(add))];
}

/** Integers of a constant input: u8 is packed along its last dim, as `bits` says, u4 and i4 are as they are. */
function tableOf(node: NodeContext, index: number, length: number): TensorData {
  const tensor = node.constant(index);
  const bits = node.int("bits", 4);
  if (tensor.dtype !== "u8") return tensor;
  if (bits !== 2 && bits !== 4 && bits !== 8) throw node.unsupported(`bits ${bits}; 2, 4 and 8 are`);
  const shape = [...tensor.shape.slice(0, -1), length];
  if ((tensor.shape.at(-1) ?? 0) !== Math.ceil((length * bits) / 8)) {
    throw node.shapeError(`input ${index} is [${tensor.shape.join(", ")}], its last dim must hold ${length} integers`);
  }
  return unpackedTensor(tensor, weightTypes[bits], shape, length, bits);
}

/** Gather of rows of a table in blocks of few bits; the pass gather-quantized picks rows before they are dequantized. */
function gatherBlockQuantized(node: NodeContext): readonly ValueId[] {
  const dtype = node.dtype(0);
  if (dtype !== "u8" && dtype !== "u4" && dtype !== "i4") throw node.typeError(`data is ${dtype}, must be u8, u4 or i4`);
  const bits = dtype === "u8" ? node.int("bits", 4) : 4;
  const rank = node.rank(0);
  const [gatherAxis, axis] = [node.axis(node.int("gather_axis", 0), rank), node.axis(node.int("quantize_axis", 1), rank)];
  const size = node.int("block_size", 128);
  if (size < 16 || !Number.isInteger(Math.log2(size))) {
    throw node.attributeError(`block_size is ${size}, must be a power of two from 16 on`);
  }
  if (dtype === "u8" && gatherAxis !== 0) throw node.attributeError("gather_axis of u8 must be 0");
  const perByte = dtype === "u8" ? 8 / bits : 1;
  const data = tableOf(node, 0, (node.shape(0).at(-1) ?? 0) * perByte);
  const zeros = node.hasInput(3) ? tableOf(node, 3, node.shape(2).at(-1) ?? 0) : null;
  const middle = dtype === "u8" ? makeTensor(data.dtype, node.shape(2), new Uint8Array(elementCount(node.shape(2))).fill(2 ** (bits - 1))) : null;
  const zero = zeros ?? middle;
  const given = {
    x: node.constantValue(data),
    scale: node.input(2),
    zeroPoint: zero === null ? null : node.constantValue(zero),
  };
  return [node.emitOne({ kind: "gather", inputs: [dequantizedBlocks(node, given, axis, size), node.input(1)], axis: gatherAxis })];
} // prettier-ignore

export const fewBitsOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "MatMulNBits", matmulNBits, [
    {
      since: 1,
      inputs: [3, 6],
      optionalInputs: [3, 4],
      attributes: {
        K: "int!",
        N: "int!",
        block_size: "int!",
        bits: "int",
        accuracy_level: "int",
        weight_prepacked: "int",
      },
    },
  ]),
  operatorOf("com.microsoft", "GatherBlockQuantized", gatherBlockQuantized, [
    {
      since: 1,
      inputs: [3, 4],
      attributes: { bits: "int", block_size: "int", gather_axis: "int", quantize_axis: "int" },
    },
  ]),
];

/**
 * MatMulBnb4 of com.microsoft: weights of four bits as bitsandbytes makes them. A number is one of sixteen of a table times the largest magnitude of
 * its block. Tables: T. Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023; the order is that of onnxruntime's files.
 */
import type { ValueId } from "../../../ir/graph.ts";
import { derived } from "../../../ir/lineage.ts";
import { elementCount, type TensorData } from "../../../ir/tensor.ts";
import { madeTensor } from "../../../ir/tensor-source.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { floatsOf } from "./few-bits.ts";
import { matmulOf } from "./linear.ts";
import { toDType, widen } from "./precision.ts";
import { operatorOf } from "./table.ts";

/** A sign bit, and magnitudes that are floats of three bits but for the smallest. */
const fp4Magnitudes = [0, 5.208333333e-3, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25];

/** By `quant_type`. */
const tables: readonly Float32Array[] = [
  Float32Array.from([...fp4Magnitudes, ...fp4Magnitudes.map((value) => -value)]),
  // quantiles of the normal distribution
  Float32Array.of(
    -1,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1,
  ),
];

/** Weights [N, K] out of their bytes, the high half first, and a scale for each block of elements in a row of all of them. */
function unpacked(
  bytes: TensorData,
  scales: TensorData,
  table: Float32Array,
  shape: readonly number[],
  blockSize: number,
): TensorData {
  const load = (): Float32Array => {
    const [packed, factors] = [bytes.elements as Uint8Array, scales.elements as Float32Array];
    return Float32Array.from({ length: elementCount(shape) }, (_, i) => {
      const byte = packed[i >> 1] as number;
      return (table[i % 2 === 0 ? byte >> 4 : byte & 15] as number) * (factors[Math.floor(i / blockSize)] as number);
    });
  };
  const recipe = `table ${table.join(" ")} in blocks of ${blockSize} as ${shape.join(" ")}`;
  return derived(recipe, [bytes, scales], madeTensor("f32", shape, { recipe, from: [bytes, scales], load }));
}

function matmulBnb4(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 1);
  const [k, n, blockSize] = [node.int("K", 0), node.int("N", 0), node.int("block_size", 0)];
  if (k < 1 || n < 1 || blockSize < 1)
    throw node.attributeError(`K, N and block_size must be positive, are ${k}, ${n} and ${blockSize}`);
  const table = tables[node.int("quant_type", -1)];
  if (table === undefined) throw node.unsupported(`quant_type ${node.int("quant_type", -1)}; 0 (FP4) and 1 (NF4) are`);
  if (node.int("transB", 1) === 0) throw node.unsupported("transB 0");
  const constant = (index: number, count: number): TensorData => {
    const tensor = node.constant(index);
    if (elementCount(tensor.shape) === count) return tensor;
    throw node.shapeError(`input ${index} has the shape [${tensor.shape.join(",")}], needs ${count} elements`);
  };
  const bytes = constant(1, Math.ceil((n * k) / 2));
  if (bytes.dtype !== "u8") throw node.typeError(`B is ${bytes.dtype}, must be u8`);
  const blocks = Math.ceil((n * k) / blockSize);
  const weights = unpacked(bytes, floatsOf(constant(2, blocks), [blocks]), table, [n, k], blockSize);
  return [toDType(node, dtype, matmulOf(node, widen(node, node.input(0)), node.constantValue(weights), false, true))];
}

export const bnbWeightOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "MatMulBnb4", matmulBnb4, [
    {
      since: 1,
      inputs: [3, 3],
      attributes: { K: "int!", N: "int!", block_size: "int!", quant_type: "int!", training_mode: "int", transB: "int" },
    },
  ]),
];

/**
 * QMoE of com.microsoft: MoE whose weights are integers of 2, 4 or 8 bits, packed along a row, with a scale and (optional) zero point for each row
 * or each block of a row. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QMoE
 */
import { arg } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { activationAttributes } from "./expert-activations.ts";
import { floatsOf, type Format, unpackedTensor, weightTypes } from "./few-bits.ts";
import { expertCount, largestOf, mixtureOf, type Routing, tokensOfInput } from "./moe.ts";
import { reduceOf } from "./norm.ts";
import { widen } from "./precision.ts";
import { dequantizedBlocks } from "./quantization.ts";
import { div } from "./scalar.ts";
import { operatorOf } from "./table.ts";

const domain = "com.microsoft";

type Bits = Format["bits"];

function bitsOf(node: NodeContext): Bits {
  const bits = node.int("expert_weight_bits", 4);
  for (const name of ["fc1_expert_weight_bits", "fc2_expert_weight_bits"]) {
    const own = node.int(name, bits);
    if (own > 0 && own !== bits) throw node.unsupported(`${name} ${own} beside expert_weight_bits ${bits}`);
  }
  if (bits !== 2 && bits !== 4 && bits !== 8) throw node.unsupported(`expert_weight_bits ${bits}; 2, 4 and 8 are`);
  return bits;
}

/** Where the scales and the zero points of the weights of an input are. */
const zeroPointsOf: ReadonlyMap<number, number> = new Map([
  [2, 11],
  [5, 12],
]);

/** Integers of half the range, which stand for zero where there are no zero points. */
const middle = (bits: Bits, shape: readonly number[]): TensorData =>
  makeTensor(weightTypes[bits], shape, new Uint8Array(elementCount(shape)).fill(2 ** (bits - 1)));

/** The weights [experts, rows, columns] of a layer as floats. */
function layerWeights(node: NodeContext, index: number, count: number, rows: number, columns: number): ValueId {
  const bits = bitsOf(node);
  const size = node.int("block_size", 0);
  const bytes = node.constant(index);
  if (bytes.dtype !== "u8") throw node.typeError(`input ${index} is ${bytes.dtype}, must be u8`);
  const packed = [count, rows, Math.ceil((columns * bits) / 8)];
  if (bytes.shape.join() !== packed.join())
    throw node.shapeError(`input ${index} is [${bytes.shape.join(",")}], must be [${packed.join(",")}]`);
  const blocks = size > 0 ? Math.ceil(columns / size) : 1;
  const scales = node.constant(index + 1);
  if (elementCount(scales.shape) !== count * rows * blocks)
    throw node.shapeError(`input ${index + 1} is [${scales.shape.join(",")}], must be [${count},${rows},${blocks}]`);
  const zero = zeroPoints(node, zeroPointsOf.get(index) ?? -1, bits, [count, rows, blocks], size > 0);
  const given = {
    x: node.constantValue(unpackedTensor(bytes, weightTypes[bits], [count, rows, columns], columns, bits)),
    scale: node.constantValue(floatsOf(scales, [count, rows, blocks])),
    zeroPoint: node.constantValue(zero),
  };
  return dequantizedBlocks(node, given, 2, size > 0 ? size : columns);
}

/** Zero points of all blocks: packed along the blocks of a row or, where a row is one block, along the rows. */
function zeroPoints(
  node: NodeContext,
  index: number,
  bits: Bits,
  [count, rows, blocks]: readonly [number, number, number],
  isBlocked: boolean,
): TensorData {
  if (!node.hasInput(index)) return middle(bits, [count, rows, blocks]);
  const bytes = node.constant(index);
  const along = isBlocked ? blocks : rows;
  const packed = ((count * rows * blocks) / along) * Math.ceil((along * bits) / 8);
  if (bytes.dtype !== "u8" || elementCount(bytes.shape) !== packed)
    throw node.shapeError(`input ${index} is ${bytes.dtype}[${bytes.shape.join(",")}], must be ${packed} bytes`);
  return unpackedTensor(bytes, weightTypes[bits], [count, rows, blocks], along, bits);
}

/** Experts by the router's scores. What they weigh: the softmax of the scores of those that were chosen, or what `router_weights` says. */
function routingOf(node: NodeContext, tokens: number): Routing {
  const k = node.int("k", 1);
  const count = expertCount(node, tokens, k);
  const { best, experts } = largestOf(node, widen(node, node.input(1)), k);
  const routing = { experts, tokens, count, k };
  if (!node.hasInput(14))
    return { ...routing, shares: node.emitOne({ kind: "softmax", inputs: [best], axis: 1, log: false }) };
  if (node.shape(14).join() !== [tokens, count].join())
    throw node.shapeError(`router_weights are [${node.shape(14).join(",")}], must be [${tokens},${count}]`);
  const shares = node.emitOne({
    kind: "gatherElements",
    inputs: [widen(node, node.input(14)), experts],
    axis: 1,
  });
  if (node.int("normalize_routing_weights", 0) === 0) return { ...routing, shares };
  return { ...routing, shares: node.map(div(arg(0), arg(1)), shares, reduceOf(node, "sum", shares, [1])) };
}

function quantizedMoe(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float", 2);
  const [tokens] = tokensOfInput(node);
  for (const [index, name] of [
    [8, "fc3"],
    [15, "fc1_global_scale"],
    [17, "fc1_act_scale"],
  ] as const)
    if (node.hasInput(index)) throw node.unsupported(name);
  const type = node.string("quant_type", "int");
  if (type !== "int") throw node.unsupported(`quant_type ${JSON.stringify(type)}`);
  const routing = routingOf(node, tokens);
  const [, , columns = 0] = node.shape(5);
  const inner = (columns * 8) / bitsOf(node);
  const weights = (index: number, rows: number, width: number): ValueId =>
    layerWeights(node, index, routing.count, rows, width);
  return [
    mixtureOf(node, routing, {
      inner,
      weights,
      inputs: [
        [2, 4],
        [5, 7],
      ],
    }),
  ];
}

export const quantizedMoeOperators: readonly OperatorDef[] = [
  operatorOf(domain, "QMoE", quantizedMoe, [
    {
      since: 1,
      inputs: [7, 21],
      optionalInputs: [4, ...Array.from({ length: 14 }, (_, i) => 7 + i)],
      attributes: {
        ...activationAttributes,
        accuracy_level: "int",
        block_size: "int",
        expert_weight_bits: "int",
        fc1_expert_weight_bits: "int",
        fc2_expert_weight_bits: "int",
        fc3_expert_weight_bits: "int",
        k: "int",
        normalize_routing_weights: "int",
        quant_type: "string",
        use_sparse_mixer: "int",
        weights_prepacked: "int",
      },
    },
  ]),
];

/**
 * Pools of 8-bit integers of com.microsoft, with the channels second or last: averages are taken in f32 between dequantizing and quantizing, maxima of
 * the integers as they are.
 */
import { dtypeInfo } from "../../../ir/dtype.ts";
import { arg, cast, lit, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { poolingOf, poolOf } from "./pooling.ts";
import { dequantized } from "./quantized-elementwise.ts";
import { add, div, mul, sub } from "./scalar.ts";
import { asScalar, literal, movedAxis, range } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

/** Refuses what has no spatial dims; the rank. */
function rankOf(node: NodeContext): number {
  const rank = node.rank(0);
  if (rank < 3) throw node.shapeError(`input 0 must have a batch, channels and spatial dims, not rank ${rank}`);
  if (dtypeInfo(node.dtype(0)).bits !== 8) throw node.typeError(`elements must be i8 or u8, not ${node.dtype(0)}`);
  return rank;
}

/** A pool of [batch, channels, spatial…] applied to a value with the channels there or last. */
function channelsSecond(node: NodeContext, value: ValueId, last: boolean, pool: (x: ValueId) => ValueId): ValueId {
  const rank = rankOf(node);
  if (!last) return pool(value);
  const pooled = pool(node.transpose(value, movedAxis(rank, rank - 1, 1)));
  return node.transpose(pooled, movedAxis(rank, 1, rank - 1));
}

const isLast = (node: NodeContext): boolean => node.int("channels_last", 0) !== 0;

function averagePool(node: NodeContext): readonly ValueId[] {
  const countPadding = node.int("count_include_pad", 0) !== 0;
  const mean = channelsSecond(node, dequantized(node, 0), isLast(node), (x) =>
    poolOf(node, x, poolingOf(node, node.typeOf(x).shape.slice(2)), { fn: "average", countPadding, p: 0 }),
  );
  const dtype = node.dtype(0);
  const zero = node.hasInput(4) ? asScalar(node, node.input(4)) : literal(node, dtype, 0);
  // the zero point is added before rounding here, which decides where halves go
  const shifted = unary("round", add(div(arg(0), arg(1)), cast("f32", arg(2))));
  return [node.map(cast(dtype, shifted, true), mean, asScalar(node, node.input(3)), zero)];
}

/** The mean by one factor for the sum of integers, as onnxruntime forms it: scale / (count x scale of the result). */
function globalAveragePool(node: NodeContext): readonly ValueId[] {
  const [dtype, shape] = [node.dtype(0), node.shape(0)];
  const axes = range(rankOf(node) - 2).map((i) => i + (isLast(node) ? 1 : 2));
  const count = lit("f32", elementCount(axes.map((axis) => shape[axis] ?? 1)));
  const [inputZero, scale, resultScale, zero] = [2, 1, 3, 4].map((index) =>
    node.hasInput(index) ? asScalar(node, node.input(index)) : literal(node, dtype, 0),
  ) as [ValueId, ValueId, ValueId, ValueId];
  const shifted = node.map(sub(cast("i32", arg(0)), cast("i32", arg(1))), node.input(0), inputZero);
  const sum = node.emitOne({ kind: "reduce", inputs: [shifted], fn: "sum", axes, keepDims: true });
  const mean = mul(cast("f32", arg(0)), div(arg(1), mul(arg(2), count)));
  const result = cast(dtype, add(unary("round", mean), cast("f32", arg(3))), true);
  return [node.map(result, sum, scale, resultScale, zero)];
}

const maxPool = (node: NodeContext): readonly ValueId[] => [
  channelsSecond(node, node.input(0), true, (x) =>
    poolOf(node, x, poolingOf(node, node.typeOf(x).shape.slice(2)), { fn: "max", countPadding: false, p: 0 }),
  ),
];

const windowed: Attributes = {
  auto_pad: "string",
  ceil_mode: "int",
  kernel_shape: "ints!",
  pads: "ints",
  strides: "ints",
};

/** Operators of this family. */
export const quantizedPoolingOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "QLinearAveragePool", averagePool, [
    {
      since: 1,
      inputs: [4, 5],
      optionalInputs: [2],
      attributes: { ...windowed, channels_last: "int", count_include_pad: "int" },
    },
  ]),
  operatorOf("com.microsoft", "QLinearGlobalAveragePool", globalAveragePool, [
    { since: 1, inputs: [5, 5], attributes: { channels_last: "int" } },
  ]),
  operatorOf("com.microsoft", "NhwcMaxPool", maxPool, [{ since: 1, attributes: { ...windowed, dilations: "ints" } }]),
];

/** Normalisations: by batch, instance, layer, group, root mean square, local response, mean and variance, and p-norm. */
import { type DType, dtypeOfOnnxId } from "../../../ir/dtype.ts";
import { staticDims } from "../../../ir/assumptions.ts";
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { inverseDeviation, lpNorm, meanOf, varianceOf } from "./norm.ts";
import { computeDType, mapIn, toDType, widen, widened } from "./precision.ts";
import { add, div, mul, sqrt, sub } from "./scalar.ts";
import { alongAxis, distinctAxes, range } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

const epsilonOf = (node: NodeContext): number => node.float("epsilon", 1e-5);

export const normalizeOf = (
  node: NodeContext,
  inputs: readonly ValueId[],
  axes: readonly number[],
  epsilon: number,
  centered = true,
): ValueId => node.emitOne({ kind: "normalize", inputs, axes, epsilon, centered });

/** A parameter per channel as [C, 1, …], in the compute type; WSC3004 when it has another length. */
function perChannel(node: NodeContext, index: number, compute: DType): ValueId {
  const shape = node.shape(index);
  const [channels] = staticDims(node.dims(0).slice(1, 2), "channels") as readonly [number];
  const value = toDType(node, compute, node.input(index));
  if (shape.join() === String(channels)) return node.reshape(value, alongAxis(node.rank(0) - 1, 0, channels));
  // Until opset 8, `spatial = 0` has a parameter for every element of a sample.
  if (node.int("spatial", 1) === 0 && shape.join() === node.shape(0).slice(1).join()) return value;
  throw node.shapeError(`input ${index} has the shape [${shape.join(",")}], but there are ${channels} channels`);
}

/** Statistics are given: y = x * s + t with s = scale / sqrt(var + epsilon), t = bias - mean * s, which fold when they are constants. */
function batchNormInference(node: NodeContext): ValueId {
  const dtype = node.dtype(0);
  const compute = computeDType(dtype);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => perChannel(node, i, compute)) as [
    ValueId,
    ValueId,
    ValueId,
    ValueId,
  ];
  const factor = node.map(div(arg(0), sqrt(add(arg(1), lit(compute, epsilonOf(node))))), scale, variance);
  const offset = node.map(sub(arg(0), mul(arg(1), arg(2))), bias, mean, factor);
  return mapIn(node, compute, dtype, [node.input(0), factor, offset], ([x = arg(0), s = arg(1), t = arg(2)]) =>
    add(mul(x, s), t),
  );
}

/** Statistics of this batch; the running ones move towards them: running * momentum + batch * (1 - momentum). */
function batchNormTraining(node: NodeContext): readonly ValueId[] {
  const dtype = node.dtype(0);
  const compute = computeDType(dtype);
  const axes = range(node.rank(0)).filter((axis) => axis !== 1);
  const x = widen(node, node.input(0));
  const [scale, bias] = [perChannel(node, 1, compute), perChannel(node, 2, compute)];
  const y = toDType(node, dtype, normalizeOf(node, [x, scale, bias], axes, epsilonOf(node)));
  const mean = meanOf(node, x, axes);
  const variance = varianceOf(node, x, mean, axes);
  const shape = node.shape(3);
  const [batchMean, batchVariance] = [node.reshape(mean, shape), node.reshape(variance, shape)];
  return [y, running(node, 3, batchMean), running(node, 4, batchVariance), batchMean, batchVariance];
}

function running(node: NodeContext, index: number, batch: ValueId): ValueId {
  const momentum = node.float("momentum", 0.9);
  const compute = node.typeOf(batch).dtype;
  const [keep, move] = [lit(compute, momentum), lit(compute, 1 - momentum)];
  return mapIn(node, compute, node.dtype(index), [node.input(index), batch], ([old = arg(0), seen = arg(1)]) =>
    add(mul(old, keep), mul(seen, move)),
  );
}

/** Before opset 14 it is the number of outputs that asks for training. */
const batchNorm = (isTraining: (node: NodeContext) => boolean) => (node: NodeContext) => {
  commonDType(node, "float", 1);
  if (node.rank(0) < 2) throw node.shapeError("the input must have a batch and a channel dim");
  return isTraining(node) ? batchNormTraining(node).slice(0, node.outputCount) : [batchNormInference(node)];
};
const trainsByOutputs = batchNorm((node) => node.outputCount > 1);
const trainsByMode = batchNorm((node) => node.int("training_mode", 0) !== 0);

function instanceNorm(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  if (node.rank(0) < 3) throw node.shapeError("the input must have spatial dims");
  const inputs = [widen(node, node.input(0)), perChannel(node, 1, compute), perChannel(node, 2, compute)];
  return [toDType(node, dtype, normalizeOf(node, inputs, range(node.rank(0)).slice(2), epsilonOf(node)))];
}

/** Over [N, groups, C / groups, rest]; scale and bias are per group in opset 18, per channel from 21 on. */
const groupNorm = (perGroup: boolean) => (node: NodeContext) => {
  const dtype = commonDType(node, "float");
  const shape = node.shape(0);
  const [batch = 0, channels = 0, ...spatial] = shape;
  const groups = node.int("num_groups", 1);
  if (groups < 1 || channels % groups !== 0) throw node.attributeError(`${channels} channels in ${groups} groups`);
  const size = channels / groups;
  const parameterShape = perGroup ? [groups, 1, 1] : [groups, size, 1];
  const parameter = (index: number): ValueId => {
    if (node.shape(index).join() !== String(elementCount(parameterShape))) {
      throw node.shapeError(`input ${index} must have ${elementCount(parameterShape)} elements`);
    }
    return node.reshape(widen(node, node.input(index)), parameterShape);
  };
  const grouped = node.reshape(widen(node, node.input(0)), [batch, groups, size, elementCount(spatial)]);
  const normal = normalizeOf(node, [grouped, parameter(1), parameter(2)], [2, 3], epsilonOf(node));
  return [toDType(node, dtype, node.reshape(normal, shape))];
};

/** The axes from `axis` (default: the last) to the end. */
function trailingAxes(node: NodeContext): number[] {
  const rank = node.rank(0);
  return range(rank).slice(node.axis(node.int("axis", -1), rank));
}

/** The type that a node keeps statistics in, as an ONNX id. */
function stashType(node: NodeContext): DType {
  const dtype = dtypeOfOnnxId(node.int("stash_type", 1));
  if (dtype === undefined) throw node.attributeError("stash_type is no element type");
  return dtype;
}

/** The result has the scale's type, which may differ from the input's in what onnxruntime writes below opset 17. */
export function layerNorm(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 1);
  const compute = computeDType(dtype);
  const axes = trailingAxes(node);
  const given = [0, 1, 2].filter((index) => node.hasInput(index));
  const inputs = given.map((index) => toDType(node, compute, node.input(index)));
  const result = toDType(node, node.dtype(1), normalizeOf(node, inputs, axes, epsilonOf(node)));
  if (node.outputCount === 1) return [result];
  const stash = stashType(node);
  const statistics = layerStatistics(node, widen(node, node.input(0)), axes, epsilonOf(node));
  return [result, ...statistics.map((value) => toDType(node, stash, value))];
}

/** Mean and 1 / deviation, with the reduced dims kept. */
export function layerStatistics(
  node: NodeContext,
  x: ValueId,
  axes: readonly number[],
  epsilon: number,
): readonly [mean: ValueId, inverseDeviation: ValueId] {
  const mean = meanOf(node, x, axes);
  return [mean, inverseDeviation(node, varianceOf(node, x, mean, axes), epsilon)];
}

/** The second output, 1 / root mean square, is onnxruntime's. */
function rmsNorm(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 1);
  const compute = computeDType(dtype);
  const axes = trailingAxes(node);
  const [x, scale] = [toDType(node, compute, node.input(0)), toDType(node, compute, node.input(1))];
  const result = toDType(node, node.dtype(1), normalizeOf(node, [x, scale], axes, epsilonOf(node), false));
  if (node.outputCount === 1) return [result];
  const meanSquare = meanOf(node, node.map(mul(arg(0), arg(0)), x), axes);
  return [result, toDType(node, stashType(node), inverseDeviation(node, meanSquare, epsilonOf(node)))];
}

/** ONNX divides by deviation + 1e-9; sqrt(variance + 1e-18) is the same number in f32 and, like it, keeps a constant input at 0. */
function meanVarianceNorm(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const axes = distinctAxes(node, node.ints("axes") ?? [0, 2, 3], node.rank(0)).sort((a, b) => a - b);
  return [widened(node, [node.input(0)], ([x = 0]) => normalizeOf(node, [x], axes, 1e-18))];
}

/** Opset 8 and older: with or without the channels, and on demand only centred. */
function meanVarianceNormByAttributes(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const first = node.int("across_channels", 0) === 0 ? 2 : 1;
  const axes = range(node.rank(0)).slice(first);
  return [
    widened(node, [node.input(0)], ([x = 0]) => {
      if (node.int("normalize_variance", 1) !== 0) return normalizeOf(node, [x], axes, 1e-18);
      return node.map(sub(arg(0), arg(1)), x, meanOf(node, x, axes));
    }),
  ];
}

/** A zero vector stays zero. */
function lpNormalization(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const p = node.int("p", 2);
  if (p !== 1 && p !== 2) throw node.attributeError(`p must be 1 or 2, not ${p}`);
  const axis = node.axis(node.int("axis", -1), node.rank(0));
  return [
    widened(node, [node.input(0)], ([x = 0]) => {
      const norm = lpNorm(node, x, p, [axis]);
      const zero = lit(node.typeOf(x).dtype, 0);
      return node.map(select(binary("eq", arg(1), zero), zero, div(arg(0), arg(1))), x, norm);
    }),
  ];
}

/**
 * x / (bias + alpha mean(x^2))^beta with the mean over `size` neighbouring channels, those beyond the ends counting as 0: an average pool
 * along the channels of [N, 1, C, rest].
 */
function localResponseNorm(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const shape = node.shape(0);
  const [batch = 0, channels = 0, ...spatial] = shape;
  const size = node.int("size", 0);
  if (size < 1) throw node.attributeError(`size must be positive, not ${size}`);
  if (shape.length < 2) throw node.shapeError("the input must have a batch and a channel dim");
  const plane = [batch, 1, channels, elementCount(spatial)];
  const run = (x: ValueId): ValueId => {
    const squares = node.reshape(node.map(mul(arg(0), arg(0)), x), plane);
    return responseNorm(node, x, node.reshape(channelAverage(node, squares, size), shape));
  };
  return [widened(node, [node.input(0)], ([x = 0]) => run(x))];
}

function channelAverage(node: NodeContext, squares: ValueId, size: number): ValueId {
  const before = Math.floor((size - 1) / 2);
  return node.emitOne({
    kind: "pool",
    inputs: [squares],
    fn: "average",
    layout: "nchw",
    kernel: [size, 1],
    strides: [1, 1],
    dilations: [1, 1],
    padsBegin: [before, 0],
    padsEnd: [size - 1 - before, 0],
    outputSpatial: node.typeOf(squares).shape.slice(2),
    countPadding: true,
    p: 0,
  });
}

function responseNorm(node: NodeContext, x: ValueId, average: ValueId): ValueId {
  const { dtype } = node.typeOf(x);
  const [alpha, beta, bias] = [node.float("alpha", 1e-4), node.float("beta", 0.75), node.float("bias", 1)];
  const base = add(lit(dtype, bias), mul(lit(dtype, alpha), arg(1)));
  return node.map(div(arg(0), binary("pow", base, lit(dtype, beta))), x, average);
}

const epsilon: Attributes = { epsilon: "float" };
const moving: Attributes = { ...epsilon, momentum: "float" };
const stashed: Attributes = { ...epsilon, stash_type: "int" };

export const normalizationOperators: readonly OperatorDef[] = [
  operator("BatchNormalization", trainsByOutputs, [
    { since: 6, inputs: [5, 5], outputs: [1, 5], attributes: { ...moving, spatial: "int", is_test: "int" } },
    { since: 7, attributes: { ...moving, spatial: "int" } },
    { since: 9, attributes: moving },
    { since: [14, 15], outputs: [1, 3], attributes: { ...moving, training_mode: "int" }, lower: trainsByMode },
  ]),
  operator("InstanceNormalization", instanceNorm, [{ since: [6, 22], inputs: [3, 3], attributes: epsilon }]),
  operator("GroupNormalization", groupNorm(true), [
    { since: 18, inputs: [3, 3], attributes: { ...epsilon, num_groups: "int!" } },
    { since: 21, attributes: { ...stashed, num_groups: "int!" }, lower: groupNorm(false) },
  ]),
  // onnxruntime's optimizer writes it into models of any opset
  operator("LayerNormalization", layerNorm, [
    { since: [1, 17], inputs: [2, 3], outputs: [1, 3], attributes: { ...stashed, axis: "int" }, optionalInputs: [2] },
  ]),
  operator("RMSNormalization", rmsNorm, [{ since: 23, inputs: [2, 2], attributes: { ...stashed, axis: "int" } }]),
  // onnxruntime's, which it writes into the default domain
  operator("SimplifiedLayerNormalization", rmsNorm, [
    { since: 1, inputs: [2, 2], outputs: [1, 2], attributes: { ...stashed, axis: "int" } },
  ]),
  operator("LRN", localResponseNorm, [
    { since: [1, 13], attributes: { alpha: "float", beta: "float", bias: "float", size: "int!" } },
  ]),
  operator("MeanVarianceNormalization", meanVarianceNorm, [
    {
      since: 1,
      attributes: { across_channels: "int", normalize_variance: "int" },
      lower: meanVarianceNormByAttributes,
    },
    { since: [9, 13], attributes: { axes: "ints" }, lower: meanVarianceNorm },
  ]),
  operator("LpNormalization", lpNormalization, [{ since: [1, 22], attributes: { axis: "int", p: "int" } }]),
];

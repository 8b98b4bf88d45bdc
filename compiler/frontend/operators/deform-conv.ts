/**
 * DeformConv: a convolution whose taps are moved by offsets from the input, read by linear interpolation (zero outside), and weighted
 * by an optional mask. The taps are gathered as rows of channels and become the columns of a matrix product:
 *
 *     x [N, offsetGroups, area, C'] -gather at positions [N, offsetGroups, taps * outputs]-> rows, weighted and summed
 *     -> [N, groups, C/groups * taps, outputs], multiplied by weights [groups, M/groups, C/groups * taps]
 */
import { type DType } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { groupsOf, kernelShape, withBias } from "./convolution.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { add, clamp, gt, lt, mul, sub } from "./scalar.ts";
import { checkedShape, range, sliceOf } from "./support.ts";
import { operator } from "./table.ts";
import { padsOf, perDim, spatialOf, unravel } from "./window.ts";

interface Geometry {
  readonly t: DType;
  readonly batch: number;
  readonly channels: number;
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly offsetGroups: number;
}

function geometryOf(node: NodeContext, t: DType): Geometry {
  const input = spatialOf(node, 0);
  const kernel = kernelShape(node, input.length);
  const [batch = 0, channels = 0] = node.shape(0);
  const [, planes, ...output] = node.shape(2);
  const offsetGroups = node.int("offset_group", 1);
  if (offsetGroups < 1 || channels % offsetGroups !== 0) {
    throw node.attributeError(`${channels} channels in ${offsetGroups} offset groups`);
  }
  const wanted = offsetGroups * elementCount(kernel) * input.length;
  if (planes !== wanted || output.length !== input.length) {
    throw node.shapeError(`the offsets must be [N, ${wanted}, …output], not [${node.shape(2).join(",")}]`);
  }
  return { t, batch, channels, input, kernel, output, offsetGroups };
}

/** Where the taps lie along one axis before they are moved, as [taps, outputs]. */
function basePositions(node: NodeContext, { t, kernel, output }: Geometry, axis: number): ValueId {
  const dims = kernel.length;
  const stride = perDim(node, "strides", dims, 1, 1)[axis] ?? 1;
  const dilation = perDim(node, "dilations", dims, 1, 1)[axis] ?? 1;
  const pad = padsOf(node, dims).begin[axis] ?? 0;
  const [taps, outputs] = [range(elementCount(kernel)), range(elementCount(output))];
  const starts = outputs.map((at) => (unravel(at, output)[axis] ?? 0) * stride - pad);
  const positions = taps.flatMap((tap) => starts.map((start) => start + (unravel(tap, kernel)[axis] ?? 0) * dilation));
  return node.constantValue(tensorFrom(t, [taps.length, outputs.length], positions));
}

/** One of the two neighbours of every tap along an axis: an i64 position inside, and its weight (0 when it is outside). */
interface Neighbour {
  readonly position: ValueId;
  readonly weight: ValueId;
}

function neighbours(node: NodeContext, shape: Geometry, offsets: ValueId, axis: number): readonly Neighbour[] {
  const { t, batch, offsetGroups, kernel, output } = shape;
  const layout = [batch, offsetGroups, elementCount(kernel), elementCount(output)];
  const moved = node.reshape(sliceOf(node, offsets, 3, axis, 1), layout);
  const point = node.map(add(arg(0), arg(1)), moved, basePositions(node, shape, axis));
  const last = (shape.input[axis] ?? 1) - 1;
  const floor = unary("floor", arg(0));
  const fraction = sub(arg(0), floor);
  const neighbour = (at: Expr, weight: Expr): Neighbour => {
    const outside = binary("or", lt(at, lit(t, 0)), gt(at, lit(t, last)));
    return {
      // Saturating: an offset that is not a number must not become an index.
      position: node.map(cast("i64", clamp(t, 0, last, at), true), point),
      weight: node.map(select(outside, lit(t, 0), weight), point),
    };
  };
  return [neighbour(floor, sub(lit(t, 1), fraction)), neighbour(add(floor, lit(t, 1)), fraction)];
}

const choices = (axes: readonly (readonly Neighbour[])[]): Neighbour[][] =>
  axes.reduce<Neighbour[][]>((lists, axis) => lists.flatMap((list) => axis.map((one) => [...list, one])), [[]]);

/** x at one neighbour per axis, weighted: [N, offsetGroups, taps * outputs, channels of the group]. */
function sample(node: NodeContext, shape: Geometry, rows: ValueId, choice: readonly Neighbour[]): ValueId {
  const { batch, offsetGroups, kernel, output, input } = shape;
  const points = elementCount(kernel) * elementCount(output);
  const flat = input.slice(1).reduce<Expr>((sum, size, i) => add(mul(sum, lit("i64", size)), arg(i + 1)), arg(0));
  const position = node.map(flat, ...choice.map((one) => one.position));
  const weight = node.map(choice.map((_, i) => arg(i)).reduce(mul), ...choice.map((one) => one.weight));
  const indices = node.reshape(position, [batch, offsetGroups, points, 1]);
  const gathered = node.emitOne({ kind: "gatherND", inputs: [rows, indices], batchDims: 2 });
  return node.map(mul(arg(0), arg(1)), gathered, node.reshape(weight, [batch, offsetGroups, points, 1]));
}

/** All taps of all outputs as [N, C, taps, outputs]. */
function columns(node: NodeContext, shape: Geometry): ValueId {
  const { t, batch, channels, offsetGroups, kernel, output, input } = shape;
  const [taps, outputs, size] = [elementCount(kernel), elementCount(output), channels / offsetGroups];
  checkedShape(node, t, [batch, channels, taps, outputs]);
  const offsets = node.reshape(widen(node, node.input(2)), [batch, offsetGroups, taps, input.length, outputs]);
  const planes = node.reshape(widen(node, node.input(0)), [batch, offsetGroups, size, elementCount(input)]);
  const rows = node.transpose(planes, [0, 1, 3, 2]);
  const samples = choices(input.map((_, axis) => neighbours(node, shape, offsets, axis))).map((choice) =>
    sample(node, shape, rows, choice),
  );
  const sum = node.map(samples.map((_, i) => arg(i)).reduce(add), ...samples);
  const masked = node.hasInput(4) ? withMask(node, shape, sum) : sum;
  const parted = node.reshape(masked, [batch, offsetGroups, taps, outputs, size]);
  return node.reshape(node.transpose(parted, [0, 1, 4, 2, 3]), [batch, channels, taps, outputs]);
}

function withMask(node: NodeContext, { batch, offsetGroups, kernel, output }: Geometry, sum: ValueId): ValueId {
  const points = elementCount(kernel) * elementCount(output);
  const mask = node.reshape(widen(node, node.input(4)), [batch, offsetGroups, points, 1]);
  return node.map(mul(arg(0), arg(1)), sum, mask);
}

function deformConv(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const shape = geometryOf(node, computeDType(dtype));
  const groups = groupsOf(node);
  const [filters = 0, perGroup = 0] = node.shape(1);
  if (perGroup * groups !== shape.channels || filters % groups !== 0) {
    throw node.shapeError(`weights [${node.shape(1).join(",")}] in ${groups} groups for ${shape.channels} channels`);
  }
  const depth = perGroup * elementCount(shape.kernel);
  const gathered = node.reshape(columns(node, shape), [shape.batch, groups, depth, elementCount(shape.output)]);
  const weights = node.reshape(widen(node, node.input(1)), [groups, filters / groups, depth]);
  const product = matmulOf(node, weights, gathered);
  return [toDType(node, dtype, withBias(node, node.reshape(product, [shape.batch, filters, ...shape.output]), 3))];
}

export const deformConvOperators: readonly OperatorDef[] = [
  operator("DeformConv", deformConv, [
    {
      since: [19, 22],
      inputs: [3, 5],
      attributes: {
        dilations: "ints",
        group: "int",
        kernel_shape: "ints",
        offset_group: "int",
        pads: "ints",
        strides: "ints",
      },
      optionalInputs: [3, 4],
    },
  ]),
];

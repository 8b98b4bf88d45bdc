/** Resize in all versions, and its forerunner Upsample: what is to be resized how far, then one axis after the other. */
import { nth } from "../../../ir/access.ts";
import { staticDims } from "../../../ir/assumptions.ts";
import { areStatic, type Dim, divideExactly, mulDims } from "../../../ir/dim.ts";
import { dtypeInfo } from "../../../ir/dtype.ts";
import { arg, cast, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { makeTensor } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import {
  type AxisResize,
  type CoordinateMode,
  type Kernel,
  type NearestMode,
  repeatsNeighbours,
  tapCount,
  type Taps,
  tapsOf,
} from "./interpolation.ts";
import { computeDType, floatFor, toDType } from "./precision.ts";
import { resampleAxis } from "./resample.ts";
import { alongAxis, checkedShape, distinctAxes, range } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

const coordinateModes: readonly CoordinateMode[] = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
];
const nearestModes: readonly NearestMode[] = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

/** A string attribute that must be one of a few. */
function oneOf<T extends string>(node: NodeContext, name: string, allowed: readonly T[], fallback: T): T {
  const value = node.string(name, fallback);
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw node.attributeError(`${name} ${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
  return found;
}

function kernelOf(node: NodeContext, simple: boolean): Kernel {
  const mode = oneOf(node, "mode", ["nearest", "linear", "cubic"], "nearest");
  const antialias = node.int("antialias", 0) !== 0;
  const excludeOutside = node.int("exclude_outside", 0) !== 0;
  switch (mode) {
    case "nearest":
      return { mode, rounding: simple ? "simple" : oneOf(node, "nearest_mode", nearestModes, "round_prefer_floor") };
    case "linear":
      return { mode, antialias, excludeOutside };
    case "cubic":
      return { mode, antialias, excludeOutside, a: node.float("cubic_coeff_a", -0.75) };
  }
}

/** Numbers of an optional constant input; an empty tensor counts as left out. */
function numbersAt(node: NodeContext, index: number): number[] | null {
  if (!node.hasInput(index)) return null;
  const numbers = Array.from(node.constant(index).elements as ArrayLike<number | bigint>, Number);
  return numbers.length === 0 ? null : numbers;
}

/** Sizes of an optional input, which may be open; an empty tensor counts as left out. */
function sizesAt(node: NodeContext, index: number): readonly Dim[] | null {
  if (!node.hasInput(index)) return null;
  const sizes = node.sizes(index);
  return sizes.length === 0 ? null : sizes;
}

/** New size and scale of the axes that the node names. */
interface Extent {
  readonly output: number;
  readonly scale: number;
}

function byScales(node: NodeContext, dims: readonly number[], scales: readonly number[]): Extent[] {
  return dims.map((dim, i) => {
    const scale = scales[i] ?? 1;
    if (!(scale > 0)) throw node.shapeError(`scales are [${scales.join(", ")}], must be positive`);
    return { output: Math.floor(dim * scale), scale };
  });
}

/** Sizes as given, or as bounds that one scale for all axes has to keep. */
function bySizes(node: NodeContext, dims: readonly number[], sizes: readonly number[]): Extent[] {
  const policy = oneOf(node, "keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"], "stretch");
  const scales = dims.map((dim, i) => (sizes[i] ?? dim) / dim);
  if (policy === "stretch") return dims.map((dim, i) => ({ output: sizes[i] ?? dim, scale: scales[i] ?? 1 }));
  const scale = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return dims.map((dim) => ({ output: Math.floor(scale * dim + 0.5), scale }));
}

interface Request {
  readonly scales: readonly number[] | null;
  readonly sizes: readonly Dim[] | null;
  readonly roi: readonly number[] | null;
  readonly coordinates: CoordinateMode;
  readonly kernel: Kernel;
}

function axesToResize(node: NodeContext, request: Request): Map<number, AxisResize> {
  const { scales, roi, coordinates } = request;
  const sizes = request.sizes === null ? null : staticDims(request.sizes, "a resize");
  const shape = node.shape(0);
  const axes = distinctAxes(node, node.ints("axes") ?? range(shape.length), shape.length);
  if ((scales === null) === (sizes === null)) throw node.shapeError("exactly one of scales and sizes must be given");
  if ((scales ?? sizes)?.length !== axes.length) {
    throw node.shapeError(`${(scales ?? sizes)?.length ?? 0} scales or sizes for ${axes.length} axes`);
  }
  const dims = axes.map((axis) => shape[axis] ?? 1);
  const extents = scales === null ? bySizes(node, dims, sizes ?? []) : byScales(node, dims, scales);
  const crops = coordinates === "tf_crop_and_resize";
  // as in onnxruntime, an image that keeps its size is left alone, whatever else the scales would make of it
  if (!crops && extents.every(({ output }, i) => output === dims[i])) return new Map();
  // since opset 19 the standard has a length that may be fractional; before, and in onnxruntime, it is that of the result
  const lengthOf = (dim: number, { output, scale }: Extent): number =>
    node.opset < 19 ? output : Math.fround(Math.fround(scale) * dim);
  return new Map(
    extents.flatMap((extent, i): [number, AxisResize][] => {
      const { output, scale } = extent;
      const [axis, input] = [axes[i] ?? 0, dims[i] ?? 1];
      const cut: readonly [number, number] = [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1];
      if (scale === 1 && output === input && !crops) return [];
      return [[axis, { input, output, scale, length: lengthOf(input, extent), roi: cut, coordinates }]];
    }),
  );
}

/** Puts the extrapolation value where some axis has no taps. */
function extrapolated(node: NodeContext, x: ValueId, taps: ReadonlyMap<number, Taps>): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const value = lit(dtype, node.float("extrapolation_value", 0));
  let result = x;
  for (const [axis, { outside }] of taps) {
    if (outside.every((flag) => flag === 0)) continue;
    const mask = node.constantValue(makeTensor("bool", alongAxis(shape.length, axis, outside.length), outside));
    result = node.map(select(arg(1), value, arg(0)), result, mask);
  }
  return result;
}

/** Weights that may be worked out for one axis while compiling, and the longest axis whose positions an i32 can name. */
const maxWeights = 2 ** 24;
const maxAxisLength = 2 ** 31 - 1;

function checkEffort(node: NodeContext, axes: Iterable<AxisResize>, kernel: Kernel): void {
  for (const { input, output, scale } of axes) {
    const count = output * tapCount(kernel, scale);
    if (count <= maxWeights && input <= maxAxisLength) continue;
    throw node.shapeError(`resizing ${input} elements to ${output} takes ${count} weights, ${maxWeights} are the most`);
  }
}

/** An image of open size that grows by whole factors, to nearest neighbours: each element so many times. */
function openResized(node: NodeContext, { scales, sizes, coordinates, kernel }: Request): ValueId {
  const dims = node.dims(0);
  const axes = distinctAxes(node, node.ints("axes") ?? range(dims.length), dims.length);
  const asked = scales ?? sizes;
  if ((scales === null) === (sizes === null) || asked?.length !== axes.length) {
    throw node.shapeError("exactly one of scales and sizes must be given, for all axes");
  }
  const factors = dims.map(() => 1);
  for (const [i, axis] of axes.entries()) {
    factors[axis] = scales === null ? factorTo(node, nth(dims, axis), nth(asked, i)) : nth(scales, i);
  }
  const { mode } = kernel;
  const repeats = factors.every(
    (factor) =>
      factor === 1 ||
      (mode === "nearest" && Number.isInteger(factor) && repeatsNeighbours(factor, coordinates, kernel.rounding)),
  );
  if (!repeats) throw node.unsupported(`an image of open size in mode ${mode} by [${factors.join(", ")}]`);
  return node.repeat(node.input(0), factors);
}

const mostFactor = 32;

/** The whole factor from one size to another; NaN where there is none. */
function factorTo(node: NodeContext, from: Dim, to: Dim): number {
  const exact = divideExactly(to, from);
  if (typeof exact === "number") return exact;
  const found = range(mostFactor).find((factor) => node.decide(mulDims(from, factor + 1), "==", to));
  return found === undefined ? NaN : found + 1;
}

/** Nearest neighbours are only moved; anything else is computed in a float type, and integers are rounded towards zero at the end. */
function resized(node: NodeContext, request: Request): ValueId[] {
  if (!areStatic(node.dims(0))) return [openResized(node, request)];
  const { dtype, shape } = node.type(0);
  const axes = axesToResize(node, request);
  const result = checkedShape(node, dtype, shape.map((dim, axis) => axes.get(axis)?.output ?? dim)); // prettier-ignore
  if (result.includes(0)) return [node.constantValue(makeTensor(dtype, result))];
  if (shape.includes(0))
    throw node.shapeError(`[${shape.join(", ")}] has no elements to make [${result.join(", ")}] of`);
  checkEffort(node, axes.values(), request.kernel);
  const moves = request.kernel.mode === "nearest" && request.coordinates !== "tf_crop_and_resize";
  const compute = moves ? dtype : floatFor(computeDType(dtype));
  const taps = new Map([...axes].map(([axis, resize]) => [axis, tapsOf(resize, request.kernel)]));
  // the axes that shrink first leave less to do for the others
  const order = [...taps].sort(([a], [b]) => (result[a] ?? 1) / (shape[a] ?? 1) - (result[b] ?? 1) / (shape[b] ?? 1));
  const x = order.reduce(
    (value, [axis, list]) => resampleAxis(node, value, axis, list),
    toDType(node, compute, node.input(0)),
  );
  return [back(node, extrapolated(node, x, taps), dtype)];
}

const back = (node: NodeContext, x: ValueId, dtype: ReturnType<NodeContext["dtype"]>): ValueId => {
  if (node.typeOf(x).dtype === dtype) return x;
  return node.map(cast(dtype, arg(0), dtypeInfo(dtype).class !== "small-float"), x);
};

function upsampleByAttribute(node: NodeContext): ValueId[] {
  return resized(node, { ...simple(node), scales: node.floats("scales") ?? null });
}

const simple = (node: NodeContext): Omit<Request, "scales"> => ({
  sizes: null,
  roi: null,
  coordinates: "asymmetric",
  kernel: kernelOf(node, true),
});

const resizeByScales = (node: NodeContext): ValueId[] => resized(node, { ...simple(node), scales: numbersAt(node, 1) });

function resize(node: NodeContext): ValueId[] {
  const coordinates = oneOf(node, "coordinate_transformation_mode", coordinateModes, "half_pixel");
  const roi = coordinates === "tf_crop_and_resize" ? numbersAt(node, 1) : null;
  const sizes = sizesAt(node, 3);
  // an old exporter's habit: scales beside sizes; the sizes say it exactly
  const scales = sizes === null ? numbersAt(node, 2) : null;
  return resized(node, { coordinates, kernel: kernelOf(node, false), scales, sizes, roi });
}

const attributes: Attributes = {
  coordinate_transformation_mode: "string",
  cubic_coeff_a: "float",
  exclude_outside: "int",
  extrapolation_value: "float",
  mode: "string",
  nearest_mode: "string",
};
const later: Attributes = { ...attributes, antialias: "int", axes: "ints", keep_aspect_ratio_policy: "string" };

/** Upsample with whole scales and a coordinate mode in its attributes, as com.microsoft.nchwc has it. */
export function upsampleByInts(node: NodeContext): ValueId[] {
  const coordinates = oneOf(node, "coordinate_transformation_mode", coordinateModes, "asymmetric");
  return resized(node, { ...simple(node), coordinates, scales: node.ints("scales") ?? null });
}

/** Operators of this family. */
export const resizeOperators: readonly OperatorDef[] = [
  operator("Upsample", upsampleByAttribute, [
    { since: 7, attributes: { mode: "string", scales: "floats!" } },
    { since: [9, 10], inputs: [2, 2], attributes: { mode: "string" }, lower: resizeByScales },
  ]),
  operator("Resize", resize, [
    { since: 10, inputs: [2, 2], attributes: { mode: "string" }, lower: resizeByScales },
    { since: 11, inputs: [3, 4], attributes, lower: resize },
    { since: 13, inputs: [1, 4], optionalInputs: [1, 2] },
    { since: [18, 19], attributes: later },
  ]),
];

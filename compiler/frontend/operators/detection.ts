/** NonMaxSuppression on the host; RoiAlign and MaxRoiPool as gathers and reductions. */
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { decodeSmallFloat, isSmallFloat } from "../../../ir/small-float.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { ownDim } from "./dynamic.ts";
import { computeDType, toDType } from "./precision.ts";
import { add, clamp, div, gt, lt, max, mul, sub } from "./scalar.ts";
import {
  alongAxis,
  asScalar,
  checkedShape,
  concatOf,
  indexTensor,
  inverse,
  literal,
  range,
  sliceOf,
} from "./support.ts";
import { type Attributes, operator } from "./table.ts";

/** Defaults of the optional operands, which the host function takes by position. */
const suppressionDefaults = [
  { dtype: "i64", value: 0n },
  { dtype: "f32", value: 0 },
  { dtype: "f32", value: -Infinity },
] as const;

function nonMaxSuppression(node: NodeContext): readonly ValueId[] {
  const limits = suppressionDefaults.map(({ dtype, value }, i) =>
    node.hasInput(i + 2) ? node.input(i + 2) : node.scalar(dtype, value),
  );
  const attributes = { centerPointBox: node.int("center_point_box", 0) !== 0 };
  const reason = "the number of boxes depends on data";
  const operands = [node.input(0), node.input(1), ...limits];
  return node.host(
    "nonMaxSuppression",
    operands,
    [{ kind: "dynamic", dtype: "i64", dims: [ownDim(node, "selected"), 3] }],
    reason,
    attributes,
  );
}

/** Images [N, C, H, W] and the boxes to be pooled from them. */
interface Pooling {
  readonly t: DType;
  readonly x: ValueId;
  /** [R, …] in the compute type */
  readonly boxes: ValueId;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly rois: number;
  readonly pooled: readonly [height: number, width: number];
  readonly scale: number;
}

function poolingOf(node: NodeContext, columns: number, pooled: readonly [number, number]): Pooling {
  const { dtype, shape } = node.type(0);
  const boxes = node.shape(1);
  const [, channels = 0, height = 0, width = 0] = shape;
  if (shape.length !== 4 || boxes.length !== 2 || boxes[1] !== columns) {
    throw node.shapeError(
      `images are [${shape.join(", ")}], boxes [${boxes.join(", ")}], must be [N, C, H, W] and [R, ${columns}]`,
    );
  }
  const t = computeDType(dtype);
  const x = toDType(node, t, node.input(0));
  checkedShape(node, t, [boxes[0] ?? 0, channels, ...pooled]);
  return {
    t,
    x,
    boxes: toDType(node, t, node.input(1)),
    channels,
    height,
    width,
    rois: boxes[0] ?? 0,
    pooled,
    scale: node.float("spatial_scale", 1),
  };
}

/** Column of the boxes, [R, 1, …] of the given rank, in the compute type. */
function column(node: NodeContext, { boxes, rois }: Pooling, index: number, rank: number): ValueId {
  return node.reshape(sliceOf(node, boxes, 1, index, 1), alongAxis(rank, 0, rois));
}

/** Sample points per bin along y and x. */
type Grid = readonly [number, number];

/** Sample points of one axis, [R, bins, samples]: two neighbours each, with their weights. */
interface Samples {
  readonly low: ValueId;
  readonly high: ValueId;
  readonly lowWeight: ValueId;
  readonly highWeight: ValueId;
}

/**
 * Evenly spaced points in every bin between `begin` and `end`. A point more than one element outside of the image counts as zero; one
 * nearer lies on its border.
 */
function samplesOf(node: NodeContext, pooling: Pooling, axis: 0 | 1, grid: number, halfPixel: boolean): Samples {
  const { t, scale } = pooling;
  const [bins, size] = axis === 0 ? [pooling.pooled[0], pooling.height] : [pooling.pooled[1], pooling.width];
  const [begin, end] = [column(node, pooling, axis === 0 ? 1 : 0, 3), column(node, pooling, axis === 0 ? 3 : 2, 3)];
  const offset = halfPixel ? 0.5 : 0;
  const first = sub(mul(arg(0), lit(t, scale)), lit(t, offset));
  const length = sub(sub(mul(arg(1), lit(t, scale)), lit(t, offset)), first);
  const bin = div(halfPixel ? length : max(length, lit(t, 1)), lit(t, bins));
  const at = add(first, mul(arg(2), bin));
  // the point's place in units of bins: bin + (sample + 0.5) / samples
  const place = node.castTo(
    t,
    node.constantValue(indexTensor([1, bins, grid], (i) => 2 * (Math.floor(i / grid) * grid + (i % grid)) + 1)),
  );
  const inBins = node.map(div(arg(0), lit(t, 2 * grid)), place);
  const point = node.map(at, begin, end, inBins);
  const inside = clamp(t, 0, size - 1, arg(0));
  const low = unary("floor", inside);
  const fraction = sub(inside, low);
  const beyond = binary("or", lt(arg(0), lit(t, -1)), gt(arg(0), lit(t, size)));
  const weight = (value: Expr): ValueId => node.map(select(beyond, lit(t, 0), value), point);
  return {
    low: node.map(cast("i64", low, true), point),
    high: node.map(cast("i64", clamp(t, 0, size - 1, add(low, lit(t, 1))), true), point),
    lowWeight: weight(sub(lit(t, 1), fraction)),
    highWeight: weight(fraction),
  };
}

/** [R, bins, samples] of one axis as [R, bins or 1, 1 or bins, samples or 1, 1 or samples], to meet those of the other axis. */
function spread(node: NodeContext, value: ValueId, axis: 0 | 1): ValueId {
  const [rois = 0, bins = 0, samples = 0] = node.typeOf(value).shape;
  return node.reshape(value, axis === 0 ? [rois, bins, 1, samples, 1] : [rois, 1, bins, 1, samples]);
}

/** Most points per bin and axis that a box may ask for: more than any image has elements. */
const maxPoints = 2 ** 16;

/** Points per bin and axis; 0 asks for as many as the box has elements per bin, which takes the boxes' values. */
function gridsOf(node: NodeContext, { pooled, scale, rois }: Pooling, halfPixel: boolean): readonly Grid[] {
  const ratio = node.int("sampling_ratio", 0);
  if (ratio < 0) throw node.attributeError(`sampling_ratio is ${ratio}`);
  if (ratio > 0) return [[ratio, ratio]];
  const { dtype, elements } = node.constant(1);
  const boxes = Array.from(elements as ArrayLike<number>, (bits) =>
    isSmallFloat(dtype) ? decodeSmallFloat(dtype, bits) : bits,
  );
  return range(rois).map((roi) => {
    const extent = (from: number): number => {
      const length = ((boxes[4 * roi + from + 2] ?? 0) - (boxes[4 * roi + from] ?? 0)) * scale;
      return halfPixel ? length : Math.max(length, 1);
    };
    const points = (length: number, bins: number): number => {
      const count = Math.max(1, Math.ceil(length / bins));
      if (count > maxPoints || Number.isNaN(count)) throw node.shapeError(`box ${roi} has sides of ${length} elements`);
      return count;
    };
    return [points(extent(1), pooled[0]), points(extent(0), pooled[1])];
  });
}

/** Pools all boxes with one number of points per bin; [R, C, bins, bins]. */
function aligned(node: NodeContext, pooling: Pooling, images: ValueId, grid: Grid, halfPixel: boolean): ValueId {
  const { t, channels, height, width, pooled, rois } = pooling;
  const [y, x] = [samplesOf(node, pooling, 0, grid[0], halfPixel), samplesOf(node, pooling, 1, grid[1], halfPixel)];
  const flat = node.reshape(node.transpose(pooling.x, [0, 2, 3, 1]), [
    (node.typeOf(pooling.x).shape[0] ?? 0) * height * width,
    channels,
  ]);
  const image = node.reshape(images, alongAxis(5, 0, rois));
  const row = add(mul(add(mul(arg(0), lit("i64", height)), arg(1)), lit("i64", width)), arg(2));
  const terms = (
    [
      [y.low, y.lowWeight],
      [y.high, y.highWeight],
    ] as const
  ).flatMap(([rowAt, rowWeight]) =>
    (
      [
        [x.low, x.lowWeight],
        [x.high, x.highWeight],
      ] as const
    ).map(([columnAt, columnWeight]) => {
      const index = node.map(row, image, spread(node, rowAt, 0), spread(node, columnAt, 1));
      const picked = node.emitOne({ kind: "gather", inputs: [flat, index], axis: 0 });
      const weight = node.map(mul(arg(0), arg(1)), spread(node, rowWeight, 0), spread(node, columnWeight, 1));
      return [picked, node.reshape(weight, [...node.typeOf(weight).shape, 1])] as const;
    }),
  );
  const isMax = node.string("mode", "avg") === "max";
  const term = (i: number): Expr => mul(arg(2 * i), arg(2 * i + 1));
  const joined = range(3).reduce<Expr>((all, i) => (isMax ? max : add)(all, term(i + 1)), term(0));
  const values = node.map(joined, ...terms.flat());
  const reduced = node.emitOne({
    kind: "reduce",
    inputs: [values],
    fn: isMax ? "max" : "mean",
    axes: [3, 4],
    keepDims: false,
  });
  return node.transpose(node.reshape(toDType(node, t, reduced), [rois, ...pooled, channels]), [0, 3, 1, 2]);
}

function roiAlign(node: NodeContext): ValueId[] {
  const mode = node.string("mode", "avg");
  if (mode !== "avg" && mode !== "max") throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  const coordinates = node.string(
    "coordinate_transformation_mode",
    node.opset < 16 ? "output_half_pixel" : "half_pixel",
  );
  if (coordinates !== "half_pixel" && coordinates !== "output_half_pixel") {
    throw node.attributeError(`there is no coordinate_transformation_mode ${JSON.stringify(coordinates)}`);
  }
  const pooling = poolingOf(node, 4, [node.int("output_height", 1), node.int("output_width", 1)]);
  const images = toDType(node, "i64", node.input(2));
  const halfPixel = coordinates === "half_pixel";
  const grids = gridsOf(node, pooling, halfPixel);
  return [toDType(node, node.dtype(0), pooledByGrid(node, pooling, images, grids, halfPixel))];
}

/** Boxes with the same number of points per bin are pooled together, then put back into order. */
function pooledByGrid(
  node: NodeContext,
  pooling: Pooling,
  images: ValueId,
  grids: readonly Grid[],
  halfPixel: boolean,
): ValueId {
  const groups = new Map<string, number[]>();
  for (const [roi, grid] of grids.entries()) groups.set(grid.join(), [...(groups.get(grid.join()) ?? []), roi]);
  if (groups.size <= 1) return aligned(node, pooling, images, grids[0] ?? [1, 1], halfPixel);
  const take = (value: ValueId, members: readonly number[]): ValueId => {
    const index = node.constantValue(indexTensor([members.length], (i) => members[i] ?? 0));
    return node.emitOne({ kind: "gather", inputs: [value, index], axis: 0 });
  };
  const parts = [...groups.values()].map((members) => {
    const group = { ...pooling, boxes: take(pooling.boxes, members), rois: members.length };
    return aligned(node, group, take(images, members), grids[members[0] ?? 0] ?? [1, 1], halfPixel);
  });
  return take(concatOf(node, parts, 0), inverse([...groups.values()].flat()));
}

/** Which elements of an axis lie in each bin of each box, as bool [R, bins, size]; bins share the elements at their edges. */
function membership(node: NodeContext, pooling: Pooling, axis: 0 | 1): ValueId {
  const { t, scale } = pooling;
  const [bins, size] = axis === 0 ? [pooling.pooled[0], pooling.height] : [pooling.pooled[1], pooling.width];
  const [begin, end] = [column(node, pooling, axis === 0 ? 2 : 1, 3), column(node, pooling, axis === 0 ? 4 : 3, 3)];
  // half away from zero, as C's round; coordinates are not negative
  const position = (index: number): Expr => unary("floor", add(mul(arg(index), lit(t, scale)), lit(t, 0.5)));
  const length = max(add(sub(position(1), position(0)), lit(t, 1)), lit(t, 1));
  const bin = div(length, lit(t, bins));
  const first = add(unary("floor", mul(arg(2), bin)), position(0));
  const last = add(unary("ceil", mul(add(arg(2), lit(t, 1)), bin)), position(0));
  const within = binary("and", binary("ge", arg(3), first), lt(arg(3), last));
  const bins3 = node.castTo(t, node.constantValue(indexTensor([1, bins, 1], (i) => i)));
  const elements = node.castTo(t, node.constantValue(indexTensor([1, 1, size], (i) => i)));
  return node.map(within, begin, end, bins3, elements);
}

/** The largest element of every bin: first over the columns, then over the rows; an empty bin gives 0. */
function maxRoiPool(node: NodeContext): ValueId[] {
  const [pooledHeight = 1, pooledWidth = 1] = node.ints("pooled_shape") ?? [];
  const pooling = poolingOf(node, 5, [pooledHeight, pooledWidth]);
  const { t, rois, channels, height, width } = pooling;
  const image = node.reshape(node.castTo("i64", sliceOf(node, node.input(1), 1, 0, 1)), [rois]);
  const images = node.emitOne({ kind: "gather", inputs: [pooling.x, image], axis: 0 });
  const least = asScalar(node, literal(node, t, -Infinity));
  const largest = (value: ValueId, mask: ValueId, axis: number): ValueId => {
    const masked = node.map(select(arg(1), arg(0), arg(2)), value, mask, least);
    return node.emitOne({ kind: "reduce", inputs: [masked], fn: "max", axes: [axis], keepDims: false });
  };
  const rows = largest(
    node.reshape(images, [rois, channels, 1, height, width]),
    node.reshape(membership(node, pooling, 0), [rois, 1, pooledHeight, height, 1]),
    3,
  );
  const bins = largest(
    node.reshape(rows, [rois, channels, pooledHeight, 1, width]),
    node.reshape(membership(node, pooling, 1), [rois, 1, 1, pooledWidth, width]),
    4,
  );
  const filled = node.map(select(binary("eq", arg(0), lit(t, -Infinity)), lit(t, 0), arg(0)), bins);
  return [toDType(node, node.dtype(0), filled)];
}

const alignAttributes: Attributes = {
  mode: "string",
  output_height: "int",
  output_width: "int",
  sampling_ratio: "int",
  spatial_scale: "float",
};

/** Operators of this family. */
export const detectionOperators: readonly OperatorDef[] = [
  operator("NonMaxSuppression", nonMaxSuppression, [
    { since: [10, 11], inputs: [2, 5], optionalInputs: [2, 3], attributes: { center_point_box: "int" } },
  ]),
  operator("RoiAlign", roiAlign, [
    { since: 10, inputs: [3, 3], attributes: alignAttributes },
    { since: [16, 22], attributes: { ...alignAttributes, coordinate_transformation_mode: "string" } },
  ]),
  operator("MaxRoiPool", maxRoiPool, [
    { since: [1, 22], inputs: [2, 2], attributes: { pooled_shape: "ints!", spatial_scale: "float" } },
  ]),
];

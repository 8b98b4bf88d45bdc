/**
 * GridSample and AffineGrid. A sample point weighs its neighbours axis by axis, so that the result is a sum over all combinations of one
 * neighbour per axis: one gather each, from the image as rows of channels, times the product of the weights.
 */
import { type DType, isFloat, isInteger } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, makeTensor } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, floatFor, toDType, widen } from "./precision.ts";
import { abs, add, clamp, div, lt, mul, sub } from "./scalar.ts";
import { checkedConstant, checkedShape, literal, range, sliceOf } from "./support.ts";
import { operator, operatorOf } from "./table.ts";

type PaddingMode = "zeros" | "border" | "reflection";
type Interpolation = "nearest" | "linear" | "cubic";

/** Names of opset 16 and of opset 20. */
const interpolations: ReadonlyMap<string, Interpolation> = new Map([
  ["nearest", "nearest"],
  ["bilinear", "linear"],
  ["linear", "linear"],
  ["bicubic", "cubic"],
  ["cubic", "cubic"],
]);
const paddings: readonly PaddingMode[] = ["zeros", "border", "reflection"];

interface Sampling {
  readonly t: DType;
  readonly mode: Interpolation;
  readonly padding: PaddingMode;
  readonly alignCorners: boolean;
}

function samplingOf(node: NodeContext): Sampling {
  const name = node.string("mode", node.opset >= 20 ? "linear" : "bilinear");
  const mode = interpolations.get(name);
  const padding = paddings.find((candidate) => candidate === node.string("padding_mode", "zeros"));
  if (mode === undefined) throw node.attributeError(`there is no mode ${JSON.stringify(name)}`);
  if (padding === undefined)
    throw node.attributeError(`there is no padding_mode ${JSON.stringify(node.string("padding_mode"))}`);
  const dtype = node.dtype(0);
  if (!isFloat(dtype) && !isInteger(dtype)) throw node.typeError(`elements must be numeric, not ${dtype}`);
  return { t: floatFor(computeDType(dtype)), mode, padding, alignCorners: node.int("align_corners", 0) !== 0 };
}

const floor = (x: Expr): Expr => unary("floor", x);

/** A grid coordinate in [-1, 1] as a position on an axis of `size` elements. */
function denormalized({ t, alignCorners }: Sampling, x: Expr, size: number): Expr {
  if (alignCorners) return mul(add(x, lit(t, 1)), lit(t, (size - 1) / 2));
  return div(sub(mul(add(x, lit(t, 1)), lit(t, size)), lit(t, 1)), lit(t, 2));
}

/** Bounces a position between the centres (align_corners) or the outer edges of the first and last element. */
function reflected({ t, alignCorners }: Sampling, x: Expr, size: number): Expr {
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? size - 1 : size;
  if (span === 0) return x;
  const distance = abs(sub(x, lit(t, low)));
  const turns = floor(div(distance, lit(t, span)));
  const rest = sub(distance, mul(turns, lit(t, span)));
  const odd = binary("eq", binary("mod", turns, lit(t, 2)), lit(t, 1));
  return add(select(odd, sub(lit(t, span), rest), rest), lit(t, low));
}

/** A position brought inside as the padding mode says; zeros leaves it where it is. */
function folded(sampling: Sampling, x: Expr, size: number): Expr {
  const inside = (position: Expr): Expr => clamp(sampling.t, 0, size - 1, position);
  switch (sampling.padding) {
    case "zeros":
      return x;
    case "border":
      return inside(x);
    case "reflection":
      return inside(reflected(sampling, x, size));
  }
}

/** One neighbour of every sample point along one axis. */
interface Neighbour {
  /** i64 position within the axis */
  readonly position: ValueId;
  /** weight in the compute type; 0 where the neighbour is padding; null: 1 */
  readonly weight: ValueId | null;
}

/** Keys' kernel with a = -0.75, for distances up to 1 and from 1 to 2. */
const cubicNear = (t: DType, x: Expr): Expr => add(mul(mul(sub(mul(lit(t, 1.25), x), lit(t, 2.25)), x), x), lit(t, 1));
const cubicFar = (t: DType, x: Expr): Expr =>
  sub(mul(add(mul(sub(mul(lit(t, -0.75), x), lit(t, -3.75)), x), lit(t, -6)), x), lit(t, -3));

/** Offsets of the neighbours from the floor, each with its weight as a function of the distance from it. */
function neighbourOffsets({
  t,
  mode,
}: Sampling): readonly { readonly offset: number; readonly weight: (fraction: Expr) => Expr }[] {
  const rest = (x: Expr): Expr => sub(lit(t, 1), x);
  switch (mode) {
    case "nearest":
      return [];
    case "linear":
      return [
        { offset: 0, weight: rest },
        { offset: 1, weight: (x) => x },
      ];
    case "cubic":
      return [
        { offset: -1, weight: (x) => cubicFar(t, add(x, lit(t, 1))) },
        { offset: 0, weight: (x) => cubicNear(t, x) },
        { offset: 1, weight: (x) => cubicNear(t, rest(x)) },
        { offset: 2, weight: (x) => cubicFar(t, add(rest(x), lit(t, 1))) },
      ];
  }
}

/** The neighbours along one axis of `size` elements; `grid` holds the points' coordinates on it. */
function neighboursOf(node: NodeContext, sampling: Sampling, grid: ValueId, size: number): readonly Neighbour[] {
  const { t, mode, padding } = sampling;
  const x = denormalized(sampling, arg(0), size);
  // cubic interpolation pads the neighbours, the others the sample point
  const point = node.map(mode === "cubic" ? x : folded(sampling, x, size), grid);
  const neighbour = (at: Expr, weight: Expr | null): Neighbour => {
    const beyond = binary("or", lt(at, lit(t, 0)), binary("gt", at, lit(t, size - 1)));
    const padded = padding === "zeros" ? select(beyond, lit(t, 0), weight ?? lit(t, 1)) : weight;
    const position = clamp(t, 0, size - 1, mode === "cubic" ? folded(sampling, at, size) : at);
    return {
      // saturating: a NaN in the grid must not become an index
      position: node.map(cast("i64", position, true), point),
      weight: padded === null ? null : node.map(padded, point),
    };
  };
  if (mode === "nearest") return [neighbour(unary("round", arg(0)), null)];
  const fraction = sub(arg(0), floor(arg(0)));
  return neighbourOffsets(sampling).map(({ offset, weight }) =>
    neighbour(add(floor(arg(0)), lit(t, offset)), weight(fraction)),
  );
}

/** All choices of one neighbour per axis. */
const combinations = (axes: readonly (readonly Neighbour[])[]): Neighbour[][] =>
  axes.reduce<Neighbour[][]>(
    (sofar, choices) => sofar.flatMap((list) => choices.map((choice) => [...list, choice])),
    [[]],
  );

/** Row of the flattened image for one neighbour per axis, as [N, points, 1]. */
function rowOf(node: NodeContext, choice: readonly Neighbour[], spatial: readonly number[]): ValueId {
  const flat = spatial.slice(1).reduce<Expr>((sum, size, i) => add(mul(sum, lit("i64", size)), arg(i + 1)), arg(0));
  const rows = node.map(flat, ...choice.map(({ position }) => position));
  return node.reshape(rows, [...node.typeOf(rows).shape, 1]);
}

/** Product of the weights of one neighbour per axis, as [N, points, 1]; null: 1. */
function weightOf(node: NodeContext, choice: readonly Neighbour[]): ValueId | null {
  const weights = choice.map(({ weight }) => weight).filter((weight) => weight !== null);
  if (weights.length === 0) return null;
  const product = weights.slice(1).reduce<Expr>((sum, _, i) => mul(sum, arg(i + 1)), arg(0));
  const value = node.map(product, ...weights);
  return node.reshape(value, [...node.typeOf(value).shape, 1]);
}

function gridSample(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const grid = node.shape(1);
  const [batch = 0, channels = 0, ...spatial] = shape;
  if (spatial.length === 0 || grid.length !== shape.length || grid.at(-1) !== spatial.length || grid[0] !== batch) {
    throw node.shapeError(`a grid [${grid.join(", ")}] does not fit an input [${shape.join(", ")}]`);
  }
  const sampling = samplingOf(node);
  const outputs = grid.slice(1, -1);
  checkedShape(node, dtype, [batch, channels, ...outputs]);
  const points = elementCount(outputs);
  const coordinates = node.reshape(toDType(node, sampling.t, node.input(1)), [batch, points, spatial.length]);
  const axes = spatial.map((size, axis) => {
    // the grid names x first, which is the last axis
    const column = sliceOf(node, coordinates, 2, spatial.length - 1 - axis, 1);
    return neighboursOf(node, sampling, node.reshape(column, [batch, points]), size);
  });
  const rows = node.reshape(
    node.transpose(toDType(node, sampling.t, node.input(0)), [0, ...range(spatial.length).map((i) => i + 2), 1]),
    [batch, elementCount(spatial), channels],
  );
  const operands = combinations(axes).flatMap((choice) => {
    const picked = node.emitOne({ kind: "gatherND", inputs: [rows, rowOf(node, choice, spatial)], batchDims: 1 });
    return [picked, weightOf(node, choice) ?? literal(node, sampling.t, 1)];
  });
  const sampled = node.reshape(weightedSum(node, operands), [batch, ...outputs, channels]);
  return [
    toDType(node, dtype, node.transpose(sampled, [0, outputs.length + 1, ...range(outputs.length).map((i) => i + 1)])),
  ];
}

/** The sum of the products of operands 0 and 1, 2 and 3, … */
export function weightedSum(node: NodeContext, operands: readonly ValueId[]): ValueId {
  const term = (i: number): Expr => mul(arg(2 * i), arg(2 * i + 1));
  const sum = range(operands.length / 2)
    .slice(1)
    .reduce((total, i) => add(total, term(i)), term(0));
  return node.map(sum, ...operands);
}

/** Coordinates of the centres (or, with align_corners, from edge to edge) of `size` elements over [-1, 1]; a single edge is the last, as in onnxruntime. */
function gridLine(size: number, alignCorners: boolean): number[] {
  if (alignCorners) return range(size).map((i) => (size === 1 ? 1 : -1 + (2 * i) / (size - 1)));
  return range(size).map((i) => (2 * i + 1) / size - 1);
}

/** The grid of the output's points, [points, dims + 1] with a last 1, times each theta. */
function affineGrid(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const [batch = 0, channels = 0, ...spatial] = node.integers(1);
  const dims = spatial.length;
  if (shape.length !== 3 || shape[0] !== batch || shape[1] !== dims || shape[2] !== dims + 1) {
    throw node.shapeError(`theta is [${shape.join(", ")}], size [${[batch, channels, ...spatial].join(", ")}]`);
  }
  const compute = computeDType(dtype);
  const points = elementCount(checkedConstant(node, compute, [...spatial, dims + 1])) / (dims + 1);
  const lines = spatial.map((size) => gridLine(size, node.int("align_corners", 0) !== 0));
  const values = new Float64Array(points * (dims + 1)).fill(1);
  for (let point = 0; point < points; point++) {
    let rest = point;
    for (let axis = dims - 1; axis >= 0; axis--) {
      const size = spatial[axis] ?? 1;
      // the last axis comes first
      values[point * (dims + 1) + dims - 1 - axis] = lines[axis]?.[rest % size] ?? 0;
      rest = Math.floor(rest / size);
    }
  }
  const elements = compute === "f32" ? Float32Array.from(values) : values;
  const base = node.constantValue(makeTensor(compute, [points, dims + 1], elements));
  const grid = node.emitOne({
    kind: "matmul",
    inputs: [base, widen(node, node.input(0))],
    transposeA: false,
    transposeB: true,
    epilogue: null,
  });
  return [toDType(node, dtype, node.reshape(grid, [batch, ...spatial, dims]))];
}

const attributes = { align_corners: "int", mode: "string", padding_mode: "string" } as const;

/** Operators of this family. */
export const gridOperators: readonly OperatorDef[] = [
  operator("GridSample", gridSample, [{ since: [16, 20, 22], inputs: [2, 2], attributes }]),
  operatorOf("com.microsoft", "GridSample", gridSample, [{ since: 1, inputs: [2, 2], attributes }]),
  operator("AffineGrid", affineGrid, [{ since: 20, inputs: [2, 2], attributes: { align_corners: "int" } }]),
];

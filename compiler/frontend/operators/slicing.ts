/** Operators that cut tensors apart and join them. */
import { nth } from "../../../ir/access.ts";
import {
  addDims,
  areStatic,
  ceilDiv,
  type Dim,
  isOpenDim,
  sameDim,
  showDim,
  showDims,
  subDims,
} from "../../../ir/dim.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { leadingShape } from "../../../ir/tensor.ts";
import { saturate } from "../attributes.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { bigintAttribute, bigints, concatOf, distinctAxes, range, sliceOf } from "./support.ts";
import { operator, variadic } from "./table.ts";

/** A bound is a bigint as the model says it, or an open size. */
type BoundSize = bigint | Dim;
interface Bounds {
  readonly starts: readonly BoundSize[];
  readonly ends: readonly BoundSize[];
  readonly axes: readonly number[];
  readonly steps: readonly bigint[];
}
interface Run<D = number> {
  readonly start: D;
  readonly size: D;
  readonly step: number;
}

const clamp = (value: bigint, low: bigint, high: bigint): bigint => (value < low ? low : value > high ? high : value);

/**
 * ONNX's slice of one axis: negative bounds count from the end, then both are clamped. (Unlike numpy's, a backward slice that starts before
 * the first element starts at it.) Bounds are bigints because exporters write INT64_MAX and INT64_MIN for "to the end", which no double holds.
 */
export function sliceRun(dim: number, start: bigint, end: bigint, step: bigint): Run {
  const size = BigInt(dim);
  const fromFront = (bound: bigint): bigint => (bound < 0n ? bound + size : bound);
  const [low, high] = step > 0n ? [0n, size] : [-1n, size - 1n];
  const first = clamp(fromFront(start), 0n, high);
  const span = clamp(fromFront(end), low, high) - first;
  const count = step > 0n ? (span + step - 1n) / step : (span + step + 1n) / step;
  if (dim === 0 || count <= 0n || span === 0n || span > 0n !== step > 0n) return { start: 0, size: 0, step: 1 };
  return { start: Number(first), size: Number(count), step: count === 1n ? 1 : Number(step) };
}

/** The same where the axis or a bound is open, forwards. */
function openRun(node: NodeContext, dim: Dim, start: Dim, end: Dim, step: number): Run<Dim> {
  if (step < 1) throw node.unsupported("a backward slice of an open axis");
  const within = (bound: Dim): Dim => {
    const fromFront = node.decide(bound, "<", 0) ? addDims(bound, dim) : bound;
    if (node.decide(fromFront, "<", 0)) return 0;
    return node.decide(dim, "<", fromFront) ? dim : fromFront;
  };
  const [first, last] = [within(start), within(end)];
  if (node.decide(last, "<=", first)) return { start: 0, size: 0, step: 1 };
  return { start: first, size: ceilDiv(subDims(last, first), step), step };
}

function runOf(node: NodeContext, dim: Dim, start: BoundSize, end: BoundSize, step: bigint): Run<Dim> {
  if (typeof dim === "number" && typeof start === "bigint" && typeof end === "bigint") {
    return sliceRun(dim, start, end, step);
  }
  const asDim = (bound: BoundSize): Dim => (typeof bound === "bigint" ? saturate(bound) : bound);
  return openRun(node, dim, asDim(start), asDim(end), saturate(step));
}

/** Bounds that the model says, or that it computes of open dims. */
const boundSizes = (node: NodeContext, index: number): readonly BoundSize[] =>
  node.constantOrUndefined(index) === undefined ? node.sizes(index) : bigints(node, index);

function boundsOfInputs(node: NodeContext): Bounds {
  const starts = boundSizes(node, 1);
  const axes = node.hasInput(3) ? node.integers(3) : range(starts.length);
  const steps = node.hasInput(4) ? bigints(node, 4) : starts.map(() => 1n);
  return { starts, ends: boundSizes(node, 2), axes, steps };
}

function boundsOfAttributes(node: NodeContext): Bounds {
  const starts = bigintAttribute(node, "starts") ?? [];
  const ends = bigintAttribute(node, "ends") ?? [];
  return { starts, ends, axes: node.ints("axes") ?? range(starts.length), steps: starts.map(() => 1n) };
}

function sliceBy(node: NodeContext, { starts, ends, axes, steps }: Bounds): ValueId[] {
  const shape = node.dims(0);
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    throw node.shapeError(
      `${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`,
    );
  }
  const runs: Run<Dim>[] = shape.map((dim) => ({ start: 0, size: dim, step: 1 }));
  for (const [i, axis] of distinctAxes(node, axes, shape.length).entries()) {
    const step = nth(steps, i);
    if (step === 0n) throw node.attributeError(`the step on axis ${axis} is 0`);
    runs[axis] = runOf(node, nth(shape, axis), nth(starts, i), nth(ends, i), step);
  }
  const isWhole = runs.every((run, axis) => run.start === 0 && run.step === 1 && sameDim(run.size, nth(shape, axis)));
  if (isWhole) return [node.input(0)];
  const [starting, sizes] = [runs.map((run) => run.start), runs.map((run) => run.size)];
  return [
    node.slice(
      node.input(0),
      starting,
      sizes,
      runs.map((run) => run.step),
    ),
  ];
}

/** Cuts an axis into pieces of the given sizes. */
function splitInto(node: NodeContext, axis: number, sizes: readonly number[]): ValueId[] {
  const dims = node.dims(0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== dims[axis] || sizes.some((size) => size < 0)) {
    throw node.shapeError(`[${sizes.join(", ")}] does not split axis ${axis} of ${showDims(dims)}`);
  }
  if (sizes.length !== node.node.outputs.length) {
    throw node.shapeError(`${sizes.length} pieces for ${node.node.outputs.length} outputs`);
  }
  let start = 0;
  return sizes.map((size) => sliceOf(node, node.input(0), axis, (start += size) - size, size));
}

/** Equal pieces; what is left over shortens the last ones where the version allows it. */
function equalPieces(node: NodeContext, dim: number, count: number, uneven: boolean): number[] {
  if (count < 1) throw node.attributeError(`an axis cannot be split into ${count} pieces`);
  if (count !== node.node.outputs.length)
    throw node.shapeError(`${count} pieces for ${node.node.outputs.length} outputs`);
  if (dim % count !== 0 && !uneven) throw node.shapeError(`${dim} elements do not split into ${count} equal pieces`);
  const piece = Math.ceil(dim / count);
  return range(count).map((i) => Math.max(0, Math.min(piece, dim - i * piece)));
}

const split = (uneven: boolean) => (node: NodeContext) => {
  const shape = node.dims(0);
  const axis = node.axis(node.int("axis", 0), shape.length);
  const dim = nth(shape, axis);
  const given = node.ints("split") ?? (node.hasInput(1) ? node.integers(1) : undefined);
  const asked = node.int("num_outputs");
  if (given !== undefined && asked !== undefined) throw node.attributeError("both split and num_outputs are given");
  if (asked !== undefined && asked !== node.node.outputs.length) {
    throw node.attributeError(`num_outputs is ${asked}, the node has ${node.node.outputs.length} outputs`);
  }
  if (isOpenDim(dim)) throw node.unsupported(`pieces of ${showDim(dim)} elements`);
  const sizes = given ?? equalPieces(node, dim, asked ?? node.node.outputs.length, uneven);
  return splitInto(node, axis, sizes);
};

function concat(node: NodeContext): ValueId[] {
  const inputs = range(node.inputCount).map((index) => node.input(index));
  const shapes = inputs.map((input) => node.dimsOf(input));
  const lead = shapes.every(areStatic) ? leadingShape(shapes) : 0;
  return [concatOf(node, inputs, node.axis(node.int("axis", 0), nth(shapes, lead).length))];
}

const sliceByAttributes = (node: NodeContext): ValueId[] => sliceBy(node, boundsOfAttributes(node));
const sliceByInputs = (node: NodeContext): ValueId[] => sliceBy(node, boundsOfInputs(node));

/** Operators of this family. */
export const slicingOperators: readonly OperatorDef[] = [
  operator("Slice", sliceByAttributes, [
    { since: 1, attributes: { axes: "ints", starts: "ints!", ends: "ints!" } },
    { since: [10, 11, 13], inputs: [3, 5], optionalInputs: [3], attributes: {}, lower: sliceByInputs },
  ]),
  // onnxruntime's for opset 9 and older, where the bounds of Slice are attributes
  operator("DynamicSlice", sliceByInputs, [{ since: 1, inputs: [3, 4], optionalInputs: [3] }]),
  operator("Split", split(false), [
    { since: [2, 11], outputs: [1, variadic], attributes: { axis: "int", split: "ints" } },
    { since: 13, inputs: [1, 2], attributes: { axis: "int" } },
    { since: 18, attributes: { axis: "int", num_outputs: "int" }, lower: split(true) },
  ]),
  operator("Concat", concat, [{ since: [4, 11, 13], inputs: [1, variadic], attributes: { axis: "int!" } }]),
];

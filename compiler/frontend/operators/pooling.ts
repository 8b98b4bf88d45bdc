/** Pools over sliding windows and over the whole image, and MaxUnpool. */
import { nth } from "../../../ir/access.ts";
import { type DType, dtypeInfo, isFloat } from "../../../ir/dtype.ts";
import { arg, binary, lit, select, unary } from "../../../ir/expr.ts";
import type { PoolOp, ValueId } from "../../../ir/graph.ts";
import { addDims, areStatic, ceilDiv, type Dim, floorDiv, isOpenDim, mulDims } from "../../../ir/dim.ts";
import { staticDims } from "../../../ir/assumptions.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { lpNorm } from "./norm.ts";
import { widen, widened } from "./precision.ts";
import { checkedShape, countFrom, indexTensor, literal, range, sliceOf } from "./support.ts";
import { type Attributes, type Lower, operator } from "./table.ts";
import {
  kernelOf,
  padsOf,
  perDim,
  span,
  spatialDimsOf,
  spatialOf,
  unravel,
  type Windows,
  windowsOf,
} from "./window.ts";

/**
 * Windows that fit into the padded input. With ceil_mode the last one may hang over the end, but it must start inside the input or
 * the padding before it: https://onnx.ai/onnx/operators/onnx__AveragePool.html. Where already the first one is too large, there is one all the
 * same as long as it hangs over by less than a stride: onnxruntime's division truncates.
 */
function outputSpatial(node: NodeContext, input: readonly Dim[], windows: Windows): Dim[] {
  const ceil = node.int("ceil_mode", 0) !== 0;
  return input.map((size, i) => {
    const [begin, end, stride] = [nth(windows.padsBegin, i), nth(windows.padsEnd, i), nth(windows.strides, i)];
    const reach = span(nth(windows.kernel, i), nth(windows.dilations, i));
    if (isOpenDim(size)) return openOutput(node, addDims(size, begin), end - reach, stride, ceil);
    const free = size + begin + end - reach;
    const count = (ceil ? Math.ceil(free / stride) : Math.trunc(free / stride)) + 1;
    if (count < 0) throw node.shapeError(`the window does not fit into ${size} elements in spatial dim ${i}`);
    const overhanging = ceil && (count - 1) * stride >= size + begin;
    return Math.max(0, overhanging ? count - 1 : count);
  });
}

/** The same where the size is open: the first window must fit. `padded` counts what lies before the image. */
function openOutput(node: NodeContext, padded: Dim, added: number, stride: number, ceil: boolean): Dim {
  const free = addDims(padded, added);
  if (!node.decide(0, "<=", free)) throw node.shapeError("the window does not fit");
  const rounds = ceil ? ceilDiv(free, stride) : floorDiv(free, stride);
  const overhangs = ceil && node.decide(padded, "<=", mulDims(rounds, stride));
  return overhangs ? rounds : addDims(rounds, 1);
}

export interface Pooling {
  readonly windows: Windows;
  readonly output: readonly Dim[];
}

/** Windows over the spatial dims `input`. */
export function poolingOf(node: NodeContext, input: readonly Dim[] = spatialDimsOf(node, 0)): Pooling {
  const windows = windowsOf(node, input, kernelOf(node, input.length));
  return { windows, output: outputSpatial(node, input, windows) };
}

/** An nchw pool of a value. */
export const poolOf = (
  node: NodeContext,
  x: ValueId,
  { windows, output }: Pooling,
  what: Pick<PoolOp, "fn" | "countPadding" | "p">,
): ValueId =>
  node.pool(x, {
    layout: "nchw",
    kernel: windows.kernel,
    strides: windows.strides,
    dilations: windows.dilations,
    padsBegin: windows.padsBegin,
    padsEnd: windows.padsEnd,
    outputSpatial: output,
    ...what,
  });

/**
 * With count_include_pad a window counts what it covers of the padded input. Before opset 19, without ceil_mode, onnxruntime counts all of
 * a window that is larger than that: as if the padding went on to its end.
 */
function countedPooling(node: NodeContext): Pooling {
  const { windows, output } = poolingOf(node);
  if (node.opset >= 19 || node.int("ceil_mode", 0) !== 0) return { windows, output };
  const padsEnd = spatialDimsOf(node, 0).map((size, i) => {
    const [end, beyond] = [nth(windows.padsEnd, i), nth(windows.kernel, i) - nth(windows.padsBegin, i)];
    if (!isOpenDim(size)) return Math.max(end, beyond - size);
    if (node.decide(beyond - end, "<=", size)) return end;
    throw node.shapeError("a window is larger than the padded image");
  });
  return { windows: { ...windows, padsEnd }, output };
}

export function averagePool(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const countPadding = node.int("count_include_pad", 0) !== 0;
  const pooling = countPadding ? countedPooling(node) : poolingOf(node);
  const run = ([x = 0]: readonly ValueId[]): ValueId => poolOf(node, x, pooling, { fn: "average", countPadding, p: 0 });
  return [widened(node, [node.input(0)], run)];
}

function lpPool(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const p = exponent(node);
  const pooling = poolingOf(node);
  const run = ([x = 0]: readonly ValueId[]): ValueId => poolOf(node, x, pooling, { fn: "lp", countPadding: false, p });
  return [widened(node, [node.input(0)], run)];
}

function exponent(node: NodeContext): number {
  const p = node.int("p", 2);
  if (p < 1) throw node.attributeError(`p must be positive, not ${p}`);
  return p;
}

export function maxPool(node: NodeContext): readonly ValueId[] {
  commonDType(node, "numeric");
  const pooling = poolingOf(node);
  const alone = windowsOfPaddingAlone(node, pooling);
  if (node.wantsOutput(1)) {
    const { largest, index } = maxPoolWithIndices(node, pooling, alone);
    return [withPaddingAlone(node, pooling, alone, largest), index];
  }
  const run = ([x = 0]: readonly ValueId[]): ValueId =>
    poolOf(node, x, pooling, { fn: "max", countPadding: false, p: 0 });
  return [withPaddingAlone(node, pooling, alone, widened(node, [node.input(0)], run))];
}

/** What onnxruntime gives for a window that touches nothing but padding. */
function ofPaddingAlone(dtype: DType): number {
  if (dtype === "f32") return -3.4028234663852886e38;
  if (dtype === "f64") return -Number.MAX_VALUE;
  const { bits, class: cls } = dtypeInfo(dtype);
  return cls === "signed" ? -(2 ** (bits - 1)) : cls === "unsigned" ? 0 : -Infinity;
}

/** For every window whether all of its taps lie in the padding, which dilated ones may; null if there is none. */
function windowsOfPaddingAlone(node: NodeContext, { windows, output: dims }: Pooling): readonly boolean[] | null {
  const { kernel, strides, dilations, padsBegin } = windows;
  // taps side by side with less padding than there are taps reach the image
  const reachesImage = kernel.every(
    (taps, i) => nth(dilations, i) === 1 && nth(padsBegin, i) < taps && nth(windows.padsEnd, i) < taps,
  );
  if (reachesImage && !areStatic(dims)) return null;
  const output = staticDims(dims, "windows of padding");
  const input = spatialOf(node, 0);
  const isAlone = output.map((count, axis) => {
    const [stride = 1, taps = 1, dilation = 1] = [strides[axis], kernel[axis], dilations[axis]];
    const [begin = 0, size = 0] = [padsBegin[axis], input[axis]];
    return range(count).map((at) =>
      range(taps).every((tap) => {
        const place = at * stride - begin + tap * dilation;
        return place < 0 || place >= size;
      }),
    );
  });
  if (isAlone.every((axis) => !axis.includes(true))) return null;
  return range(elementCount(output)).map((window) =>
    unravel(window, output).some((at, axis) => isAlone[axis]?.[at] === true),
  );
}

function withPaddingAlone(
  node: NodeContext,
  { output }: Pooling,
  alone: readonly boolean[] | null,
  largest: ValueId,
): ValueId {
  if (alone === null) return largest;
  const { dtype, shape } = node.typeOf(largest);
  const sizes = staticDims(output, "windows of padding");
  const mask = tensorFrom("bool", [...shape.slice(0, 2).map(() => 1), ...sizes], alone.map(Number));
  const lowest = lit(dtype, ofPaddingAlone(dtype));
  return node.map(select(arg(1), lowest, arg(0)), largest, node.constantValue(mask));
}

/** Where the coordinates lie in an image, row by row; -1 outside of it. */
function positionIn(shape: readonly number[], coordinates: readonly number[]): number {
  let position = 0;
  for (const [axis, at] of coordinates.entries()) {
    const dim = shape[axis] ?? 1;
    if (at < 0 || at >= dim) return -1;
    position = position * dim + at;
  }
  return position;
}

/** Image positions of the taps of one window; a tap outside stands for the first one inside, which cannot change the maximum. */
function windowTaps(input: readonly number[], windows: Windows, start: readonly number[]): number[] {
  const { kernel, dilations } = windows;
  const taps = range(elementCount(kernel)).map(
    (tap) =>
    positionIn(input, unravel(tap, kernel).map((at, i) => (start[i] ?? 0) + at * (dilations[i] ?? 1))), // prettier-ignore
  );
  const inside = taps.find((position) => position >= 0) ?? 0;
  return taps.map((position) => (position < 0 ? inside : position));
}

/** For every window in row-major order the positions of its taps. */
function tapTable(input: readonly number[], { windows }: Pooling, output: readonly number[]): number[] {
  return range(elementCount(output)).flatMap((window) => {
    const at = unravel(window, output);
    const start = at.map((index, i) => index * (windows.strides[i] ?? 1) - (windows.padsBegin[i] ?? 0));
    return windowTaps(input, windows, start);
  });
}

/** A row-major position counted column by column instead (`storage_order = 1`). */
function columnMajor(position: number, shape: readonly number[]): number {
  const coordinates = unravel(position, shape);
  return coordinates.reduceRight((sum, at, axis) => sum * (shape[axis] ?? 1) + at, 0);
}

/** Where onnxruntime says that the maximum of padding alone lies: at -1 along every dim. */
function positionOfPadding(shape: readonly number[], isColumnMajor: boolean): number {
  const sizes = isColumnMajor ? shape.toReversed() : shape;
  return sizes.reduce((sum, size) => sum * size - 1, 0);
}

/**
 * MaxPool with its second output, the position of each maximum in the flattened input. The taps of all windows are gathered, the largest
 * one of each is looked up, and its tap's position is read from the same table:
 *
 *     x [NC, area] -gather-> [NC, windows, taps] -argmax-> [NC, windows] -gather table-> position in the image (+ image * area)
 *
 * A NaN that a window begins with is its maximum, and others are passed over: that is what onnxruntime's comparisons come to where it gives positions.
 */
function maxPoolWithIndices(
  node: NodeContext,
  pooling: Pooling,
  alone: readonly boolean[] | null,
): { readonly largest: ValueId; readonly index: ValueId } {
  const { dtype, shape } = node.type(0);
  const input = shape.slice(2);
  const output = staticDims(pooling.output, "places of maxima");
  const [images, area] = [elementCount(shape.slice(0, 2)), elementCount(input)];
  const [windows, taps] = [elementCount(output), elementCount(pooling.windows.kernel)];
  const result = [...shape.slice(0, 2), ...output];
  checkedShape(node, dtype === "f64" ? "f64" : "f32", [images, windows, taps]);
  const table = tapTable(input, pooling, output);
  const positions = node.constantValue(indexTensor([windows * taps], (i) => nth(table, i)));
  const flat = node.reshape(node.input(0), [images, area]);
  const gathered = widen(node, node.reshape(gatherOf(node, flat, positions, 1), [images, windows, taps]));
  const computed = node.typeOf(gathered).dtype;
  const compared = isFloat(computed)
    ? node.map(select(unary("isnan", arg(0)), lit(computed, -Infinity), arg(0)), gathered)
    : gathered;
  const found = node.emitOne({
    kind: "argReduce",
    inputs: [compared],
    fn: "max",
    axis: 2,
    keepDims: false,
    selectLast: false,
  });
  const first = node.reshape(sliceOf(node, gathered, 2, 0, 1), [images, windows]);
  const best = isFloat(computed)
    ? node.map(select(unary("isnan", arg(0)), lit("i64", 0), arg(1)), first, found)
    : found;
  const entry = node.map(binary("add", arg(0), arg(1)), best, countFrom(node, windows, 0, taps));
  const within = gatherOf(node, positions, entry, 0);
  const largest = node.emitOne({ kind: "gatherElements", inputs: [flat, within], axis: 1 });
  const isColumnMajor = node.int("storage_order", 0) !== 0;
  const told = node.constantValue(
    indexTensor([windows * taps], (i) => {
      if (alone?.[Math.floor(i / taps)] === true) return positionOfPadding(input, isColumnMajor);
      return isColumnMajor ? columnMajor(nth(table, i), input) : nth(table, i);
    }),
  );
  const image = node.reshape(countFrom(node, images, 0, area), [images, 1]);
  const index = node.map(binary("add", arg(0), arg(1)), gatherOf(node, told, entry, 0), image);
  return { largest: node.reshape(largest, result), index: node.reshape(index, result) };
}

const gatherOf = (node: NodeContext, x: ValueId, indices: ValueId, axis: number): ValueId =>
  node.emitOne({ kind: "gather", inputs: [x, indices], axis });

/** Dims after batch and channels, as axes. */
const spatialAxes = (node: NodeContext): number[] => spatialDimsOf(node, 0).map((_, i) => i + 2);

export const globalPool =
  (fn: "mean" | "max"): Lower =>
  (node) => {
    commonDType(node, "float");
    const axes = spatialAxes(node);
    const run = ([x = 0]: readonly ValueId[]): ValueId =>
      node.emitOne({ kind: "reduce", inputs: [x], fn, axes, keepDims: true });
    return [widened(node, [node.input(0)], run)];
  };

function globalLpPool(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  const [p, axes] = [exponent(node), spatialAxes(node)];
  return [widened(node, [node.input(0)], ([x = 0]) => lpNorm(node, x, p, axes))];
}

const flatten = (node: NodeContext, value: ValueId): ValueId =>
  node.reshape(value, [elementCount(node.typeOf(value).shape)]);

/** Puts each element at its index of a zero image of the inferred size; a larger `output_shape` is filled up with zeros at the ends. */
function maxUnpool(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 1);
  const spatial = spatialOf(node, 0);
  const kernel = kernelOf(node, spatial.length);
  const strides = perDim(node, "strides", spatial.length, 1, 1);
  const { begin, end } = padsOf(node, spatial.length);
  const inner = spatial.map(
    (size, i) => (size - 1) * (strides[i] ?? 1) + (kernel[i] ?? 1) - (begin[i] ?? 0) - (end[i] ?? 0),
  );
  const inferred = checkedShape(node, dtype, [...node.shape(0).slice(0, 2), ...inner]);
  const zero = literal(node, dtype, 0);
  const [x, indices] = [flatten(node, node.input(0)), flatten(node, node.input(1))];
  const blank = node.broadcastTo(zero, [elementCount(inferred)]);
  const filled = node.emitOne({ kind: "scatterElements", inputs: [blank, indices, x], axis: 0, reduction: "none" });
  const image = node.reshape(filled, inferred);
  if (!node.hasInput(2)) return [image];
  const after = checkedShape(node, dtype, node.integers(2)).map((dim, i) => dim - (inferred[i] ?? 0));
  if (after.length !== inferred.length || after.some((extra) => extra < 0)) {
    throw node.shapeError(`output_shape is smaller than [${inferred.join(",")}]`);
  }
  if (after.every((extra) => extra === 0)) return [image];
  const before = after.map(() => 0);
  return [node.emitOne({ kind: "pad", inputs: [image, zero], mode: "constant", before, after })];
}

const windowed: Attributes = { auto_pad: "string", kernel_shape: "ints!", pads: "ints", strides: "ints" };
const ceiled: Attributes = { ...windowed, ceil_mode: "int" };
const dilated: Attributes = { ...ceiled, dilations: "ints" };
const padding: Attributes = { count_include_pad: "int" };
const order: Attributes = { storage_order: "int" };
const exponentOf: Attributes = { p: "int" };

export const poolingOperators: readonly OperatorDef[] = [
  operator("MaxPool", maxPool, [
    { since: 1, attributes: windowed },
    { since: 8, outputs: [1, 2], attributes: { ...windowed, ...order } },
    { since: [10, 11, 12, 22], attributes: { ...dilated, ...order } },
  ]),
  operator("AveragePool", averagePool, [
    { since: 1, attributes: windowed },
    { since: 7, attributes: { ...windowed, ...padding } },
    { since: [10, 11], attributes: { ...ceiled, ...padding } },
    { since: [19, 22], attributes: { ...dilated, ...padding } },
  ]),
  operator("LpPool", lpPool, [
    { since: [2, 11], attributes: { ...windowed, ...exponentOf } },
    { since: [18, 22], attributes: { ...dilated, ...exponentOf } },
  ]),
  operator("GlobalAveragePool", globalPool("mean"), [{ since: [1, 22] }]),
  operator("GlobalMaxPool", globalPool("max"), [{ since: [1, 22] }]),
  operator("GlobalLpPool", globalLpPool, [{ since: [2, 22], attributes: exponentOf }]),
  operator("MaxUnpool", maxUnpool, [
    {
      since: [9, 11, 22],
      inputs: [2, 3],
      attributes: { kernel_shape: "ints!", pads: "ints", strides: "ints" },
      optionalInputs: [2],
    },
  ]),
];

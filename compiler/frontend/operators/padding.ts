/** Pad in all its forms, and CenterCropPad. */
import { nth } from "../../../ir/access.ts";
import { areStatic, type Dim, showDims } from "../../../ir/dim.ts";
import type { PadOp, ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { asScalar, checkedShape, distinctAxes, indexTensor, literal, range } from "./support.ts";
import { operator } from "./table.ts";

const modes: ReadonlySet<string> = new Set<PadOp["mode"]>(["constant", "reflect", "edge", "wrap"]);
const isMode = (mode: string): mode is PadOp["mode"] => modes.has(mode);

/** Elements to add at the begin and the end of every axis; negative ones are taken away. */
interface Amounts {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** `pads` in ONNX's order (all begins, then all ends) spread over the axes that they are for. */
function amountsOf(node: NodeContext, pads: readonly number[], axes: readonly number[], rank: number): Amounts {
  if (pads.length !== 2 * axes.length) throw node.shapeError(`${pads.length} pads for ${axes.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [i, axis] of distinctAxes(node, axes, rank).entries()) {
    before[axis] = pads[i] ?? 0;
    after[axis] = pads[i + axes.length] ?? 0;
  }
  return { before, after };
}

/** Takes away what negative amounts ask for. */
function crop(node: NodeContext, x: ValueId, { before, after }: Amounts): ValueId {
  if (before.every((amount) => amount >= 0) && after.every((amount) => amount >= 0)) return x;
  const { shape } = node.typeOf(x);
  const starts = before.map((amount) => Math.max(0, -amount));
  const sizes = shape.map((dim, axis) => dim - (starts[axis] ?? 0) - Math.max(0, -(after[axis] ?? 0)));
  if (sizes.some((size) => size < 0)) throw node.shapeError(`the pads take away more than [${shape.join(", ")}] has`);
  return node.emitOne({ kind: "slice", inputs: [x], starts, sizes, steps: shape.map(() => 1) });
}

type Repeating = Exclude<PadOp["mode"], "constant">;

/** A pad op is a copy per straight run of the source; beyond this many (wide pads of tiny tensors) an index per axis is the smaller program. */
const mostCopies = 512;

/** Straight runs of the source that a padded tensor is made of, rounded up. */
function copies(
  mode: Repeating,
  shape: readonly number[],
  before: readonly number[],
  after: readonly number[],
): number {
  return shape.reduce((product, size, axis) => {
    const added = (before[axis] ?? 0) + (after[axis] ?? 0);
    if (added === 0) return product;
    return product * (mode === "edge" ? 3 : 2 + Math.ceil(added / Math.max(1, size - 1)));
  }, 1);
}

/** The element that stands at a position before, in or after an axis of `size` elements. */
function sourceOf(mode: Repeating, position: number, size: number): number {
  const period = mode === "reflect" ? Math.max(1, 2 * (size - 1)) : size;
  const folded = ((position % period) + period) % period;
  switch (mode) {
    case "edge":
      return Math.min(size - 1, Math.max(0, position));
    case "wrap":
      return folded;
    case "reflect":
      return folded < size ? folded : period - folded;
  }
}

/** The pad as a look-up along one axis after the other. */
function indexed(
  node: NodeContext,
  x: ValueId,
  mode: Repeating,
  before: readonly number[],
  after: readonly number[],
): ValueId {
  return node.typeOf(x).shape.reduce((value, size, axis) => {
    const [begin = 0, end = 0] = [before[axis], after[axis]];
    if (begin === 0 && end === 0) return value;
    const index = indexTensor([begin + size + end], (i) => sourceOf(mode, i - begin, size));
    return node.emitOne({ kind: "gather", inputs: [value, node.constantValue(index)], axis });
  }, x);
}

/** ONNX's Pad; `value` is a scalar and only read in mode constant. */
function padded(node: NodeContext, mode: string, amounts: Amounts, value: () => ValueId): ValueId {
  if (!isMode(mode)) throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  const cropped = crop(node, node.input(0), amounts);
  const before = amounts.before.map((amount) => Math.max(0, amount));
  const after = amounts.after.map((amount) => Math.max(0, amount));
  const { dtype, shape } = node.typeOf(cropped);
  checkedShape(
    node,
    dtype,
    shape.map((dim, axis) => dim + (before[axis] ?? 0) + (after[axis] ?? 0)),
  );
  if ([...before, ...after].every((amount) => amount === 0)) return cropped;
  if (mode !== "constant" && copies(mode, shape, before, after) > mostCopies)
    return indexed(node, cropped, mode, before, after);
  const inputs = mode === "constant" ? [cropped, value()] : [cropped];
  return node.emitOne({ kind: "pad", inputs, mode, before, after });
}

function padByAttributes(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const amounts = amountsOf(node, node.ints("pads") ?? [], range(shape.length), shape.length);
  return [padded(node, node.string("mode", "constant"), amounts, () => literal(node, dtype, node.float("value", 0)))];
}

/** Sizes or amounts are open: constants around the whole, nothing taken away. */
function openPadded(node: NodeContext): ValueId {
  const [rank, amounts] = [node.rank(0), node.sizes(1)];
  const axes = distinctAxes(node, node.hasInput(3) ? node.integers(3) : range(rank), rank);
  const mode = node.string("mode", "constant");
  if (amounts.length !== 2 * axes.length) throw node.shapeError(`${amounts.length} pads for ${axes.length} axes`);
  if (mode !== "constant" || !amounts.every((amount) => node.decide(0, "<=", amount))) {
    throw node.unsupported(`an image of open size in mode ${mode} by ${showDims(amounts)}`);
  }
  const along = (from: number): readonly Dim[] =>
    range(rank).map((axis) => (axes.includes(axis) ? nth(amounts, from + axes.indexOf(axis)) : 0));
  const fill = node.hasInput(2) ? node.input(2) : literal(node, node.dtype(0), 0);
  return node.pad(node.input(0), asScalar(node, fill), along(0), along(axes.length));
}

function padByInputs(node: NodeContext): ValueId[] {
  if (!areStatic(node.dims(0))) return [openPadded(node)];
  const { dtype, shape } = node.type(0);
  const axes = node.hasInput(3) ? node.integers(3) : range(shape.length);
  const amounts = amountsOf(node, node.integers(1), axes, shape.length);
  const value = (): ValueId => (node.hasInput(2) ? asScalar(node, node.input(2)) : literal(node, dtype, 0));
  return [padded(node, node.string("mode", "constant"), amounts, value)];
}

/** Centres the input in a frame of the given size: what is too long is cut, what is too short filled with zeros. */
function centerCropPad(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const axes = distinctAxes(node, node.ints("axes") ?? range(shape.length), shape.length);
  const target = node.integers(1);
  if (target.length !== axes.length) throw node.shapeError(`${target.length} sizes for ${axes.length} axes`);
  const extra = axes.map((axis, i) => (target[i] ?? 0) - (shape[axis] ?? 0));
  // the odd element goes to the end when padding, and is taken from the end when cutting
  const begins = extra.map((amount) => (amount > 0 ? Math.floor(amount / 2) : Math.ceil(amount / 2)));
  const ends = extra.map((amount, i) => amount - (begins[i] ?? 0));
  const amounts = amountsOf(node, [...begins, ...ends], axes, shape.length);
  return [padded(node, "constant", amounts, () => literal(node, dtype, 0))];
}

/** Operators of this family. */
export const paddingOperators: readonly OperatorDef[] = [
  operator("Pad", padByAttributes, [
    { since: 2, attributes: { pads: "ints!", mode: "string", value: "float" } },
    { since: [11, 13], inputs: [2, 3], optionalInputs: [2], attributes: { mode: "string" }, lower: padByInputs },
    { since: [18, 19, 21, 23, 24, 25], inputs: [2, 4] },
  ]),
  operator("CenterCropPad", centerCropPad, [{ since: 18, inputs: [2, 2], attributes: { axes: "ints" } }]),
];

/** Pad in all its forms, and CenterCropPad. */
import type { PadOp, ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { asScalar, checkedShape, distinctAxes, literal, range } from "./support.ts";
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
  const inputs = mode === "constant" ? [cropped, value()] : [cropped];
  return node.emitOne({ kind: "pad", inputs, mode, before, after });
}

function padByAttributes(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const amounts = amountsOf(node, node.ints("pads") ?? [], range(shape.length), shape.length);
  return [padded(node, node.string("mode", "constant"), amounts, () => literal(node, dtype, node.float("value", 0)))];
}

function padByInputs(node: NodeContext): ValueId[] {
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

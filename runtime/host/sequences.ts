/** Sequences and optionals. */
import { fail } from "../../ir/diagnostic.ts";
import { joinedShapes, leadingShape, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { evaluateOp } from "../reference/evaluate.ts";
import { flagOf, type HostFamily, boolScalar, integerScalar, numberAt, numberOf, positiveAxis, sequenceAt, tensorAt, valueAt } from "./arguments.ts"; // prettier-ignore
import { type HostFunction, type HostValue, isTensor, optionalOf, sequenceOf } from "./value.ts";

/** A position counted from the end when negative; `limit` is one more than the largest. */
function position(at: number, length: number, limit: number): number {
  const resolved = at < 0 ? at + length : at;
  if (resolved >= 0 && resolved < limit) return resolved;
  throw fail("WSC7005", `position ${at} is out of range for a sequence of ${length}`);
}

const at: HostFunction = (inputs) => {
  const { elements } = sequenceAt(inputs, 0);
  return [nth(elements, position(numberAt(inputs, 1), elements.length, elements.length))];
};

const insert: HostFunction = (inputs) => {
  const { elements } = sequenceAt(inputs, 0);
  const { length } = elements;
  const where = position(numberAt(inputs, 2, length), length, length + 1);
  return [sequenceOf(elements.toSpliced(where, 0, valueAt(inputs, 1)))];
};

const erase: HostFunction = (inputs) => {
  const { elements } = sequenceAt(inputs, 0);
  const { length } = elements;
  if (length === 0) throw fail("WSC7005", "an empty sequence has no element to erase");
  return [sequenceOf(elements.toSpliced(position(numberAt(inputs, 1, length - 1), length, length), 1))];
};

const concatFromSequence: HostFunction = (inputs, attributes) => {
  const { elements } = sequenceAt(inputs, 0);
  const parts = elements.map((_, i) => tensorAt(elements, i));
  const shapes = parts.map(({ shape }) => shape);
  const leading = shapes[leadingShape(shapes)];
  if (leading === undefined) throw fail("WSC7005", "an empty sequence cannot be concatenated");
  const isNew = flagOf(attributes, "newAxis");
  const axis = positiveAxis(numberOf(attributes, "axis"), leading.length + (isNew ? 1 : 0));
  const joined = isNew
    ? parts.map((part) => withAxis(part, axis))
    : joinedShapes(shapes, axis).map((at) => nth(parts, at));
  return evaluateOp({ kind: "concat", inputs: [], axis }, joined);
};

const withAxis = (x: TensorData, axis: number): TensorData =>
  makeTensor(x.dtype, x.shape.toSpliced(axis, 0, 1), x.elements);

const splitToSequence: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const axis = positiveAxis(numberOf(attributes, "axis", 0), x.shape.length);
  const sizes = splitSizes(inputs, nth(x.shape, axis));
  const drop = inputs[1] === undefined && !flagOf(attributes, "keepdims", true);
  let begin = 0;
  const parts = sizes.map((size) => {
    const part = slice(x, axis, begin, size);
    begin += size;
    return drop ? makeTensor(part.dtype, part.shape.toSpliced(axis, 1), part.elements) : part;
  });
  return [sequenceOf(parts)];
};

/** A vector gives the sizes, a scalar the size of all but the last; without either every element stands alone. */
function splitSizes(inputs: readonly HostValue[], length: number): number[] {
  const split = inputs[1] === undefined ? null : tensorAt(inputs, 1);
  if (split !== null && split.shape.length > 0) {
    const sizes = Array.from(split.elements as ArrayLike<number | bigint>, Number);
    if (sizes.some((size) => size < 0) || sizes.reduce((sum, size) => sum + size, 0) !== length) {
      throw fail("WSC7005", `sizes [${sizes.join(", ")}] do not split ${length} elements`);
    }
    return sizes;
  }
  const size = split === null ? 1 : numberAt(inputs, 1);
  if (!(size > 0)) throw fail("WSC7005", `elements cannot be split into parts of ${size}`);
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));
}

function slice(x: TensorData, axis: number, begin: number, size: number): TensorData {
  const starts = x.shape.map((_, i) => (i === axis ? begin : 0));
  const steps = x.shape.map(() => 1);
  return nth(evaluateOp({ kind: "slice", inputs: [], starts, sizes: x.shape.with(axis, size), steps }, [x]), 0);
}

/** An optional's value, or the bare value itself. */
function contentOf(value: HostValue | undefined): HostValue | null {
  if (value === undefined) return null;
  return !isTensor(value) && value.kind === "optional" ? value.value : value;
}

const getElement: HostFunction = (inputs) => {
  const content = contentOf(valueAt(inputs, 0));
  if (content === null) throw fail("WSC7005", "an empty optional has no element");
  return [content];
};

export const sequenceFunctions: HostFamily = [
  ["identity", (inputs) => [valueAt(inputs, 0)]],
  ["sequenceConstruct", (inputs) => [sequenceOf(inputs)]],
  ["sequenceEmpty", () => [sequenceOf([])]],
  ["sequenceAt", at],
  ["sequenceInsert", insert],
  ["sequenceErase", erase],
  ["sequenceLength", (inputs) => [integerScalar(sequenceAt(inputs, 0).elements.length)]],
  ["concatFromSequence", concatFromSequence],
  ["splitToSequence", splitToSequence],
  ["optional", (inputs) => [optionalOf(inputs[0] ?? null)]],
  ["optionalGetElement", getElement],
  ["optionalHasElement", (inputs) => [boolScalar(contentOf(inputs[0]) !== null)]],
];

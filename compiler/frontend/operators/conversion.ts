/** Operators that pass values on: Identity, Dropout, and conversions of the element type. */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { arg, binary, cast, lit } from "../../../ir/expr.ts";
import type { ValueId, ValueType } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, mapIn } from "./precision.ts";
import { seedOf } from "./random.ts";
import { div, mul, sub } from "./scalar.ts";
import { asScalar, dtypeAttribute, literal } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

/** The element type of an input, whether or not its shape is known. */
function elementType(node: NodeContext, index: number): DType {
  const type = node.anyType(index);
  return type.kind === "tensor" || type.kind === "dynamic" ? type.dtype : node.dtype(index);
}

function withDType(node: NodeContext, index: number, dtype: DType): ValueType {
  const type = node.anyType(index);
  return type.kind === "tensor" || type.kind === "dynamic" ? { ...type, dtype } : node.type(index);
}

/** Saturation is a matter of the 8-bit and smaller floats only; elsewhere ONNX leaves overflow open and wsc wraps as numpy does. */
function convert(node: NodeContext, to: DType): readonly ValueId[] {
  const from = elementType(node, 0);
  if (from === to) return [node.input(0)];
  const saturate = node.int("saturate", 1) !== 0;
  const [source, target] = [dtypeInfo(from), dtypeInfo(to)];
  if (source.class === "complex" || target.class === "complex") throw node.typeError(`no cast from ${from} to ${to}`);
  const types = (): ValueType[] => [withDType(node, 0, to)];
  if (to === "string") return node.host("castToString", [node.input(0)], types(), "writes numbers as text");
  if (from === "string") {
    return node.host("castFromString", [node.input(0)], types(), "reads numbers from text", { to, saturate });
  }
  const roundMode = node.string("round_mode", "up");
  if (to === "f8e8m0" && roundMode !== "up") throw node.unsupported(`round_mode ${JSON.stringify(roundMode)}`);
  // Asks for the shape: a cast of a value of unknown shape waits until it is known.
  node.dims(0);
  return [node.map(cast(to, arg(0), saturate && target.class === "small-float" && target.bits <= 8), node.input(0))];
}

const castOperator = (node: NodeContext): readonly ValueId[] => convert(node, dtypeAttribute(node, "to", "f32"));
const castLike = (node: NodeContext): readonly ValueId[] => convert(node, elementType(node, 1));

function bitCast(node: NodeContext): readonly ValueId[] {
  const [from, to] = [elementType(node, 0), dtypeAttribute(node, "to", "f32")];
  if (from === "string" || to === "string" || dtypeInfo(from).bits !== dtypeInfo(to).bits) {
    throw node.typeError(`${from} and ${to} are not of one width`);
  }
  if (from === to) return [node.input(0)];
  return node.host("bitCast", [node.input(0)], [withDType(node, 0, to)], "reinterprets bits", { to });
}

const identity = (node: NodeContext): readonly ValueId[] => [node.input(0)];

/**
 * Inference, with a mask of one value. All elements are kept, so that the mask is true; before opset 12 the standard left it open, and
 * onnxruntime gives false.
 */
const dropoutMasked = (maskOf: (node: NodeContext) => DType, value: 0 | 1) => (node: NodeContext) =>
  node.wantsOutput(1)
    ? [node.input(0), node.broadcastTo(literal(node, maskOf(node), value), node.shape(0))]
    : [node.input(0)];

/** Training mode (opset 12) needs random numbers; a ratio of 0 does not, and the bits of +0 are 0 in every float type. */
function dropout(node: NodeContext): readonly ValueId[] {
  const training = node.hasInput(2) && Number(node.constant(2).elements[0]) !== 0;
  const drops = training && (!node.hasInput(1) || Number(node.constant(1).elements[0]) !== 0);
  return drops ? droppedOut(node) : dropoutMasked(() => "bool", 1)(node);
}

/**
 * Keeps an element where a uniform draw is not below the ratio, and scales what is kept by 1 / (1 - ratio). With a seed the draws are
 * those of ONNX's reference.
 */
function droppedOut(node: NodeContext): readonly ValueId[] {
  const ratio = node.hasInput(1) ? asScalar(node, node.input(1)) : node.scalar("f32", 0.5);
  const shape = node.shape(0);
  const attributes = { shape, dtype: "f64", low: 0, high: 1, seed: node.int("seed") ?? seedOf(node) };
  const [draws] = node.host(
    "randomUniform",
    [],
    [{ kind: "tensor", dtype: "f64", shape }],
    "random numbers",
    attributes,
  );
  if (draws === undefined) throw new Error("internal: randomUniform has no result");
  const mask = node.map(binary("ge", arg(0), cast("f64", arg(1))), draws, ratio);
  const dtype = node.dtype(0);
  const compute = computeDType(dtype);
  const kept = mapIn(node, compute, dtype, [node.input(0), mask, ratio], ([x = arg(0), keep = arg(1), p = arg(2)]) =>
    mul(mul(keep, x), div(lit(compute, 1), sub(lit(compute, 1), p))),
  );
  return [kept, mask];
}

const castAttributes: Attributes = { to: "int!" };
const saturating: Attributes = { saturate: "int" };
const rounding: Attributes = { ...saturating, round_mode: "string" };

export const conversionOperators: readonly OperatorDef[] = [
  operator("Identity", identity, [{ since: [1, 13, 14, 16, 19, 21, 23, 24, 25] }]),
  operator("Cast", castOperator, [
    { since: [6, 9, 13], attributes: castAttributes },
    { since: [19, 21, 23], attributes: { ...castAttributes, ...saturating } },
    { since: [24, 25], attributes: { ...castAttributes, ...rounding } },
  ]),
  operator("CastLike", castLike, [
    { since: 15, inputs: [2, 2] },
    { since: [19, 21, 23], attributes: saturating },
    { since: [24, 25], attributes: rounding },
  ]),
  operator("BitCast", bitCast, [{ since: 26, attributes: castAttributes }]),
  operator("Dropout", dropout, [
    {
      since: 6,
      outputs: [1, 2],
      attributes: { ratio: "float", is_test: "int" },
      lower: dropoutMasked((node) => node.dtype(0), 0),
    },
    { since: 7, attributes: { ratio: "float" } },
    { since: 10, lower: dropoutMasked(() => "bool", 0) },
    { since: [12, 13, 22], inputs: [1, 3], attributes: { seed: "int" }, optionalInputs: [1, 2], lower: dropout },
  ]),
];

/**
 * Operators that the standard tried out and dropped before opset 10, and that early exporters (of Caffe2 and CoreML) wrote: as
 * onnxruntime runs them. https://github.com/onnx/onnx/blob/rel-1.4.1/docs/Changelog.md
 */
import { add, mul, softplus, tanh } from "./scalar.ts";
import { arg, type Expr, lit } from "../../../ir/expr.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import { sameShape } from "../../../ir/types.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType, unaryRow } from "./elementwise.ts";
import { computeDType, mapIn, toDType } from "./precision.ts";
import { operator } from "./table.ts";

/** alpha f(beta x); neither factor has a default. */
const scaledBoth =
  (f: (t: DType, x: Expr) => Expr) =>
  (t: DType, x: Expr, node: NodeContext): Expr =>
    mul(lit(t, node.float("alpha", 1)), f(t, mul(lit(t, node.float("beta", 1)), x)));

const affine = (t: DType, x: Expr, node: NodeContext): Expr =>
  add(mul(lit(t, node.float("alpha", 1)), x), lit(t, node.float("beta", 0)));

function imageShape(node: NodeContext): readonly [number, number, number, number] {
  const shape = node.shape(0);
  const [n, c, h, w] = shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || shape.length !== 4) {
    throw node.shapeError(`the input must be [N, C, H, W], not [${shape.join(", ")}]`);
  }
  return [n, c, h, w];
}

/** scale x + a bias per channel. */
function imageScaler(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  const [, channels] = imageShape(node);
  const bias = node.floats("bias") ?? [];
  if (bias.length !== channels) throw node.attributeError(`bias has ${bias.length} entries for ${channels} channels`);
  const scale = lit(compute, node.float("scale", 1));
  const offsets = toDType(node, compute, node.constantValue(tensorFrom("f32", [channels, 1, 1], bias)));
  return [mapIn(node, compute, dtype, [node.input(0), offsets], ([x = arg(0), b = arg(1)]) => add(mul(scale, x), b))];
}

/** Cuts off border (left, top, right, bottom), or what is left and above of an image of size scale (height, width). */
function crop(node: NodeContext): readonly ValueId[] {
  const [n, c, h, w] = imageShape(node);
  const [border, scale] = [node.ints("border") ?? [], node.ints("scale") ?? []];
  const [left, top, right, bottom] = border;
  if (left === undefined || top === undefined || right === undefined || bottom === undefined || border.length !== 4) {
    throw node.attributeError(`border has ${border.length} entries, must have 4`);
  }
  if (scale.length !== 0 && scale.length !== 2) {
    throw node.attributeError(`scale has ${scale.length} entries, must have 2`);
  }
  const [height = h - top - bottom, width = w - left - right] = scale;
  const fits = Math.min(left, top, right, bottom, height, width) >= 0 && top + height <= h && left + width <= w;
  if (!fits) {
    throw node.shapeError(
      `${height} x ${width} at row ${top} and column ${left} do not lie in an image of ${h} x ${w}`,
    );
  }
  const sizes = [n, c, height, width];
  if (sameShape(sizes, node.shape(0))) return [node.input(0)];
  return [
    node.emitOne({ kind: "slice", inputs: [node.input(0)], starts: [0, 0, top, left], sizes, steps: [1, 1, 1, 1] }),
  ];
}

const factors = { attributes: { alpha: "float!", beta: "float!" } } as const;

export const droppedOperators: readonly OperatorDef[] = [
  unaryRow("Affine", [1], "float", affine, { attributes: { alpha: "float", beta: "float" } }),
  unaryRow("Scale", [1], "float", (t, x, node) => mul(lit(t, node.float("scale", 1)), x), {
    attributes: { scale: "float" },
  }),
  unaryRow(
    "ScaledTanh",
    [1],
    "float",
    scaledBoth((_, x) => tanh(x)),
    factors,
  ),
  unaryRow("ParametricSoftplus", [1], "float", scaledBoth(softplus), factors),
  operator("ImageScaler", imageScaler, [{ since: 1, attributes: { bias: "floats!", scale: "float" } }]),
  operator("Crop", crop, [{ since: 1, attributes: { border: "ints!", scale: "ints" } }]),
];

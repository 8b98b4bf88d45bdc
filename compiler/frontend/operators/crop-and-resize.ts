/**
 * CropAndResize of com.microsoft (TensorFlow's): boxes in parts of the image, corners included, each resized to one size. Positions outside of
 * the image get `extrapolation_value`.
 */
import type { ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { toDType, widen } from "./precision.ts";
import { add, clamp, div, mul, sub } from "./scalar.ts";
import { sliceOf } from "./support.ts";
import { operatorOf } from "./table.ts";

/** Positions along one axis, [boxes, crop]. */
interface Positions {
  readonly at: ValueId;
  readonly size: number;
}

/** Where the elements of a crop lie between the sides of its box, in pixels of an axis of `size`. */
function positionsOf(node: NodeContext, boxes: ValueId, side: number, crop: number, size: number): Positions {
  const [begin, end] = [sliceOf(node, boxes, 1, side, 1), sliceOf(node, boxes, 1, side + 2, 1)];
  const scaled = (x: Expr): Expr => mul(x, lit("f32", size - 1));
  if (crop === 1) {
    // in f64, as in onnxruntime: "nearest" may hang on the last bit
    const middle = mul(lit("f64", 0.5), cast("f64", add(arg(0), arg(1))));
    return { at: node.map(cast("f32", mul(middle, lit("f64", size - 1))), begin, end), size };
  }
  const steps = node.constantValue(
    tensorFrom(
      "f32",
      [1, crop],
      Array.from({ length: crop }, (_, i) => i),
    ),
  );
  const step = div(scaled(sub(arg(1), arg(0))), lit("f32", crop - 1));
  const between = add(scaled(arg(0)), mul(arg(2), step));
  // the last one is the side of the box, with no rounding
  const at = select(binary("eq", arg(2), lit("f32", crop - 1)), scaled(arg(1)), between);
  return { at: node.map(at, begin, end, steps), size };
}

const isInside = ({ size }: Positions, x: Expr): Expr =>
  binary("and", binary("ge", x, lit("f32", 0)), binary("le", x, lit("f32", size - 1)));

/** An index in bounds, whatever the position is. */
const indexAt = ({ size }: Positions, x: Expr): Expr => cast("i64", clamp("f32", 0, Math.max(0, size - 1), x));

function cropAndResize(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 2);
  const [batch = 0, channels = 0, height = 0, width = 0] = node.shape(0);
  const [rois = 0, sides = 0] = node.shape(1);
  const [cropHeight, cropWidth, ...rest] = node.integers(3);
  if (node.rank(0) !== 4 || node.rank(1) !== 2 || sides !== 4 || node.shape(2).join() !== String(rois))
    throw node.shapeError(
      `X is [${node.shape(0).join(",")}], rois are [${node.shape(1).join(",")}], batch_indices [${node.shape(2).join(",")}]`,
    );
  if (cropHeight === undefined || cropWidth === undefined || rest.length > 0 || cropHeight < 1 || cropWidth < 1)
    throw node.shapeError("crop_size must be two sizes of at least 1");
  const mode = node.string("mode", "bilinear");
  if (mode !== "bilinear" && mode !== "nearest")
    throw node.attributeError(`mode is ${JSON.stringify(mode)}, must be "bilinear" or "nearest"`);
  const boxes = toDType(node, "f32", node.input(1));
  const y = positionsOf(node, boxes, 0, cropHeight, height);
  const x = positionsOf(node, boxes, 1, cropWidth, width);
  const [rows, columns] = [node.reshape(y.at, [rois, cropHeight, 1]), node.reshape(x.at, [rois, 1, cropWidth])];
  const images = node.reshape(node.transpose(widen(node, node.input(0)), [0, 2, 3, 1]), [
    batch * height * width,
    channels,
  ]);
  const image = node.reshape(node.castTo("i64", node.input(2)), [rois, 1, 1]);
  const pixels = (down: (at: Expr) => Expr, right: (at: Expr) => Expr): ValueId => {
    const row = add(mul(arg(2), lit("i64", height)), indexAt(y, down(arg(0))));
    const flat = add(mul(row, lit("i64", width)), indexAt(x, right(arg(1))));
    return node.emitOne({ kind: "gather", inputs: [images, node.map(flat, rows, columns, image)], axis: 0 });
  };
  const [floor, ceil] = [(at: Expr): Expr => unary("floor", at), (at: Expr): Expr => unary("ceil", at)];
  const [tall, wide] = [node.reshape(rows, [rois, cropHeight, 1, 1]), node.reshape(columns, [rois, 1, cropWidth, 1])];
  const mixed = (a: ValueId, b: ValueId, at: ValueId): ValueId =>
    node.map(add(arg(0), mul(sub(arg(1), arg(0)), sub(arg(2), floor(arg(2))))), a, b, at);
  const nearest = (at: Expr): Expr =>
    add(floor(at), select(binary("ge", sub(at, floor(at)), lit("f32", 0.5)), lit("f32", 1), lit("f32", 0)));
  const resized =
    mode === "nearest"
      ? pixels(nearest, nearest)
      : mixed(
          mixed(pixels(floor, floor), pixels(floor, ceil), wide),
          mixed(pixels(ceil, floor), pixels(ceil, ceil), wide),
          tall,
        );
  const outside = lit("f32", node.float("extrapolation_value", 0));
  const inside = binary("and", isInside(y, arg(1)), isInside(x, arg(2)));
  const crops = node.map(select(inside, arg(0), outside), resized, tall, wide);
  return [toDType(node, dtype, node.transpose(crops, [0, 3, 1, 2]))];
}

export const cropAndResizeOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "CropAndResize", cropAndResize, [
    { since: 1, inputs: [4, 4], attributes: { extrapolation_value: "float", mode: "string" } },
  ]),
];

/** Activation functions that work element by element, each a row with its expression. */
import type { DType } from "../../../ir/dtype.ts";
import { arg, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { binaryRow, commonDType, unaryRow } from "./elementwise.ts";
import { computeDType, mapIn } from "./precision.ts";
import {
  abs,
  add,
  below,
  clamp,
  div,
  expMinusOne,
  gelu,
  geluTanh,
  gt,
  max,
  min,
  mul,
  sigmoid,
  softplus,
  sub,
  swish,
  tanh,
} from "./scalar.ts";
import { alongAxis } from "./support.ts";
import { operator } from "./table.ts";

const alpha = { attributes: { alpha: "float" } } as const;

const elu = (t: DType, x: Expr, node: NodeContext): Expr =>
  below(t, 0, x, expMinusOne(t, node.float("alpha", 1), x), x);

/** Klambauer et al. 2017; ONNX's defaults are the paper's constants rounded to f32. */
function selu(t: DType, x: Expr, node: NodeContext): Expr {
  const scale = node.float("alpha", 1.67326319217681884765625);
  const gamma = lit(t, node.float("gamma", 1.05070102214813232421875));
  return mul(gamma, below(t, 0, x, expMinusOne(t, scale, x), x));
}

function celu(t: DType, x: Expr, node: NodeContext): Expr {
  const scale = node.float("alpha", 1);
  const zero = lit(t, 0);
  return add(max(x, zero), min(zero, expMinusOne(t, scale, div(x, lit(t, scale)))));
}

const hardSigmoid = (t: DType, x: Expr, node: NodeContext): Expr =>
  clamp(t, 0, 1, add(mul(lit(t, node.float("alpha", 0.2)), x), lit(t, node.float("beta", 0.5))));

const hardSwish = (t: DType, x: Expr): Expr => mul(x, clamp(t, 0, 1, add(mul(lit(t, 1 / 6), x), lit(t, 0.5))));

function shrink(t: DType, x: Expr, node: NodeContext): Expr {
  const [limit, bias] = [node.float("lambd", 0.5), lit(t, node.float("bias", 0))];
  // with a negative limit both sides hold between them, and the lower one is asked first
  return below(t, -limit, x, add(x, bias), select(gt(x, lit(t, limit)), sub(x, bias), lit(t, 0)));
}

function geluOf(t: DType, x: Expr, node: NodeContext): Expr {
  const approximate = node.string("approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") {
    throw node.attributeError(`approximate must be none or tanh, not ${JSON.stringify(approximate)}`);
  }
  return approximate === "tanh" ? geluTanh(t, x) : gelu(t, x);
}

function swiGlu(t: DType, x: Expr, y: Expr, node: NodeContext): Expr {
  const [a, b] = [node.shape(0), node.shape(1)];
  if (a.join() !== b.join()) throw node.shapeError(`A [${a.join(",")}] and B [${b.join(",")}] must have one shape`);
  return mul(swish(t, node.float("alpha", 1), x), y);
}

/** x with a slope where it is negative; the slope broadcasts to x, not the other way round. */
function preluOf(node: NodeContext, slope: ValueId): readonly ValueId[] {
  const dtype = commonDType(node, "numeric");
  const compute = computeDType(dtype);
  const [xs, ss] = [node.shape(0), node.typeOf(slope).shape];
  const fits = ss.length <= xs.length && ss.every((dim, i) => dim === 1 || dim === xs[xs.length - ss.length + i]);
  if (!fits) throw node.shapeError(`a slope of shape [${ss.join(",")}] does not broadcast to x of [${xs.join(",")}]`);
  const leak = ([x = arg(0), s = arg(1)]: readonly Expr[]): Expr => below(compute, 0, x, mul(s, x), x);
  return [mapIn(node, compute, dtype, [node.input(0), slope], leak)];
}

const prelu = (node: NodeContext): readonly ValueId[] => preluOf(node, node.input(1));

/** Before opset 7 a vector of slopes is one for each channel. */
function preluByChannel(node: NodeContext): readonly ValueId[] {
  const [size, ...more] = node.shape(1);
  if (size === undefined || size === 1 || more.length > 0 || node.rank(0) < 2) return prelu(node);
  return preluOf(node, node.reshape(node.input(1), alongAxis(node.rank(0) - 1, 0, size)));
}

export const activationOperators: readonly OperatorDef[] = [
  unaryRow("Relu", [6, 13, 14], "numeric", (t, x) => max(x, lit(t, 0))),
  unaryRow(
    "LeakyRelu",
    [6, 16],
    "float",
    (t, x, n) => below(t, 0, x, mul(lit(t, n.float("alpha", 0.01)), x), x),
    alpha,
  ),
  unaryRow("Elu", [6, 22], "float", elu, alpha),
  unaryRow("Selu", [6, 22], "float", selu, { attributes: { alpha: "float", gamma: "float" } }),
  unaryRow("Celu", [12, 28], "float", celu, alpha),
  unaryRow("Sigmoid", [6, 13], "float", (_, x) => sigmoid(x)),
  unaryRow("HardSigmoid", [6, 22], "float", hardSigmoid, { attributes: { alpha: "float", beta: "float" } }),
  unaryRow("HardSwish", [14, 22], "float", hardSwish),
  unaryRow("Tanh", [6, 13], "float", (_, x) => tanh(x)),
  unaryRow("Softplus", [1, 22], "float", softplus),
  unaryRow("Softsign", [1, 22], "float", (t, x) => div(x, add(lit(t, 1), abs(x)))),
  unaryRow(
    "ThresholdedRelu",
    [1, 10, 22],
    "float",
    (t, x, n) => select(gt(x, lit(t, n.float("alpha", 1))), x, lit(t, 0)),
    alpha,
  ),
  operator("PRelu", prelu, [
    { since: 6, inputs: [2, 2], lower: preluByChannel },
    { since: [7, 9, 16], lower: prelu },
  ]),
  unaryRow("Gelu", [20], "float", geluOf, { attributes: { approximate: "string" } }),
  unaryRow("Mish", [18, 22], "float", (t, x) => mul(x, tanh(softplus(t, x)))),
  unaryRow("Swish", [24], "float", (t, x, n) => swish(t, n.float("alpha", 1), x), alpha),
  binaryRow("SwiGLU", [28], "float", swiGlu, alpha),
  unaryRow("Shrink", [9], "numeric", shrink, { attributes: { lambd: "float", bias: "float" }, viaFloat: true }),
];

/** The activations between the two layers of an expert (MoE, QMoE), gated ones among them. */
import type { DType } from "../../../ir/dtype.ts";
import { arg, type Expr, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import { add, clamp, geluTanh, max, min, mul, square, swish } from "./scalar.ts";
import { sliceOf } from "./support.ts";
import type { Attributes } from "./table.ts";

/** Without a gate. */
const plain: ReadonlyMap<string, (t: DType, x: Expr) => Expr> = new Map([
  ["relu", (t, x) => max(x, lit(t, 0))],
  ["relu2", (t, x) => square(max(x, lit(t, 0)))],
  ["gelu", geluTanh],
  ["silu", (t, x) => swish(t, 1, x)],
  ["identity", (_, x) => x],
]);

/** Of a gate and what it lets through. */
type Gated = (t: DType, gate: Expr, linear: Expr, node: NodeContext) => Expr;

/** With G and L kept within the limit: G sigmoid(alpha G) (L + beta); or the limit is put on G's swish instead. */
const swiglu: Gated = (t, gate, linear, node) => {
  const limit = node.float("swiglu_limit", Infinity);
  const late = node.int("swiglu_limit_after_activation", 0) !== 0;
  const below = (x: Expr): Expr => (limit === Infinity ? x : min(x, lit(t, limit)));
  const within = limit === Infinity ? linear : clamp(t, -limit, limit, linear);
  const activated = swish(t, node.float("activation_alpha", 1), late ? gate : below(gate));
  return mul(late ? below(activated) : activated, add(within, lit(t, node.float("activation_beta", 0))));
};

const gated: ReadonlyMap<string, Gated> = new Map([
  ["swiglu", swiglu],
  ["geglu", (t, gate, linear) => mul(geluTanh(t, gate), linear)],
]);

/** Attributes that say what the activation is. */
export const activationAttributes: Attributes = {
  activation_alpha: "float",
  activation_beta: "float",
  activation_type: "string",
  swiglu_fusion: "int",
  swiglu_limit: "float",
  swiglu_limit_after_activation: "int",
};

/** Whether the first layer gives gate and linear part in one. */
export const isFused = (node: NodeContext): boolean =>
  gated.has(node.string("activation_type", "relu")) && node.int("swiglu_fusion", 0) !== 0;

/** The activation of what the first layer gives, [..., width], and of what the third layer (the linear part) gives, if there is one. */
export function activatedExpert(node: NodeContext, first: ValueId, third: ValueId | null): ValueId {
  const name = node.string("activation_type", "relu");
  const { dtype, shape } = node.typeOf(first);
  const gate = gated.get(name);
  if (gate === undefined) {
    const apply = plain.get(name);
    if (apply === undefined) throw node.unsupported(`activation_type ${JSON.stringify(name)}`);
    return third === null
      ? node.map(apply(dtype, arg(0)), first)
      : node.map(mul(apply(dtype, arg(0)), arg(1)), first, third);
  }
  const fusion = node.int("swiglu_fusion", 0);
  if (fusion !== 0 && fusion !== 1 && fusion !== 2)
    throw node.attributeError(`swiglu_fusion is ${fusion}, must be 0, 1 or 2`);
  if (third !== null && fusion !== 0) throw node.attributeError("fc3 is for swiglu_fusion 0");
  if (third !== null) return node.map(gate(dtype, arg(0), arg(1), node), first, third);
  if (fusion === 0) throw node.shapeError(`${name} needs fc3, or both layers in fc1 (swiglu_fusion 1 or 2)`);
  const axis = shape.length - 1;
  const half = (shape[axis] ?? 0) / 2;
  const [left, right] =
    fusion === 1
      ? [sliceOf(node, first, axis, 0, half, 2), sliceOf(node, first, axis, 1, half, 2)]
      : [sliceOf(node, first, axis, 0, half), sliceOf(node, first, axis, half, half)];
  return node.map(gate(dtype, arg(0), arg(1), node), left, right);
}

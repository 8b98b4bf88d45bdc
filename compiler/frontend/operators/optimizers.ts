/**
 * Steps of gradient descent from the training domain: Adagrad, Adam, Momentum. Inputs are the learning rate R, the update count T, and
 * then for n tensors all values, all gradients, and all of each kind of state; outputs are the new values and states in that order.
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { add, div, gt, mul, sqrt, square, sub } from "./scalar.ts";
import { asScalar } from "./support.ts";
import { type Attributes, operatorOf, variadic } from "./table.ts";

/** One tensor's part of a step, as expressions over R, T (cast to the tensor's type), x, its gradient and its states. */
interface Step {
  readonly rate: Expr;
  readonly count: Expr;
  readonly x: Expr;
  readonly gradient: Expr;
  readonly state: Expr;
  readonly state2: Expr;
}

/** New value and states. */
type Rule = (t: DType, step: Step, node: NodeContext) => readonly Expr[];

/** The gradient with that of 0.5 norm_coefficient |x|^2. */
const regularized = (t: DType, { x, gradient }: Step, node: NodeContext): Expr =>
  add(mul(lit(t, node.float("norm_coefficient", 0)), x), gradient);

const adagrad: Rule = (t, step, node) => {
  const { rate, count, x, state } = step;
  const gradient = regularized(t, step, node);
  const decayed = div(rate, add(lit(t, 1), mul(count, lit(t, node.float("decay_factor", 0)))));
  const sum = add(state, square(gradient));
  const scale = add(sqrt(sum), lit(t, node.float("epsilon", 0)));
  return [sub(x, div(mul(decayed, gradient), scale)), sum];
};

const adam: Rule = (t, step, node) => {
  const { rate, count, x, state, state2 } = step;
  const gradient = regularized(t, step, node);
  const [alpha, beta] = [node.float("alpha", 0.9), node.float("beta", 0.999)];
  const mean = add(mul(lit(t, alpha), state), mul(lit(t, 1 - alpha), gradient));
  const spread = add(mul(lit(t, beta), state2), mul(lit(t, 1 - beta), square(gradient)));
  const unseen = (base: number): Expr => sub(lit(t, 1), binary("pow", lit(t, base), count));
  const adjusted = div(mul(rate, sqrt(unseen(beta))), unseen(alpha));
  const speed = select(gt(count, lit(t, 0)), adjusted, rate);
  const scale = add(sqrt(spread), lit(t, node.float("epsilon", 0)));
  const moved = sub(x, mul(speed, div(mean, scale)));
  return [mul(lit(t, 1 - node.float("norm_coefficient_post", 0)), moved), mean, spread];
};

const momentum: Rule = (t, step, node) => {
  const { rate, count, x, state } = step;
  const mode = node.string("mode");
  if (mode !== "standard" && mode !== "nesterov") throw node.attributeError("mode must be standard or nesterov");
  const gradient = regularized(t, step, node);
  const alpha = lit(t, node.float("alpha", 0));
  const beta = select(gt(count, lit(t, 0)), lit(t, node.float("beta", 0)), lit(t, 1));
  const velocity = add(mul(alpha, state), mul(beta, gradient));
  const direction = mode === "standard" ? velocity : add(gradient, mul(alpha, velocity));
  return [sub(x, mul(rate, direction)), velocity];
};

/** Applies a rule to every tensor; each has a value, a gradient and `states` states. */
const optimizer = (rule: Rule, states: number) => (node: NodeContext) => {
  const slots = 2 + states;
  const count = (node.inputCount - 2) / slots;
  if (!Number.isInteger(count)) throw node.shapeError(`the tensors come with ${slots} inputs each`);
  const scalars = [0, 1].map((index) => asScalar(node, node.input(index)));
  const results = Array.from({ length: count }, (_, i) => {
    const own = Array.from({ length: slots }, (_unused, slot) => node.input(2 + slot * count + i));
    return stepOf(node, rule, [...scalars, ...own]);
  });
  return Array.from({ length: 1 + states }, (_, part) => results.map((parts) => parts[part] ?? 0)).flat();
};

function stepOf(node: NodeContext, rule: Rule, operands: readonly ValueId[]): readonly ValueId[] {
  const t = node.typeOf(operands[2] ?? 0).dtype;
  const [rate, count] = [0, 1].map((i) => cast(t, arg(i))) as [Expr, Expr];
  const step = { rate, count, x: arg(2), gradient: arg(3), state: arg(4), state2: arg(5) };
  return rule(t, step, node).map((expr) => node.map(expr, ...operands));
}

const domain = "ai.onnx.preview.training";
const norm: Attributes = { norm_coefficient: "float" };

export const optimizerOperators: readonly OperatorDef[] = [
  operatorOf(domain, "Adagrad", optimizer(adagrad, 1), [
    {
      since: 1,
      inputs: [3, variadic],
      outputs: [1, variadic],
      attributes: { ...norm, decay_factor: "float", epsilon: "float" },
    },
  ]),
  operatorOf(domain, "Adam", optimizer(adam, 2), [
    {
      since: 1,
      inputs: [3, variadic],
      outputs: [1, variadic],
      attributes: { ...norm, norm_coefficient_post: "float", alpha: "float", beta: "float", epsilon: "float" },
    },
  ]),
  operatorOf(domain, "Momentum", optimizer(momentum, 1), [
    {
      since: 1,
      inputs: [3, variadic],
      outputs: [1, variadic],
      attributes: { norm_coefficient: "float!", alpha: "float!", beta: "float!", mode: "string!" },
    },
  ]),
];

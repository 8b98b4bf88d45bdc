/** The activation functions that LSTM, GRU and RNN may name, with the defaults of their parameters. */
import type { DType } from "../../../ir/dtype.ts";
import { type Expr, lit, select } from "../../../ir/expr.ts";
import { abs, add, below, clamp, div, expMinusOne, gt, lt, max, mul, sigmoid, softplus, tanh } from "./scalar.ts";

export interface Activation {
  /** defaults; null: the function takes none, and none is taken from the node's list */
  readonly alpha: number | null;
  readonly beta: number | null;
  readonly build: (t: DType, x: Expr, alpha: number, beta: number) => Expr;
}

const activation = (alpha: number | null, beta: number | null, build: Activation["build"]): Activation => ({
  alpha,
  beta,
  build,
});

/** By lower-case name. */
export const activationFunctions: ReadonlyMap<string, Activation> = new Map([
  ["relu", activation(null, null, (t, x) => max(x, lit(t, 0)))],
  ["tanh", activation(null, null, (_, x) => tanh(x))],
  ["sigmoid", activation(null, null, (_, x) => sigmoid(x))],
  ["softplus", activation(null, null, (t, x) => softplus(t, x))],
  ["softsign", activation(null, null, (t, x) => div(x, add(lit(t, 1), abs(x))))],
  ["affine", activation(1, 0, (t, x, alpha, beta) => add(mul(lit(t, alpha), x), lit(t, beta)))],
  ["leakyrelu", activation(0.01, null, (t, x, alpha) => below(t, 0, x, mul(lit(t, alpha), x), x))],
  ["thresholdedrelu", activation(1, null, (t, x, alpha) => select(gt(x, lit(t, alpha)), x, lit(t, 0)))],
  ["scaledtanh", activation(1, 1, (t, x, alpha, beta) => mul(lit(t, alpha), tanh(mul(lit(t, beta), x))))],
  [
    "hardsigmoid",
    activation(0.2, 0.5, (t, x, alpha, beta) => clamp(t, 0, 1, add(mul(lit(t, alpha), x), lit(t, beta)))),
  ],
  ["elu", activation(1, null, (t, x, alpha) => select(lt(x, lit(t, 0)), expMinusOne(t, alpha, x), x))],
]);

/** Operations of scalar expressions by their speed on a core. */
import { type Expr, exprCost, walkExpr } from "../expr.ts";
import type { Operations } from "../kernel-graph.ts";

/** Functions that a core works out in tens of cycles: divisions, roots, everything transcendental. */
const slowFunctions = new Set<string>([
  "exp",
  "log",
  "sqrt",
  "erf",
  "tanh",
  "sigmoid",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "asinh",
  "acosh",
  "atanh",
  "div",
  "mod",
  "fmod",
  "pow",
]);

/** Operations of an expression per element. */
export function operationsOf(expr: Expr | null): Operations {
  if (expr === null) return { fast: 0, slow: 0 };
  let slow = 0;
  walkExpr(expr, (e) => {
    if ((e.op === "unary" || e.op === "binary") && slowFunctions.has(e.fn)) slow++;
  });
  return { fast: exprCost(expr) - slow, slow };
}

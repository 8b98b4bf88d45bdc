/**
 * Powers whose exponent is one number for a whole row. Squares and cubes are what models feed most, and they are products: a row is emitted for each
 * of them and for all other exponents, and the number decides at run time which one is taken.
 */
import type { DType } from "../../../ir/dtype.ts";
import { binary, type Expr, exprDType, lit, mapOperands, walkExpr } from "../../../ir/expr.ts";

/** What an expression is where an exponent has a certain value. */
export interface UniformPower {
  /** whether it has; of what does not vary along a row */
  readonly holds: Expr;
  readonly expr: Expr;
}

/** Exponents with a form of their own. */
const exponents = [2, 3] as const;

/** The operand that an exponent is, casts aside. */
function operandOf(exponent: Expr): number | null {
  if (exponent.op === "cast") return operandOf(exponent.x);
  return exponent.op === "arg" ? exponent.index : null;
}

/** The forms of an expression by the value of the first exponent that does not vary along a row; `varies` and `argTypes` are those of its operands. */
export function uniformPowers(
  expr: Expr,
  argTypes: readonly DType[],
  varies: readonly boolean[],
): readonly UniformPower[] {
  const found: Expr[] = [];
  walkExpr(expr, (part) => {
    if (part.op !== "binary" || part.fn !== "pow") return;
    const operand = operandOf(part.y);
    if (operand !== null && varies[operand] === false) found.push(part.y);
  });
  const [exponent] = found;
  if (exponent === undefined) return [];
  const dtype = exprDType(exponent, argTypes);
  return exponents.map((value) => {
    const known = lit(dtype, value);
    const change = (part: Expr): Expr =>
      part.op === "binary" && part.fn === "pow" && operandOf(part.y) === operandOf(exponent)
        ? binary("pow", change(part.x), lit(exprDType(part.y, argTypes), value))
        : mapOperands(part, change);
    return { holds: binary("eq", exponent, known), expr: change(expr) };
  });
}

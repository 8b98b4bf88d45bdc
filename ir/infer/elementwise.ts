/** Types of scalar expressions and of the elementwise ops made of them. */
import { type DType } from "../dtype.ts";
import { type BinaryFunction, type Expr, exprDType, isComputable, type UnaryFunction, walkExpr } from "../expr.ts";
import { type MapOp, type TensorType, tensorType, type WithEpilogue } from "../graph.ts";
import {
  allTensors,
  type Domain,
  dtypeError,
  expectBroadcast,
  expectBroadcastTo,
  expectOperands,
  inDomain,
  type Site,
  tensorAt,
} from "./site.ts";

/** What each function may be applied to. */
const functionDomains: Readonly<Record<UnaryFunction | BinaryFunction, Domain>> = {
  neg: "number",
  abs: "number",
  exp: "float",
  log: "float",
  sqrt: "float",
  floor: "number",
  ceil: "number",
  round: "number",
  sign: "number",
  erf: "float",
  tanh: "float",
  sigmoid: "float",
  sin: "float",
  cos: "float",
  tan: "float",
  asin: "float",
  acos: "float",
  atan: "float",
  sinh: "float",
  cosh: "float",
  asinh: "float",
  acosh: "float",
  atanh: "float",
  not: "bool",
  bitnot: "integer",
  isnan: "number",
  isposinf: "number",
  isneginf: "number",
  add: "number",
  sub: "number",
  mul: "number",
  div: "number",
  mod: "number",
  fmod: "number",
  pow: "number",
  min: "comparable",
  max: "comparable",
  and: "bool",
  or: "bool",
  xor: "bool",
  bitand: "integer",
  bitor: "integer",
  bitxor: "integer",
  shl: "integer",
  shr: "integer",
  eq: "comparable",
  ne: "comparable",
  lt: "comparable",
  le: "comparable",
  gt: "comparable",
  ge: "comparable",
};

/** The dtype of `expr` over operands of the given dtypes, as a diagnostic where one of its parts has none. */
export function inferExpr(site: Site, expr: Expr, args: readonly DType[]): DType {
  walkExpr(expr, (part) => {
    checkPart(site, part, args);
  });
  return exprDType(expr, args);
}

function checkPart(site: Site, part: Expr, args: readonly DType[]): void {
  switch (part.op) {
    case "arg":
      if (args[part.index] !== undefined) return;
      throw new Error(`internal: ${site.subject} reads $${part.index} of ${args.length} operands`);
    case "const":
      checkLiteral(site, part.dtype, part.value);
      return;
    case "unary":
      checkDomain(site, part.fn, [exprDType(part.x, args)]);
      return;
    case "binary":
      checkDomain(site, part.fn, [exprDType(part.x, args), exprDType(part.y, args)]);
      return;
    case "select":
      checkSelect(site, exprDType(part.cond, args), exprDType(part.x, args), exprDType(part.y, args));
      return;
    case "cast":
      return;
  }
}

function checkLiteral(site: Site, dtype: DType, value: number | bigint | boolean): void {
  const wanted = dtype === "bool" ? "boolean" : dtype === "i64" || dtype === "u64" ? "bigint" : "number";
  if (isComputable(dtype) && typeof value === wanted) return;
  throw new Error(`internal: ${site.subject} has the literal ${String(value)}:${dtype}`);
}

function checkDomain(site: Site, fn: UnaryFunction | BinaryFunction, operands: readonly DType[]): void {
  const [first, second] = operands;
  if (second !== undefined && second !== first) throw dtypeError(site, `${fn} of ${operands.join(" and ")}`);
  if (!operands.every((dtype) => inDomain(dtype, functionDomains[fn]))) {
    throw dtypeError(site, `${fn} is not defined for ${operands.join(" and ")}`);
  }
}

function checkSelect(site: Site, cond: DType, x: DType, y: DType): void {
  if (cond !== "bool") throw dtypeError(site, `the condition is ${cond}, must be bool`);
  if (x !== y) throw dtypeError(site, `select between ${x} and ${y}`);
}

export function inferMap(site: Site, op: Pick<MapOp, "expr">): readonly TensorType[] {
  expectOperands(site, 1, Infinity);
  const operands = allTensors(site);
  const dtype = inferExpr(site, op.expr, operands.map((type) => type.dtype)); // prettier-ignore
  return [tensorType(dtype, expectBroadcast(site, operands.map((type) => type.shape)))]; // prettier-ignore
}

/** Result of an op with an epilogue, given the type that its accumulators have; `fixed` operands stand before the epilogue's. */
export function inferEpilogue(
  site: Site,
  op: WithEpilogue,
  fixed: number,
  accumulator: TensorType,
): readonly TensorType[] {
  expectOperands(site, fixed, op.epilogue === null ? fixed : Infinity);
  if (op.epilogue === null) return [accumulator];
  const dtypes = [accumulator.dtype];
  for (let index = fixed; index < site.inputs.length; index++) {
    expectBroadcastTo(site, index, `epilogue operand ${index - fixed + 1}`, accumulator.shape);
    dtypes.push(tensorAt(site, index).dtype);
  }
  return [tensorType(inferExpr(site, op.epilogue, dtypes), accumulator.shape)];
}

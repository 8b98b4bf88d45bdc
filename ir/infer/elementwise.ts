/** Types of scalar expressions and of the elementwise ops made of them. */
import { type DType } from "../dtype.ts";
import { type BinaryFunction, type Expr, isComputable, type UnaryFunction } from "../expr.ts";
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

const predicates: ReadonlySet<string> = new Set([
  "not", "isnan", "isposinf", "isneginf", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor",
]); // prettier-ignore

/** The dtype of `expr` over operands of the given dtypes: `exprDType` with a diagnostic wherever a part has none. */
export function inferExpr(site: Site, expr: Expr, args: readonly DType[]): DType {
  switch (expr.op) {
    case "arg":
      return argDType(site, expr.index, args);
    case "const":
      checkLiteral(site, expr.dtype, expr.value);
      return expr.dtype;
    case "unary": {
      const x = inferExpr(site, expr.x, args);
      if (!inDomain(x, functionDomains[expr.fn])) throw dtypeError(site, `${expr.fn} is not defined for ${x}`);
      return predicates.has(expr.fn) ? "bool" : x;
    }
    case "binary": {
      const x = inferExpr(site, expr.x, args);
      const y = inferExpr(site, expr.y, args);
      if (x !== y) throw dtypeError(site, `${expr.fn} of ${x} and ${y}`);
      if (!inDomain(x, functionDomains[expr.fn])) throw dtypeError(site, `${expr.fn} is not defined for ${x}`);
      return predicates.has(expr.fn) ? "bool" : x;
    }
    case "select":
      return selectDType(site, ...([expr.cond, expr.x, expr.y].map((part) => inferExpr(site, part, args)) as [DType, DType, DType])); // prettier-ignore
    case "cast":
      inferExpr(site, expr.x, args);
      return expr.to;
  }
}

function argDType(site: Site, index: number, args: readonly DType[]): DType {
  const dtype = args[index];
  if (dtype === undefined) throw new Error(`internal: ${site.subject} reads $${index} of ${args.length} operands`);
  return dtype;
}

function checkLiteral(site: Site, dtype: DType, value: number | bigint | boolean): void {
  const what = `has the literal ${String(value)}:${dtype}`;
  if (!isComputable(dtype)) throw dtypeError(site, `${what}, a type without arithmetic`);
  const wanted = dtype === "bool" ? "boolean" : dtype === "i64" || dtype === "u64" ? "bigint" : "number";
  if (typeof value === wanted) return;
  throw new Error(`internal: ${site.subject} ${what}`);
}

function selectDType(site: Site, cond: DType, x: DType, y: DType): DType {
  if (cond !== "bool") throw dtypeError(site, `the condition is ${cond}, must be bool`);
  if (x !== y) throw dtypeError(site, `select between ${x} and ${y}`);
  return x;
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

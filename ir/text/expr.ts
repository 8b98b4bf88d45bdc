/**
 * Scalar expressions in text: `max(add($0, $1), 0:f32)`. Operands are `$0`, `$1`…; literals carry their dtype (`-1.5:f32`, `7:i64`; bools are
 * `true` and `false`); casts are `cast<u8>(x)`, with `saturate` after the dtype where they clamp.
 */
import { dtypeInfo } from "../dtype.ts";
import { type BinaryFunction, binaryFunctions, type Expr, lit, type UnaryFunction, unaryFunctions } from "../expr.ts";
import { type TextReader } from "./lexer.ts";
import { parseScalar, printScalar } from "./scalar.ts";
import { parseDType } from "./type.ts";

export function printExpr(expr: Expr): string {
  switch (expr.op) {
    case "arg":
      return `$${expr.index}`;
    case "const":
      return typeof expr.value === "boolean"
        ? String(expr.value)
        : `${printScalar(expr.dtype, expr.value)}:${expr.dtype}`;
    case "unary":
      return `${expr.fn}(${printExpr(expr.x)})`;
    case "binary":
      return `${expr.fn}(${printExpr(expr.x)}, ${printExpr(expr.y)})`;
    case "select":
      return `select(${printExpr(expr.cond)}, ${printExpr(expr.x)}, ${printExpr(expr.y)})`;
    case "cast":
      return `cast<${expr.to}${expr.saturate ? ", saturate" : ""}>(${printExpr(expr.x)})`;
  }
}

const unaryNames: ReadonlySet<string> = new Set(unaryFunctions);
const binaryNames: ReadonlySet<string> = new Set(binaryFunctions);

export function parseExpr(reader: TextReader): Expr {
  return reader.nested(() => parseOne(reader));
}

function parseOne(reader: TextReader): Expr {
  if (reader.accept("$")) return { op: "arg", index: reader.integer("an operand's index", 0) };
  const { kind, text } = reader.peek();
  if (text === "true" || text === "false") return lit("bool", reader.boolean());
  if (kind === "number" || text === "nan" || text === "inf") return parseLiteral(reader);
  if (reader.accept("cast")) return parseCast(reader);
  const start = reader.peek().start;
  const name = reader.word("an expression");
  if (unaryNames.has(name)) return { op: "unary", fn: name as UnaryFunction, ...parseOperands(reader, ["x"]) };
  if (binaryNames.has(name)) return { op: "binary", fn: name as BinaryFunction, ...parseOperands(reader, ["x", "y"]) };
  if (name === "select") return { op: "select", ...parseOperands(reader, ["cond", "x", "y"]) };
  throw reader.errorAt(start, `there is no function "${name}"`);
}

/** A call's operands, by the fields of the expression that they become. */
function parseOperands<F extends string>(reader: TextReader, fields: readonly F[]): Readonly<Record<F, Expr>> {
  const { start } = reader.peek();
  const operands = reader.list("(", ")", () => parseExpr(reader));
  if (operands.length !== fields.length) {
    throw reader.errorAt(start, `expected ${fields.length} operands, found ${operands.length}`);
  }
  return Object.fromEntries(fields.map((field, i) => [field, operands[i]])) as Record<F, Expr>;
}

function parseLiteral(reader: TextReader): Expr {
  const token = reader.next();
  reader.expect(":");
  const dtype = parseDType(reader);
  if (dtypeInfo(dtype).class === "string") throw reader.errorAt(token.start, "there are no literals of strings");
  return lit(dtype, parseScalar(reader, token, dtype) as number | bigint);
}

function parseCast(reader: TextReader): Expr {
  reader.expect("<");
  const to = parseDType(reader);
  const saturate = reader.accept(",");
  if (saturate) reader.expect("saturate");
  reader.expect(">");
  return { op: "cast", to, saturate, ...parseOperands(reader, ["x"]) };
}

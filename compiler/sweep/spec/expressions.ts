/**
 * Expressions over the axes of a sweep: comparisons, arithmetic and logic in JavaScript's syntax. They are parsed to a tree (jsep) and evaluated here, so
 * that a specification can compute, and can do nothing else.
 */
import jsep, { type Expression } from "jsep";
import type { Scalar } from "../../axes.ts";

/** The value of a name at a point; undefined where there is no such name. */
export type Lookup = (name: string) => Scalar | undefined;

/** An expression that cannot be read or evaluated. */
export class ExpressionError extends Error {}

export interface ParsedExpression {
  readonly text: string;
  /** names that it reads */
  readonly names: readonly string[];
  /** throws an ExpressionError where operands do not fit an operator */
  readonly evaluate: (lookup: Lookup) => Scalar;
}

/** Characters of an expression at most: it is evaluated for every point. */
const longest = 1_000;

type Tree =
  | { readonly kind: "value"; readonly value: Scalar }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "not" | "minus"; readonly of: Tree }
  | { readonly kind: "binary"; readonly operator: Operator; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "choice"; readonly test: Tree; readonly yes: Tree; readonly no: Tree };

/** Operators that need numbers. */
const arithmetic = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
} as const satisfies Readonly<Record<string, (a: number, b: number) => number | boolean>>;

const equality = { "==": true, "===": true, "!=": false, "!==": false } as const;

const logic = ["&&", "||"] as const;

type Operator = keyof typeof arithmetic | keyof typeof equality | (typeof logic)[number];

const operators: ReadonlySet<string> = new Set([...Object.keys(arithmetic), ...Object.keys(equality), ...logic]);

const isOperator = (text: string): text is Operator => operators.has(text);

/** Reads an expression; throws an ExpressionError. */
export function parseExpression(text: string): ParsedExpression {
  if (text.length > longest) throw new ExpressionError(`is longer than ${longest} characters`);
  const tree = treeOf(parsed(text));
  const names = new Set<string>();
  collect(tree, names);
  return { text, names: [...names], evaluate: (lookup) => evaluate(tree, lookup) };
}

function parsed(text: string): Expression {
  try {
    return jsep(text);
  } catch (error) {
    throw new ExpressionError(error instanceof Error ? error.message : String(error));
  }
}

function treeOf(node: Expression): Tree {
  const part = (key: string): Tree => treeOf(node[key] as Expression);
  switch (node.type) {
    case "Literal": {
      const value = node["value"];
      if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
        return { kind: "value", value };
      throw new ExpressionError(`${textOf(node, "raw")} is no value`);
    }
    case "Identifier":
    case "MemberExpression":
      return { kind: "name", name: nameOf(node) };
    case "UnaryExpression":
      switch (node["operator"]) {
        case "!":
          return { kind: "not", of: part("argument") };
        case "-":
          return { kind: "minus", of: part("argument") };
        default:
          throw new ExpressionError(`the operator ${textOf(node, "operator")} is not supported`);
      }
    case "BinaryExpression": {
      const operator = textOf(node, "operator");
      if (!isOperator(operator)) throw new ExpressionError(`the operator ${operator} is not supported`);
      return { kind: "binary", operator, left: part("left"), right: part("right") };
    }
    case "ConditionalExpression":
      return { kind: "choice", test: part("test"), yes: part("consequent"), no: part("alternate") };
    case "Compound":
      throw new ExpressionError("is not one expression");
    default:
      throw new ExpressionError(`${node.type} is not supported: names, values, comparisons, arithmetic, && || ! are`);
  }
}

/** What the parser says as text. */
function textOf(node: Expression, key: string): string {
  const text = node[key];
  if (typeof text === "string") return text;
  throw new ExpressionError(`${node.type} is not supported`);
}

/** `target.core.sramBytes` is one name. */
function nameOf(node: Expression): string {
  if (node.type === "Identifier") return textOf(node, "name");
  if (node.type !== "MemberExpression" || node["computed"] === true)
    throw new ExpressionError("names have dots, as target.core.sramBytes");
  return `${nameOf(node["object"] as Expression)}.${nameOf(node["property"] as Expression)}`;
}

function collect(tree: Tree, names: Set<string>): void {
  switch (tree.kind) {
    case "value":
      return;
    case "name":
      names.add(tree.name);
      return;
    case "not":
    case "minus":
      collect(tree.of, names);
      return;
    case "binary":
      collect(tree.left, names);
      collect(tree.right, names);
      return;
    case "choice":
      for (const part of [tree.test, tree.yes, tree.no]) collect(part, names);
  }
}

function evaluate(tree: Tree, lookup: Lookup): Scalar {
  switch (tree.kind) {
    case "value":
      return tree.value;
    case "name": {
      const value = lookup(tree.name);
      if (value === undefined) throw new ExpressionError(`${tree.name} has no value`);
      return value;
    }
    case "not":
      return !truthOf(evaluate(tree.of, lookup));
    case "minus":
      return -numberOf(evaluate(tree.of, lookup), "-");
    case "choice":
      return truthOf(evaluate(tree.test, lookup)) ? evaluate(tree.yes, lookup) : evaluate(tree.no, lookup);
    case "binary":
      return combine(tree.operator, tree, lookup);
  }
}

function combine(
  operator: Operator,
  { left, right }: { readonly left: Tree; readonly right: Tree },
  lookup: Lookup,
): Scalar {
  const first = evaluate(left, lookup);
  switch (operator) {
    case "&&":
      return truthOf(first) && truthOf(evaluate(right, lookup));
    case "||":
      return truthOf(first) || truthOf(evaluate(right, lookup));
    case "==":
    case "===":
    case "!=":
    case "!==":
      return (first === evaluate(right, lookup)) === equality[operator];
    default:
      return arithmetic[operator](numberOf(first, operator), numberOf(evaluate(right, lookup), operator));
  }
}

function truthOf(value: Scalar): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`${JSON.stringify(value)} is neither true nor false`);
}

function numberOf(value: Scalar, operator: string): number {
  if (typeof value === "number") return value;
  throw new ExpressionError(`${operator} takes numbers, not ${JSON.stringify(value)}`);
}

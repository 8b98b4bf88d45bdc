/**
 * Emits expressions: for one element, or for two or four at once (kernel.ts, `ExprRequest`). An expression is first made a graph in which equal
 * subexpressions are one node, so that what fusion duplicated is computed once: a node with several uses is kept in a local.
 */
import { defined, nth } from "../../ir/access.ts";
import { type DType, dtypeInfo, isBig, isFloat, isInteger, isSigned } from "../../ir/dtype.ts";
import {
  type BinaryFunction,
  type Expr,
  exprOperands,
  exprDType,
  type ScalarValue,
  type UnaryFunction,
} from "../../ir/expr.ts";
import type { ExprRequest } from "./kernel.ts";
import { hoistSplats, pushSplat } from "./math/constants.ts";
import {
  castDoubles,
  doubleBinary,
  doubleUnary,
  hasDoubleCast,
  hasDoubleForm,
  pushDoubles,
} from "./math/double-ops.ts";
import { castScalar, scalarRep } from "./math/scalar-casts.ts";
import { scalarBinary, scalarUnary } from "./math/scalar-ops.ts";
import { castVector, clampToType, hasVectorCast, quantizeLanes, roundLanes, wholeLanes } from "./math/vector-casts.ts";
import { hasLaneForm, vectorBinary, vectorUnary } from "./math/vector-ops.ts";
import { hasWholeBinary, hasWholeUnary, pushWhole, wholeBinary, wholeUnary } from "./math/whole-lanes.ts";
import type { FunctionBuilder, Local } from "./wasm/index.ts";

interface Node {
  readonly expr: Expr;
  readonly operands: readonly number[];
  readonly dtype: DType;
  uses: number;
}

interface ExprGraph {
  readonly nodes: readonly Node[];
  readonly root: number;
}

const literalKey = (value: ScalarValue): string => `${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`;

function nodeKey(expr: Expr, operands: readonly number[]): string {
  switch (expr.op) {
    case "arg":
      return `arg ${expr.index}`;
    case "const":
      return `const ${expr.dtype} ${literalKey(expr.value)}`;
    case "unary":
    case "binary":
      return `${expr.op} ${expr.fn} ${operands.join()}`;
    case "select":
      return `select ${operands.join()}`;
    case "cast":
      return `cast ${expr.to} ${String(expr.saturate)} ${operands.join()}`;
  }
}

function nodeType(expr: Expr, operands: readonly Node[], argTypes: readonly DType[]): DType {
  if (expr.op === "arg" || expr.op === "const") return exprDType(expr, argTypes);
  // typed over the operands' types, so that shared parts are not walked again
  const types = operands.map((node) => node.dtype);
  const [first, second, third] = types.map((_, index): Expr => ({ op: "arg", index }));
  switch (expr.op) {
    case "unary":
    case "cast":
      return exprDType({ ...expr, x: defined(first) }, types);
    case "binary":
      return exprDType({ ...expr, x: defined(first), y: defined(second) }, types);
    case "select":
      return exprDType({ ...expr, cond: defined(first), x: defined(second), y: defined(third) }, types);
  }
}

/** Graphs by expression and operand types: kernels emit one expression many times. */
const graphs = new WeakMap<Expr, Map<string, ExprGraph>>();

/** The graph of an expression: nodes in evaluation order, equal ones merged. */
function graphOf(expr: Expr, argTypes: readonly DType[]): ExprGraph {
  const types = argTypes.join();
  const byTypes = graphs.get(expr) ?? new Map<string, ExprGraph>();
  const graph = byTypes.get(types) ?? buildGraph(expr, argTypes);
  byTypes.set(types, graph);
  graphs.set(expr, byTypes);
  return graph;
}

function buildGraph(expr: Expr, argTypes: readonly DType[]): ExprGraph {
  const nodes: Node[] = [];
  const byKey = new Map<string, number>();
  const byObject = new Map<Expr, number>();
  const add = (e: Expr): number => {
    const seen = byObject.get(e);
    if (seen !== undefined) return seen;
    const operands = exprOperands(e).map(add);
    const key = nodeKey(e, operands);
    let id = byKey.get(key);
    if (id === undefined) {
      id = nodes.length;
      const operandNodes = operands.map((operand) => nth(nodes, operand));
      for (const node of operandNodes) node.uses++;
      nodes.push({ expr: e, operands, dtype: nodeType(e, operandNodes, argTypes), uses: 0 });
      byKey.set(key, id);
    }
    byObject.set(e, id);
    return id;
  };
  const root = add(expr);
  return { nodes, root };
}

/** What lanes of 32 and of 64 bits can hold, and the casts between it. */
const laneForms = [
  { lanes: 4, holds: hasLaneForm, casts: hasVectorCast },
  { lanes: 2, holds: hasDoubleForm, casts: hasDoubleCast },
] as const;

/** How many elements of an expression the emitter can compute at once. */
export function exprLanes(expr: Expr, argTypes: readonly DType[]): 1 | 2 | 4 {
  const { nodes } = graphOf(expr, argTypes);
  const form = laneForms.find(({ holds, casts }) => {
    const fits = nodes.every(({ expr: e, dtype, operands }) => {
      if (!holds(dtype)) return false;
      return e.op !== "cast" || casts(nth(nodes, nth(operands, 0)).dtype, e.to);
    });
    return fits && argTypes.every(holds);
  });
  return form?.lanes ?? 1;
}

/** How many elements of an expression of bools and integers of one narrow width can be computed at once, in lanes of that width; null where it is none. */
export function narrowLanes(expr: Expr, argTypes: readonly DType[]): 8 | 16 | null {
  const { nodes } = graphOf(expr, argTypes);
  const types = new Set([...argTypes, ...nodes.map(({ dtype }) => dtype)].filter((dtype) => dtype !== "bool"));
  const widths = new Set([...types].map((dtype) => (isInteger(dtype) ? dtypeInfo(dtype).bits : 0)));
  const bits = widths.size === 0 ? 8 : widths.size === 1 ? [...widths][0] : null;
  if (bits !== 8 && bits !== 16) return null;
  const fits = nodes.every(({ expr: e, operands }) => {
    const operand = operands.map((id) => nth(nodes, id).dtype).at(-1);
    switch (e.op) {
      case "arg":
      case "const":
      case "select":
        return true;
      case "unary":
        return hasWholeUnary(e.fn, defined(operand));
      case "binary":
        return hasWholeBinary(e.fn, defined(operand));
      case "cast":
        return false;
    }
  });
  return !fits ? null : bits === 8 ? 16 : 8;
}

/** Names an expression: equal keys mean equal code. */
export function exprKey(expr: Expr, argTypes: readonly DType[]): string {
  return graphOf(expr, argTypes)
    .nodes.map((node) => nodeKey(node.expr, node.operands))
    .join("; ");
}

/** Emits each node of a graph once, at its first use. */
class ExprEmitter {
  readonly #f: FunctionBuilder;
  readonly #request: ExprRequest;
  readonly #nodes: readonly Node[];
  readonly #root: Node;
  readonly #kept = new Map<number, Local>();

  constructor(f: FunctionBuilder, request: ExprRequest, { nodes, root }: ExprGraph) {
    this.#f = f;
    this.#request = request;
    this.#nodes = nodes;
    this.#root = nth(nodes, root);
  }

  push(id: number): void {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#f.get(kept);
      return;
    }
    const node = nth(this.#nodes, id);
    this.#compute(node);
    if (node.uses < 2 || node.expr.op === "const") return;
    const local = this.#f.local(this.#request.lanes === 1 ? scalarRep(node.dtype) : "v128");
    this.#f.tee(local);
    this.#kept.set(id, local);
  }

  release(): void {
    this.#f.release(...this.#kept.values());
  }

  #compute(node: Node): void {
    const { expr, operands } = node;
    const { lanes } = this.#request;
    const isVector = lanes > 1;
    const operandType = operands.length > 0 ? nth(this.#nodes, defined(operands.at(-1))).dtype : node.dtype;
    switch (expr.op) {
      case "arg":
        this.#request.readArg(expr.index);
        break;
      case "const":
        this.#pushLiteral(expr.dtype, expr.value);
        break;
      case "unary":
        this.push(nth(operands, 0));
        unaryForms[lanes](this.#f, expr.fn, operandType);
        break;
      case "binary":
        this.#binary(expr, nth(operands, 0), nth(operands, 1), operandType);
        break;
      case "select":
        this.push(nth(operands, 1));
        this.push(nth(operands, 2));
        this.push(nth(operands, 0));
        if (isVector) this.#f.op("v128.bitselect");
        else this.#f.select(scalarRep(node.dtype));
        break;
      case "cast":
        if (
          lanes === 4 &&
          (this.#tryQuantize(expr, nth(operands, 0), node === this.#root && this.#request.isSaturatedLater === true) ||
            this.#tryRequantize(expr.to, nth(operands, 0), 0))
        )
          break;
        this.push(nth(operands, 0));
        if (lanes === 4) castVector(this.#f, operandType, expr.to, expr.saturate, isWhole(expr.x));
        else if (lanes === 2) castDoubles(this.#f, operandType, expr.to, expr.saturate);
        else castScalar(this.#f, operandType, expr.to, expr.saturate);
        break;
    }
  }

  /** A saturating cast of a rounded float, plus a zero point: the adder that makes the integer rounds too. */
  #tryQuantize(
    { to, saturate }: { readonly to: DType; readonly saturate: boolean },
    operand: number,
    isSaturatedLater: boolean,
  ): boolean {
    if (!isNarrowing(nth(this.#nodes, operand).dtype, to, saturate)) return false;
    const rounded = this.#roundedSum(operand);
    if (rounded === null || (isSigned(to) && rounded.zero !== 0)) return false;
    this.push(rounded.x);
    quantizeLanes(this.#f, to, rounded.zero, !isSaturatedLater);
    return true;
  }

  /** Integers of a saturating cast that become floats again, less a zero point: clamped and rounded, floats all the time. */
  #tryRequantize(to: DType, operand: number, zero: number): boolean {
    const { expr, operands, uses } = nth(this.#nodes, operand);
    if (to !== "f32" || expr.op !== "cast" || uses > 1) return false;
    const source = nth(operands, 0);
    if (!isNarrowing(nth(this.#nodes, source).dtype, expr.to, expr.saturate)) return false;
    const rounded = this.#roundedSum(source);
    if (zero !== 0 && (rounded?.zero !== zero || isSigned(expr.to))) return false;
    const isRounded = rounded?.zero === zero;
    this.push(isRounded ? rounded.x : source);
    clampToType(this.#f, expr.to, zero);
    if (isRounded) roundLanes(this.#f);
    else wholeLanes(this.#f, isWhole(expr.x));
    return true;
  }

  /** round(x), or round(x) + a whole number: the nodes and the number. */
  #roundedSum(id: number): { readonly x: number; readonly zero: number } | null {
    const { expr, operands, uses } = nth(this.#nodes, id);
    if (uses > 1) return null;
    if (expr.op === "unary" && expr.fn === "round") return { x: nth(operands, 0), zero: 0 };
    if (expr.op !== "binary" || expr.fn !== "add") return null;
    const [first, second] = [nth(operands, 0), nth(operands, 1)];
    const zero = this.#literal(second);
    const inner = nth(this.#nodes, first);
    const isRound = inner.expr.op === "unary" && inner.expr.fn === "round" && inner.uses === 1;
    if (!isRound || typeof zero !== "number" || !Number.isInteger(zero) || Math.abs(zero) > 65535) return null;
    return { x: nth(inner.operands, 0), zero };
  }

  #binary(expr: Extract<Expr, { op: "binary" }>, x: number, y: number, dtype: DType): void {
    if (this.#tryKnownPower(expr, x, y, dtype) || this.#tryKnownBound(expr, x, y, dtype)) return;
    if (this.#tryDequantize(expr, x, y)) return;
    this.push(x);
    this.push(y);
    binaryForms[this.#request.lanes](this.#f, expr.fn, dtype);
  }

  /** Powers with the exponents that models use, without a logarithm. */
  #tryKnownPower({ fn }: { readonly fn: string }, x: number, y: number, dtype: DType): boolean {
    const exponent = this.#literal(y);
    if (fn !== "pow" || exponent === undefined) return false;
    if (Number(exponent) === 0) {
      this.#pushLiteral(dtype, 1);
      return true;
    }
    if (isInteger(dtype)) return this.#tryWholePower(x, BigInt(exponent), dtype);
    if (!(dtype === "f32" || dtype === "f64") || typeof exponent !== "number") return false;
    const isVector = this.#request.lanes > 1;
    const shape = isVector ? vectorShapes[dtype] : dtype;
    const f = this.#f;
    switch (exponent) {
      case 1:
        this.push(x);
        return true;
      case 2:
      case 3: {
        this.push(x);
        const local = f.local(isVector ? "v128" : dtype);
        f.tee(local);
        for (let power = 1; power < exponent; power++) {
          f.get(local);
          f.op(`${shape}.mul`);
        }
        f.release(local);
        return true;
      }
      case -1:
        this.#pushLiteral(dtype, 1);
        this.push(x);
        f.op(`${shape}.div`);
        return true;
      default:
        return false;
    }
  }

  /** A power of integers with an exponent from 1 to 64, by squaring. */
  #tryWholePower(x: number, exponent: bigint, dtype: DType): boolean {
    if (exponent < 1n || exponent > 64n) return false;
    const f = this.#f;
    const multiply = binaryForms[this.#request.lanes];
    const base = f.local(this.#request.lanes === 1 ? scalarRep(dtype) : "v128");
    this.push(x);
    f.set(base);
    f.get(base);
    // from the second highest bit of the exponent on
    for (const bit of exponent.toString(2).slice(1)) {
      this.#square(dtype);
      if (bit === "0") continue;
      f.get(base);
      multiply(f, "mul", dtype);
    }
    f.release(base);
    return true;
  }

  /** Replaces the value on the stack by its square. */
  #square(dtype: DType): void {
    const f = this.#f;
    const value = f.local(this.#request.lanes === 1 ? scalarRep(dtype) : "v128");
    f.tee(value);
    f.get(value);
    binaryForms[this.#request.lanes](f, "mul", dtype);
    f.release(value);
  }

  /** min and max against a number that is not NaN: one instruction, which gives NaN for NaN when x stands first. */
  #tryKnownBound({ fn }: { readonly fn: string }, x: number, y: number, dtype: DType): boolean {
    if (this.#request.lanes === 1 || !(dtype === "f32" || dtype === "f64") || (fn !== "min" && fn !== "max"))
      return false;
    const [bound, other] = this.#literal(y) === undefined ? [x, y] : [y, x];
    const value = this.#literal(bound);
    if (typeof value !== "number" || Number.isNaN(value)) return false;
    this.push(other);
    this.push(bound);
    this.#f.op(`${vectorShapes[dtype]}.p${fn}`);
    return true;
  }

  /** A requantized value less its zero point. */
  #tryDequantize({ fn }: { readonly fn: string }, x: number, y: number): boolean {
    const zero = this.#literal(y);
    const { expr, operands, uses } = nth(this.#nodes, x);
    if (fn !== "sub" || this.#request.lanes !== 4 || typeof zero !== "number" || zero === 0) return false;
    return expr.op === "cast" && uses === 1 && this.#tryRequantize(expr.to, nth(operands, 0), zero);
  }

  #literal(id: number): ScalarValue | undefined {
    const { expr } = nth(this.#nodes, id);
    return expr.op === "const" ? expr.value : undefined;
  }

  #pushLiteral(dtype: DType, value: ScalarValue): void {
    literalForms[this.#request.lanes](this.#f, dtype, value);
  }
}

/** A saturating cast of floats to an integer of 8 or 16 bits. */
const isNarrowing = (from: DType, to: DType, saturate: boolean): boolean =>
  from === "f32" && saturate && isInteger(to) && dtypeInfo(to).bits < 32;

function pushScalarLiteral(f: FunctionBuilder, dtype: DType, value: ScalarValue): void {
  if (dtype === "f32") f.f32(Number(value));
  else if (dtype === "f64") f.f64(Number(value));
  else if (isBig(dtype)) f.i64(BigInt.asIntN(64, BigInt(value)));
  else if (dtype !== "bool" && isFloat(dtype)) throw new Error(`internal: a literal of ${dtype}`);
  else f.i32(Number(value) | 0);
}

function pushVectorLiteral(f: FunctionBuilder, dtype: DType, value: ScalarValue): void {
  if (dtype === "f32") pushSplat(f, "f32x4", Number(value));
  else if (dtype === "bool") pushSplat(f, "i32x4", Number(value) === 0 ? 0 : -1);
  else pushSplat(f, "i32x4", Number(value) | 0);
}

const literalForms = {
  1: pushScalarLiteral,
  2: (f: FunctionBuilder, dtype: DType, value: ScalarValue): void => {
    pushDoubles(f, dtype, value);
  },
  4: pushVectorLiteral,
  8: (f: FunctionBuilder, dtype: DType, value: ScalarValue): void => {
    pushWhole(f, dtype, value, 16);
  },
  16: (f: FunctionBuilder, dtype: DType, value: ScalarValue): void => {
    pushWhole(f, dtype, value, 8);
  },
} as const;
const unaryForms = {
  1: scalarUnary,
  2: doubleUnary,
  4: vectorUnary,
  8: (f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void => {
    wholeUnary(f, fn, dtype, 16);
  },
  16: (f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void => {
    wholeUnary(f, fn, dtype, 8);
  },
} as const;
const binaryForms = {
  1: scalarBinary,
  2: doubleBinary,
  4: vectorBinary,
  8: (f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void => {
    wholeBinary(f, fn, dtype, 16);
  },
  16: (f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void => {
    wholeBinary(f, fn, dtype, 8);
  },
} as const;
const vectorShapes = { f32: "f32x4", f64: "f64x2" } as const;

/** Pushes the value of an expression; for several lanes the types must be such that `exprLanes` gives as many. */
export function emitExpr(f: FunctionBuilder, request: ExprRequest): void {
  const graph = graphOf(request.expr, request.argTypes);
  const emitter = new ExprEmitter(f, request, graph);
  emitter.push(graph.root);
  emitter.release();
}

/**
 * Puts the vector constants that an expression needs into locals, to be called before the loop in which `emitExpr` stands. Not needed for
 * correctness.
 */
export function hoistExprConstants(
  f: FunctionBuilder,
  request: Omit<ExprRequest, "lanes" | "readArg">,
  lanes: ExprRequest["lanes"] = exprLanes(request.expr, request.argTypes),
): void {
  if (lanes === 1) return;
  hoistSplats(f, (probe) => {
    const readArg = (): void => {
      probe.splatConst("i32x4", 0);
    };
    emitExpr(probe, { ...request, lanes, readArg });
    probe.drop();
  });
}

/** Whether a float expression has no fraction: it was rounded, made of integers, or is a sum of such. */
function isWhole(expr: Expr): boolean {
  switch (expr.op) {
    case "arg":
      return false;
    case "const":
      return Number.isInteger(expr.value);
    case "unary":
      return expr.fn === "round" || expr.fn === "floor" || expr.fn === "ceil";
    case "binary":
      return (expr.fn === "add" || expr.fn === "sub") && isWhole(expr.x) && isWhole(expr.y);
    case "select":
    case "cast":
      return false;
  }
}

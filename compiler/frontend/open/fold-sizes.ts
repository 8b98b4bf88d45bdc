/**
 * Arithmetic over sizes, while a model is lowered with open dims: an op whose operands are constants and sizes gives constants or sizes again.
 * Ops that only move elements are evaluated over the elements' places; maps by evaluating their expression over polynomials, where comparisons
 * are answered by what is assumed of the symbols. What cannot be told so is left to the run, which computes it as data.
 */
import { nth } from "../../../ir/access.ts";
import type { Assumptions, DimRelation } from "../../../ir/assumptions.ts";
import { addDims, areStatic, type Dim, divideExactly, floorDiv, isOpenDim, mulDims, subDims } from "../../../ir/dim.ts";
import { type DType, isInteger } from "../../../ir/dtype.ts";
import { type BinaryFunction, type Expr, walkExpr } from "../../../ir/expr.ts";
import type { OpSpec } from "../../../ir/graph.ts";
import { type Folded, isSizes, type OpenFoldHook } from "../../../ir/open/builder.ts";
import type { OpenOpSpec, OpenType } from "../../../ir/open/graph.ts";
import { elementCount, type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import { evaluateOp } from "../../../runtime/reference/evaluate.ts";
import { broadcastTensor } from "../../../runtime/reference/movement.ts";
import { foldConstants } from "../fold.ts";

/** Elements of the largest tensor of sizes; shapes are short. */
const mostElements = 256;

/** Integers up to here are floats as they are. */
const mostExact = 2 ** 24;

/** The hook for a graph that is made under these assumptions. */
export const foldOpen =
  (assumptions: Assumptions): OpenFoldHook =>
  (spec, operands, result) => {
    const { dims } = result;
    const known = operands.map((operand) => operand.known);
    if (!areStatic(dims) || !known.every((folded) => folded !== null)) return null;
    if (known.some(isSizes))
      return elementCount(dims) <= mostElements ? foldSizes(spec, known, result, dims, assumptions) : null;
    const constants = known.filter((folded): folded is TensorData => !isSizes(folded));
    return foldStatic(spec, constants, result.dtype, dims);
  };

/** Ops over constants alone, as in graphs of known shapes. */
function foldStatic(
  spec: OpenOpSpec,
  constants: readonly TensorData[],
  dtype: DType,
  shape: readonly number[],
): TensorData | null {
  const known = staticSpec(spec, shape);
  if (known === null || constants.length === 0) return null;
  const results = foldConstants(known, constants, [{ kind: "tensor", dtype, shape }]);
  return results === null ? null : nth(results, 0);
}

/** The op in a graph of known shapes; null for one that has open sizes among its attributes, or no such form. */
function staticSpec(spec: OpenOpSpec, shape: readonly number[]): OpSpec | null {
  switch (spec.kind) {
    case "reshape":
      return { ...spec, shape };
    case "slice": {
      const { starts, sizes } = spec;
      return areStatic(starts) && areStatic(sizes) ? { ...spec, starts, sizes } : null;
    }
    case "expand":
    case "sizes":
    case "count":
    // images are no shapes
    case "conv":
    case "convTranspose":
    case "pool":
    case "pad":
    case "repeat":
    case "attention":
      return null;
    default:
      return spec;
  }
}

function foldSizes(
  spec: OpenOpSpec,
  operands: readonly Folded[],
  result: OpenType,
  shape: readonly number[],
  assumptions: Assumptions,
): Folded | null {
  const lists = operands.map(elementsOf);
  if (!lists.every((list) => list !== null)) return null;
  const elements =
    spec.kind === "map" ? mapped(spec.expr, operands, lists, shape, assumptions) : moved(spec, operands, lists, shape);
  return elements === null ? null : foldedOf(result.dtype, shape, elements);
}

/** Elements as sizes; truth values are 0 and 1. Null for what is no integer, or too many. */
function elementsOf(folded: Folded): readonly Dim[] | null {
  if (isSizes(folded)) return folded.elements;
  const { dtype, shape, elements } = folded;
  const isNumber = isInteger(dtype) || dtype === "bool" || dtype === "f32";
  if (!isNumber || elementCount(shape) > mostElements) return null;
  const numbers = Array.from(elements as ArrayLike<number | bigint>, Number);
  return numbers.every(Number.isSafeInteger) ? numbers : null;
}

function foldedOf(dtype: DType, shape: readonly number[], elements: readonly Dim[]): Folded | null {
  if (areStatic(elements)) return tensorFrom(dtype, shape, elements);
  return dtype === "i64" || dtype === "i32" || dtype === "f32" ? { kind: "sizes", dtype, shape, elements } : null;
}

/** An op that moves elements, over numbers that stand for them. */
function moved(
  spec: OpenOpSpec,
  operands: readonly Folded[],
  lists: readonly (readonly Dim[])[],
  shape: readonly number[],
): readonly Dim[] | null {
  const all: Dim[] = [];
  const places = operands.map((operand, index): TensorData => {
    const first = all.length;
    const list = nth(lists, index);
    all.push(...list);
    return tensorFrom(
      "i64",
      operand.shape,
      list.map((_, i) => first + i),
    );
  });
  const picked = pickedPlaces(spec, operands, places, shape);
  return picked === null ? null : Array.from(picked.elements as BigInt64Array, (place) => nth(all, Number(place)));
}

function pickedPlaces(
  spec: OpenOpSpec,
  operands: readonly Folded[],
  places: readonly TensorData[],
  shape: readonly number[],
): TensorData | null {
  switch (spec.kind) {
    case "reshape":
    case "slice":
    case "transpose":
    case "concat": {
      const known = staticSpec(spec, shape);
      return known === null ? null : nth(evaluateOp(known, places), 0);
    }
    case "gather": {
      const index = nth(operands, 1);
      return isSizes(index) ? null : nth(evaluateOp(spec, [nth(places, 0), index]), 0);
    }
    case "expand":
      return broadcastTensor(nth(places, 0), shape);
    default:
      return null;
  }
}

// ---- maps -------------------------------------------------------------------------------------------------------------------------

function mapped(
  expr: Expr,
  operands: readonly Folded[],
  lists: readonly (readonly Dim[])[],
  shape: readonly number[],
  assumptions: Assumptions,
): readonly Dim[] | null {
  const count = elementCount(shape);
  const spread = operands.map((operand, index) => {
    const list = nth(lists, index);
    const places = broadcastTensor(
      tensorFrom(
        "i64",
        operand.shape,
        list.map((_, i) => i),
      ),
      shape,
    );
    return Array.from(places.elements as BigInt64Array, (place) => nth(list, Number(place)));
  });
  let isFloat = operands.some(({ dtype }) => dtype === "f32");
  walkExpr(expr, (part) => {
    if (part.op === "cast" && part.to === "f32") isFloat = true;
  });
  const results: Dim[] = [];
  for (let i = 0; i < count; i++) {
    const value = evaluate(
      expr,
      spread.map((list) => nth(list, i)),
      assumptions,
      isFloat,
    );
    if (value === null) return null;
    results.push(value);
  }
  return results;
}

/** An expression of integers and truth values; null where it is not told by sums, products and comparisons. */
function evaluate(expr: Expr, args: readonly Dim[], assumptions: Assumptions, isFloat: boolean): Dim | null {
  switch (expr.op) {
    case "arg":
      return nth(args, expr.index);
    case "const": {
      const value = Number(expr.value);
      return Number.isSafeInteger(value) ? value : null;
    }
    case "unary": {
      const x = evaluate(expr.x, args, assumptions, isFloat);
      if (x === null) return null;
      if (expr.fn === "neg") return mulDims(-1, x);
      if (expr.fn === "floor" || expr.fn === "ceil") return x;
      return expr.fn === "not" && !isOpenDim(x) ? 1 - x : null;
    }
    case "binary": {
      const [x, y] = [evaluate(expr.x, args, assumptions, isFloat), evaluate(expr.y, args, assumptions, isFloat)];
      if (x === null || y === null) return null;
      // floats do not round: what is no integer is left to the run
      return expr.fn === "div" && isFloat ? divideExactly(x, y) : binaryOf(expr.fn, x, y, assumptions);
    }
    case "select": {
      const cond = evaluate(expr.cond, args, assumptions, isFloat);
      if (cond === null || isOpenDim(cond)) return null;
      return evaluate(cond === 0 ? expr.y : expr.x, args, assumptions, isFloat);
    }
    case "cast": {
      const x = evaluate(expr.x, args, assumptions, isFloat);
      if (x === null || expr.to === "i64" || expr.to === "i32") return x;
      if (expr.to === "f32") return assumptions.decide(x, "<=", mostExact) ? x : null;
      return expr.to === "bool" ? flag(!assumptions.decide(x, "==", 0)) : null;
    }
  }
}

const flag = (holds: boolean): Dim => (holds ? 1 : 0);

function binaryOf(fn: BinaryFunction, x: Dim, y: Dim, assumptions: Assumptions): Dim | null {
  const decide = (left: Dim, relation: DimRelation, right: Dim): boolean => assumptions.decide(left, relation, right);
  switch (fn) {
    case "add":
      return addDims(x, y);
    case "sub":
      return subDims(x, y);
    case "mul":
      return mulDims(x, y);
    case "div":
      return isDivisor(y) && decide(0, "<=", x) ? floorDiv(x, y) : null;
    case "mod":
      return isDivisor(y) ? subDims(x, mulDims(y, floorDiv(x, y))) : null;
    case "min":
      return decide(x, "<=", y) ? x : y;
    case "max":
      return decide(x, "<=", y) ? y : x;
    case "eq":
      return flag(decide(x, "==", y));
    case "ne":
      return flag(!decide(x, "==", y));
    case "lt":
      return flag(decide(x, "<", y));
    case "le":
      return flag(decide(x, "<=", y));
    case "gt":
      return flag(decide(y, "<", x));
    case "ge":
      return flag(decide(y, "<=", x));
    case "and":
      return isOpenDim(x) || isOpenDim(y) ? null : flag(x !== 0 && y !== 0);
    case "or":
      return isOpenDim(x) || isOpenDim(y) ? null : flag(x !== 0 || y !== 0);
    default:
      return null;
  }
}

const isDivisor = (y: Dim): y is number => !isOpenDim(y) && y > 0;

/**
 * Which keys a query may look at. A query at absolute position p = offset + its index attends key j where all of these hold:
 *
 *     causal        j <= p
 *     window        p - left <= j <= p + right, each side only where it is bounded
 *     padding       j < nonpad[batch]
 *     mask          a bool mask is true; a float mask is added to the scores
 *
 * offset counts the keys before the first query: the past's length, nonpad - queries for an external cache, else 0.
 */
import { type DType } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import { reduceOf } from "./norm.ts";
import { castExpr, toDType } from "./precision.ts";
import { add } from "./scalar.ts";
import { literal, range } from "./support.ts";

export interface MaskInputs {
  /** compute type of the scores */
  readonly dtype: DType;
  readonly queries: number;
  readonly keys: number;
  readonly past: number;
  readonly causal: boolean;
  /** -1: unbounded */
  readonly left: number;
  readonly right: number;
  readonly mask: ValueId | null;
  /** i64 [batch] */
  readonly nonpad: ValueId | null;
}

/** A rule over operands of its own: `$0` is the scores, the rest `operands`. Null where everything is allowed. */
export interface Mask {
  /** of the scores that it is applied to */
  readonly dtype: DType;
  readonly operands: readonly ValueId[];
  /** the scores with what is forbidden at -inf */
  readonly apply: (scores: Expr) => Expr;
  /** whether a query can be left without any key; such a row gives zeros */
  readonly mayForbidAll: boolean;
}

/** start, start + 1, … as i32: positions are compared in lanes as wide as the scores'. */
const positions = (node: NodeContext, shape: readonly number[], start = 0): ValueId =>
  node.constantValue(
    tensorFrom(
      "i32",
      shape,
      range(elementCount(shape)).map((i) => start + i),
    ),
  );

/** Positions of queries as i32 [queries, 1], or [batch, 1, queries, 1] where the offset depends on the sample. */
function queryPositions(node: NodeContext, { queries, past, nonpad }: MaskInputs): ValueId {
  const index = positions(node, [queries, 1], past - (nonpad === null ? 0 : queries));
  return nonpad === null ? index : node.map(add(arg(0), arg(1)), perSample(node, nonpad), index);
}

const perSample = (node: NodeContext, value: ValueId): ValueId =>
  node.reshape(toDType(node, "i32", value), [node.typeOf(value).shape[0] ?? 1, 1, 1, 1]);

/** The mask padded to all keys: what it does not cover is forbidden. */
function paddedMask(node: NodeContext, mask: ValueId, keys: number): ValueId {
  const { dtype, shape } = node.typeOf(mask);
  const missing = keys - (shape.at(-1) ?? keys);
  if (missing <= 0) return mask;
  const fill = dtype === "bool" ? literal(node, dtype, 0) : literal(node, dtype, -Infinity);
  const before = shape.map(() => 0);
  return node.emitOne({
    kind: "pad",
    inputs: [mask, fill],
    mode: "constant",
    before,
    after: before.with(-1, missing),
  });
}

/** Builds the rule; `$1`, `$2`… are its operands in the order of the result. */
export function attentionMask(node: NodeContext, inputs: MaskInputs): Mask | null {
  const { dtype, keys, causal, left, right, mask, nonpad } = inputs;
  const operands: ValueId[] = [];
  const operand = (value: ValueId): Expr => arg(operands.push(value));
  const conditions: Expr[] = [];
  if (causal || left >= 0 || right >= 0) {
    const [query, key] = [operand(queryPositions(node, inputs)), operand(positions(node, [keys]))];
    if (causal) conditions.push(binary("le", key, query));
    if (left >= 0) conditions.push(binary("le", query, add(key, lit("i32", left))));
    if (right >= 0) conditions.push(binary("le", key, add(query, lit("i32", right))));
  }
  // the last query is at the last key that is no padding: causal queries see none behind it
  if (nonpad !== null && !causal) {
    conditions.push(binary("lt", operand(positions(node, [keys])), operand(perSample(node, nonpad))));
  }
  const padded = mask === null ? null : paddedMask(node, mask, keys);
  const maskType = padded === null ? null : node.typeOf(padded).dtype;
  const given = padded === null ? null : operand(padded);
  if (given !== null && maskType === "bool") conditions.push(given);
  const bias = given === null || maskType === null || maskType === "bool" ? null : castExpr(maskType, dtype, given);
  if (operands.length === 0) return null;
  const allowed = conditions.length === 0 ? null : conditions.reduce((x, y) => binary("and", x, y));
  const apply = (scores: Expr): Expr => {
    const biased = bias === null ? scores : add(scores, bias);
    return allowed === null ? biased : select(allowed, biased, lit(dtype, -Infinity));
  };
  return { dtype, operands, apply, mayForbidAll: mask !== null || nonpad !== null || left >= 0 || right >= 0 };
}

/** Softmax over the last axis of masked scores; a row without any key is zero. */
export function maskedSoftmax(node: NodeContext, scores: ValueId, mask: Mask | null): ValueId {
  const { dtype, shape } = node.typeOf(scores);
  const axis = shape.length - 1;
  const probabilities = node.emitOne({ kind: "softmax", inputs: [scores], axis, log: false });
  if (mask?.mayForbidAll !== true) return probabilities;
  const bias = node.map(mask.apply(arg(0)), literal(node, mask.dtype, 0), ...mask.operands);
  const best = reduceOf(node, "max", bias, [node.typeOf(bias).shape.length - 1]);
  const forbidden = binary("eq", arg(1), lit(mask.dtype, -Infinity));
  return node.map(select(forbidden, lit(dtype, 0), arg(0)), probabilities, best);
}

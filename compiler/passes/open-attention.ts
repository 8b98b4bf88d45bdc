/** softmax(f(Q Kᵀ)) V of an open graph as one op; as codegen/attention.ts finds it in graphs of known shapes. */
import { nth } from "../../ir/access.ts";
import { sameDims } from "../../ir/dim.ts";
import { arg, type Expr, substitute } from "../../ir/expr.ts";
import type { MapOp, MatmulOp, ValueId } from "../../ir/graph.ts";
import type { OpenOp } from "../../ir/open/graph.ts";
import { mergeOrigins } from "./rewrite.ts";
import type { Rule, Site } from "./rewrite-open.ts";

const vectorLanes = 4;

export const recognizeAttention: Rule = (op, site) => {
  if (op.kind !== "matmul" || op.transposeA || op.transposeB || op.epilogue !== null) return null;
  const [weights, values] = [nth(op.inputs, 0), nth(op.inputs, 1)];
  const softmax = onlyMaker(weights, site);
  if (softmax?.kind !== "softmax" || softmax.log || softmax.axis !== rankOf(weights, site) - 1) return null;
  const scored = scoresOf(nth(softmax.inputs, 0), site);
  if (scored === null) return null;
  const { product, map, score } = scored;
  const [query, keys] = [nth(product.inputs, 0), keysOf(product, site)];
  if (keys === null || product.transposeA || product.epilogue !== null) return null;
  const dims = (value: ValueId): OpenDims => site.typeOf(value).dims;
  const batch = dims(weights).slice(0, -2);
  const isAlike = sameDims(dims(score), dims(weights)) && sameDims(dims(nth(op.outputs, 0)).slice(0, -2), batch);
  const isVectors = [dims(query), dims(nth(op.outputs, 0))].every((own) => isWhole(own.at(-1)));
  const isFloat = [query, keys, values].every((value) => site.typeOf(value).dtype === "f32");
  if (!isAlike || !isVectors || !isFloat) return null;
  const others = map === null ? [] : [...new Set(map.inputs.filter((value) => value !== score))];
  const epilogue = map === null ? null : epilogueOf(map, score, others);
  const origin = mergeOrigins([product, ...(map === null ? [] : [map]), softmax, op]);
  return { kind: "attention", inputs: [query, keys, values, ...others], epilogue, outputs: op.outputs, origin };
};

type OpenDims = ReturnType<Site["typeOf"]>["dims"];

const isWhole = (size: OpenDims[number] | undefined): boolean => typeof size === "number" && size % vectorLanes === 0;
const rankOf = (value: ValueId, { typeOf }: Site): number => typeOf(value).dims.length;

/** The op that makes a value which one op reads, once. */
const onlyMaker = (value: ValueId, { producer, uses }: Site): OpenOp | undefined =>
  uses(value) === 1 ? producer(value) : undefined;

interface Scores {
  readonly product: MatmulOp;
  /** what is done to the scores; null for nothing */
  readonly map: MapOp | null;
  readonly score: ValueId;
}

/** The product that a softmax is of, perhaps with one map between them. */
function scoresOf(value: ValueId, site: Site): Scores | null {
  const made = onlyMaker(value, site);
  if (made?.kind === "matmul") return { product: made, map: null, score: value };
  if (made?.kind !== "map" || site.typeOf(value).dtype !== "f32") return null;
  const dims = site.typeOf(value).dims;
  for (const score of new Set(made.inputs)) {
    const product = site.producer(score);
    const isAlone = site.uses(score) === made.inputs.filter((input) => input === score).length;
    if (product?.kind === "matmul" && isAlone && sameDims(site.typeOf(score).dims, dims))
      return { product, map: made, score };
  }
  return null;
}

/** The keys, each with its elements side by side. */
function keysOf({ inputs, transposeB }: MatmulOp, site: Site): ValueId | null {
  const value = nth(inputs, 1);
  if (transposeB) return value;
  const made = site.producer(value);
  if (made?.kind !== "transpose") return null;
  const last = made.perm.length - 1;
  const swaps = made.perm.every((from, axis) => from === (axis < last - 1 ? axis : 2 * last - 1 - axis));
  return swaps ? nth(made.inputs, 0) : null;
}

/** The map with the score as its first operand. */
const epilogueOf = (map: MapOp, score: ValueId, others: readonly ValueId[]): Expr =>
  substitute(map.expr, (index) => {
    const operand = nth(map.inputs, index);
    return arg(operand === score ? 0 : 1 + others.indexOf(operand));
  });

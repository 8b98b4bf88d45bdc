/**
 * Rewrites of open graphs before their kernels are made, each as the pass of its name does it for known shapes: constants of one element become
 * literals, spelled-out normalisations one op, maps merge into the maps that read them, and into the products with constant weights before
 * them, and what is an attention becomes one op. Values keep their types, so that nothing is inferred again; shapes count as equal only where they are the same expressions.
 */
import { defined, nth } from "../../ir/access.ts";
import { sameDims } from "../../ir/dim.ts";
import { arg, type Expr, isComputable, lit, type ScalarValue, substitute } from "../../ir/expr.ts";
import { epilogueOperands, type MapOp, type MatmulOp, type ValueId } from "../../ir/graph.ts";
import type { OpenGraph, OpenOp, OpenOpOf } from "../../ir/open/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { recognizeAttention } from "./open-attention.ts";
import { layOutOpenGraph } from "./open-layout.ts";
import { mergeOrigins } from "./rewrite.ts";
import { rewritten, type Rule, type Site } from "./rewrite-open.ts";
import { exprSize } from "./simplify-expr.ts";

const mostNodes = 96;
const mostMapOperands = 8;
const mostExtras = 4;

export function fuseOpenGraph(graph: OpenGraph): OpenGraph {
  const literal = rewritten(rewritten(graph, inlineLiterals), readTransposedWeights);
  const normal = rewritten(rewritten(literal, recognizeNormalization), addAffine);
  const placed = layOutOpenGraph(normal);
  // twice: the first merge may leave a value with one reader where it had two
  const merged = rewritten(rewritten(placed, mergeMaps), mergeMaps);
  return rewritten(rewritten(merged, fuseEpilogue), recognizeAttention);
}

// ---- maps -------------------------------------------------------------------------------------------------------------------------

/** Constants of one element and of no more dims than the result, which they do not shape, stand in the expression. */
const inlineLiterals: Rule = (op, { constantOf, typeOf }) => {
  if (op.kind !== "map") return null;
  const literals = op.inputs.map((value): Expr | null => {
    const constant = constantOf(value);
    const isOne = constant !== undefined && elementCount(constant.shape) === 1 && isComputable(constant.dtype);
    return isOne ? lit(constant.dtype, defined((constant.elements as ArrayLike<ScalarValue>)[0])) : null;
  });
  const kept = op.inputs.filter((_, index) => literals[index] === null);
  const shaping = kept.some((value) => sameDims(typeOf(value).dims, typeOf(nth(op.outputs, 0)).dims));
  if (kept.length === op.inputs.length || !shaping) return null;
  const expr = substitute(op.expr, (index) => literals[index] ?? arg(kept.indexOf(nth(op.inputs, index))));
  return { ...op, inputs: kept, expr };
};

const mergeMaps: Rule = (op, site) => {
  if (op.kind !== "map") return null;
  let fused: MapOp = op;
  for (const value of new Set(op.inputs)) fused = absorb(fused, value, site) ?? fused;
  return fused === op ? null : fused;
};

/** A map with the map that makes one of its operands in it; null where others read that too, or it has another shape. */
function absorb(into: MapOp, value: ValueId, site: Site): MapOp | null {
  const producer = site.producer(value);
  const here = into.inputs.filter((input) => input === value).length;
  const isAlone = producer?.kind === "map" && site.uses(value) <= here;
  if (!isAlone || !sameDims(site.typeOf(value).dims, site.typeOf(nth(into.outputs, 0)).dims)) return null;
  const inputs = into.inputs.filter((input) => input !== value);
  const place = (operand: ValueId): Expr => {
    const known = inputs.indexOf(operand);
    return arg(known >= 0 ? known : inputs.push(operand) - 1);
  };
  const inner = substitute(producer.expr, (index) => place(nth(producer.inputs, index)));
  const expr = substitute(into.expr, (index) => {
    const operand = nth(into.inputs, index);
    return operand === value ? inner : place(operand);
  });
  if (inputs.length > mostMapOperands || exprSize(expr) > mostNodes) return null;
  return { ...into, inputs, expr, origin: mergeOrigins([producer, into]) };
}

/** Weights that are transposed in front of a product, as where an embedding is the last layer too, are read as they are. */
const readTransposedWeights: Rule = (op, { constantOf, producer }) => {
  if (op.kind !== "matmul") return null;
  const made = producer(nth(op.inputs, 1));
  if (made?.kind !== "transpose" || made.perm.join() !== "1,0") return null;
  const weights = nth(made.inputs, 0);
  if (constantOf(weights) === undefined) return null;
  return { ...op, inputs: op.inputs.with(1, weights), transposeB: !op.transposeB };
};

// ---- products ---------------------------------------------------------------------------------------------------------------------

const fuseEpilogue: Rule = (op, site) => {
  if (op.kind !== "map") return null;
  for (const value of op.inputs) {
    const producer = site.producer(value);
    const isAlone = site.uses(value) === op.inputs.filter((input) => input === value).length;
    if (producer === undefined || !isAlone || !takesEpilogue(producer, site)) continue;
    const fused = withEpilogue(producer, op, value, site);
    if (fused !== null) return fused;
  }
  return null;
};

type Product = MatmulOp | OpenOpOf<"conv"> | OpenOpOf<"convTranspose">;

function takesEpilogue(op: OpenOp, { constantOf, typeOf }: Site): op is Product {
  if (op.kind === "conv" || op.kind === "convTranspose") return op.layout === "nhwc";
  if (op.kind !== "matmul") return false;
  const weights = nth(op.inputs, 1);
  return constantOf(weights) !== undefined && typeOf(weights).dims.length === 2;
}

function withEpilogue(producer: Product, map: MapOp, value: ValueId, site: Site): Product | null {
  const { dims } = site.typeOf(nth(map.outputs, 0));
  const fixed = epilogueOperands[producer.kind];
  const extras = producer.inputs.slice(fixed);
  const epilogue = substitute(map.expr, (index) => {
    const operand = nth(map.inputs, index);
    if (operand === value) return producer.epilogue ?? arg(0);
    const known = extras.indexOf(operand);
    return arg(1 + (known >= 0 ? known : extras.push(operand) - 1));
  });
  // f32, and each operand lies as the result does, or is the same for all rows
  const fits = (extra: ValueId): boolean => {
    const own = site.typeOf(extra);
    return own.dtype === "f32" && (sameDims(own.dims, dims) || own.dims.slice(0, -1).every((dim) => dim === 1));
  };
  const isSame = sameDims(site.typeOf(value).dims, dims) && site.typeOf(nth(map.outputs, 0)).dtype === "f32";
  if (!isSame || !extras.every(fits)) return null;
  if (extras.length > mostExtras || exprSize(epilogue) > mostNodes) return null;
  const inputs = [...producer.inputs.slice(0, fixed), ...extras];
  return { ...producer, inputs, epilogue, outputs: map.outputs, origin: mergeOrigins([producer, map]) };
}

// ---- normalisation ----------------------------------------------------------------------------------------------------------------

/** d / sqrt(mean(d * d) + epsilon) with d = x - mean(x), or with x itself in place of d. */
const recognizeNormalization: Rule = (op, site) => {
  const division = binaryOf(op, "div");
  if (division === null) return null;
  const deviation = standardDeviation(division.y, site);
  if (deviation?.base !== division.x) return null;
  const { axes, epsilon } = deviation;
  const source = centredSource(division.x, axes, site);
  const inputs = [source ?? division.x];
  return {
    kind: "normalize",
    inputs,
    axes,
    epsilon,
    centered: source !== null,
    outputs: op.outputs,
    origin: op.origin,
  };
};

interface Binary {
  readonly x: ValueId;
  readonly y: ValueId;
}

/** A map that is one function of two values. */
function binaryOf(op: OpenOp | undefined, fn: string): Binary | null {
  if (op?.kind !== "map" || op.expr.op !== "binary" || op.expr.fn !== fn) return null;
  const { x, y } = op.expr;
  return x.op === "arg" && y.op === "arg" ? { x: nth(op.inputs, x.index), y: nth(op.inputs, y.index) } : null;
}

interface Deviation {
  /** what is squared */
  readonly base: ValueId;
  readonly axes: readonly number[];
  readonly epsilon: number;
}

function standardDeviation(value: ValueId, site: Site): Deviation | null {
  const root = site.producer(value);
  if (root?.kind !== "map" || root.expr.op !== "unary" || root.expr.fn !== "sqrt") return null;
  const inner = root.expr.x;
  const shifted = inner.op === "arg" ? site.producer(nth(root.inputs, inner.index)) : undefined;
  const sum = shifted?.kind === "map" ? shifted.expr : inner;
  const inputs = shifted?.kind === "map" ? shifted.inputs : root.inputs;
  if (sum.op !== "binary" || sum.fn !== "add" || sum.x.op !== "arg" || sum.y.op !== "const") return null;
  const mean = site.producer(nth(inputs, sum.x.index));
  if (mean?.kind !== "reduce" || mean.fn !== "mean" || !mean.keepDims) return null;
  const base = squareOf(nth(mean.inputs, 0), site);
  return base === null ? null : { base, axes: mean.axes, epsilon: Number(sum.y.value) };
}

/** x, of x * x or x to the power of 2. */
function squareOf(value: ValueId, site: Site): ValueId | null {
  const op = site.producer(value);
  const product = binaryOf(op, "mul");
  if (product !== null) return product.x === product.y ? product.x : null;
  if (op?.kind !== "map" || op.expr.op !== "binary" || op.expr.fn !== "pow") return null;
  const { x, y } = op.expr;
  return x.op === "arg" && y.op === "const" && Number(y.value) === 2 ? nth(op.inputs, x.index) : null;
}

function centredSource(value: ValueId, axes: readonly number[], site: Site): ValueId | null {
  const difference = binaryOf(site.producer(value), "sub");
  const mean = difference === null ? undefined : site.producer(difference.y);
  if (difference === null || mean?.kind !== "reduce" || mean.fn !== "mean" || !mean.keepDims) return null;
  return nth(mean.inputs, 0) === difference.x && mean.axes.join() === axes.join() ? difference.x : null;
}

/** A scale, then a bias, of constants along the normalised axes, into the normalisation before them. */
const addAffine: Rule = (op, site) => {
  for (const [fn, wanted] of [
    ["mul", 1],
    ["add", 2],
  ] as const) {
    const found = binaryOf(op, fn);
    if (found === null) continue;
    for (const [value, operand] of [
      [found.x, found.y],
      [found.y, found.x],
    ] as const) {
      const norm = site.producer(value);
      if (norm?.kind !== "normalize" || norm.inputs.length !== wanted || site.uses(value) !== 1) continue;
      if (site.constantOf(operand) === undefined || site.typeOf(operand).dtype !== site.typeOf(value).dtype) continue;
      if (!sameDims(site.typeOf(value).dims, site.typeOf(nth(op.outputs, 0)).dims)) continue;
      return { ...norm, inputs: [...norm.inputs, operand], outputs: op.outputs, origin: mergeOrigins([norm, op]) };
    }
  }
  return null;
};

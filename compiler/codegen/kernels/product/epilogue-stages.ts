/**
 * Long epilogues in stages. A requantized residual is a chain of some 25 instructions that wait for each other, 75 cycles; engines emit one
 * vector's chain after the other's, and few of them fit into what a core looks ahead. In stages all vectors of a tile take the first part of
 * their chains, then all the next one. Engines would undo that order if the parts stood in one block of code: each stage but the last
 * is a branch of its own.
 */
import { arg, type Expr, exprOperands, mapOperands } from "../../../../ir/expr.ts";
import { type Epilogue, makeEpilogue } from "./epilogue.ts";

/** Fewer roundings do not make a chain long enough. */
const fewestRoundings = 2;

const known = new WeakMap<Epilogue, readonly Epilogue[]>();

/** Epilogues to apply one after the other, each to what the one before gave; cut where a value is about to be rounded. */
export function epilogueStages(epilogue: Epilogue): readonly Epilogue[] {
  const stages = known.get(epilogue) ?? cutEpilogue(epilogue);
  known.set(epilogue, stages);
  return stages;
}

function cutEpilogue(epilogue: Epilogue): readonly Epilogue[] {
  const { expr, accumulator, extras, output, isSmall } = epilogue;
  const path = expr === null ? null : pathToAccumulator(expr);
  if (expr === null || path === null) return [epilogue];
  const cuts = path.filter((e, i) => isRounding(path[i - 1]) && e.op === "binary").toReversed();
  if (cuts.length < fewestRoundings) return [epilogue];
  const bounds = [...cuts, expr];
  return bounds.map((end, i): Epilogue => {
    const begin = bounds[i - 1];
    const part = begin === undefined ? end : replaced(end, begin);
    const isLast = i === cuts.length;
    return makeEpilogue(part, i === 0 ? accumulator : "f32", extras, isLast ? output : "f32", isLast && isSmall);
  });
}

/** A rounding of floats of 32 bits becomes bytes, or floats again: nothing wider comes from a narrow accumulator. */
const isRounding = (expr: Expr | undefined): boolean => expr?.op === "unary" && expr.fn === "round";

/** The subexpressions that hold the accumulator, outermost first; null where it is read more than once. */
function pathToAccumulator(expr: Expr): readonly Expr[] | null {
  const path: Expr[] = [];
  let at: Expr | undefined = expr;
  while (at !== undefined) {
    path.push(at);
    const inner: readonly Expr[] = exprOperands(at).filter(readsAccumulator);
    if (inner.length > 1) return null;
    [at] = inner;
  }
  return path;
}

const readsAccumulator = (expr: Expr): boolean =>
  (expr.op === "arg" && expr.index === 0) || exprOperands(expr).some(readsAccumulator);

/** The expression over what a stage gave. */
function replaced(expr: Expr, part: Expr): Expr {
  return expr === part ? arg(0) : mapOperands(expr, (operand) => replaced(operand, part));
}

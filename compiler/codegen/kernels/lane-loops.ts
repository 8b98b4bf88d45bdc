/** Loops over the elements of one lane: a run with a constant step, as scalars or as four neighbouring lanes in a vector. */
import { nth } from "../../../ir/access.ts";
import { exprDType, type Expr } from "../../../ir/expr.ts";
import { emitExpr } from "../expr-emit.ts";
import type { Push } from "../math/algebra.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ValType } from "../wasm/index.ts";

/** How a lane's elements are held: four neighbouring floats, or one number. */
export type LaneShape = "f32x4" | "f32" | "f64";

export const laneBytes: Readonly<Record<LaneShape, number>> = { f32x4: 16, f32: 4, f64: 8 };
export const laneValType = (shape: LaneShape): ValType => (shape === "f32x4" ? "v128" : shape);

/** Replaces the address on the stack by the lane's element there. */
export function loadLane(f: FunctionBuilder, shape: LaneShape, offset = 0): void {
  f.load(shape === "f32x4" ? "v128.load" : `${shape}.load`, offset);
}

/** Stores the element on the stack at the address below it. */
export function storeLane(f: FunctionBuilder, shape: LaneShape, offset = 0): void {
  f.store(shape === "f32x4" ? "v128.store" : `${shape}.store`, offset);
}

/** for each of `count` positions: body(cursors), the cursors being copies of the pointers that move on by `steps` bytes. */
export function alongLane(
  f: FunctionBuilder,
  count: number,
  pointers: readonly Local[],
  steps: readonly number[],
  body: (cursors: readonly Local[]) => void,
): void {
  const counter = f.local("i32");
  const cursors = pointers.map((pointer) => {
    const cursor = f.local("i32");
    f.get(pointer);
    f.set(cursor);
    return cursor;
  });
  loopRange(f, counter, 0, count, 1, () => {
    body(cursors);
    for (const [index, cursor] of cursors.entries()) increment(f, cursor, steps[index] ?? 0);
  });
  f.release(counter, ...cursors);
}

/** An expression over pushes, in a lane's shape. */
export function laneExpr(f: FunctionBuilder, shape: LaneShape, expr: Expr, ...operands: readonly Push[]): Push {
  const dtype = shape === "f64" ? "f64" : "f32";
  const argTypes = operands.map((): "f32" | "f64" => dtype);
  if (exprDType(expr, argTypes) !== dtype) throw new Error("internal: an expression that leaves its lane's type");
  return () => {
    emitExpr(f, {
      expr,
      argTypes,
      lanes: shape === "f32x4" ? 4 : 1,
      readArg: (index) => {
        nth(operands, index)();
      },
    });
  };
}
